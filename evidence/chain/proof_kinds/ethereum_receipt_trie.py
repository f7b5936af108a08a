"""Proof kind `ethereum-receipt-trie/1`: receipts under a header's receiptsRoot (docs/spec/evidence.md, 9.3).

The trie is built from all receipts at once. Nothing is decoded before it was hashed to what a trusted header names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.engine import Header, Log, PlacedLog, ProofKind
from evidence.chain.patricia import (
    BRANCH_ITEMS,
    HASH_BYTES,
    PAIR_ITEMS,
    Nibbles,
    build_trie,
    expand,
    nibbles_of,
)
from evidence.chain.rlp_codec import Encodable, Rlp, decode_rlp, encode_rlp, rpc_bytes, rpc_integer
from primitives.errors import InvalidInput, VerificationFailed

MAX_PROOF_NODES = 64
ADDRESS_BYTES = 20
_RECEIPT_ITEMS = 4
_LOG_ITEMS = 3
_MAX_TYPE = 0x7F


def _prove_one(receipts: Sequence[bytes], tx_index: int) -> list[bytes]:
    """Return the trie's nodes from the root to the receipt, inlined ones left out."""
    if not 0 <= tx_index < len(receipts):
        raise InvalidInput("tx_index", "range", f"{tx_index} is not among {len(receipts)} receipts")
    root, store = _trie(receipts)
    nodes: list[bytes] = []

    def take(digest: bytes) -> bytes:
        nodes.append(store[digest])
        return store[digest]

    _walk(root, _key(tx_index), take)
    return nodes


def _open_one(header: Header, tx_index: int, proof: Sequence[bytes]) -> tuple[Log, ...]:
    """Return the logs of the transaction whose receipt the proof leads to."""
    if len(proof) > MAX_PROOF_NODES:
        raise VerificationFailed("receipt-proof", "the proof has more nodes than a path can have")
    rest = list(proof)

    def take(digest: bytes) -> bytes:
        if not rest or keccak(rest[0]) != digest:
            raise VerificationFailed("receipt-proof", f"a node of the path to transaction {tx_index} is missing")
        return rest.pop(0)

    try:
        receipt = _walk(header.commitment, _key(tx_index), take)
        logs = decode_receipt(receipt)
    except InvalidInput as error:  # a trusted root leads here: it is the chain's data, not the caller's
        raise VerificationFailed("receipt-proof", f"{error.field}: {error.detail}") from error
    if rest:
        raise VerificationFailed("receipt-proof", "the proof holds nodes that are not on the path")
    return logs


def _open_all(header: Header, receipts: Sequence[bytes]) -> tuple[PlacedLog, ...]:
    """Rebuild receiptsRoot from all receipts and return every log in order."""
    if receipts_root(receipts) != header.commitment:
        raise VerificationFailed("block-receipts", f"these are not the receipts of block {header.number}")
    try:
        return tuple(
            PlacedLog(tx_index, position, log)
            for tx_index, receipt in enumerate(receipts)
            for position, log in enumerate(decode_receipt(receipt))
        )
    except InvalidInput as error:
        raise VerificationFailed("block-receipts", f"block {header.number}: {error.detail}") from error


def encode_receipt(receipt: Mapping[str, Any]) -> bytes:
    """Return a receipt as the receipts trie holds it (EIP-2718: a type byte in front of all but legacy ones)."""
    status = rpc_integer(receipt["status"]) if receipt.get("status") is not None else rpc_bytes(receipt["root"])
    logs: list[Encodable] = [
        [rpc_bytes(log["address"]), [rpc_bytes(topic) for topic in log["topics"]], rpc_bytes(log["data"])]
        for log in receipt["logs"]
    ]
    body = encode_rlp([status, rpc_integer(receipt["cumulativeGasUsed"]), rpc_bytes(receipt["logsBloom"]), logs])
    kind = int(receipt.get("type") or "0x0", 16)
    return (bytes([kind]) if kind else b"") + body


def receipts_root(receipts: Sequence[bytes]) -> bytes:
    """Return the root of the receipts trie of a block."""
    return _trie(receipts)[0]


def decode_receipt(receipt: bytes) -> tuple[Log, ...]:
    """Return the logs of an encoded receipt, typed (EIP-2718) or not."""
    typed = bool(receipt) and receipt[0] <= _MAX_TYPE
    fields = decode_rlp(receipt[1:] if typed else receipt, "receipt")
    if not isinstance(fields, list) or len(fields) != _RECEIPT_ITEMS or not isinstance(fields[3], list):
        raise InvalidInput("receipt", "receipt", "must be a list of status, gas, bloom and logs")
    return tuple(_decode_log(log) for log in fields[3])


def _decode_log(value: object) -> Log:
    if not isinstance(value, list) or len(value) != _LOG_ITEMS or not isinstance(value[1], list):
        raise InvalidInput("receipt.logs", "log", "must be a list of address, topics and data")
    address, topics, data = value
    if not isinstance(address, bytes) or len(address) != ADDRESS_BYTES or not isinstance(data, bytes):
        raise InvalidInput("receipt.logs", "log", "must have an address of 20 bytes and data")
    if any(not isinstance(topic, bytes) or len(topic) != HASH_BYTES for topic in topics):
        raise InvalidInput("receipt.logs", "log", "must have topics of 32 bytes")
    return Log("0x" + address.hex(), tuple(topics), data)


def _trie(receipts: Sequence[bytes]) -> tuple[bytes, dict[bytes, bytes]]:
    return build_trie((encode_rlp(index), receipt) for index, receipt in enumerate(receipts))


def _key(tx_index: int) -> Nibbles:
    return nibbles_of(encode_rlp(tx_index))


def _walk(root: bytes, key: Nibbles, take: Callable[[bytes], bytes]) -> bytes:
    """Follow a key from a root; `take` gives the encoded node of a hash. Returns the value at the key."""
    reference: Rlp = root
    while True:
        node = reference if isinstance(reference, list) else decode_rlp(take(reference), "trie")
        if isinstance(node, list) and len(node) == BRANCH_ITEMS and key:
            reference, key = node[key[0]], key[1:]
        elif isinstance(node, list) and len(node) == PAIR_ITEMS:
            path, leaf = expand(node[0])
            if key[: len(path)] != path:
                raise InvalidInput("trie", "key", "another key stands on the path: there is no such receipt")
            key = key[len(path) :]
            if leaf:
                return _value(node[1], key)
            reference = node[1]
        else:
            raise InvalidInput("trie", "node", "a node is neither branch, extension nor leaf")
        if not isinstance(reference, list) and len(reference) != HASH_BYTES:
            raise InvalidInput("trie", "reference", "the path ends: there is no such receipt")


def _value(value: object, rest: Nibbles) -> bytes:
    if rest or not isinstance(value, bytes):
        raise InvalidInput("trie", "key", "another key stands on the path: there is no such receipt")
    return value


KIND = ProofKind(
    "ethereum-receipt-trie/1",
    encode=encode_receipt,
    commitment=receipts_root,
    prove_one=_prove_one,
    open_one=_open_one,
    open_all=_open_all,
)
"""Receipts in a Merkle-Patricia trie, keyed by RLP of the transaction's index."""
