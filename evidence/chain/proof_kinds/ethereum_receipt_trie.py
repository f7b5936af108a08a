"""Proof kind `ethereum-receipt-trie/1`: receipts under a header's receiptsRoot (docs/spec/evidence.md, 9.3).

The trie is built from all receipts at once, by recursion over their nibbles: a block's trie is never changed, so no
database of nodes is needed. Nothing is decoded before it was hashed to what a trusted header names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.engine import Header, Log, PlacedLog, ProofKind
from evidence.chain.rlp_codec import Encodable, Rlp, decode_rlp, encode_rlp, rpc_bytes, rpc_integer
from primitives.errors import InvalidInput, VerificationFailed

EMPTY_ROOT = keccak(b"\x80")
HASH_BYTES = 32
MAX_PROOF_NODES = 64
ADDRESS_BYTES = 20
_BRANCHES = 16
_BRANCH_ITEMS = 17
_PAIR_ITEMS = 2
_RECEIPT_ITEMS = 4
_LOG_ITEMS = 3
_MAX_TYPE = 0x7F

_Nibbles = tuple[int, ...]


def _prove_one(receipts: Sequence[bytes], tx_index: int) -> list[bytes]:
    """Return the trie's nodes from the root to the receipt, inlined ones left out."""
    if not 0 <= tx_index < len(receipts):
        raise InvalidInput("tx_index", "range", f"{tx_index} is not among {len(receipts)} receipts")
    store: dict[bytes, bytes] = {}
    root = _build_root(receipts, store)
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
    return _build_root(receipts, {})


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


def _key(tx_index: int) -> _Nibbles:
    return _nibbles(encode_rlp(tx_index))


def _nibbles(data: bytes) -> _Nibbles:
    return tuple(nibble for byte in data for nibble in (byte >> 4, byte & 15))


def _build_root(receipts: Sequence[bytes], store: dict[bytes, bytes]) -> bytes:
    """Return the root; `store` gets every node that is referred to by its hash."""
    if not receipts:
        return EMPTY_ROOT
    items = sorted((_key(index), receipt) for index, receipt in enumerate(receipts))
    node = encode_rlp(_build(items, 0, store))
    digest = keccak(node)
    store[digest] = node  # the root is referred to by its hash, however short it is
    return digest


def _build(items: Sequence[tuple[_Nibbles, bytes]], depth: int, store: dict[bytes, bytes]) -> list[Rlp]:
    """Return the node over items whose first `depth` nibbles agree. No key of a receipts trie is another's prefix."""
    first, last = items[0][0], items[-1][0]
    if len(items) == 1:
        return [_compact(first[depth:], leaf=True), items[0][1]]
    shared = depth
    while first[shared] == last[shared]:  # the items are sorted: what the ends share, all share
        shared += 1
    if shared > depth:
        return [_compact(first[depth:shared], leaf=False), _reference(_build(items, shared, store), store)]
    branch: list[Rlp] = [b""] * _BRANCH_ITEMS
    for nibble in range(_BRANCHES):
        below = [item for item in items if item[0][depth] == nibble]
        if below:
            branch[nibble] = _reference(_build(below, depth + 1, store), store)
    return branch


def _reference(node: list[Rlp], store: dict[bytes, bytes]) -> Rlp:
    encoded = encode_rlp(node)
    if len(encoded) < HASH_BYTES:
        return node
    digest = keccak(encoded)
    store[digest] = encoded
    return digest


def _compact(nibbles: _Nibbles, *, leaf: bool) -> bytes:
    """Hex-prefix encoding (Yellow Paper, appendix C)."""
    flag = 2 * leaf + len(nibbles) % 2
    padded = (flag, *nibbles) if len(nibbles) % 2 else (flag, 0, *nibbles)
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))


def _expand(data: object) -> tuple[_Nibbles, bool]:
    if not isinstance(data, bytes) or not data or data[0] >> 4 > 3:  # noqa: PLR2004 - the four prefixes
        raise InvalidInput("trie", "hex-prefix", "a node has no path")
    nibbles = _nibbles(data)
    leaf, odd = nibbles[0] >= 2, nibbles[0] % 2 == 1  # noqa: PLR2004 - the leaf flag
    return nibbles[1:] if odd else nibbles[2:], leaf


def _walk(root: bytes, key: _Nibbles, take: Callable[[bytes], bytes]) -> bytes:
    """Follow a key from a root; `take` gives the encoded node of a hash. Returns the value at the key."""
    reference: Rlp = root
    while True:
        node = reference if isinstance(reference, list) else decode_rlp(take(reference), "trie")
        if isinstance(node, list) and len(node) == _BRANCH_ITEMS and key:
            reference, key = node[key[0]], key[1:]
        elif isinstance(node, list) and len(node) == _PAIR_ITEMS:
            path, leaf = _expand(node[0])
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


def _value(value: object, rest: _Nibbles) -> bytes:
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
