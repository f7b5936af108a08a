"""The group of Ed25519 (RFC 8032, section 5.1), as far as it takes to tell keys of prime order from others.

Points are extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z and T = XY/Z. Public keys are no secrets: nothing
here runs in constant time.
"""

from __future__ import annotations

Point = tuple[int, int, int, int]

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the subgroup that the base point generates
_D = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
_KEY_BYTES = 32


def decode_point(data: bytes) -> Point | None:
    """Return the point of 32 bytes in their one spelling; None when they are none."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if len(data) != _KEY_BYTES or y >= P:
        return None
    x = _root((y * y - 1) % P, (_D * y * y + 1) % P)
    if x is None or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def is_of_prime_order(point: Point) -> bool:
    """Tell whether a point is of order ORDER: not neutral itself, and ORDER times it is."""
    return not _is_neutral(point) and _is_neutral(multiply(ORDER, point))


def multiply(scalar: int, point: Point) -> Point:
    """Return scalar times a point."""
    result: Point = (0, 1, 1, 0)
    for bit in f"{scalar:b}":
        result = _double(result)
        if bit == "1":
            result = add(result, point)
    return result


def add(one: Point, other: Point) -> Point:
    """Return the sum of two points (RFC 8032, section 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * _D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(point: Point) -> Point:
    x, y, z, _ = point
    a, b, c = x * x % P, y * y % P, 2 * z * z
    h = a + b
    e, g = h - (x + y) * (x + y), a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _is_neutral(point: Point) -> bool:
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


def _root(u: int, v: int) -> int | None:
    """Return the square root of u/v modulo P (section 5.1.3), None when there is none."""
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * _ROOT_OF_MINUS_ONE % P
    return None if (v * x * x - u) % P else x
