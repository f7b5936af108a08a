"""Pedersen commitments over BLS12-381 G1, and how a certificate number becomes the scalar that is committed to.

commit(m, r) = m * G + r * H, with G the group's generator and H hashed to the curve, so that nobody knows log_G(H).
A vector is committed to as v_0 * G_0 + ... + r * H under bases that are hashed to the curve one by one.
Commitments add up: the sum of commitments commits to the sum of values under the sum of blindings, modulo ORDER.
There is no way here to commit without a blinding: a certificate number is guessed in hours from an unblinded point.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from datetime import date

from primitives import curve
from primitives.curve import ORDER, FixedBase, Point
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput

__all__ = [
    "MAX_VECTOR",
    "ORDER",
    "RESIDENT_ID",
    "SUITE_DST",
    "add",
    "blinding_base",
    "certificate_message",
    "commit",
    "message_base",
    "vector_commit",
    "vector_generator",
]

SUITE_DST = b"BONAFIDES-ZK-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_GEN_"
BLINDING_LABEL = b"pedersen/blind"
VECTOR_LABEL = b"pedersen/vector/"
MAX_VECTOR = 64
RESIDENT_ID = "resident-id"  # 居民身份证, GB 11643

_MESSAGE_TAG = "bonafides/zk/1/certificate/{half}"
_OTHER_KINDS = {  # kinds without a public check digit: one spelling each, upper case
    "passport": re.compile(r"[A-Z0-9]{5,20}"),
    "hk-macao-permit": re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?"),
    "taiwan-permit": re.compile(r"[0-9]{8}"),
    "organisation-code": re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}"),
}
_RESIDENT_ID = re.compile(r"[1-9][0-9]{16}[0-9X]")
_ISO_7064_RADIX = 2
_ISO_7064_MODULUS = 11
_CHECK_CHARACTERS = "0123456789X"


@functools.cache
def message_base() -> FixedBase:
    """Return G with its table."""
    return FixedBase(curve.GENERATOR)


@functools.cache
def blinding_base() -> FixedBase:
    """Return H with its table."""
    return FixedBase(curve.hash_to_point(BLINDING_LABEL, SUITE_DST))


@functools.cache
def vector_generator(index: int) -> Point:
    """Return G_index of the vector commitment."""
    if not 0 <= index < MAX_VECTOR:
        raise InvalidInput("values", "vector-length", f"at most {MAX_VECTOR} values")
    return curve.hash_to_point(VECTOR_LABEL + index.to_bytes(4), SUITE_DST)


def commit(message: int, blinding: int) -> bytes:
    """Return the 48-byte commitment to a scalar; `blinding` is uniform from 1 to ORDER - 1 and kept secret."""
    return curve.encode_point(message_base().multiply(message) + _blind(blinding))


def vector_commit(values: Sequence[int], blinding: int) -> bytes:
    """Return the 48-byte commitment to a vector of scalars from 0 to ORDER - 1."""
    if not values:
        raise InvalidInput("values", "vector-length", "must not be empty")
    generators = [vector_generator(index) for index in range(len(values))]
    return curve.encode_point(curve.msm(generators, list(values)) + _blind(blinding))


def add(points: Sequence[bytes]) -> bytes:
    """Return the sum of encoded commitments."""
    if not points:
        raise InvalidInput("points", "vector-length", "must not be empty")
    return curve.encode_point(sum((curve.decode_point(data, "points") for data in points), curve.identity()))


def certificate_message(kind: str, number: str) -> int:
    """Return the scalar of a certificate number.

    The number has one spelling (ASCII, upper case, no spaces), so that two brokers derive the same scalar. A resident
    identity number must have a calendar birth date and its ISO 7064 MOD 11-2 check character; area codes are not
    checked, since they change.

    Raises:
        InvalidInput: field `kind` or `number`, with the rule. The number is never in the message.
    """
    if kind == RESIDENT_ID:
        _check_resident_id(number)
    elif kind not in _OTHER_KINDS:
        raise InvalidInput("kind", "certificate-kind", f"must be one of {RESIDENT_ID}, {', '.join(_OTHER_KINDS)}")
    elif _OTHER_KINDS[kind].fullmatch(number) is None:
        raise InvalidInput("number", "certificate-number", f"is not a number of the kind {kind} in its one spelling")
    parts = kind.encode("ascii"), number.encode("ascii")
    halves = [tagged_sha256(_MESSAGE_TAG.format(half=half), *parts) for half in (0, 1)]
    return int.from_bytes(b"".join(halves)) % ORDER


def _check_resident_id(number: str) -> None:
    if _RESIDENT_ID.fullmatch(number) is None:
        raise InvalidInput("number", "certificate-number", "must be 17 digits and a digit or X")
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise InvalidInput("number", "birth-date", "holds no date of the calendar") from error
    if number[-1] != _check_character(number[:-1]):
        raise InvalidInput("number", "check-digit", "does not have its ISO 7064 MOD 11-2 check character")


def _check_character(digits: str) -> str:
    remainder = 0
    for digit in digits:  # ISO 7064, pure system recursive method
        remainder = (remainder + int(digit)) * _ISO_7064_RADIX % _ISO_7064_MODULUS
    return _CHECK_CHARACTERS[(1 - remainder) % _ISO_7064_MODULUS]


def _blind(blinding: int) -> Point:
    if not 0 < blinding < ORDER:
        raise InvalidInput("blinding", "blinding", "must be from 1 to the curve's order less one")
    return blinding_base().multiply(blinding)
