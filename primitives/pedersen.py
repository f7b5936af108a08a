"""Pedersen commitments over BLS12-381 G1, and how a certificate number becomes the scalar that is committed to.

commit(m, r) = m * G + r * H, with G the group's generator and H hashed to the curve, so that nobody knows log_G(H).
A vector is committed to as v_0 * G_0 + ... + r * H under bases that are hashed to the curve one by one.
Commitments add up: the sum of commitments commits to the sum of values under the sum of blindings, modulo ORDER.
There is no way here to commit without a blinding: a certificate number is guessed in hours from an unblinded point.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from primitives import curve
from primitives.certificate import RESIDENT_ID, check_spelling, number_kind
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

_MESSAGE_TAG = "bonafides/zk/1/certificate/{half}"


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

    The number has one spelling (`primitives.certificate`: upper case, no spaces), so that two brokers derive the same
    scalar. Area codes are not checked, since they change.

    Raises:
        InvalidInput: field `kind` or `number`, with the rule. The number is never in the message.
    """
    kind = number_kind(kind)
    check_spelling(kind, number)
    parts = kind.encode("ascii"), number.encode("utf-8")
    halves = [tagged_sha256(_MESSAGE_TAG.format(half=half), *parts) for half in (0, 1)]
    return int.from_bytes(b"".join(halves)) % ORDER


def _blind(blinding: int) -> Point:
    if not 0 < blinding < ORDER:
        raise InvalidInput("blinding", "blinding", "must be from 1 to the curve's order less one")
    return blinding_base().multiply(blinding)
