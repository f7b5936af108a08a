"""Headers in RLP, as Ethereum's execution layer and the engines that keep its format write them.

The layout is Ethereum's up to Prague: the fields after `nonce` were added by forks one after another, and any number of
them is read. What is hashed of a header, its rule says (`evidence.chain.header_rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.engine import Header
from evidence.chain.rlp_codec import Rlp, decode_rlp, encode_rlp, rpc_bytes, rpc_integer
from primitives.errors import InvalidInput

MIN_FIELDS = 15  # up to nonce; forks only append
MAX_FIELDS = 64
MAX_HEADER_BYTES = 16_384
HASH_BYTES = 32
BLOOM_BYTES = 256
_PARENT, _STATE_ROOT, _RECEIPTS_ROOT, _BLOOM, _NUMBER, _TIMESTAMP = 0, 3, 5, 6, 8, 11
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
    """Read a header that is hashed as it is.

    Raises:
        InvalidInput: not canonical RLP of a list with the fields of a header.
    """
    return header_of(header_fields(data, field), keccak(data), field)


def header_fields(data: bytes, field: str) -> list[Rlp]:
    """Return the fields of a header.

    Raises:
        InvalidInput: not canonical RLP of a list of as many fields as a header has.
    """
    if len(data) > MAX_HEADER_BYTES:
        raise InvalidInput(field, "max-bytes", f"{len(data)} bytes are more than {MAX_HEADER_BYTES}")
    fields = decode_rlp(data, field)
    if not isinstance(fields, list) or not MIN_FIELDS <= len(fields) <= MAX_FIELDS:
        raise InvalidInput(field, "header", f"must be a list of {MIN_FIELDS} to {MAX_FIELDS} fields")
    return fields


def header_of(fields: Sequence[Rlp], digest: bytes, field: str) -> Header:
    """Return what evidence reads of a header's fields, under the hash that its rule gives it.

    Raises:
        InvalidInput: a root is no hash, or a number is none.
    """
    return Header(
        number=_number(fields[_NUMBER], f"{field}.number"),
        hash=digest,
        parent=_sized(fields[_PARENT], f"{field}.parent", HASH_BYTES),
        timestamp=_number(fields[_TIMESTAMP], f"{field}.timestamp"),
        commitment=_sized(fields[_RECEIPTS_ROOT], f"{field}.receipts_root", HASH_BYTES),
        filter=int.from_bytes(_sized(fields[_BLOOM], f"{field}.bloom", BLOOM_BYTES)),
        state_root=_sized(fields[_STATE_ROOT], f"{field}.state_root", HASH_BYTES),
    )


def encode_header(block: Mapping[str, Any]) -> bytes:
    """Return the RLP of a block's header; the layout follows from which of the forks' fields the chain's node gives."""
    present = [field for field in _FORK_FIELDS if block.get(field[0]) is not None]
    return encode_rlp(
        [rpc_bytes(block[name]) if raw else rpc_integer(block[name]) for name, raw in (*_FIXED_FIELDS, *present)]
    )


def may_hold(address: str, topic: bytes) -> Callable[[Header], bool]:
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
