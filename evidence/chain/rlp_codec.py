"""RLP of one spelling (Ethereum yellow paper, appendix B), with our errors: lists as lists, strings as bytes.

    one byte below 0x80         itself
    a string of 0 to 55 bytes   0x80 + length, the bytes
    a longer string             0xb7 + length of the length, the length, the bytes
    a list                      the same from 0xc0 and 0xf7, over its members' encodings

Written here because the library loads a data-model framework at import, which every wallet would pay for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from primitives.errors import InvalidInput

MAX_DEPTH = 64  # chain data nests a handful deep
_STRING, _LIST = 0x80, 0xC0
_SHORT = 55

Rlp: TypeAlias = bytes | list["Rlp"]
Encodable: TypeAlias = int | bytes | Sequence["Encodable"]


def decode_rlp(data: bytes, field: str) -> Rlp:
    """Decode RLP; refuse long forms of short lengths, trailing bytes and nests that no chain data has."""
    try:
        value, end = _decode(data, 0, MAX_DEPTH)
    except (_MalformedError, IndexError) as error:
        raise InvalidInput(field, "rlp", "is not canonical RLP") from error
    if end != len(data):
        raise InvalidInput(field, "rlp", "is not canonical RLP: bytes follow it")
    return value


def encode_rlp(value: int | bytes | Sequence[Encodable]) -> bytes:
    """Encode nested lists of bytes and non-negative integers."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = value.to_bytes((value.bit_length() + 7) // 8)
    if isinstance(value, bytes):
        return value if len(value) == 1 and value[0] < _STRING else _prefix(len(value), _STRING) + value
    if isinstance(value, list | tuple):
        body = b"".join([encode_rlp(item) for item in value])
        return _prefix(len(body), _LIST) + body
    raise InvalidInput("value", "rlp", "must be bytes, a non-negative integer, or a list of such")


class _MalformedError(ValueError):
    """The bytes are not RLP, or not in its shortest form."""


def _prefix(length: int, base: int) -> bytes:
    if length <= _SHORT:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([base + _SHORT + len(size)]) + size


def _decode(data: bytes, at: int, depth: int) -> tuple[Rlp, int]:
    """Return the item that begins at `at`, and where it ends."""
    first = data[at]
    if first < _STRING:
        return data[at : at + 1], at + 1
    base = _STRING if first < _LIST else _LIST
    begin, end = _extent(data, at, first - base)
    if base == _STRING:
        if end - begin == 1 and data[begin] < _STRING:
            raise _MalformedError
        return data[begin:end], end
    if depth == 0:
        raise _MalformedError
    items: list[Rlp] = []
    while begin < end:
        item, begin = _decode(data, begin, depth - 1)
        items.append(item)
    if begin != end:
        raise _MalformedError
    return items, end


def _extent(data: bytes, at: int, code: int) -> tuple[int, int]:
    """Return where the body of a string or list begins and ends."""
    begin = at + 1
    length = code
    if code > _SHORT:
        begin += code - _SHORT
        size = data[at + 1 : begin]
        length = int.from_bytes(size)
        if size[0] == 0 or length <= _SHORT:
            raise _MalformedError
    if begin + length > len(data):
        raise _MalformedError
    return begin, begin + length


def rpc_bytes(text: str) -> bytes:
    """Return what JSON-RPC gives as 0x hex."""
    return bytes.fromhex(text.removeprefix("0x"))


def rpc_integer(text: str) -> bytes:
    """Return a number that JSON-RPC gives as 0x hex in the form that RLP takes: the fewest bytes."""
    number = int(text, 16)
    return number.to_bytes((number.bit_length() + 7) // 8)
