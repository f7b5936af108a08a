"""The tables of the map from label to entry: what is read and written of them, in few statements.

A *segment* is what lies below the first 16 bits of a label; a *row* is what lies below the first 16 + depth of them,
where `depth` is the segment's. A row's key is its prefix, filled with zeros to 62 bits, so that a segment's rows lie
beside each other whatever its depth. The statements are made once: they are asked for every segment that a batch meets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from node_adapter.store.operations import add_many, update_many
from node_adapter.store.schema import map_anchor, map_row, map_segment

SEGMENT_BITS = 16
KEY_BITS = 62
_ROW_BITS = KEY_BITS - SEGMENT_BITS  # what of a key lies below its segment
_ASKED_AT_ONCE = 2000


_WITHIN = (map_row.c.key >= bindparam("first"), map_row.c.key < bindparam("beyond"))
_HASHES = select(map_row.c.key, map_row.c.leaves, map_row.c.hash).where(*_WITHIN)
_CHANGED = select(map_row.c.key, map_row.c.data).where(*_WITHIN, map_row.c.anchor > bindparam("after"))
_SOME = select(map_row.c.key, map_row.c.data).where(map_row.c.key.in_(bindparam("keys", expanding=True)))
_ONE = select(map_row.c.data).where(map_row.c.key == bindparam("at"))
_DROP = delete(map_row).where(*_WITHIN)
_DROP_SEGMENT = delete(map_segment).where(map_segment.c.segment == bindparam("number"))


@dataclass(frozen=True)
class MapAnchor:
    """The map under one anchor.

    Attributes:
        seq: the anchor's number.
        root: the map's root.
        leaves: how many it has.
        changed: what its insertion changed, as `map.memory` reads it.
    """

    seq: int
    root: bytes
    leaves: int
    changed: bytes = b""


class SegmentRow(NamedTuple):
    """A segment: its number, the depth of its rows below it, its leaves, and the hash of its top."""

    segment: int
    depth: int
    leaves: int
    hash: bytes


class MapRow(NamedTuple):
    """A row: its key, the newest anchor of its leaves, their number, its hash, and the leaves themselves."""

    key: int
    anchor: int
    leaves: int
    hash: bytes
    data: bytes


def latest(connection: Connection) -> MapAnchor | None:
    """Return the newest anchor whose map is stored, without what it changed, or None."""
    columns = select(map_anchor.c.seq, map_anchor.c.root, map_anchor.c.leaves)
    row = connection.execute(columns.order_by(map_anchor.c.seq.desc()).limit(1)).first()
    return None if row is None else MapAnchor(*row)


def anchor_at(connection: Connection, seq: int) -> MapAnchor | None:
    """Return an anchor that is kept, without what it changed, or None."""
    columns = select(map_anchor.c.seq, map_anchor.c.root, map_anchor.c.leaves)
    row = connection.execute(columns.where(map_anchor.c.seq == seq)).first()
    return None if row is None else MapAnchor(*row)


def changes(connection: Connection, after: int, to: int) -> Iterator[bytes]:
    """Return what each anchor from `after` + 1 to `to` changed, the newest first."""
    between = select(map_anchor.c.changed).where(map_anchor.c.seq > after, map_anchor.c.seq <= to)
    yield from connection.execute(between.order_by(map_anchor.c.seq.desc())).scalars()


def segments(connection: Connection) -> list[SegmentRow]:
    """Return every segment that has leaves: at most 65,536, whatever the number of leaves."""
    columns = (map_segment.c.segment, map_segment.c.depth, map_segment.c.leaves, map_segment.c.hash)
    return [SegmentRow(*row) for row in connection.execute(select(*columns))]


def hashes_of(connection: Connection, segment: int) -> list[tuple[int, int, bytes]]:
    """Return (key, number of leaves, hash) of each row of a segment."""
    return [(key, leaves, value) for key, leaves, value in connection.execute(_HASHES, _within(segment))]


def rows_of(connection: Connection, segment: int, after: int) -> dict[int, bytes]:
    """Return {key: leaves} of a segment's rows that were changed after an anchor."""
    found = connection.execute(_CHANGED, {**_within(segment), "after": after})
    return {key: data for key, data in found}


def rows_at(connection: Connection, keys: Sequence[int]) -> dict[int, bytes]:
    """Return {key: leaves} of the rows that there are among these."""
    found = {}
    for start in range(0, len(keys), _ASKED_AT_ONCE):
        some = connection.execute(_SOME, {"keys": keys[start : start + _ASKED_AT_ONCE]})
        found.update({key: data for key, data in some})
    return found


def row_at(connection: Connection, key: int) -> bytes:
    """Return the leaves of one row, none where there is no such row."""
    data: bytes | None = connection.execute(_ONE, {"at": key}).scalar()
    return data or b""


def write_rows(connection: Connection, added: Sequence[MapRow], changed: Sequence[MapRow]) -> None:
    """Store rows, new ones and such as are there."""
    add_many(connection, map_row, MapRow._fields, added)
    update_many(connection, map_row, MapRow._fields, changed)


def drop_rows(connection: Connection, segments: Sequence[int]) -> None:
    """Take away all rows of some segments, which are written anew with another depth."""
    if segments:
        connection.execute(_DROP, [_within(segment) for segment in segments])


def drop_segments(connection: Connection, segments: Sequence[int]) -> None:
    """Take away some segments themselves."""
    if segments:
        connection.execute(_DROP_SEGMENT, [{"number": segment} for segment in segments])


def write_segments(connection: Connection, added: Sequence[SegmentRow], changed: Sequence[SegmentRow]) -> None:
    """Store segments, new ones and such as are there."""
    add_many(connection, map_segment, SegmentRow._fields, added)
    update_many(connection, map_segment, SegmentRow._fields, changed)


def add_anchor(connection: Connection, anchor: MapAnchor, keep: int) -> None:
    """Store the map of a new anchor, and forget the map of every anchor before the last `keep`."""
    connection.execute(insert(map_anchor).values(**vars(anchor)))
    connection.execute(delete(map_anchor).where(map_anchor.c.seq <= anchor.seq - keep))


def drop_anchors(connection: Connection, after: int) -> None:
    """Take away what is kept of every anchor after one."""
    connection.execute(delete(map_anchor).where(map_anchor.c.seq > after))


def segment_of(label: bytes) -> int:
    """Return the segment in which a label lies."""
    return int.from_bytes(label[: SEGMENT_BITS // 8])


def segment_of_key(key: int) -> int:
    """Return the segment in which a row lies."""
    return key >> _ROW_BITS


def key_of(label: bytes, depth: int) -> int:
    """Return the key of the row in which a label lies, in a segment of rows at this depth."""
    low = _ROW_BITS - depth
    return int.from_bytes(label[:8]) >> 64 - KEY_BITS >> low << low


def place_of(key: int, depth: int) -> int:
    """Return which of its segment's 2^depth rows a row is."""
    return key >> _ROW_BITS - depth & (1 << depth) - 1


def key_at(segment: int, place: int, depth: int) -> int:
    """Return the key of one of a segment's 2^depth rows."""
    return segment << _ROW_BITS | place << _ROW_BITS - depth


def _within(segment: int) -> dict[str, int]:
    return {"first": segment << _ROW_BITS, "beyond": segment + 1 << _ROW_BITS}
