"""Records of one broker: what was accepted, in log order, with its findings and its promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, Connection, Select, bindparam, func, select, update

from evidence.version2.links import ZERO_HASH, Link
from node_adapter.store import former
from node_adapter.store.operations import add_many, in_parts, move_places
from node_adapter.store.references import erased_reference
from node_adapter.store.schema import finding, log_anchor, record, wrong_anchor
from primitives.errors import Refused

_PAGE_ROWS = 200


@dataclass(frozen=True)
class RecordRow:
    """One accepted record, as stored.

    `payload` and `root_salt` are None once erased; `envelope_salt` stays, which opens the envelope and no field.
    `promise` and `anchor_by` are None while the promise is owed. `block` is the newest block that was indexed at
    acceptance. `house`: later decisions rest on it, whoever they are about (`node_adapter.store.house_records`).
    It lies in the map under `label`; log and map hold its `entry`; the record after has to lie under `next`. `nonce` is
    that of the client's act.
    """

    log_index: int
    record_id: str
    source_ref: str
    request_digest: bytes
    pid: str
    seq: int
    type: str
    envelope: bytes
    payload: str | None = field(repr=False)
    root_salt: bytes | None = field(repr=False)
    fingerprint: bytes
    label: bytes
    next: bytes
    entry: bytes
    act_signature: str | None
    accepted_at: int
    anchor_by: int | None
    promise: str | None
    block: int | None = None
    broken_at: int | None = None
    envelope_salt: bytes | None = field(default=None, repr=False)
    house: bool = False
    nonce: bytes | None = None

    @property
    def erased(self) -> bool:
        """Tell whether the originals are gone."""
        return self.payload is None or self.root_salt is None

    @property
    def is_stub(self) -> bool:
        """Tell whether the link alone is left, since an ERASE let the record go: it has no envelope and no type."""
        return not self.envelope


@dataclass(frozen=True)
class FindingRow:
    """A rule that an accepted record breaks."""

    record_id: str
    code: str
    rule: str
    detail: str


_COLUMNS = tuple(one.name for one in fields(RecordRow) if one.name != "promise")
_values = attrgetter(*_COLUMNS)
_FINDING_COLUMNS = tuple(one.name for one in fields(FindingRow))
_finding_values = attrgetter(*_FINDING_COLUMNS)
_NO_PROMISES: Mapping[str, str] = {}


def insert_records(
    connection: Connection,
    rows: Sequence[RecordRow],
    findings: Sequence[FindingRow],
    promises: Mapping[str, str] = _NO_PROMISES,
) -> None:
    """Store records and their findings; `promises` are those that the rows do not hold yet, by the records' ids."""
    kept = [(*_values(row), promises.get(row.record_id, row.promise)) for row in rows]
    add_many(connection, record, (*_COLUMNS, "promise"), kept)
    add_many(connection, finding, _FINDING_COLUMNS, [_finding_values(row) for row in findings])


# Every request asks: they are built once.
_LAST = select(func.max(record.c.log_index))
_TAKEN = select(func.max(log_anchor.c.size)).where(log_anchor.c.seq.in_(select(wrong_anchor.c.seq)))
_NEWEST_BLOCK = select(record.c.block).order_by(record.c.log_index.desc()).limit(1)


def log_size(connection: Connection) -> int:
    """Return the number of log entries: indexes run on, from 0 or from the end of the log of format 1.

    There is a gap where an anchor that was named wrong covers places that hold no record of ours.
    """
    last = connection.execute(_LAST).scalar_one()
    size = former.first_index(connection) if last is None else int(last) + 1
    return max(size, connection.execute(_TAKEN).scalar_one() or 0)


def by_source_refs(connection: Connection, references: Iterable[str]) -> dict[str, RecordRow]:
    """Return the records that exist under the caller's references, by these; also those that were erased since."""
    erased = {reference: erased_reference(reference) for reference in references}
    rows = _select_in(connection, record.c.source_ref, (*erased, *erased.values()))
    found = {row.source_ref: row for row in rows}
    kept = {reference: found.get(reference) or found.get(left) for reference, left in erased.items()}
    return {reference: row for reference, row in kept.items() if row is not None}


