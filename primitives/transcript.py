"""The Fiat-Shamir transcript of draft-irtf-cfrg-fiat-shamir (August 2026): SHAKE128 duplex sponge and codecs.

The session id fills the first block of the sponge, so that transcripts of two sessions never meet. What was squeezed
is never fed back; an absorb after a squeeze starts a new output stream over everything absorbed so far.
Deserialisation is the strict inverse of serialisation. Integers are little-endian, except in fields whose own
standard says big-endian (the scalars of BLS12-381). Decoding a challenge is total: it reduces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from primitives.errors import InvalidInput

SESSION_ID_BYTES = 32
CHALLENGE_EXTRA_BYTES = 16  # bounds the bias of the reduction to 2^-128

_RATE_BYTES = 168  # SHAKE128
_SESSION_LABEL = b"irtf-cfrg-fiat-shamir/session-id"
_LENGTH_BYTES = 4


class DuplexSponge:
    """Absorb and squeeze over SHAKE128."""

    def __init__(self, session_id: bytes) -> None:
        """Start the transcript of one session."""
        if len(session_id) != SESSION_ID_BYTES:
            raise InvalidInput("session_id", "length", f"must be {SESSION_ID_BYTES} bytes, not {len(session_id)}")
        self._absorbed = hashlib.shake_128(session_id.ljust(_RATE_BYTES, b"\0"))
        self._squeezed = 0

    def absorb(self, data: bytes) -> None:
        """Take in bytes; nothing happens for none."""
        if data:
            self._absorbed.update(data)
            self._squeezed = 0

    def squeeze(self, length: int) -> bytes:
        """Return the next bytes of the output stream."""
        start, self._squeezed = self._squeezed, self._squeezed + length
        return self._absorbed.digest(self._squeezed)[start:]


def derive_session_id(tag: bytes) -> bytes:
    """Return the 32-byte session id of an application tag (DeriveSessionID)."""
    sponge = DuplexSponge(_SESSION_LABEL)
    sponge.absorb(tag)
    return sponge.squeeze(SESSION_ID_BYTES)


def serialize_varlen(data: bytes) -> bytes:
    """Return the length as four bytes little-endian, then the bytes (SerializeVarLenString)."""
    return len(data).to_bytes(_LENGTH_BYTES, "little") + data


def deserialize_varlen(data: bytes) -> tuple[bytes, bytes]:
    """Return the string at the front and what follows it (DeserializeVarLenString).

    Raises:
        InvalidInput: truncated.
    """
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    rest = data[_LENGTH_BYTES:]
    if len(data) < _LENGTH_BYTES or len(rest) < length:
        raise InvalidInput("string", "truncated", "is shorter than its length says")
    return rest[:length], rest[length:]


def field_bytes(modulus: int) -> int:
    """Return the width of a serialised element of a field."""
    return ((modulus - 1).bit_length() + 7) // 8


def serialize_field(coordinates: Sequence[int], modulus: int, *, big_endian: bool = False) -> bytes:
    """Return the coordinates of a field element at fixed width (SerializeField; of degree 1: SerializeUint)."""
    if any(not 0 <= value < modulus for value in coordinates):
        raise InvalidInput("coordinates", "field-range", "must be from 0 to the modulus less one")
    width = field_bytes(modulus)
    return b"".join(value.to_bytes(width, "big" if big_endian else "little") for value in coordinates)


def deserialize_field(
    data: bytes, modulus: int, degree: int = 1, *, big_endian: bool = False
) -> tuple[tuple[int, ...], bytes]:
    """Return the coordinates at the front and what follows them (DeserializeField).

    Raises:
        InvalidInput: truncated, or a coordinate that is not below the modulus.
    """
    width = field_bytes(modulus)
    if len(data) < width * degree:
        raise InvalidInput("element", "truncated", "is shorter than a field element")
    parts = [data[start : start + width] for start in range(0, width * degree, width)]
    coordinates = tuple(int.from_bytes(part, "big" if big_endian else "little") for part in parts)
    if any(value >= modulus for value in coordinates):
        raise InvalidInput("element", "field-range", "has a coordinate that is not below the modulus")
    return coordinates, data[width * degree :]


def decode_uint(squeezed: bytes, modulus: int) -> int:
    """Turn squeezed bytes into a challenge (DecodeUint): little-endian for every field, reduced."""
    return int.from_bytes(squeezed, "little") % modulus
