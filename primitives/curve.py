"""BLS12-381 G1: points and scalars as the product uses them, over py_arkworks_bls12381.

The library is fast but lenient, so nothing else of the product imports it. This module adds:
* decoding that accepts one spelling: re-encodes and compares (the library accepts non-canonical infinities), refuses
  the identity, points off the curve or outside the prime-order subgroup, and scalars that are not below the order
  (the library reduces them silently);
* a multi-scalar multiplication that compares lengths (the library truncates to the shorter list);
* fixed-base tables, which make a multiplication of a known base six times faster.
Not constant time: the time of a multiplication shows the scalar's weight to whoever can measure it on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from py_arkworks_bls12381 import G1Point as Point
from py_arkworks_bls12381 import Scalar

from primitives.errors import InvalidInput

__all__ = [
    "GENERATOR",
    "ORDER",
    "POINT_BYTES",
    "SCALAR_BYTES",
    "FixedBase",
    "Point",
    "decode_point",
    "decode_scalar",
    "encode_point",
    "encode_scalar",
    "hash_to_point",
    "identity",
    "is_identity",
    "msm",
    "multiply",
]

ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
POINT_BYTES = 48
SCALAR_BYTES = 32
GENERATOR = Point()

_MSM_PAYS_FROM = 3  # measured: below, single multiplications are as fast
_WINDOWS = SCALAR_BYTES
_WINDOW_VALUES = 256


def decode_point(data: bytes, field: str) -> Point:
    """Decode a 48-byte compressed point.

    Raises:
        InvalidInput: another length or spelling, off the curve, outside the subgroup, or the identity.
    """
    if len(data) != POINT_BYTES:
        raise InvalidInput(field, "point", f"must be {POINT_BYTES} bytes, not {len(data)}")
    try:
        point = Point.from_compressed_bytes(data)
    except ValueError as error:
        raise InvalidInput(field, "point", "is not a point of BLS12-381 G1 in compressed form") from error
    if bytes(point.to_compressed_bytes()) != data:
        raise InvalidInput(field, "point", "is not in canonical compressed form")
    if is_identity(point):
        raise InvalidInput(field, "point-identity", "is the identity")
    return point


def encode_point(point: Point) -> bytes:
    """Return the 48-byte compressed form.

    Raises:
        InvalidInput: the identity, which no message of ours may hold.
    """
    if is_identity(point):
        raise InvalidInput("point", "point-identity", "is the identity")
    return bytes(point.to_compressed_bytes())


def decode_scalar(data: bytes, field: str) -> int:
    """Decode a 32-byte big-endian scalar.

    Raises:
        InvalidInput: another length, or not below the order.
    """
    if len(data) != SCALAR_BYTES:
        raise InvalidInput(field, "scalar", f"must be {SCALAR_BYTES} bytes, not {len(data)}")
    return _in_range(int.from_bytes(data), field)


def encode_scalar(value: int) -> bytes:
    """Return the 32-byte big-endian form of a scalar below the order."""
    return _in_range(value, "scalar").to_bytes(SCALAR_BYTES)


def hash_to_point(message: bytes, dst: bytes) -> Point:
    """Hash to a point of unknown discrete logarithm (RFC 9380, BLS12381G1_XMD:SHA-256_SSWU_RO_)."""
    return Point.hash_to_curve(message, dst)


def identity() -> Point:
    """Return the identity."""
    return Point.identity()


def is_identity(point: Point) -> bool:
    """Say whether a point is the identity."""
    return bool(point == Point.identity())


def multiply(point: Point, scalar: int) -> Point:
    """Return scalar * point, for a scalar from 0 to the order less one."""
    return point * Scalar(_in_range(scalar, "scalar"))


def msm(points: Sequence[Point], scalars: Sequence[int]) -> Point:
    """Return the sum of scalar * point over both lists, which must be of one length."""
    if len(points) != len(scalars):
        raise InvalidInput("scalars", "msm-length", f"{len(scalars)} scalars for {len(points)} points")
    if len(points) < _MSM_PAYS_FROM:
        return sum((multiply(point, scalar) for point, scalar in zip(points, scalars, strict=True)), identity())
    return Point.multiexp_unchecked(list(points), [Scalar(_in_range(scalar, "scalar")) for scalar in scalars])


class FixedBase:
    """A point with a table of its multiples (32 x 256 points, some 7 ms to build), for bases that are used often."""

    def __init__(self, point: Point) -> None:
        """Build the table."""
        self.point = point
        self._windows = [_multiples(window) for window in _window_bases(point)]

    def multiply(self, scalar: int) -> Point:
        """Return scalar * point, for a scalar from 0 to the order less one."""
        digits = _in_range(scalar, "scalar").to_bytes(SCALAR_BYTES, "little")
        total = identity()
        for window, digit in zip(self._windows, digits, strict=True):
            total = total + window[digit]
        return total


def _window_bases(point: Point) -> list[Point]:
    shift = Scalar(_WINDOW_VALUES)
    bases = [point]
    while len(bases) < _WINDOWS:
        bases.append(bases[-1] * shift)
    return bases


def _multiples(point: Point) -> list[Point]:
    multiples = [identity()]
    while len(multiples) < _WINDOW_VALUES:
        multiples.append(multiples[-1] + point)
    return multiples


def _in_range(value: int, field: str) -> int:
    if not 0 <= value < ORDER:
        raise InvalidInput(field, "scalar-range", "must be from 0 to the curve's order less one")
    return value