def by_record_ids(connection: Connection, ids: Iterable[str]) -> dict[str, RecordRow]:
    """Return the records that exist among `ids`."""
    return {row.record_id: row for row in _select_in(connection, record.c.record_id, ids)}


def at(connection: Connection, log_index: int) -> RecordRow | None:
    """Return the record at a place of the log, or None."""
    row = connection.execute(select(record).where(record.c.log_index == log_index)).mappings().one_or_none()
    return None if row is None else RecordRow(**row)


def erased_ids(connection: Connection, pid: str) -> list[str]:
    """Return the ids of a subject's records of which the link alone is left, in the order of its chain."""
    gone = select(record.c.record_id).where(record.c.pid == pid, record.c.envelope == b"")
    return list(connection.execute(gone.order_by(record.c.seq)).scalars())


def at_places(connection: Connection, pid: str, places: Iterable[int]) -> dict[int, RecordRow]:
    """Return those of a subject's records that exist at some places of its chain, by place."""
    wanted, found = list(places), {}
    for part in in_parts(wanted):
        some = record.c.seq.in_(part)
        for row in connection.execute(select(record).where(record.c.pid == pid, some)).mappings():
            found[row["seq"]] = RecordRow(**row)
    return found


def known_act_signatures(connection: Connection, signatures: Iterable[str]) -> set[str]:
    """Return those client signatures that a stored record carries already."""
    return {str(row.act_signature) for row in _select_in(connection, record.c.act_signature, signatures)}


def of_subject(connection: Connection, pid: str) -> list[RecordRow]:
    """Return a subject's whole chain, in order."""
    statement = select(record).where(record.c.pid == pid).order_by(record.c.seq)
    return [RecordRow(**row) for row in connection.execute(statement).mappings()]


def pages_of(connection: Connection, pid: str, rows: int = _PAGE_ROWS) -> Iterator[list[RecordRow]]:
    """Yield a subject's chain in order, some records at a time: it may be longer than memory is large."""
    after = 0
    while page := _page(connection, pid, after, rows):
        yield page
        after = page[-1].seq


def _page(connection: Connection, pid: str, after: int, limit: int) -> list[RecordRow]:
    query = select(record).where(record.c.pid == pid, record.c.seq > after).order_by(record.c.seq).limit(limit)
    return [RecordRow(**row) for row in connection.execute(query).mappings()]


def types_of(connection: Connection, pid: str) -> list[str]:
    """Return the types of record that a subject's chain holds, sorted; of an erased one nobody knows it any more."""
    types = select(record.c.type).where(record.c.pid == pid, record.c.type != "").distinct()
    return sorted(connection.execute(types).scalars())


def of_types(connection: Connection, pid: str, types: Iterable[str]) -> list[RecordRow]:
    """Return the records of some types in a subject's chain, in order."""
    query = select(record).where(record.c.pid == pid, record.c.type.in_(list(types))).order_by(record.c.seq)
    return [RecordRow(**row) for row in connection.execute(query).mappings()]


def bytes_of(connection: Connection, pid: str) -> int:
    """Return how many bytes envelopes, payloads and promises of a subject's chain have together: a bundle has more."""
    of_payload, of_promise = (func.coalesce(func.length(one), 0) for one in (record.c.payload, record.c.promise))
    size = func.length(record.c.envelope) + of_payload + of_promise
    return int(connection.execute(select(func.coalesce(func.sum(size), 0)).where(record.c.pid == pid)).scalar_one())


def promised_page(connection: Connection, pid: str, after: int, limit: int, stop: int | None = None) -> list[RecordRow]:
    """Return a subject's first records after a sequence number that have their promise, below a log index if told."""
    query = select(record).where(record.c.pid == pid, record.c.seq > after, record.c.promise.is_not(None))
    if stop is not None:
        query = query.where(record.c.log_index < stop)
    return [RecordRow(**row) for row in connection.execute(query.order_by(record.c.seq).limit(limit)).mappings()]


def owed_to(connection: Connection, pid: str, stop: int | None = None) -> int:
    """Return how many of a subject's records have no promise yet, below a log index if told."""
    query = select(func.count()).select_from(record).where(record.c.pid == pid, record.c.promise.is_(None))
    if stop is not None:
        query = query.where(record.c.log_index < stop)
    return int(connection.execute(query).scalar_one())


