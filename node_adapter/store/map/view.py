"""The map under one anchor as the proofs walk over it: its nodes are read when a walk comes to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection

from evidence.version2.map.flat_tree import FlatTree, amount_of, flat_node
from evidence.version2.map.label_map import Absence, Presence, prove_label, put
from evidence.version2.map.nodes import Node, hash_of, subtree_hash
from node_adapter.store.map import rows
from node_adapter.store.map.leaves import leaves_of, split_leaves, under
from node_adapter.store.map.memory import CHECK, MapMemory, MapState
from node_adapter.store.map.rows import SEGMENT_BITS, MapAnchor
from primitives.errors import VerificationFailed


class MapView:
    """One map, in one transaction: the newest one, or one that anchors since have added to.

    Of an older map a segment is made from the newer one: each of its rows that was changed since is hashed again
    without the leaves that were added since.
    """

    def __init__(
        self, connection: Connection, memory: MapMemory, newest: MapAnchor, at: MapAnchor, state: MapState
    ) -> None:
        """`LabelMapStore.view` makes one."""
        self._connection, self._memory, self._state = connection, memory, state
        self._at, self._is_newest = at, at.seq == newest.seq
        self._tree = memory.top_at(connection, newest, at, state)
        self._segments: dict[int, FlatTree] = {}
        self._changed: dict[int, Mapping[int, bytes]] = {}
        self._ahead: dict[int, bytes] = {}

    @property
    def root(self) -> bytes:
        """The map's root."""
        return self._at.root

    @property
    def top(self) -> Node:
        """The node of which everything else is below."""
        return flat_node(self._tree, 1, self._segment)

    def read_ahead(self, labels: Iterable[bytes]) -> None:
        """Read the rows of the newest map in which many labels lie, by few questions, for the walk that follows."""
        keys = {rows.key_of(label, self._segment_tree(rows.segment_of(label)).depth) for label in labels}
        self._ahead = dict.fromkeys(keys, b"") | rows.rows_at(self._connection, sorted(keys))

    def prove(self, label: bytes) -> Presence | Absence:
        """Prove what is there under a label: its entry, or nothing."""
        return prove_label(self.top, label)

    def added_to(self, segment: int, newer: int) -> Iterator[tuple[bytes, bytes]]:
        """Return (label, entry) of each leaf of a segment that came after this map, up to the anchor `newer`."""
        for data in self._changed_rows(segment).values():
            for leaf in split_leaves(data):
                if self._at.seq < leaf.anchor <= newer:
                    yield leaf.label, leaf.entry

    def _segment(self, segment: int) -> Node:
        tree = self._segment_tree(segment)
        return flat_node(tree, 1, lambda place: self._row(segment, tree, place))

    def _segment_tree(self, segment: int) -> FlatTree:
        known = self._segments.get(segment)
        if known is None:
            known = self._memory.tree(self._connection, segment, self._state)
            expected = self._tree.place(segment)
            if known.top != expected:
                known = self._without_later(segment, known)
                if known.top != expected:
                    raise VerificationFailed(CHECK, f"the leaves of segment {segment} are not those of its map")
            self._segments[segment] = known
        return known

    def _without_later(self, segment: int, newer: FlatTree) -> FlatTree:
        """Return the segment as it was under this map's anchor."""
        depth, found = newer.depth, {}
        for key, data in self._changed_rows(segment).items():
            leaves = leaves_of(under(data, self._at.seq))
            found[rows.place_of(key, depth)] = subtree_hash(leaves, SEGMENT_BITS + depth), amount_of(len(leaves))
        older = newer.copy()
        older.update(found)
        return older

    def _row(self, segment: int, tree: FlatTree, place: int) -> Node:
        key = rows.key_at(segment, place, tree.depth)
        data = self._ahead.get(key) if self._is_newest else self._changed_rows(segment).get(key)
        if data is None:
            data = rows.row_at(self._connection, key)
        leaves = leaves_of(under(data, self._at.seq))
        node = put(None, leaves, SEGMENT_BITS + tree.depth, 0, len(leaves))
        if hash_of(node) != tree.place(place)[0]:
            raise VerificationFailed(CHECK, f"the leaves of row {key} are not those of its map")
        return node

    def _changed_rows(self, segment: int) -> Mapping[int, bytes]:
        """Return the rows of a segment that anchors after this one have changed."""
        known = self._changed.get(segment)
        if known is None:
            known = self._changed[segment] = rows.rows_of(self._connection, segment, self._at.seq)
        return known
