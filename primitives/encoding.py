"""Strict text encodings of bytes: hex, base64 and base64url (RFC 4648), multibase base58-btc.

Every value has one spelling: what a decoder accepts encodes to the same text again.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from primitives.errors import InvalidInput

_HEX = re.compile("[0-9a-f]*")  # pairs in the pattern take three times as long
_BASE58_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MAX_BASE58_CHARACTERS = 256  # base58 is quadratic: longer input is never a key or a signature


def decode_hex(text: object, field: str, length: int | None = None) -> bytes:
    """Decode lower-case hex without prefix; `length` is the exact number of bytes when given."""
    if not isinstance(text, str) or _HEX.fullmatch(text) is None or len(text) % 2:
        raise InvalidInput(field, "hex", "must be lower-case hexadecimal")
    return _exact(bytes.fromhex(text), field, length)


def encode_base64(data: bytes) -> str:
    """Return padded standard base64."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: object, field: str, length: int | None = None) -> bytes:
    """Decode padded standard base64; refuse junk and non-canonical trailing bits."""
    return _decode(text, field, length, base64.b64decode, encode_base64)


def encode_base64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: object, field: str, length: int | None = None) -> bytes:
    """Decode base64url without padding; refuse junk and non-canonical trailing bits."""
    return _decode(text, field, length, _pad_and_decode_urlsafe, encode_base64url)


def encode_base58btc(data: bytes) -> str:
    """Return multibase base58-btc, with its prefix `z`."""
    number = int.from_bytes(data)
    digits = ""
    while number:
        number, remainder = divmod(number, 58)
        digits = _BASE58_ALPHABET[remainder] + digits
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "z" + "1" * zeros + digits


def decode_base58btc(text: object, field: str, length: int | None = None) -> bytes:
    """Decode multibase base58-btc, with its prefix `z`."""
    if not isinstance(text, str) or not text.startswith("z") or len(text) > _MAX_BASE58_CHARACTERS:
        raise InvalidInput(field, "base58btc", "must be multibase base58-btc (prefix z)")
    digits = text[1:]
    number = 0
    for digit in digits:
        value = _BASE58_ALPHABET.find(digit)
        if value < 0:
            raise InvalidInput(field, "base58btc", "holds a character outside the base58 alphabet")
        number = number * 58 + value
    zeros = len(digits) - len(digits.lstrip("1"))
    return _exact(b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8), field, length)


def _pad_and_decode_urlsafe(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _decode(
    text: object, field: str, length: int | None, decoder: Callable[[str], bytes], encoder: Callable[[bytes], str]
) -> bytes:
    if not isinstance(text, str):
        raise InvalidInput(field, "base64", "must be a base64 string")
    try:
        data = decoder(text)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(field, "base64", "is not base64") from error
    if encoder(data) != text:  # b64decode drops junk and accepts loose trailing bits: one value has one spelling
        raise InvalidInput(field, "base64", "is not canonical base64")
    return _exact(data, field, length)


def _exact(data: bytes, field: str, length: int | None) -> bytes:
    if length is not None and len(data) != length:
        raise InvalidInput(field, "length", f"must be {length} bytes, not {len(data)}")
    return data