def count_from(connection: Connection, pid: str, start: int) -> int:
    """Return how many of a subject's records stand at a log index or after it; only those, and one, are looked at."""
    own = select(record.c.seq).where(record.c.pid == pid).order_by(record.c.seq.desc()).limit(1)
    newest = connection.execute(own).scalar_one_or_none() or 0
    before = connection.execute(own.where(record.c.log_index < start)).scalar_one_or_none() or 0
    return newest - before


def find_by_fingerprint(connection: Connection, pid: str, fingerprint: bytes) -> RecordRow | None:
    """Return a subject's record by its fingerprint, or None."""
    statement = select(record).where(record.c.fingerprint == fingerprint, record.c.pid == pid)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else RecordRow(**row)


def entries(connection: Connection, start: int, stop: int) -> list[bytes]:
    """Return what the log holds at the places with start <= index < stop."""
    return [entry for _, entry in labelled(connection, start, stop)]


def labelled(connection: Connection, start: int, stop: int) -> list[tuple[bytes, bytes]]:
    """Return (label, entry) of the records with start <= index < stop, in the order of the log."""
    rows = select(record.c.label, record.c.entry).where(record.c.log_index >= start, record.c.log_index < stop)
    return [(row.label, row.entry) for row in connection.execute(rows.order_by(record.c.log_index))]


def link(connection: Connection, pid: str, seq: int) -> Link | None:
    """Return the place of a subject's record in its history, or None; it is there of an erased one, too."""
    places = select(record.c.seq, record.c.fingerprint, record.c.next)
    found = connection.execute(places.where(record.c.pid == pid, record.c.seq.in_((seq - 1, seq)))).all()
    rows = {row.seq: row for row in found}
    if seq not in rows:
        return None
    before = rows[seq - 1].fingerprint if seq > 1 else ZERO_HASH
    return Link(seq, before, rows[seq].next, rows[seq].fingerprint)


def used_nonces(connection: Connection, pid: str, nonces: Iterable[bytes]) -> set[bytes]:
    """Return those nonces that an act of this subject has used."""
    wanted = select(record.c.nonce).where(record.c.pid == pid, record.c.nonce.in_(list(nonces)))
    return {bytes(nonce) for nonce in connection.execute(wanted).scalars() if nonce is not None}


def require_format_2(connection: Connection) -> None:
    """Refuse a database whose log begins with records of format 1, before it was migrated.

    Raises:
        Refused: `format-1-records`.
    """
    first = connection.execute(select(record.c.entry).order_by(record.c.log_index).limit(1)).first()
    if first is not None and first.entry is None:
        raise Refused(
            "format-1-records",
            "this database holds records of format 1: `bonafides node migrate` takes them over into the network that "
            "continues this one; until then run the release that wrote them",
        )


def findings_of(connection: Connection, record_ids: Iterable[str]) -> dict[str, list[FindingRow]]:
    """Return the findings of records, by record, in the order in which they were found."""
    wanted = list(dict.fromkeys(record_ids))
    found: dict[str, list[FindingRow]] = {}
    for part in in_parts(wanted):
        statement = (
            select(finding.c.record_id, finding.c.code, finding.c.rule, finding.c.detail)
            .where(finding.c.record_id.in_(part))
            .order_by(finding.c.id)
        )
        for row in connection.execute(statement).mappings():
            found.setdefault(row["record_id"], []).append(FindingRow(**row))
    return found


def owed(connection: Connection, stop: int, limit: int) -> list[RecordRow]:
    """Return the first records below log index `stop` whose promise is owed."""
    statement = select(record).where(record.c.promise.is_(None), record.c.log_index < stop)
    found = connection.execute(statement.order_by(record.c.log_index).limit(limit)).mappings()
    return [RecordRow(**row) for row in found]


def owed_count(connection: Connection) -> int:
    """Return how many records were accepted whose promise is owed."""
    return int(connection.execute(select(func.count()).where(record.c.promise.is_(None))).scalar_one())


def put_promise(connection: Connection, log_index: int, promise: str, anchor_by: int) -> None:
    """Keep the promise of a record that had none."""
    statement = update(record).where(record.c.log_index == log_index, record.c.promise.is_(None))
    connection.execute(statement.values(promise=promise, anchor_by=anchor_by))


