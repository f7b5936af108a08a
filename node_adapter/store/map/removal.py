"""Taking the newest anchors' leaves out of the map again: of anchors that were named wrong, and never counted.

The segments that these anchors changed are written anew without them, as deep as they were before, so that whoever
keeps the older map in memory still finds it in the tables.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection

from evidence.version2.map.nodes import subtree_hash
from node_adapter.store.map import rows
from node_adapter.store.map.insertion import ROW_LEAVES, map_row
from node_adapter.store.map.leaves import anchor_of, leaves_of, under
from node_adapter.store.map.memory import segment_tops
from node_adapter.store.map.rows import SEGMENT_BITS, MapAnchor, MapRow, SegmentRow


def take_back(connection: Connection, newest: MapAnchor, to: int) -> None:
    """Write the map as it was under anchor number `to`; 0 is before the first one.

    Args:
        connection: in a write transaction.
        newest: the newest map.
        to: one whose map is kept, as are those of all anchors after it.
    """
    tops = rows.changes(connection, to, newest.seq)
    touched = sorted({segment for changed in tops for segment, _ in segment_tops(changed)})
    written: list[MapRow] = []
    kept: list[SegmentRow] = []
    for segment in touched:
        stored = [leaf for data in rows.rows_of(connection, segment, 0).values() for leaf in under(data, to)]
        if not stored:
            continue
        depth = _depth(len(stored))
        by_key: dict[int, list[bytes]] = defaultdict(list)
        for leaf in stored:
            by_key[rows.key_of(leaf, depth)].append(leaf)
        written += [map_row(key, depth, max(map(anchor_of, found)), found) for key, found in by_key.items()]
        top = subtree_hash(leaves_of(sorted(stored)), SEGMENT_BITS)
        kept.append(SegmentRow(segment, depth, len(stored), top))
    rows.drop_rows(connection, touched)
    rows.drop_segments(connection, touched)
    rows.write_rows(connection, written, [])
    rows.write_segments(connection, kept, [])
    rows.drop_anchors(connection, to)


def _depth(leaves: int) -> int:
    """Return how deep the rows of a segment are that grew to so many leaves."""
    depth = 0
    while leaves > ROW_LEAVES << depth:
        depth += 1
    return depth
