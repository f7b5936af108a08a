"""Who signed a digest with secp256k1, recovered in plain integers (SEC 1, section 4.1.6).

`primitives.secp256k1` does the same by a compiled library, for thousands of signatures. A header has a few seals, and
an expert who verifies would have to answer for the library (ADR 63). Property tests hold this to it.
"""

from __future__ import annotations

from typing import TypeAlias

from eth_hash.auto import keccak

from primitives.errors import VerificationFailed

FIELD = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BASE = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
_WORD_BYTES = 32

Point: TypeAlias = tuple[int, int, int]  # (x / z^2, y / z^3); z is zero at infinity
INFINITY: Point = (1, 1, 0)


def recover_signer(digest: bytes, r: int, s: int, odd: int) -> str:
    """Return the 0x address that signed a digest of 32 bytes; `odd` (0 or 1) tells of which of two points r is.

    Either spelling of a signature, (s, odd) or (order - s, 1 - odd), gives the same address.

    Raises:
        VerificationFailed: check `signature`; no key gives this signature.
    """
    if odd not in (0, 1) or not 0 < r < ORDER or not 0 < s < ORDER:
        raise VerificationFailed("signature", "r, s or the recovery id is out of its range")
    y_squared = (pow(r, 3, FIELD) + 7) % FIELD
    y = pow(y_squared, (FIELD + 1) // 4, FIELD)
    if y * y % FIELD != y_squared:
        raise VerificationFailed("signature", "r is of no point of the curve")
    point = (r, y if y % 2 == odd else FIELD - y, 1)
    inverse = pow(r, -1, ORDER)
    x, y, z = _sum((*BASE, 1), -int.from_bytes(digest) * inverse % ORDER, point, s * inverse % ORDER)
    if z == 0:
        raise VerificationFailed("signature", "the signature recovers to no key")
    scale = pow(z, -1, FIELD)
    words = (x * scale**2 % FIELD, y * scale**3 % FIELD)
    return "0x" + keccak(b"".join(word.to_bytes(_WORD_BYTES) for word in words))[12:].hex()


def _sum(left: Point, times: int, right: Point, others: int) -> Point:
    """Return times * left + others * right, both at once from the highest bit on."""
    both, total = _add(left, right), INFINITY
    for place in reversed(range(ORDER.bit_length())):
        total = _double(total)
        bits = times >> place & 1, others >> place & 1
        if any(bits):
            total = _add(total, both if all(bits) else left if bits[0] else right)
    return total


def _double(point: Point) -> Point:
    x, y, z = point
    square = y * y % FIELD
    middle, slope = 4 * x * square % FIELD, 3 * x * x % FIELD
    x = (slope * slope - 2 * middle) % FIELD
    return x, (slope * (middle - x) - 8 * square * square) % FIELD, 2 * y * z % FIELD


def _add(left: Point, right: Point) -> Point:
    if left[2] == 0 or right[2] == 0:
        return right if left[2] == 0 else left
    left_square, right_square = left[2] ** 2 % FIELD, right[2] ** 2 % FIELD
    x, y = left[0] * right_square % FIELD, left[1] * right_square * right[2] % FIELD
    run, rise = (right[0] * left_square - x) % FIELD, (right[1] * left_square * left[2] - y) % FIELD
    if run == 0:
        return _double(left) if rise == 0 else INFINITY
    square = run * run % FIELD
    cube, middle = square * run % FIELD, x * square % FIELD
    x = (rise * rise - cube - 2 * middle) % FIELD
    return x, (rise * (middle - x) - y * cube) % FIELD, run * left[2] * right[2] % FIELD
