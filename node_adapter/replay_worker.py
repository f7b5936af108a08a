"""A thread of the chain process that makes the replays that were asked for, one after another, while the loop goes on.

It has a connection to the chain's node of its own. A replay that waits when the process is killed is made after the
next start: it begins again, since the chain and the store may be others by then. One under which the process ended
again and again is given up, so that it does not stand before all others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from node_adapter.beside import beside
from node_adapter.node import Node
from node_adapter.ports import StateSource
from node_adapter.state_worker import TRANSIENT, indexed, own_source
from node_adapter.store import replays
from node_adapter.store.changes import Changes
from node_adapter.store.label_map import LabelMapStore
from node_adapter.views import Views
from node_adapter.workflows.replay.asked import KEPT_MS, keep_failure, keep_progress, keep_replay, next_replay
from node_adapter.workflows.replay.replay import BEHIND, make_replay
from primitives.errors import BonafidesError, CouldNotCheck

IDLE_SECONDS = 0.1
FORGET_EVERY_MS = 60_000
REPLAY_PATIENCE_MS = 60_000
MOST_STARTS = 5
MAP_BYTES = 64 * 1024 * 1024
PASSING = TRANSIENT | {BEHIND, "promise-owed", "node-restored"}
"""What passes of itself while a replay waits: a proof of an earlier block than that of the last anchor, say."""

_log = logging.getLogger("node_adapter.replays")


class ReplayWorker:
    """What the thread does, one turn after another."""

    def __init__(self, node: Node, source: StateSource) -> None:
        """Take the node, and what takes proofs from its chain."""
        # What the loop of the process keeps in memory is not shared with it: the two write and read at once.
        self._node = replace(
            node, state=indexed(node.store, source), views=Views(), label_map=LabelMapStore(memory_bytes=MAP_BYTES)
        )
        self._changes, self._nothing = Changes(node.store), False
        self._forget_at = node.clock.monotonic_ms()
        self._tried: tuple[str, int] = ("", 0)  # the replay that was tried last, and since when
        self._starts = 0  # of that one, this one counted
        self._told: tuple[str, str, int, str] = ("", "", 0, "")  # of that one: its step, and what it waited for there

    def step(self) -> bool:
        """Make the replay that is next; return whether there may be more to do at once."""
        busy = self._make_next()
        self._forget()
        return busy

    def _make_next(self) -> bool:
        if not self._changes.any() and self._nothing:
            return False
        waiting = next_replay(self._node)
        self._nothing = waiting is None
        if waiting is None:
            return False
        replay_id, asked = waiting.id, waiting.asked
        tick = self._node.clock.monotonic_ms()
        if self._tried[0] != replay_id:
            self._tried, self._starts = (replay_id, tick), waiting.starts + 1
        if self._starts > MOST_STARTS:
            words = f"the process that made it ended {waiting.starts} times before it was made"
            _log.error("the replay %s is given up: %s", replay_id, words)
            keep_failure(self._node, replay_id, CouldNotCheck("replay-fault", words))
            return True
        patient = tick - self._tried[1] < REPLAY_PATIENCE_MS
        try:
            made = make_replay(self._node, asked, asked.reach if patient else 0, partial(self._tell, replay_id))
        except BonafidesError as error:
            if patient and error.code in PASSING:
                self._tell(replay_id, self._told[1], self._told[2], error)
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

    def _tell(self, replay_id: str, step: str, identity: int, waits_for: BonafidesError | None = None) -> None:
        """Keep how far a replay is, where it is not what was told: another try of what waits is no news."""
        told = (replay_id, step, identity, "" if waits_for is None else str(waits_for))
        if told == self._told or (waits_for is None and told[:3] == self._told[:3]):
            return
        # What waits for something outside did not end the process, should it end now.
        starts = self._starts if waits_for is None else self._starts - 1
        keep_progress(self._node, replay_id, step, identity, waits_for, starts=starts)
        self._told = told

    def _forget(self) -> None:
        tick, now = self._node.clock.monotonic_ms(), self._node.clock.now_ms()
        if tick < self._forget_at:
            return
        self._forget_at = tick + FORGET_EVERY_MS
        with self._node.store.write() as connection:
            replays.forget_before(connection, now - KEPT_MS)


@contextmanager
def replay_worker(node: Node) -> Iterator[None]:
    """Run the thread beside the chain process's loop."""
    with own_source(node) as source, beside("replays", ReplayWorker(node, source).step, idle_seconds=IDLE_SECONDS):
        yield
