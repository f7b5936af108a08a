"""A thread of the chain process that does what waits for the chain's state, while the loop goes on.

It has a connection to the chain's node of its own. It answers the processes that ask for state proofs, and makes the
replays that were asked for, one after another. What it takes stands at a block that the index has: who asks will read
the histories there. A replay that waits when the process is killed is made after the next start.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from node_adapter.chain.rpc import JsonRpc
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.node import Node
from node_adapter.ports import StateSource, TakenState
from node_adapter.requested_state import PATIENCE_MS
from node_adapter.store import replays, state_requests
from node_adapter.store.chain import blocks
from node_adapter.store.engine import Store
from node_adapter.store.label_map import LabelMapStore
from node_adapter.store.state_requests import StateRequest
from node_adapter.views import Views
from node_adapter.workflows.replay.asked import KEPT_MS, keep_failure, keep_replay, next_replay
from node_adapter.workflows.replay.replay import BEHIND, make_replay
from primitives.errors import BonafidesError, CouldNotCheck

RPC_TIMEOUT_SECONDS = 5.0
IDLE_SECONDS, TROUBLE_SECONDS = 0.1, 0.5
END_SECONDS = 10.0
FORGET_EVERY_MS = 60_000
ABANDONED_MS = 10 * PATIENCE_MS
LAST_TRY_MS = 2_000  # before the one who asked gives up
REPLAY_PATIENCE_MS = 60_000
MAP_BYTES = 64 * 1024 * 1024
TRANSIENT = frozenset({"chain-unreachable", "block-unknown", "state-proof-race", "index-empty", "store-busy"})
PASSING = TRANSIENT | {BEHIND, "promise-owed", "node-restored"}
"""What passes of itself while a replay waits: a proof of an earlier block than that of the last anchor, say."""

_log = logging.getLogger("node_adapter.replays")


class ReplayWorker:
    """What the thread does, one turn after another."""

    def __init__(self, node: Node, source: StateSource) -> None:
        """Take the node, and what takes proofs from its chain."""
        self._source = indexed(node.store, source)
        # What the loop of the process keeps in memory is not shared with it: the two write and read at once.
        self._node = replace(node, state=self._source, views=Views(), label_map=LabelMapStore(memory_bytes=MAP_BYTES))
        self._forget_at = node.clock.monotonic_ms()
        self._tried: tuple[str, int] = ("", 0)  # the replay that was tried last, and since when

    def step(self) -> bool:
        """Do what waits; return whether there may be more to do at once."""
        busy = self._answer_requests()
        busy |= self._make_next()
        self._forget()
        return busy

    def run(self, stop: threading.Event) -> None:
        """Go on until the event is set. Whatever goes wrong is told in the log, and the thread lives on."""
        while not stop.is_set():
            try:
                wait = 0.0 if self.step() else IDLE_SECONDS
            except BonafidesError as error:
                _log.warning("cannot go on now: %s", error)
                wait = TROUBLE_SECONDS
            except Exception:
                _log.exception("a fault of this program; what waits is tried again")
                wait = TROUBLE_SECONDS
            stop.wait(wait)

    def _answer_requests(self) -> bool:
        with self._node.store.read() as connection:
            waiting = state_requests.unanswered(connection)
        answered = 0
        for request in waiting:
            said = self._take(request)
            if said is not None:
                with self._node.store.write() as connection:
                    state_requests.answer(connection, request.id, said)
                answered += 1
        return answered > 0

    def _take(self, request: StateRequest) -> TakenState | CouldNotCheck | None:
        """Return the proofs, or why there are none; None while another try may give them."""
        try:
            return self._source(request.wanted)
        except BonafidesError as error:
            waited = self._node.clock.now_ms() - request.asked_at
            if error.code in TRANSIENT and 0 <= waited < PATIENCE_MS - LAST_TRY_MS:
                return None
            return CouldNotCheck(error.code, error.detail)

    def _make_next(self) -> bool:
        waiting = next_replay(self._node)
        if waiting is None:
            return False
        replay_id, asked = waiting
        tick = self._node.clock.monotonic_ms()
        if self._tried[0] != replay_id:
            self._tried = replay_id, tick
        patient = tick - self._tried[1] < REPLAY_PATIENCE_MS
        try:
            made = make_replay(self._node, asked, asked.reach if patient else 0)
        except BonafidesError as error:
            if patient and error.code in PASSING:
                return False
            _log.warning("the replay %s cannot be made: %s", replay_id, error)
            keep_failure(self._node, replay_id, error)
        except Exception as error:
            keep_failure(
                self._node, replay_id, CouldNotCheck("replay-fault", f"a fault of this program: {type(error).__name__}")
            )
            raise
        else:
            keep_replay(self._node, replay_id, asked, made)
        return True

    def _forget(self) -> None:
        tick, now = self._node.clock.monotonic_ms(), self._node.clock.now_ms()
        if tick < self._forget_at:
            return
        self._forget_at = tick + FORGET_EVERY_MS
        with self._node.store.write() as connection:
            state_requests.forget_before(connection, now - ABANDONED_MS)
            replays.forget_before(connection, now - KEPT_MS)


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
def replay_worker(node: Node) -> Iterator[None]:
    """Run the thread beside the chain process's loop."""
    rpc = JsonRpc(node.settings.rpc_endpoint, timeout_seconds=RPC_TIMEOUT_SECONDS)
    worker = ReplayWorker(node, partial(take_proofs, rpc, confirmations=node.settings.chain.finality_depth - 1))
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), name="replays", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(END_SECONDS)
        rpc.close()
