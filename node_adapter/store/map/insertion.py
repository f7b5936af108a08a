"""How a batch is added to the map: the rows that it touches are hashed again, then what lies above them, once each."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from evidence.version2.map.flat_tree import FlatTree, Subtree, amount_of
from evidence.version2.map.nodes import subtree_hash
from node_adapter.store.map import rows
from node_adapter.store.map.leaves import anchor_of, label_of, leaf_bytes, leaves_in, leaves_of
from node_adapter.store.map.memory import MapMemory, MapState, changed_bytes
from node_adapter.store.map.rows import SEGMENT_BITS, MapAnchor, MapRow, SegmentRow
from primitives.errors import InvalidInput

ROW_LEAVES = 4  # a segment gets twice as many rows when its rows would have more than so many leaves on average


class Insertion:
    """One insertion. Everything is computed first and written then, in one statement for each table and kind."""

    def __init__(self, connection: Connection, memory: MapMemory, state: MapState, anchor: int) -> None:
        """Add to a map, which is left alone, under an anchor."""
        self._connection, self._memory, self._before, self._anchor = connection, memory, state, anchor
        self._after = state.copy()
        self._added_rows: list[MapRow] = []
        self._changed_rows: list[MapRow] = []
        self._deepened: list[int] = []
        self._trees: dict[int, FlatTree] = {}

    def insert(self, entries: Mapping[bytes, bytes], leaves_before: int) -> MapAnchor:
        """Add {label: entry}; return what the anchor's map is then.

        Raises:
            InvalidInput: `unique`, a label is in the map already.
        """
        touched = self._by_segment(entries)
        whole = {segment for segment, leaves in touched.items() if self._is_deepened(segment, len(leaves))}
        kept = {segment: leaves for segment, leaves in touched.items() if segment not in whole}
        self._merge(kept)
        for segment in whole:
            self._deepen(segment, touched[segment])
        tops: dict[int, Subtree] = {segment: tree.top for segment, tree in self._trees.items()}
        self._after.top.update(tops)
        self._write()
        self._memory.keep(self._after, self._trees.items())
        changed = changed_bytes((segment, self._before.top.place(segment)) for segment in sorted(touched))
        return MapAnchor(self._anchor, self._after.top.top[0], leaves_before + len(entries), changed)

    def _by_segment(self, entries: Mapping[bytes, bytes]) -> dict[int, list[bytes]]:
        found: dict[int, list[bytes]] = defaultdict(list)
        for label, entry in entries.items():
            found[rows.segment_of(label)].append(leaf_bytes(label, entry, self._anchor))
        return found

    def _is_deepened(self, segment: int, added: int) -> bool:
        """Count a segment's leaves, and choose the depth of its rows by them; tell whether it is another one."""
        after = self._after
        after.leaves[segment] += added
        while after.leaves[segment] > ROW_LEAVES << after.depths[segment]:
            after.depths[segment] += 1
        return after.depths[segment] != self._before.depths[segment]

    def _merge(self, touched: Mapping[int, Sequence[bytes]]) -> None:
        """Put leaves into the rows in which they belong, and hash those rows' segments."""
        added: dict[int, list[bytes]] = defaultdict(list)
        for segment, leaves in touched.items():
            depth = self._after.depths[segment]
            for leaf in leaves:
                added[rows.key_of(leaf, depth)].append(leaf)
        known = rows.rows_at(self._connection, sorted(added))
        places: dict[int, dict[int, Subtree]] = defaultdict(dict)
        for key, leaves in added.items():
            segment, data = rows.segment_of_key(key), known.get(key)
            depth = self._after.depths[segment]
            row = map_row(key, depth, self._anchor, leaves if data is None else leaves_in(data) + leaves)
            (self._added_rows if data is None else self._changed_rows).append(row)
            places[segment][rows.place_of(key, depth)] = row.hash, amount_of(row.leaves)
        for segment, subtrees in places.items():
            tree = self._memory.tree(self._connection, segment, self._before).copy()
            tree.update(subtrees)
            self._trees[segment] = tree

    def _deepen(self, segment: int, leaves: Sequence[bytes]) -> None:
        """Write a segment's rows anew, twice as many or more."""
        depth, found = self._after.depths[segment], list(leaves)
        for data in rows.rows_of(self._connection, segment, 0).values():
            found += leaves_in(data)
        by_key: dict[int, list[bytes]] = defaultdict(list)
        for leaf in found:
            by_key[rows.key_of(leaf, depth)].append(leaf)
        made = [map_row(key, depth, max(map(anchor_of, under)), under) for key, under in by_key.items()]
        tree = FlatTree(depth)
        tree.update({rows.place_of(row.key, depth): (row.hash, amount_of(row.leaves)) for row in made})
        self._trees[segment] = tree
        self._deepened.append(segment)
        self._added_rows += made

    def _write(self) -> None:
        rows.drop_rows(self._connection, self._deepened)
        rows.write_rows(self._connection, self._added_rows, self._changed_rows)
        added: list[SegmentRow] = []
        changed: list[SegmentRow] = []
        for segment, tree in sorted(self._trees.items()):
            row = SegmentRow(segment, self._after.depths[segment], self._after.leaves[segment], tree.top[0])
            (changed if self._before.leaves[segment] else added).append(row)
        rows.write_segments(self._connection, added, changed)


def map_row(key: int, depth: int, anchor: int, stored: list[bytes]) -> MapRow:
    """Return the row of some leaves, in the form of `leaf_bytes`; the newest of their anchors is given.

    Raises:
        InvalidInput: `unique`, two leaves have one label.
    """
    stored.sort()
    for one, other in itertools.pairwise(stored):
        if label_of(one) == label_of(other):
            raise InvalidInput("label", "unique", f"{label_of(one).hex()} is in the map already")
    value = subtree_hash(leaves_of(stored), SEGMENT_BITS + depth)
    return MapRow(key, anchor, len(stored), value, b"".join(stored))
