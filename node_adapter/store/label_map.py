"""The append-only map from label to entry, as it is stored (docs/spec/evidence-2.md, section 6; ADR 58).

Its upper levels are flat arrays in memory, its leaves rows of the database. The newest map, and the maps of the last
anchors, can be proved: each leaf knows the anchor that added it, and each anchor keeps what it changed further up.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from evidence.version2.map.append_proof import AppendProof, make_append_proof
from evidence.version2.map.label_map import Absence, Presence
from evidence.version2.map.nodes import check_hash
from node_adapter.store.map import removal, rows
from node_adapter.store.map.insertion import Insertion
from node_adapter.store.map.memory import CHECK, MapMemory, segment_tops
from node_adapter.store.map.rows import MapAnchor
from node_adapter.store.map.view import MapView
from primitives.errors import InvalidInput, Refused, VerificationFailed

KEPT_ANCHORS = 200
"""Of how many anchors the maps can be proved. What it is for: a bundle of a block that is final, a claim about a place
by another member, a witness that is some anchors behind. With a heartbeat an hour that is eight days, with an anchor in
each block of five seconds 17 minutes. What it costs: 35 bytes for each segment that an anchor changed, which is 7 kB at
200 anchors of one record each and 70 MB at the most at 200 anchors of 10,000, whatever the size of the map; and half as
much again to prove in the oldest of these maps as in the newest. No setting: a map that is not kept any more costs one
answer (`map-not-kept`), never a proof, since receipts and bundles hold theirs and append proofs are kept for good.
"""
MEMORY_BYTES = 512 * 1024 * 1024  # of segments; the upper levels take about 20 MB more


class LabelMapStore:
    """The map of this member. One for each process: what it keeps in memory is right whoever writes.

    `insert` belongs into the transaction that stores the anchor: without its commit the map is the one before.
    """

    def __init__(self, *, kept_anchors: int = KEPT_ANCHORS, memory_bytes: int = MEMORY_BYTES) -> None:
        """Say of how many anchors the maps can be proved, and how much memory may be used."""
        if kept_anchors < 1:
            raise InvalidInput("kept_anchors", "range", "must be at least 1")
        self._kept_anchors = kept_anchors
        self._memory = MapMemory(memory_bytes)

    def newest(self, connection: Connection) -> MapAnchor | None:
        """Return number, root and size of the newest map; None before the first anchor."""
        return rows.latest(connection)

    def insert(self, connection: Connection, seq: int, entries: Mapping[bytes, bytes]) -> bytes:
        """Add {label: entry} under an anchor, or nothing under one without a batch; return the map's root.

        Raises:
            InvalidInput: `ascending`, the anchor is not after the newest; `unique`, a label is in the map already;
                `length`.
            VerificationFailed: check `local-map`, the tables contradict each other.
        """
        before = rows.latest(connection)
        if seq < 1 or (before is not None and seq <= before.seq):
            raise InvalidInput("seq", "ascending", f"{seq} is not after {before.seq if before else 0}")
        for label, entry in entries.items():
            check_hash(label, "label")
            check_hash(entry, "entry")
        state = self._memory.state(connection, before)
        made = Insertion(connection, self._memory, state, seq).insert(entries, before.leaves if before else 0)
        rows.add_anchor(connection, made, self._kept_anchors)
        return made.root

    def take_back(self, connection: Connection, after: int) -> None:
        """Take out again what the anchors after a number added: they were named wrong, and nothing of them is counted.

        Raises:
            VerificationFailed: check `local-map`, what is kept does not give the map of before.
        """
        newest = rows.latest(connection)
        if newest is not None and newest.seq > after:
            removal.take_back(connection, newest, after)
            self._memory.check(connection, rows.latest(connection))

    def view(self, connection: Connection, at: int | None = None) -> MapView:
        """Return the map of an anchor, or the newest one; it lasts as long as the connection's transaction.

        Raises:
            Refused: `map-not-kept`, the anchor is none, or longer ago than maps are kept.
            VerificationFailed: check `local-map`.
        """
        newest = rows.latest(connection)
        anchor = newest if at is None else rows.anchor_at(connection, at)
        if newest is None or anchor is None:
            raise Refused("map-not-kept", f"the map of anchor {at} is not kept: the newest is {newest and newest.seq}")
        return MapView(connection, self._memory, newest, anchor, self._memory.state(connection, newest))

    def prove(self, connection: Connection, label: bytes, at: int | None = None) -> Presence | Absence:
        """Prove what the map of an anchor, or the newest one, holds under a label.

        Raises:
            Refused: `map-not-kept`.
            InvalidInput: `length`.
            VerificationFailed: check `local-map`.
        """
        return self.view(connection, at).prove(label)

    def append_proof(self, connection: Connection, old: int, new: int) -> AppendProof:
        """Prove that the map of one anchor is that of an older one with leaves added.

        Raises:
            InvalidInput: `order`, the first is not the older one.
            Refused: `map-not-kept`, of either.
            VerificationFailed: check `local-map`.
        """
        if old > new:
            raise InvalidInput("old", "order", f"anchor {old} is after anchor {new}")
        older, newer = self.view(connection, old), self.view(connection, new)
        changed = {segment for tops in rows.changes(connection, old, new) for segment, _ in segment_tops(tops)}
        added = {label: entry for segment in changed for label, entry in older.added_to(segment, new)}
        proof = make_append_proof(older.top, added)
        if proof.new != newer.root:
            raise VerificationFailed(CHECK, f"the leaves added since anchor {old} do not give the map of anchor {new}")
        return proof
