"""Blocks as the chain's node tells them, recomputed: the header's hash and the root of its receipts.

What does not hash to what it claims is not stored. How header and receipts are spelled and hashed, the engine says that
makes the blocks (`evidence.chain.engines`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.chain.engine import Header, HeaderRule
from evidence.chain.engines import KEPT_PROOFS, header_rule_of
from evidence.chain.rlp_codec import rpc_bytes
from primitives.errors import InvalidInput, VerificationFailed


@dataclass(frozen=True)
class ReceiptLog:
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
    logs: tuple[ReceiptLog, ...]


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
    _, data, header = read_header(block)
    ordered = sorted(receipts, key=lambda receipt: int(receipt["transactionIndex"], 16))
    encoded = tuple(KEPT_PROOFS.encode(receipt) for receipt in ordered)
    if KEPT_PROOFS.commitment(encoded) != header.commitment:
        raise VerificationFailed("block-receipts", f"block {header.number}: the receipts are not those of the header")
    return VerifiedBlock(
        number=header.number,
        hash=header.hash,
        parent_hash=header.parent,
        timestamp=header.timestamp,
        header=data,
        receipts=encoded,
        transactions=_transactions(ordered),
    )


def read_header(block: Mapping[str, Any]) -> tuple[HeaderRule, bytes, Header]:
    """Return the rule of a block's engine, the bytes of its header, and what that says.

    Raises:
        VerificationFailed: `block-header`, the node's answer does not hash to what it claims.
    """
    rule = header_rule_of(block)
    data = rule.encode(block)
    try:
        header = rule.parse(data, "header")
    except InvalidInput:
        header = None
    if header is None or header.hash != rpc_bytes(block["hash"]):
        number = int(block["number"], 16)
        raise VerificationFailed("block-header", f"block {number}: the header does not hash to the block's hash")
    return rule, data, header


def _transactions(receipts: Sequence[Mapping[str, Any]]) -> tuple[TransactionResult, ...]:
    results = []
    log_index = 0
    for index, receipt in enumerate(receipts):
        logs = []
        for position, log in enumerate(receipt["logs"]):
            topics = tuple(rpc_bytes(topic) for topic in log["topics"])
            logs.append(ReceiptLog(log["address"].lower(), topics, rpc_bytes(log["data"]), position, log_index))
            log_index += 1  # counted, not read: engines disagree on whether logIndex counts per block
        succeeded = receipt.get("status") != "0x0"
        gas = int(receipt["gasUsed"], 16)
        tx_hash, sender = rpc_bytes(receipt["transactionHash"]), str(receipt["from"]).lower()
        results.append(TransactionResult(tx_hash, sender, index, succeeded, gas, tuple(logs)))
    return tuple(results)
