"""A thread of the chain process that answers other processes' questions for proofs of the chain's state.

It has a connection to the chain's node of its own and waits for nothing else: a long replay delays no answer. What it
takes stands at a block that the index has: who asks will read the histories there.

One question is taken at a time, each in its turn, the oldest first: one that cannot be answered yet is tried again
after the others, or after twenty of them. A question of a process that was killed is dropped by its age; one that
waits when this process is killed is answered after the next start, if anybody still waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from node_adapter.beside import beside
from node_adapter.chain.rpc import JsonRpc
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.node import Node
from node_adapter.ports import StateSource, TakenState
from node_adapter.requested_state import PATIENCE_MS
from node_adapter.store import state_requests
from node_adapter.store.chain import blocks
from node_adapter.store.changes import Changes
from node_adapter.store.engine import Store
from node_adapter.store.state_requests import StateRequest
from primitives.errors import BonafidesError, CouldNotCheck

RPC_TIMEOUT_SECONDS = 5.0
IDLE_SECONDS = 0.1
FORGET_EVERY_MS = 60_000
ABANDONED_MS = 10 * PATIENCE_MS
ROUND = 20  # however many come meanwhile, one that was tried is tried again after so many
LAST_TRY_MS = 2_000  # before the one who asked gives up
TRANSIENT = frozenset({"chain-unreachable", "block-unknown", "state-proof-race", "index-empty", "store-busy"})


class StateWorker:
    """What the thread does, one question after another."""

    def __init__(self, node: Node, source: StateSource) -> None:
        """Take the node, and what takes proofs from its chain."""
        self._node = node
        self._source = indexed(node.store, source)
        self._changes, self._nothing = Changes(node.store), False
        self._last, self._tried = "", 0  # the question that was tried last, and how many in this round
        self._forget_at = node.clock.monotonic_ms()

    def step(self) -> bool:
        """Try the question whose turn it is; return whether another may be next at once."""
        self._forget()
        if not self._changes.any() and self._nothing:
            return False
        with self._node.store.read() as connection:
            request = state_requests.unanswered_after(connection, self._last)
        self._nothing = request is None and not self._last
        self._last, self._tried = ("", 0) if request is None else (request.id, self._tried + 1)
        if request is None:  # all had their turn
            return False
        if self._tried == ROUND:
            self._last, self._tried = "", 0
        said = self._take(request)
        if said is not None:
            with self._node.store.write() as connection:
                state_requests.answer(connection, request.id, said)
        return True

    def _take(self, request: StateRequest) -> TakenState | CouldNotCheck | None:
        """Return the proofs, or why there are none; None while another try may give them."""
        try:
            return self._source(request.wanted)
        except BonafidesError as error:
            waited = self._node.clock.now_ms() - request.asked_at
            if error.code in TRANSIENT and 0 <= waited < PATIENCE_MS - LAST_TRY_MS:
                return None
            return CouldNotCheck(error.code, error.detail)

    def _forget(self) -> None:
        tick = self._node.clock.monotonic_ms()
        if tick < self._forget_at:
            return
        self._forget_at = tick + FORGET_EVERY_MS
        with self._node.store.write() as connection:
            state_requests.forget_before(connection, self._node.clock.now_ms() - ABANDONED_MS)


def indexed(store: Store, source: StateSource) -> StateSource:
    """Return a source whose proofs stand at a block that the index has.

    It raises CouldNotCheck `block-unknown` where the index is behind: in a moment it is not.
    """

    def take(wanted: Mapping[str, Sequence[bytes]]) -> TakenState:
        taken = source(wanted)
        with store.read() as connection:
            blocks.block_at(connection, taken.header.number)
        return taken

    return take


@contextmanager
def own_source(node: Node) -> Iterator[StateSource]:
    """Give what takes proofs over a connection of its own: a thread shares its connection with no other."""
    rpc = JsonRpc(node.settings.rpc_endpoint, timeout_seconds=RPC_TIMEOUT_SECONDS)
    try:
        yield partial(take_proofs, rpc, confirmations=node.settings.chain.finality_depth - 1)
    finally:
        rpc.close()


@contextmanager
def state_worker(node: Node) -> Iterator[None]:
    """Run the thread beside the chain process's loop."""
    with own_source(node) as source, beside("state", StateWorker(node, source).step, idle_seconds=IDLE_SECONDS):
        yield
