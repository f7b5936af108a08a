"""Header rule `ethereum-header/1`: execution headers in RLP, whatever forks appended (docs/spec/evidence.md, 9.2)."""

from __future__ import annotations

from collections.abc import Callable

from eth_hash.auto import keccak

from evidence.chain.engine import Header
from evidence.chain.rlp_codec import decode_rlp
from primitives.errors import InvalidInput

HEADER_RULE = "ethereum-header/1"
MIN_FIELDS = 15  # up to nonce; forks only append
MAX_FIELDS = 64
MAX_HEADER_BYTES = 16_384
HASH_BYTES = 32
BLOOM_BYTES = 256
_PARENT, _RECEIPTS_ROOT, _BLOOM, _NUMBER, _TIMESTAMP = 0, 5, 6, 8, 11
_MAX_NUMBER_BYTES = 6  # a record's integers end at 2^53-1


class EthereumHeader:
    """Headers of Ethereum's execution layer, and of every engine that keeps its header format."""

    name = HEADER_RULE

    def parse(self, data: bytes, field: str) -> Header:
        """Read a header.

        Raises:
            InvalidInput: not canonical RLP of a list with the fields of a header.
        """
        if len(data) > MAX_HEADER_BYTES:
            raise InvalidInput(field, "max-bytes", f"{len(data)} bytes are more than {MAX_HEADER_BYTES}")
        fields = decode_rlp(data, field)
        if not isinstance(fields, list) or not MIN_FIELDS <= len(fields) <= MAX_FIELDS:
            raise InvalidInput(field, "header", f"must be a list of {MIN_FIELDS} to {MAX_FIELDS} fields")
        return Header(
            number=_number(fields[_NUMBER], f"{field}.number"),
            hash=keccak(data),
            parent=_sized(fields[_PARENT], f"{field}.parent", HASH_BYTES),
            timestamp=_number(fields[_TIMESTAMP], f"{field}.timestamp"),
            commitment=_sized(fields[_RECEIPTS_ROOT], f"{field}.receipts_root", HASH_BYTES),
            filter=int.from_bytes(_sized(fields[_BLOOM], f"{field}.bloom", BLOOM_BYTES)),
        )

    def may_hold(self, address: str, topic: bytes) -> Callable[[Header], bool]:
        """Test for the bits of both the address and the topic in logsBloom."""
        mask = bloom_bits(bytes.fromhex(address.removeprefix("0x"))) | bloom_bits(topic)
        return lambda header: header.filter & mask == mask


def bloom_bits(value: bytes) -> int:
    """Return the three bits of a value in a 2,048-bit logsBloom (Yellow Paper, M3:2048), as a number."""
    digest = keccak(value)
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2]) % (8 * BLOOM_BYTES))
    return bits


def _sized(value: object, field: str, length: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise InvalidInput(field, "length", f"must be {length} bytes")
    return value


def _number(value: object, field: str) -> int:
    if not isinstance(value, bytes) or len(value) > _MAX_NUMBER_BYTES or value.startswith(b"\0"):
        raise InvalidInput(field, "number", f"must be a number of at most {_MAX_NUMBER_BYTES} bytes")
    return int.from_bytes(value)