def first_from(connection: Connection, start: int) -> int | None:
    """Return the place of the first record at or after one, or None."""
    place: int | None = connection.execute(
        select(func.min(record.c.log_index)).where(record.c.log_index >= start)
    ).scalar_one()
    return place


def promised_count_from(connection: Connection, start: int) -> int:
    """Return how many of the records from a place on have their promise."""
    query = select(func.count()).select_from(record)
    return int(connection.execute(query.where(record.c.log_index >= start, record.c.promise.is_not(None))).scalar_one())


def move_from(connection: Connection, start: int, by: int, now_ms: int) -> list[str]:
    """Give the records from `start` on places that are `by` further on, in their order; return whose promise broke.

    A promise names its place: where one was given it is broken, and another one is owed.
    """
    promised = select(record.c.record_id).where(record.c.log_index >= start, record.c.promise.is_not(None))
    broken = list(connection.execute(promised.order_by(record.c.log_index)).scalars())
    connection.execute(
        update(record)
        .where(record.c.log_index >= start, record.c.promise.is_not(None))
        .values(promise=None, anchor_by=None, broken_at=now_ms)
    )
    move_places(connection, record.c.log_index, start, by)
    return broken


def accepted_at_block(connection: Connection, size: int | None = None) -> int | None:
    """Return the block at which the last of the first `size` records was accepted, or of all; None where none was."""
    newest = _NEWEST_BLOCK if size is None else _NEWEST_BLOCK.where(record.c.log_index < size)
    block: int | None = connection.execute(newest).scalar_one_or_none()
    return block


def first_accepted_at(connection: Connection, start: int, block: int) -> int | None:
    """Return the place of the first record from `start` on that was accepted at a block or later, or None."""
    later = select(record.c.log_index).where(record.c.log_index >= start, record.c.block >= block)
    place: int | None = connection.execute(later.order_by(record.c.log_index).limit(1)).scalar_one_or_none()
    return place


def oldest_accepted_at(connection: Connection, from_index: int) -> int | None:
    """Return when the first record at or after `from_index` was accepted, or None when there is none."""
    statement = select(func.min(record.c.accepted_at)).where(record.c.log_index >= from_index)
    oldest: int | None = connection.execute(statement).scalar_one()
    return oldest


def late_promises(connection: Connection, start: int, stop: int | None, time_ms: int) -> list[str]:
    """Return the records in start <= index < stop whose promise ended before `time_ms` and was not noted as broken."""
    query = select(record.c.record_id).where(
        record.c.log_index >= start, record.c.anchor_by < time_ms, record.c.broken_at.is_(None)
    )
    if stop is not None:
        query = query.where(record.c.log_index < stop)
    return list(connection.execute(query.order_by(record.c.log_index)).scalars())


def is_overdue(connection: Connection, start: int, time_ms: int) -> bool:
    """Say whether a record from `start` on has a promise that ended before `time_ms`."""
    query = select(record.c.log_index).where(record.c.log_index >= start, record.c.anchor_by < time_ms).limit(1)
    return connection.execute(query).first() is not None


def mark_broken(connection: Connection, ids: Iterable[str], now_ms: int) -> None:
    """Note that the promises of records were broken."""
    wanted = list(ids)
    for part in in_parts(wanted):
        some = record.c.record_id.in_(part)
        connection.execute(update(record).where(some).values(broken_at=now_ms))


def broken_count(connection: Connection) -> int:
    """Return how many promises were broken."""
    query = select(func.count()).select_from(record).where(record.c.broken_at.is_not(None))
    return int(connection.execute(query).scalar_one())


def finding_counts(connection: Connection) -> dict[str, int]:
    """Return how often each finding occurs."""
    statement = select(finding.c.code, func.count()).group_by(finding.c.code)
    return {code: count for code, count in connection.execute(statement)}


def _select_in(connection: Connection, column: Column[str], values: Iterable[str]) -> list[RecordRow]:
    wanted = list(dict.fromkeys(values))
    found: list[RecordRow] = []
    for part in in_parts(wanted):
        rows = connection.execute(_among(column), {"wanted": part}).mappings()
        found.extend(RecordRow(**row) for row in rows)
    return found


@cache
def _among(column: Column[str]) -> Select[Any]:
    return select(record).where(column.in_(bindparam("wanted", expanding=True)))
