"""The store page by page in one order, for who goes over all of it; each page costs the same whatever the age."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from node_adapter.store.map.rows import SegmentRow
from node_adapter.store.records import RecordRow
from node_adapter.store.schema import (
    cosignature,
    log_anchor,
    log_node,
    map_row,
    map_segment,
    record,
    subject,
    wrong_anchor,
)
from node_adapter.store.subjects import SubjectRow


def records_after(connection: Connection, log_index: int, limit: int) -> list[RecordRow]:
    """Return the first records after a place of the log."""
    query = select(record).where(record.c.log_index > log_index).order_by(record.c.log_index).limit(limit)
    return [RecordRow(**row) for row in connection.execute(query).mappings()]


def place_after_wrong(connection: Connection, log_index: int) -> int | None:
    """Return the first place after those that wrong anchors cover from a place on; None where none covers it."""
    wrong = select(wrong_anchor.c.seq)
    size = select(func.max(log_anchor.c.size)).where(log_anchor.c.seq.in_(wrong), log_anchor.c.size > log_index)
    place: int | None = connection.execute(size.where(log_anchor.c.size_before <= log_index)).scalar_one()
    return place


def subjects_after(connection: Connection, pid: str, limit: int) -> list[SubjectRow]:
    """Return the first subjects after a pseudonym."""
    query = select(subject).where(subject.c.pid > pid).order_by(subject.c.pid).limit(limit)
    return [SubjectRow(**row) for row in connection.execute(query).mappings()]


def last_seq(connection: Connection, pid: str) -> int:
    """Return the number of a subject's last record; 0 where it has none."""
    newest = select(record.c.seq).where(record.c.pid == pid).order_by(record.c.seq.desc()).limit(1)
    return connection.execute(newest).scalar_one_or_none() or 0


def segments_after(connection: Connection, segment: int, limit: int) -> list[SegmentRow]:
    """Return the first segments of the map after one."""
    columns = (map_segment.c.segment, map_segment.c.depth, map_segment.c.leaves, map_segment.c.hash)
    query = select(*columns).where(map_segment.c.segment > segment).order_by(map_segment.c.segment).limit(limit)
    return [SegmentRow(*row) for row in connection.execute(query)]


def depths_of(connection: Connection, segments: Iterable[int]) -> dict[int, int]:
    """Return the depth of the rows of those segments that there are among some, at most a page of them."""
    query = select(map_segment.c.segment, map_segment.c.depth).where(map_segment.c.segment.in_(list(segments)))
    return {segment: depth for segment, depth in connection.execute(query)}


def map_rows(connection: Connection, first: int, beyond: int) -> list[tuple[int, int, bytes, bytes]]:
    """Return (key, leaves, hash, data) of the rows with first <= key < beyond: those of one segment."""
    columns = select(map_row.c.key, map_row.c.leaves, map_row.c.hash, map_row.c.data)
    query = columns.where(map_row.c.key >= first, map_row.c.key < beyond).order_by(map_row.c.key)
    return [(key, leaves, value, data) for key, leaves, value, data in connection.execute(query)]


def cosigned_after(connection: Connection, seq: int, limit: int) -> list[int]:
    """Return the numbers of the first checkpoints after one that have lines of other members."""
    query = select(cosignature.c.seq).where(cosignature.c.seq > seq).distinct().order_by(cosignature.c.seq)
    return list(connection.execute(query.limit(limit)).scalars())


def cosignatures_of(connection: Connection, seq: int) -> dict[str, str]:
    """Return the lines that each member signed under a checkpoint, by its account."""
    query = select(cosignature.c.witness, cosignature.c.line).where(cosignature.c.seq == seq)
    return {witness: line for witness, line in connection.execute(query.order_by(cosignature.c.witness))}


def records_below(connection: Connection, size: int) -> int:
    """Return how many records stand below a place of the log; every one is counted: once a check."""
    query = select(func.count()).select_from(record).where(record.c.log_index < size)
    return int(connection.execute(query).scalar_one())


def without_salts(connection: Connection) -> int:
    """Return how many records have an envelope and no salts; every one is looked at: once a check."""
    query = select(func.count()).select_from(record).where(record.c.envelope != b"", record.c.root_salt.is_(None))
    return int(connection.execute(query).scalar_one())


def without_checkpoint(connection: Connection) -> int:
    """Return how many final anchors have no signed checkpoint; every anchor is looked at: once a check."""
    unsigned = func.coalesce(log_anchor.c.checkpoint, "") == ""
    query = select(func.count()).select_from(log_anchor).where(log_anchor.c.block.is_not(None), unsigned)
    return int(connection.execute(query).scalar_one())


def node_count(connection: Connection) -> int:
    """Return how many nodes of the tree of anchors are stored; every one is counted: once a check."""
    return int(connection.execute(select(func.count()).select_from(log_node)).scalar_one())
