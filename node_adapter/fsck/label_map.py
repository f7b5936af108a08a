"""The map: its rows hashed again up to the root of the newest anchor, and every anchored record in it."""

from __future__ import annotations

from sqlalchemy import Connection

from evidence.version2.map.flat_tree import amount_of, flat_tree
from evidence.version2.map.nodes import EMPTY, subtree_hash
from node_adapter.fsck.difference import StoreDifference, same
from node_adapter.store import anchors, log_walk
from node_adapter.store.map import rows
from node_adapter.store.map.leaves import LEAF_BYTES, leaves_in, leaves_of, split_leaves
from node_adapter.store.map.rows import SEGMENT_BITS, SegmentRow

PAGE = 200


def check_segments(connection: Connection, reached: int | None) -> tuple[int | None, int]:
    """Check the rows of the segments after one (None before the first), a page of segments.

    Returns:
        The last segment that was checked, None where there is none after; and how many leaves were looked at.

    Raises:
        StoreDifference: the first one.
    """
    page = log_walk.segments_after(connection, -1 if reached is None else reached, PAGE)
    if not page:
        _check_top(connection)
        return None, 0
    return page[-1].segment, sum(_check_segment(connection, row) for row in page)


def check_presence(connection: Connection, reached: int | None) -> tuple[int | None, int]:
    """Check that the records after a place lie in the map under their label, as far as it is anchored; a page."""
    newest = rows.latest(connection)
    anchor = None if newest is None else anchors.by_seq(connection, newest.seq)
    size = 0 if anchor is None else anchor.size
    page = log_walk.records_after(connection, -1 if reached is None else reached, PAGE)
    page = [row for row in page if row.log_index < size]
    if not page:
        return None, 0
    depths = log_walk.depths_of(connection, {rows.segment_of(row.label) for row in page})
    keys = {
        row.label: rows.key_of(row.label, depths[segment])
        for row in page
        if (segment := rows.segment_of(row.label)) in depths
    }
    stored = rows.rows_at(connection, sorted(set(keys.values())))
    for row in page:
        leaves = split_leaves(stored.get(keys[row.label], b"")) if row.label in keys else []
        found = next((leaf.entry for leaf in leaves if leaf.label == row.label), None)
        same("map-entry", f"log index {row.log_index}", row.entry, "none" if found is None else found)
    return page[-1].log_index, len(page)


def _check_segment(connection: Connection, segment: SegmentRow) -> int:
    """Hash a segment's rows again; return how many leaves it has."""
    first, beyond = rows.key_at(segment.segment, 0, 0), rows.key_at(segment.segment + 1, 0, 0)
    places, total = [], 0
    for key, count, value, data in log_walk.map_rows(connection, first, beyond):
        where = f"map row {key}"
        labels = [leaf.label for leaf in split_leaves(data)]
        if len(data) % LEAF_BYTES or labels != sorted(set(labels)):
            raise StoreDifference("map-row", where, "leaves by their labels, each once", f"{len(data)} bytes")
        if any(rows.key_of(label, segment.depth) != key for label in labels):
            raise StoreDifference("map-row", where, "leaves of this row", "one of another")
        same("map-row-leaves", where, len(labels), count)
        same("map-row-hash", where, subtree_hash(leaves_of(leaves_in(data)), SEGMENT_BITS + segment.depth), value)
        places.append((rows.place_of(key, segment.depth), (value, amount_of(count))))
        total += count
    where = f"map segment {segment.segment}"
    same("map-segment-leaves", where, total, segment.leaves)
    same("map-segment-hash", where, flat_tree(segment.depth, places).top[0], segment.hash)
    return total


def _check_top(connection: Connection) -> None:
    """Hold the segments against the map of the newest anchor, and its size against the records."""
    newest = rows.latest(connection)
    found = rows.segments(connection)
    places = [(row.segment, (row.hash, amount_of(row.leaves))) for row in found]
    root = flat_tree(SEGMENT_BITS, places).top[0]
    if newest is None:
        same("map-root", "the map before any anchor", EMPTY, root)
        return
    where = f"map of anchor {newest.seq}"
    same("map-root", where, newest.root, root)
    anchor = anchors.by_seq(connection, newest.seq)
    same("map-root", where, "none" if anchor is None else anchor.map_root, root)
    same("map-leaves", where, newest.leaves, sum(row.leaves for row in found))
    if anchor is not None:
        same("map-leaves", where, log_walk.records_below(connection, anchor.size), newest.leaves)
