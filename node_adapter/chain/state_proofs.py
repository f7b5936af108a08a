"""State proofs as the chain's node gives them: one block, and one pool of nodes that opens what was asked for.

The state under the newest header may be ahead of it (anvil), and a block may still be replaced (engines with reorgs):
so a proof is asked of an explicit number behind the head. It counts only when it opens under that header's state root;
where it does not, a block was made meanwhile, and everything is asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.patricia import HASH_BYTES
from evidence.chain.rlp_codec import rpc_bytes
from evidence.version2.state.trie import StateProof
from node_adapter.chain.blocks import read_header
from node_adapter.chain.errors import JsonRpcError
from node_adapter.chain.rpc import quantity
from node_adapter.ports import ChainRpc, TakenState
from primitives.errors import CouldNotCheck, VerificationFailed

TRIES = 10
BEHIND = 1  # the head's own state is not asked for
_NO_SUCH_METHOD = -32601


def take_proofs(rpc: ChainRpc, wanted: Mapping[str, Sequence[bytes]], confirmations: int = 0) -> TakenState:
    """Take the proofs of accounts and of storage slots of theirs, all at one block behind the head.

    Args:
        rpc: the chain's node.
        wanted: the slots (32 bytes each) of each account, by 0x addresses; an account may have none.
        confirmations: how many blocks further back, on an engine whose blocks may be replaced.

    Raises:
        CouldNotCheck: `state-proof-race`, ten tries gave no proof that opens; `chain-unreachable`; `json-rpc-error`,
            the chain's node makes no proofs.
        VerificationFailed: `block-header`, a header does not hash to what it claims.
    """
    last: Exception | None = None
    for number in range(1, TRIES + 1):
        try:
            return _take(rpc, wanted, confirmations, number)
        except JsonRpcError as error:
            if error.rpc_code == _NO_SUCH_METHOD:
                raise
            last = error
        except _RaceError as error:
            last = error
    raise CouldNotCheck("state-proof-race", f"{TRIES} tries gave no proof under one header: {last}") from last


class _RaceError(Exception):
    """What came is not of the header that was asked for: a block was made meanwhile, or was replaced."""


def _take(rpc: ChainRpc, wanted: Mapping[str, Sequence[bytes]], confirmations: int, tries: int) -> TakenState:
    head = int(rpc.call("eth_blockNumber"), 16)
    number = quantity(max(0, head - BEHIND - confirmations))
    calls: list[tuple[str, Sequence[Any]]] = [("eth_getBlockByNumber", (number, False))]
    for address, slots in wanted.items():
        calls.append(("eth_getProof", (address, ["0x" + slot.hex() for slot in slots], number)))
    block, *answers = rpc.batch(calls)
    if block is None:
        raise _RaceError(f"there is no block {number}")
    rule, data, header = read_header(block)
    proof = StateProof(header.state_root, _pool(answers, header.state_root))
    try:
        for address, slots in wanted.items():
            account = proof.account(address)
            if account is not None:
                for slot in slots:
                    proof.word(account, slot)
    except VerificationFailed as error:
        raise _RaceError(error.detail) from error
    return TakenState(rule.name, header, data, tuple(proof.used()), tries)


def _pool(answers: Iterable[Any], state_root: bytes) -> list[bytes]:
    """Return the nodes of several answers, each once.

    Engines differ in what they say of nothing (an empty list, or the node `80`) and in whether they repeat a node that
    stands in its parent: neither is referred to by its hash.
    """
    nodes: set[bytes] = set()
    for answer in answers:
        try:
            account = [rpc_bytes(node) for node in answer["accountProof"]]
            stored = [rpc_bytes(node) for entry in answer["storageProof"] for node in entry["proof"]]
        except (TypeError, KeyError, ValueError, AttributeError) as error:  # null: the state is gone, says Besu
            raise _RaceError("an answer holds no proof") from error
        if account and keccak(account[0]) != state_root:
            raise _RaceError("a proof is of another state root than the header's")
        nodes.update(node for node in (*account, *stored) if len(node) >= HASH_BYTES)
    return sorted(nodes)
