"""RLP of one spelling, with our errors: lists as lists, strings as bytes."""

from __future__ import annotations

from typing import Any

from rlp.codec import decode as _library_decode
from rlp.codec import encode as _library_encode
from rlp.exceptions import DecodingError

from primitives.errors import InvalidInput


def decode_rlp(data: bytes, field: str) -> Any:
    """Decode RLP; refuse long forms of short lengths, trailing bytes and nests that no chain data has."""
    try:
        return _library_decode(data, strict=True)  # type: ignore[no-untyped-call]
    except (DecodingError, RecursionError) as error:
        raise InvalidInput(field, "rlp", "is not canonical RLP") from error


def encode_rlp(value: Any) -> bytes:
    """Encode nested lists of bytes and non-negative integers."""
    encoded: bytes = _library_encode(value)  # type: ignore[no-untyped-call]
    return encoded
