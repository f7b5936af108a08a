"""Header rule `ethereum-header/1`: execution headers in RLP, whatever forks appended (docs/spec/evidence.md, 9.2).

The layout is Ethereum's up to Prague: the fields after `nonce` were added by forks one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.engine import Header, HeaderRule
from evidence.chain.rlp_codec import decode_rlp, encode_rlp, rpc_bytes, rpc_integer
from primitives.errors import InvalidInput

MIN_FIELDS = 15  # up to nonce; forks only append
MAX_FIELDS = 64
MAX_HEADER_BYTES = 16_384
HASH_BYTES = 32
BLOOM_BYTES = 256
_PARENT, _RECEIPTS_ROOT, _BLOOM, _NUMBER, _TIMESTAMP = 0, 5, 6, 8, 11
_MAX_NUMBER_BYTES = 6  # a record's integers end at 2^53-1
_FIXED_FIELDS = (
    ("parentHash", True),
    ("sha3Uncles", True),
    ("miner", True),
    ("stateRoot", True),
    ("transactionsRoot", True),
    ("receiptsRoot", True),
    ("logsBloom", True),
    ("difficulty", False),
    ("number", False),
    ("gasLimit", False),
    ("gasUsed", False),
    ("timestamp", False),
    ("extraData", True),
    ("mixHash", True),
    ("nonce", True),
)
_FORK_FIELDS = (
    ("baseFeePerGas", False),  # London
    ("withdrawalsRoot", True),  # Shanghai
    ("blobGasUsed", False),  # Cancun
    ("excessBlobGas", False),
    ("parentBeaconBlockRoot", True),
    ("requestsHash", True),  # Prague
)


def parse_header(data: bytes, field: str) -> Header:
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


def encode_header(block: Mapping[str, Any]) -> bytes:
    """Return the RLP of a block's header; the layout follows from which of the forks' fields the chain's node gives."""
    present = [field for field in _FORK_FIELDS if block.get(field[0]) is not None]
    return encode_rlp(
        [rpc_bytes(block[name]) if raw else rpc_integer(block[name]) for name, raw in (*_FIXED_FIELDS, *present)]
    )


def _may_hold(address: str, topic: bytes) -> Callable[[Header], bool]:
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


RULE = HeaderRule("ethereum-header/1", parse=parse_header, may_hold=_may_hold, encode=encode_header)
"""Headers of Ethereum's execution layer, and of every engine that keeps its header format."""
