"""The Ethereum ABI's encoding of an event's arguments, read strictly: words, and byte strings that they point to.

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
