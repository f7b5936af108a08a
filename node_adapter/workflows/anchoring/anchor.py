"""From accepted records to an anchor: batch, tree, subject map, checkpoint, outbox row. Runs in the chain process.

1. An anchor is built only when the one before it is final: one is in flight, and throughput comes from the batch.
2. The anchor and its outbox row are written in one transaction.
3. When nothing happened for the heartbeat's time, the same head is anchored again, so that a missing record cannot hide
   in a missing anchor.
4. What lasts is measured by the monotonic clock: the time of the machine may be set while an anchor waits.
5. The tree and the map are kept in memory and built from the store at start; the store is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from evidence.log.checkpoint import sign_checkpoint
from evidence.log.tree import Tree
from evidence.map.subject_map import SubjectMap
from node_adapter.chain.abi import encode_call
from node_adapter.keys.member_keys import MemberKeys
from node_adapter.node import Node
from node_adapter.store import anchors, outbox, records, restored
from node_adapter.store.anchors import AnchorRow
from node_adapter.store.chain import blocks, directory, evidence_anchor
from node_adapter.store.chain.evidence_anchor import AnchorEvent
from node_adapter.workflows.anchoring.settlement import differs
from node_adapter.workflows.identity.keys_in_force import keys_at, keys_in_force
from primitives.errors import CouldNotCheck, Refused, VerificationFailed

CONTRACT = "EvidenceAnchor"
MS = 1000


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
            "what clients hold: `bonafides node recover`"
        )


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
        self._lost: Lost | None = None

    def load(self) -> None:
        """Read the whole log, and check it against our anchors and against the chain's events.

        An anchor of ours that only the chain knows is rebuilt from the records, as after a copy was restored.

        Raises:
            VerificationFailed: `local-log`, the store is not the log that was anchored; `records-lost`, it is an older
                copy, and records that were anchored since are not in it.
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
            by_seq = {row.seq: row for row in rows}
            missing = []
            for theirs in evidence_anchor.anchored(connection, self._node.address):
                made = by_seq.get(theirs.seq)
                if made is None:
                    missing.append(theirs)
                elif difference := differs(made, theirs):
                    raise VerificationFailed("local-log", f"{difference}; is this database an old copy?")
        if missing:
            with self._node.store.write() as connection:
                for theirs in missing:
                    self.rebuild(connection, theirs)
        self.require_whole()

    def rebuild(self, connection: Connection, theirs: AnchorEvent) -> AnchorRow | None:
        """Make the row of an anchor of ours that only the chain knows, where our records are the ones it anchored.

        Returns:
            The row, final; None when records are missing. `require_whole` says which, once all blocks were read.

        Raises:
            VerificationFailed: `anchor-conflict`, the chain holds another log than ours: the key is used elsewhere.
            Refused: `signing-key-not-held`, the keystore is older than the anchor.
        """
        self._read_log(connection)
        size = theirs.size
        if size > self._tree.size or self._lost is not None:
            self._lost = Lost(self._tree.size, size, theirs.seq, theirs.block)
            return None
        self._advance_map(connection, size)
        found = {"root": (self._tree.root_at(size), theirs.root), "mapRoot": (self._map.root, theirs.map_root)}
        for name, (value, told) in found.items():
            if told != value:
                given = f"our {size} records give 0x{value.hex()}"
                detail = f"anchor {theirs.seq}: {name} is 0x{told.hex()} on the chain, {given}"
                raise VerificationFailed("anchor-conflict", f"{detail}: this member's key is used elsewhere")
        try:
            keys = keys_at(self._node, connection, theirs.block)
        except CouldNotCheck as error:  # no waiting mends it
            raise Refused(error.code, error.detail) from error
        block = blocks.block_at(connection, theirs.block)
        row = AnchorRow(
            seq=theirs.seq,
            size=size,
            root=self._tree.root_at(size),
            prev_root=theirs.prev_root,
            map_root=self._map.root,
            checkpoint=sign_checkpoint(self._node.did, size, self._tree.root_at(size), keys.signing_seed),
            built_at=block.timestamp * MS,
            block=block.number,
            block_hash=block.hash,
            tx_hash=theirs.tx_hash,
            log_position=theirs.log_position,
            block_time=block.timestamp,
        )
        anchors.add(connection, row)
        return row

    def require_whole(self) -> None:
        """Refuse to go on while the chain has anchored records that are not in the store.

        Raises:
            VerificationFailed: `records-lost`, with the log indexes.
        """
        if self._lost is not None:
            raise VerificationFailed("records-lost", self._lost.detail)

    def step(self, now_ms: int) -> bool:
        """Build an anchor when it is time; return whether one was built."""
        with self._node.store.read() as connection:
            if restored.since(connection) is not None:
                return False
            self._read_log(connection)
            last = anchors.latest(connection)
            self._watch_flight(last)
            if (last is not None and last.block is None) or not self._is_time(last):
                return False
            target = directory.find_address(connection, CONTRACT)
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
