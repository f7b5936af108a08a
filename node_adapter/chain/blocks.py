"""Blocks as the chain's node tells them, recomputed: the header's hash and the root of its receipts.

What does not hash to what it claims is not stored. The header's layout is Ethereum's up to Prague: the fields after
`nonce` were added by forks one after another, so the layout follows from which of them the node gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.ethereum_receipt_trie import receipts_root
from evidence.chain.rlp_codec import encode_rlp
from primitives.errors import VerificationFailed

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


@dataclass(frozen=True)
class Log:
    """One log of a transaction's receipt."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    position: int
    log_index: int


@dataclass(frozen=True)
class TransactionResult:
    """What became of one transaction.

    `hash` and `sender` (the account, lower-case 0x hex) are as the chain's node says: the receipts root covers neither.
    """

    hash: bytes
    sender: str
    index: int
    succeeded: bool
    gas_used: int
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class VerifiedBlock:
    """A block whose hash and receipts root were recomputed from what is kept of it."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    header: bytes
    receipts: tuple[bytes, ...]
    transactions: tuple[TransactionResult, ...]


def verify_block(block: Mapping[str, Any], receipts: Sequence[Mapping[str, Any]]) -> VerifiedBlock:
    """Recompute a block from JSON-RPC's form of it.

    Raises:
        VerificationFailed: `block-header` or `block-receipts`, the node's answer does not hash to what it claims.
    """
    header = encode_header(block)
    number = int(block["number"], 16)
    if keccak(header) != _bytes(block["hash"]):
        raise VerificationFailed("block-header", f"block {number}: the header does not hash to the block's hash")
    ordered = sorted(receipts, key=lambda receipt: int(receipt["transactionIndex"], 16))
    encoded = tuple(encode_receipt(receipt) for receipt in ordered)
    if receipts_root(encoded) != _bytes(block["receiptsRoot"]):
        raise VerificationFailed("block-receipts", f"block {number}: the receipts are not those of the header")
    return VerifiedBlock(
        number=number,
        hash=_bytes(block["hash"]),
        parent_hash=_bytes(block["parentHash"]),
        timestamp=int(block["timestamp"], 16),
        header=header,
        receipts=encoded,
        transactions=_transactions(ordered),
    )


def encode_header(block: Mapping[str, Any]) -> bytes:
    """Return the RLP of a block's header."""
    present = [field for field in _FORK_FIELDS if block.get(field[0]) is not None]
    return encode_rlp(
        [_bytes(block[name]) if raw else _integer(block[name]) for name, raw in (*_FIXED_FIELDS, *present)]
    )


def encode_receipt(receipt: Mapping[str, Any]) -> bytes:
    """Return a receipt as the receipts trie holds it (EIP-2718: a type byte in front of all but legacy ones)."""
    status = _integer(receipt["status"]) if receipt.get("status") is not None else _bytes(receipt["root"])
    logs = [
        [_bytes(log["address"]), [_bytes(topic) for topic in log["topics"]], _bytes(log["data"])]
        for log in receipt["logs"]
    ]
    body = encode_rlp([status, _integer(receipt["cumulativeGasUsed"]), _bytes(receipt["logsBloom"]), logs])
    kind = int(receipt.get("type") or "0x0", 16)
    return (bytes([kind]) if kind else b"") + body


def _transactions(receipts: Sequence[Mapping[str, Any]]) -> tuple[TransactionResult, ...]:
    results = []
    log_index = 0
    for index, receipt in enumerate(receipts):
        logs = []
        for position, log in enumerate(receipt["logs"]):
            topics = tuple(_bytes(topic) for topic in log["topics"])
            logs.append(Log(log["address"].lower(), topics, _bytes(log["data"]), position, log_index))
            log_index += 1  # counted, not read: engines disagree on whether logIndex counts per block
        succeeded = receipt.get("status") != "0x0"
        gas = int(receipt["gasUsed"], 16)
        tx_hash, sender = _bytes(receipt["transactionHash"]), str(receipt["from"]).lower()
        results.append(TransactionResult(tx_hash, sender, index, succeeded, gas, tuple(logs)))
    return tuple(results)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _integer(text: str) -> bytes:
    number = int(text, 16)
    return number.to_bytes((number.bit_length() + 7) // 8)
