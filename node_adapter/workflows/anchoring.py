"""From accepted records to an anchor: batch, tree, subject map, checkpoint, outbox row. Runs in the chain process.

1. An anchor is built only when the one before it is final: one is in flight, and throughput comes from the batch.
2. The anchor and its outbox row are written in one transaction.
3. When nothing happened for the heartbeat's time, the same head is anchored again, so that a missing record cannot hide
   in a missing anchor.
4. What lasts is measured by the monotonic clock: the time of the machine may be set while an anchor waits.
5. The tree and the map are kept in memory and built from the store at start; the store is the truth.
"""

from __future__ import annotations

from sqlalchemy import Connection

from evidence.checkpoint import sign_checkpoint
from evidence.log import Tree
from evidence.subject_map import SubjectMap
from node_adapter.abi import encode_call
from node_adapter.member_keys import MemberKeys
from node_adapter.node import Node
from node_adapter.store import anchors, chain_index, outbox, records
from node_adapter.store.anchors import AnchorRow
from node_adapter.workflows.keys_in_force import keys_in_force
from node_adapter.workflows.settlement import differs
from primitives.errors import VerificationFailed

CONTRACT = "EvidenceAnchor"
MS = 1000
EMPTY_MAP_ROOT = SubjectMap().root


class Anchoring:
    """The log of this member, as far as it was read, and the map of its subjects, as far as it was anchored."""

    def __init__(self, node: Node) -> None:
        """Start empty; `load` reads the store."""
        self._node = node
        self._tree = Tree()
        self._map = SubjectMap()
        self._map_size = 0
        self._built = node.clock.monotonic_ms()  # when the newest anchor was built, or this process began
        self.in_flight: int | None = None  # since when an anchor waits to be final
        self.took = 0  # how long the last one that became final had waited, in ms

    def load(self) -> None:
        """Read the whole log, and check it against our anchors and against the chain's events.

        Raises:
            VerificationFailed: `local-log`, the store is not the log that was anchored.
        """
        with self._node.store.read() as connection:
            self._read_log(connection)
            rows = anchors.every(connection)
            for row in rows:
                self._check_row(row)
            if rows:
                self._built -= self._passed_since(rows[-1])
                self._advance_map(connection, rows[-1].size)
                if self._map.root != rows[-1].map_root:
                    raise VerificationFailed("local-log", f"the subjects are not those of anchor {rows[-1].seq}")
            topic = chain_index.address_topic(self._node.address)
            by_seq = {row.seq: row for row in rows}
            for event in chain_index.events(connection, contract=CONTRACT, name="Anchored", topic1=topic):
                difference = differs(by_seq.get(event.args["seq"]), event.args)
                if difference:
                    raise VerificationFailed("local-log", f"{difference}; is this database an old copy?")

    def step(self, now_ms: int) -> bool:
        """Build an anchor when it is time; return whether one was built."""
        with self._node.store.read() as connection:
            self._read_log(connection)
            last = anchors.latest(connection)
            self._watch_flight(last)
            if (last is not None and last.block is None) or not self._is_time(last):
                return False
            target = chain_index.contract_addresses(connection).get(CONTRACT)
            if target is None:  # the index has not come to the Directory yet
                return False
            size = min(self._tree.size, (last.size if last else 0) + self._node.settings.anchoring.max_batch)
            self._advance_map(connection, size)
            keys = keys_in_force(self._node, connection)  # settlement signs anew, should they end before its block
        row, data = self._build(last, size, keys, now_ms)
        with self._node.store.write() as connection:
            anchors.add(connection, row)
            outbox.enqueue(connection, outbox.KIND_ANCHOR, row.key, target, data, now_ms)
        self._built = self.in_flight = self._node.clock.monotonic_ms()
        return True

    def _is_time(self, last: AnchorRow | None) -> bool:
        settings = self._node.settings.anchoring
        passed = self._node.clock.monotonic_ms() - self._built
        waiting = self._tree.size - (last.size if last else 0)
        if waiting >= settings.max_batch:
            return True
        if waiting:
            return last is None or passed >= settings.period_seconds * MS
        return passed >= settings.heartbeat_seconds * MS

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

    def _build(self, last: AnchorRow | None, size: int, keys: MemberKeys, now_ms: int) -> tuple[AnchorRow, bytes]:
        node, old_size = self._node, last.size if last else 0
        seq, prev_root = (last.seq + 1, last.root) if last else (1, Tree().root())
        root = self._tree.root_at(size)
        row = AnchorRow(
            seq=seq,
            size=size,
            root=root,
            prev_root=prev_root,
            map_root=self._map.root,
            checkpoint=sign_checkpoint(node.did, size, root, keys.signing_seed),
            built_at=now_ms,
        )
        proof = self._tree.consistency(old_size, size)
        return row, encode_call(CONTRACT, "anchor", seq, prev_root, root, size, row.map_root, proof)

    def _read_log(self, connection: Connection) -> None:
        size = records.log_size(connection)
        entries = records.fingerprints(connection, self._tree.size, size)
        if len(entries) != size - self._tree.size:
            raise VerificationFailed("local-log", f"entries are missing between {self._tree.size} and {size}")
        self._tree.extend(entries)

    def _advance_map(self, connection: Connection, size: int) -> None:
        moved = {
            bytes.fromhex(head.pid): (head.count, head.head)
            for head in records.heads_at(connection, self._map_size, size)
        }
        self._map = self._map.with_entries(moved)
        self._map_size = max(size, self._map_size)

    def _check_row(self, row: AnchorRow) -> None:
        if row.size > self._tree.size or self._tree.root_at(row.size) != row.root:
            raise VerificationFailed("local-log", f"the log is not the one of anchor {row.seq}")
