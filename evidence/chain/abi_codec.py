"""The Ethereum ABI's encoding of arguments, written and strictly read: words, and byte strings that they point to.

    address, uintN, bytes32     one word of 32 bytes; what an address or a number does not fill is zero
    bytes                       the word is the place of its length, from the first word on; then its bytes and zeros

Written here because the library loads a data-model framework and compiled packages, and an expert who verifies
would have to answer for each (ADR 63). Property tests hold it to that library.
"""

from __future__ import annotations

from collections.abc import Sequence

WORD_BYTES = 32
_ADDRESS_BYTES = 20


class AbiError(ValueError):
    """The bytes are no encoding of the types."""


def decode_arguments(types: Sequence[str], data: bytes) -> tuple[str | int | bytes, ...]:
    """Decode arguments: an address as lower-case 0x hex, a number as int, bytes as bytes. What follows them is ignored.

    Raises:
        AbiError: a word is missing or holds more than its type can, or a byte string lies elsewhere than in the data.
    """
    return tuple(_argument(kind, data, index, len(types)) for index, kind in enumerate(types))


def _argument(kind: str, data: bytes, index: int, words: int) -> str | int | bytes:
    word = _word(data, index * WORD_BYTES)
    if kind == "bytes32":
        return word
    if kind == "address":
        if any(word[:-_ADDRESS_BYTES]):
            raise AbiError("an address of more than 20 bytes")
        return "0x" + word[-_ADDRESS_BYTES:].hex()
    if kind == "bytes":
        return _byte_string(data, int.from_bytes(word), words * WORD_BYTES)
    number = int.from_bytes(word)
    if number.bit_length() > int(kind.removeprefix("uint")):
        raise AbiError(f"a number that is no {kind}")
    return number


def _byte_string(data: bytes, place: int, first: int) -> bytes:
    if place < first:
        raise AbiError("a byte string among the words")
    start = place + WORD_BYTES
    end = start + int.from_bytes(_word(data, place))
    padded = end + -(end - start) % WORD_BYTES
    if padded > len(data) or any(data[end:padded]):
        raise AbiError("a byte string that is cut, or not padded with zeros")
    return data[start:end]


def _word(data: bytes, place: int) -> bytes:
    word = data[place : place + WORD_BYTES]
    if len(word) != WORD_BYTES:
        raise AbiError("a word is missing")
    return word


def encode_arguments(types: Sequence[str], values: Sequence[str | int | bytes | Sequence[bytes]]) -> bytes:
    """Encode arguments, also lists of words (`bytes32[]`), as `abi.encode` does; the values are of their types."""
    heads, tails = b"", b""
    for kind, value in zip(types, values, strict=True):
        tail = _tail(kind, value)
        heads += _head(kind, value) if tail is None else (WORD_BYTES * len(types) + len(tails)).to_bytes(WORD_BYTES)
        tails += tail or b""
    return heads + tails


def _head(kind: str, value: object) -> bytes:
    """Return the word of a value that fills one."""
    if isinstance(value, int) and kind.startswith("uint"):
        return value.to_bytes(WORD_BYTES)
    if isinstance(value, str) and kind == "address":
        return bytes.fromhex(value.removeprefix("0x")).rjust(WORD_BYTES, b"\0")
    if isinstance(value, bytes) and kind == "bytes32" and len(value) == WORD_BYTES:
        return value
    raise AbiError(f"{kind} is encoded from another value")


def _tail(kind: str, value: object) -> bytes | None:
    """Return what stands behind the words of a value that has a length; None of one that has none."""
    if isinstance(value, bytes) and kind == "bytes":
        return len(value).to_bytes(WORD_BYTES) + value + bytes(-len(value) % WORD_BYTES)
    if isinstance(value, list | tuple) and kind == "bytes32[]":
        return len(value).to_bytes(WORD_BYTES) + b"".join(_head("bytes32", entry) for entry in value)
    return None
