"""From accepted records to an anchor: batch, map, outbox row. Runs in the chain process.

1. An anchor is built only when the one before it is final: one is in flight, and throughput comes from the batch.
2. The map, the anchor and its outbox row are written in one transaction.
3. When nothing happened for the heartbeat's time, an anchor without a batch says so: a missing record cannot hide in a
   missing anchor.
4. What lasts is measured by the monotonic clock: the time of the machine may be set while an anchor waits.
5. The store is the truth, and nothing of it is read whole: a log of ten million anchors starts like one of ten.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from evidence.version2.batch_tree import BatchTree
from evidence.version2.log.anchors import FIRST_ANCHOR, AnchorLeaf, OpeningLeaf
from evidence.version2.map.append_proof import MAX_LEAVES
from node_adapter.anchor_call import anchor_call
from node_adapter.chain.abi import LOG_OF_ANCHORS
from node_adapter.node import Node
from node_adapter.store import alarms, anchor_tree, anchors, former, outbox, records, restored, wrong_anchors
from node_adapter.store.anchors import AnchorRow
from node_adapter.store.chain import directory
from node_adapter.store.chain.evidence_log import LeafEvent
from node_adapter.workflows.anchoring import settlement
from node_adapter.workflows.anchoring.growth import insert_batch
from node_adapter.workflows.anchoring.healing import leaves_to_take, state_wrong
from node_adapter.workflows.identity.keys_in_force import (
    KIND_ROTATION,
    are_in_a_leaf,
    checkpoint_note,
    keys_at,
    rotation_is_sent,
)
from primitives.errors import CouldNotCheck, Refused, VerificationFailed

_log = logging.getLogger("node_adapter.chain")
CHECK = "local-log"
MS = 1000
HEALED_BY = "; `bonafides node heal` shows what stands there, and what can be done"


@dataclass(frozen=True)
class Lost:
    """What the chain has anchored and the store lacks: the log entries from `first` to `size` - 1.

    `seq` and `block` are those of the newest anchor that covers them.
    """

    first: int
    size: int
    seq: int
    block: int

    @property
    def detail(self) -> str:
        """One sentence for the operator."""
        return (
            f"the log entries {self.first} to {self.size - 1} were anchored (anchor {self.seq}, block {self.block}) "
            "and are not in this database: it is an older copy. Restore a newer one, or bring the entries back from "
            f"what clients hold: `bonafides node recover`{HEALED_BY}"
        )


class Anchoring:
    """What anchors this member's log, and brings back what a copy of the store lacks."""

    def __init__(self, node: Node) -> None:
        """Note when this process began; `load` looks at the store."""
        self._node = node
        self._built = node.clock.monotonic_ms()  # when the newest anchor was built, or this process began
        self.in_flight: int | None = None  # since when an anchor waits to be final
        self.took = 0  # how long the last one that became final had waited, in ms
        self._lost: Lost | None = None
        self._foreign: str | None = None  # how the chain's log differs from ours
        self._due: float = 0  # when time alone may make an anchor due, by the monotonic clock

    def load(self) -> None:
        """Hold the newest anchor against the store and the chain's events; take over what only the index knows.

        An anchor of ours that only the chain knows is rebuilt from the records, as after a copy was restored.

        Raises:
            VerificationFailed: `local-log`, the store is not the log that was anchored; `records-lost`, it is an older
                copy, and records that were anchored since are not in it; `anchor-conflict`; `local-map`.
        """
        with self._node.store.read() as connection:
            last = anchors.latest(connection)
            self._check_newest(connection, last)
            waiting = leaves_to_take(self._node, connection)
        if last is not None:
            self._built -= self._passed_since(last)
        if waiting:
            with self._node.store.write() as connection:
                self._take(connection, waiting)
        self._sign_newest()
        self.require_whole()

    def rebuild(self, connection: Connection, theirs: LeafEvent) -> AnchorRow | None:
        """Make the row of an anchor of ours that only the chain knows, where our records are the ones it anchored.

        Returns:
            The row; None when records are missing, or when the chain holds another log than ours. `require_whole` says
            which, once all blocks were read: what is not in the index nobody could name as wrong.

        Raises:
            Refused: `signing-key-not-held`, the keystore is older than the anchor.
        """
        leaf = theirs.leaf
        if not isinstance(leaf, AnchorLeaf):
            return None
        if self._foreign is not None:
            return None
        size = records.log_size(connection)
        if leaf.size_after > size or self._lost is not None:
            first = size if self._lost is None else self._lost.first
            self._lost = Lost(first, leaf.size_after, leaf.seq, leaf.block)
            return None
        try:
            keys_at(self._node, connection, leaf.block)
        except CouldNotCheck as error:  # no waiting mends it
            raise Refused(error.code, error.detail) from error
        with connection.begin_nested() as attempt:
            row = self._insert(connection, leaf.seq, leaf.size_before, leaf.size_after, leaf.time * MS)
            difference = row.difference(leaf)
            if difference is not None:
                attempt.rollback()
        if difference is None:
            return row
        self._foreign = f"{difference}: this member's key is used elsewhere"
        now = self._node.clock.now_ms()
        alarms.raise_alarm(connection, alarms.ANCHOR_CONFLICT, str(leaf.seq), self._foreign, now)
        return None

    def require_whole(self) -> None:
        """Refuse to go on while the chain has anchored records that are not in the store, or others than ours.

        Raises:
            VerificationFailed: `records-lost`, with the log indexes; `anchor-conflict`.
        """
        if self._foreign is not None:
            raise VerificationFailed("anchor-conflict", self._foreign + HEALED_BY)
        if self._lost is not None:
            raise VerificationFailed("records-lost", self._lost.detail)

    def is_due(self) -> bool:
        """Say whether a step may do something although nothing was committed since the last one."""
        return self._node.clock.monotonic_ms() >= self._due

    def step(self, now_ms: int) -> bool:
        """Build an anchor when it is time; return whether one was built."""
        self._due = 0
        with self._node.store.read() as connection:
            if restored.since(connection) is not None:
                return False
            last = anchors.latest(connection)
            self._watch_flight(last)
            if last is not None and last.block is None:
                self._due = math.inf  # it becomes final by a commit
                return False
            wrong = last is not None and wrong_anchors.is_named(connection, last.seq)
            takes_all = last is not None and (wrong or not are_in_a_leaf(self._node, connection))
            if not self._is_time(connection, last, takes_all=takes_all) or rotation_is_sent(connection):
                return False
            waiting = last is not None and records.log_size(connection) > last.size
            target = directory.find_address(connection, LOG_OF_ANCHORS)
            if target is None:  # the index has not come to the Directory's entry yet
                return False
        if not self._has_stated_wrong() and wrong and not waiting:
            return False
        with self._node.store.write() as connection:
            seq, before = (last.seq + 1, last.size) if last else (FIRST_ANCHOR, former.first_index(connection))
            size = self._end_of_batch(connection, None if takes_all else last, before)
            row = self._insert(connection, seq, before, size, now_ms)
            data = anchor_call(connection, row)
            if data is None:
                raise VerificationFailed(CHECK, f"anchor {seq - 1} is final, and the tree does not end with it")
            outbox.enqueue(connection, outbox.KIND_ANCHOR, row.key, target, data, now_ms)
        self._built = self.in_flight = self._node.clock.monotonic_ms()
        return True

    def _end_of_batch(self, connection: Connection, last: AnchorRow | None, before: int) -> int:
        """Return how far the next anchor reaches: `max_batch` records, and all that may not wait for the one after it.

        Whoever signed a record is held to the time of the anchor before its own, or of the one before that (docs/spec/
        evidence-2.md, section 13, time of use). What waits since before the newest anchor's block would have none of
        that age left: a key that ends meanwhile would fail for ever. Intake takes no more than one anchor holds.

        Args:
            connection: a connection inside a transaction.
            last: the newest anchor, which is final; None where the next one takes all.
            before: where the batch begins.
        """
        size = min(records.log_size(connection), before + MAX_LEAVES)
        if last is None or last.block is None:
            return size
        end = min(size, before + self._node.settings.anchoring.max_batch)
        later = records.first_accepted_at(connection, end, last.block)
        return size if later is None else min(size, max(end, later))

    def _has_stated_wrong(self) -> bool:
        """Write the record that the anchor after a wrong one needs; False where nothing can be recorded now.

        Where other records wait, that anchor is made without: it may be what room is needed for. Then it follows.
        """
        try:
            state_wrong(self._node)
        except (CouldNotCheck, Refused) as error:
            _log.warning("that an anchor was named wrong is not recorded yet: %s", error)
            return False
        return True

    def _insert(self, connection: Connection, seq: int, before: int, size: int, built_at: int) -> AnchorRow:
        """Store an anchor of the records from `before` to `size` - 1, and the map with them."""
        batch = records.labelled(connection, before, size)
        if len(batch) != size - before:
            raise VerificationFailed(CHECK, f"records are missing between {before} and {size}")
        row = AnchorRow(
            seq=seq,
            size_before=before,
            size=size,
            batch_root=BatchTree.of_entries(entry for _, entry in batch).root,
            map_root=insert_batch(connection, self._node.label_map, seq, dict(batch)),
            built_at=built_at,
        )
        anchors.add(connection, row)
        return row

    def _take(self, connection: Connection, waiting: list[LeafEvent]) -> None:
        for event in waiting:
            row = anchors.by_seq(connection, event.leaf.seq)
            if row is not None and isinstance(event.leaf, AnchorLeaf) and (told := row.difference(event.leaf)):
                raise VerificationFailed(CHECK, f"{told}; is this database an old copy?{HEALED_BY}")
        conflicts = settlement.take_leaves(
            connection,
            waiting,
            {},
            now_ms=self._node.clock.now_ms(),
            sign=partial(checkpoint_note, self._node),
            rebuild=self.rebuild,
        )
        if conflicts:
            raise VerificationFailed("anchor-conflict", "; ".join(conflicts) + HEALED_BY)

    def _sign_newest(self) -> None:
        """Sign the checkpoint of the newest final anchor where the keystore lacked its key, and has it now."""
        with self._node.store.read() as connection:
            newest = anchors.last_final(connection)
        if newest is None or newest.checkpoint:  # of one that is named wrong there is none, and no key is asked
            return
        with self._node.store.write() as connection:
            leaf = anchor_tree.find_leaf(connection, newest.seq)
            if isinstance(leaf, AnchorLeaf):
                root = anchor_tree.peaks_at(connection, newest.seq).root()
                anchors.put_checkpoint(connection, newest.seq, checkpoint_note(self._node, connection, leaf, root))

    def _check_newest(self, connection: Connection, last: AnchorRow | None) -> None:
        """Hold the newest anchor against records, map and tree. Older ones are held where they are shown."""
        size, counted = records.log_size(connection), self._node.label_map.newest(connection)
        if last is None:
            if counted is not None or anchor_tree.tree_size(connection) > OpeningLeaf.seq:
                raise VerificationFailed(CHECK, "the store holds a map or leaves, and no anchor")
            return
        if last.size > size:
            raise VerificationFailed(CHECK, f"the log is not the one of anchor {last.seq}: it has {size} records")
        if not wrong_anchors.is_named(connection, last.seq):
            batch = BatchTree.of_entries(records.entries(connection, last.size_before, last.size))
            if (batch.root, batch.size) != (last.batch_root, last.size - last.size_before):
                raise VerificationFailed(CHECK, f"the log is not the one of anchor {last.seq}")
        newest = anchors.latest_counted(connection)
        if (counted and (counted.seq, counted.root)) != (newest and (newest.seq, newest.map_root)):
            raise VerificationFailed(CHECK, f"the map is not the one of anchor {newest.seq if newest else 1}")
        if counted is not None:
            self._node.label_map.view(connection)
        final = anchors.last_final(connection)
        if final is not None and anchor_tree.tree_size(connection) != final.seq:
            raise VerificationFailed(CHECK, f"the tree of anchors does not end with anchor {final.seq}")

    def _is_time(self, connection: Connection, last: AnchorRow | None, *, takes_all: bool) -> bool:
        settings = self._node.settings.anchoring
        passed = self._node.clock.monotonic_ms() - self._built
        waiting = records.log_size(connection) - (last.size if last else former.first_index(connection))
        if waiting >= settings.max_batch or takes_all:
            return True
        if last is None and (waiting or outbox.open_rows(connection, KIND_ROTATION)):
            return True
        pause = (settings.period_seconds if waiting else settings.heartbeat_seconds) * MS
        self._due = self._built + pause
        return passed >= pause

    def _passed_since(self, last: AnchorRow) -> int:
        """Return how long ago an earlier process built the newest anchor; a clock set wrong costs one heartbeat."""
        longest = int(self._node.settings.anchoring.heartbeat_seconds * MS)
        return min(max(self._node.clock.now_ms() - last.built_at, 0), longest)

    def _watch_flight(self, last: AnchorRow | None) -> None:
        tick = self._node.clock.monotonic_ms()
        if last is not None and last.block is None:
            self.in_flight = tick if self.in_flight is None else self.in_flight
        elif self.in_flight is not None:
            self.took, self.in_flight = tick - self.in_flight, None
