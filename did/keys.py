"""Public keys as Multikey text (W3C Controlled Identifiers 1.0): base58-btc of a multicodec prefix and the key."""

from __future__ import annotations

from primitives.encoding import decode_base58btc, encode_base58btc
from primitives.errors import InvalidInput

_ED25519 = b"\xed\x01"
_SECP256K1 = b"\xe7\x01"
_X25519 = b"\xec\x01"
_KEY_BYTES = {_ED25519: 32, _SECP256K1: 33, _X25519: 32}


def encode_ed25519(public_key: bytes) -> str:
    """Return the Multikey of a 32-byte Ed25519 key (`z6Mk...`)."""
    return _encode(_ED25519, public_key)


def encode_x25519(public_key: bytes) -> str:
    """Return the Multikey of a 32-byte X25519 key (`z6LS...`)."""
    return _encode(_X25519, public_key)


def decode_ed25519(text: object, field: str) -> bytes:
    """Return the 32-byte key of an Ed25519 Multikey.

    Raises:
        InvalidInput: not base58-btc, or a key of another kind or length.
    """
    return _decode(_ED25519, text, field)


def encode_secp256k1(public_key: bytes) -> str:
    """Return the Multikey of a compressed secp256k1 key (`zQ3s...`)."""
    return _encode(_SECP256K1, public_key)


def decode_secp256k1(text: object, field: str) -> bytes:
    """Return the 33-byte compressed key of a secp256k1 Multikey; raises as `decode_ed25519` does."""
    return _decode(_SECP256K1, text, field)


def _encode(prefix: bytes, public_key: bytes) -> str:
    if len(public_key) != _KEY_BYTES[prefix]:
        raise InvalidInput("public_key", "length", f"must be {_KEY_BYTES[prefix]} bytes, not {len(public_key)}")
    return encode_base58btc(prefix + public_key)


def _decode(prefix: bytes, text: object, field: str) -> bytes:
    data = decode_base58btc(text, field)
    if not data.startswith(prefix) or len(data) != len(prefix) + _KEY_BYTES[prefix]:
        raise InvalidInput(field, "multikey", "is not a Multikey of the expected kind")
    return data[len(prefix) :]
