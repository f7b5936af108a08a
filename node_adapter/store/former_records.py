"""The records and anchors of format 1, as the database that a migration left behind holds them.

Subjects, blocks and events of that database are read by the functions that read this release's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from evidence.documents.record import envelope_salt
from node_adapter.store.former import FormerLog
from node_adapter.store.records import RecordRow
from node_adapter.store.references import erased_reference
from node_adapter.store.schema import finding, record
from node_adapter.store.schema import former_anchor as anchor
from primitives.errors import VerificationFailed


@dataclass(frozen=True)
class FormerAnchor:
    """An anchor of format 1. `block` and `block_time` (seconds) are None while it is not final."""

    seq: int
    size: int
    root: bytes
    map_root: bytes
    checkpoint: str
    block: int | None
    block_time: int | None


@dataclass(frozen=True)
class PromisedPlace:
    """A record's place in the log, and by when it was promised to be anchored (ms); None while the promise is owed."""

    record_id: str
    log_index: int
    anchor_by: int | None


def anchors(connection: Connection) -> list[FormerAnchor]:
    """Return every anchor, in order."""
    columns = (anchor.c[name] for name in FormerAnchor.__dataclass_fields__)
    return [FormerAnchor(*row) for row in connection.execute(select(*columns).order_by(anchor.c.seq))]


def first_covering(connection: Connection, log_index: int) -> FormerAnchor | None:
    """Return the first anchor that covers a place of the log, or None."""
    columns = (anchor.c[name] for name in FormerAnchor.__dataclass_fields__)
    covering = select(*columns).where(anchor.c.size > log_index).order_by(anchor.c.seq).limit(1)
    row = connection.execute(covering).one_or_none()
    return None if row is None else FormerAnchor(*row)


def require_log(connection: Connection, log: FormerLog) -> None:
    """Check that this is the database that a migration left behind.

    Raises:
        VerificationFailed: check `local-log`; its last anchor is another one.
    """
    columns = (anchor.c[name] for name in FormerAnchor.__dataclass_fields__)
    row = connection.execute(select(*columns).order_by(anchor.c.seq.desc()).limit(1)).one_or_none()
    last = None if row is None else FormerAnchor(*row)
    held = (0, 0) if last is None else (last.seq, last.size)
    if held != (log.seq, log.size) or (last is not None and last.root.hex() != log.root):
        told = f"its last anchor is {held[0]}, of {held[1]} records, and this node's was {log.seq}, of {log.size}"
        raise VerificationFailed("local-log", f"the database of format 1 is another one: {told}")


def promised(connection: Connection) -> list[PromisedPlace]:
    """Return the place of every record, in log order."""
    columns = (record.c[name] for name in PromisedPlace.__dataclass_fields__)
    return [PromisedPlace(*row) for row in connection.execute(select(*columns).order_by(record.c.log_index))]


def holds_format_2(connection: Connection) -> bool:
    """Say whether a record has an entry: then it is none of format 1."""
    return (
        connection.execute(select(record.c.log_index).where(record.c.entry.is_not(None)).limit(1)).first() is not None
    )


def fingerprints(connection: Connection, start: int, stop: int) -> list[bytes]:
    """Return what the log holds at the places with start <= index < stop."""
    statement = select(record.c.fingerprint).where(record.c.log_index >= start, record.c.log_index < stop)
    return list(connection.execute(statement.order_by(record.c.log_index)).scalars())


def heads_in(connection: Connection, start: int, stop: int) -> Mapping[bytes, tuple[int, bytes]]:
    """Return (count, head) of each subject that grew in a stretch of the log, as of its end, by pseudonym."""
    statement = select(record.c.pid, record.c.seq, record.c.fingerprint).where(
        record.c.log_index >= start, record.c.log_index < stop
    )
    rows = connection.execute(statement.order_by(record.c.log_index))
    return {bytes.fromhex(row.pid): (row.seq, row.fingerprint) for row in rows}


def wipe(connection: Connection, rows: Iterable[RecordRow]) -> None:
    """Leave the envelopes of records, under salts that open no field, and delete their findings.

    Without its envelope no later record of a history of format 1 would verify: it states the one before.
    """
    gone = list(rows)
    if not gone:
        return
    connection.execute(
        delete(finding).where(finding.c.record_id == bindparam("of")), [{"of": row.record_id} for row in gone]
    )
    left = update(record).where(record.c.log_index == bindparam("place"))
    connection.execute(
        left.values(
            payload=None,
            root_salt=None,
            request_digest=bytes(32),  # unsalted: whoever holds it could try payloads
            envelope_salt=bindparam("opens"),
            source_ref=bindparam("found_by"),
        ),
        [
            {"place": row.log_index, "opens": _envelope_salt(row), "found_by": erased_reference(row.source_ref)}
            for row in gone
        ],
    )


def _envelope_salt(row: RecordRow) -> bytes | None:
    """Return what opens the envelope: the oldest rows of release 1 do not hold it apart."""
    if row.envelope_salt is not None or row.root_salt is None:
        return row.envelope_salt
    return envelope_salt(row.root_salt)
