"""Erasing records (docs/spec/evidence-2.md, section 2.2): which ERASE records still wait, and what is deleted.

Of an erased record its row keeps the link, its places in log and map, the promise, and a digest of the caller's
reference, under which the same fact is not stored again. Envelope, payload, salts, type and what was made of them are
gone, and are overwritten in the file, not merely given free.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from node_adapter.store.operations import in_parts, move_places
from node_adapter.store.references import erased_reference
from node_adapter.store.schema import (
    consent,
    credential,
    erasure,
    finding,
    idempotency,
    record,
    replay_order,
    subject,
    task_client,
)
from node_adapter.store.spelling import POSTGRESQL

NO_TYPE = ""
"""The type of a record of which the link alone is left."""

_NOTHING = b""
_ANSWERS = 500  # that are looked through at a time
_RECORD_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_WITHOUT_CONTENT = {
    "type": NO_TYPE,
    "envelope": _NOTHING,
    "payload": None,
    "root_salt": None,
    "envelope_salt": None,
    "request_digest": bytes(32),  # unsalted: whoever holds it could try payloads
}


@dataclass(frozen=True)
class ErasureRow:
    """An ERASE record and whether what it names is gone: `done_at` is None until nothing is left of it."""

    log_index: int
    pid: str
    done_at: int | None = None


def add(connection: Connection, row: ErasureRow) -> None:
    """Note that the ERASE record of a place waits for its anchor."""
    connection.execute(insert(erasure).values(**vars(row)))


def move_from(connection: Connection, start: int, by: int) -> None:
    """The records from `start` on got places that are `by` further on: so did the ERASE records among them."""
    move_places(connection, erasure.c.log_index, start, by)


def first_waiting(connection: Connection, stop: int, *, continuing: bool = True) -> ErasureRow | None:
    """Return the first ERASE record below a log index whose work is not done, or None.

    Args:
        connection: a connection inside a transaction.
        stop: the log index.
        continuing: also of a history that continues one of format 1.
    """
    waiting = select(erasure).where(erasure.c.done_at.is_(None), erasure.c.log_index < stop)
    if not continuing:
        others = select(subject.c.pid).where(subject.c.former_count.is_not(None))
        waiting = waiting.where(erasure.c.pid.not_in(others))
    row = connection.execute(waiting.order_by(erasure.c.log_index).limit(1)).mappings().one_or_none()
    return None if row is None else ErasureRow(**row)


def waiting_of(connection: Connection, pid: str) -> list[int]:
    """Return the log indexes of a subject's ERASE records whose work is not done."""
    waiting = select(erasure.c.log_index).where(erasure.c.pid == pid, erasure.c.done_at.is_(None))
    return list(connection.execute(waiting.order_by(erasure.c.log_index)).scalars())


_DONE = (
    select(erasure.c.pid, record.c.seq)
    .join(record, record.c.log_index == erasure.c.log_index)
    .where(erasure.c.pid.in_(bindparam("pids", expanding=True)), erasure.c.done_at.is_not(None))
    .order_by(erasure.c.log_index)
)


def done_of(connection: Connection, pids: Iterable[str]) -> dict[str, list[int]]:
    """Return, by pseudonym, the places of the ERASE records in its history whose work is done."""
    places: dict[str, list[int]] = {}
    wanted = list(pids)
    for part in in_parts(wanted):
        for row in connection.execute(_DONE, {"pids": part}):
            places.setdefault(row.pid, []).append(row.seq)
    return places


def find(connection: Connection, log_index: int) -> ErasureRow | None:
    """Return the row of an ERASE record, or None."""
    row = connection.execute(select(erasure).where(erasure.c.log_index == log_index)).mappings().one_or_none()
    return None if row is None else ErasureRow(**row)


def mark_done(connection: Connection, log_index: int, now_ms: int) -> None:
    """Note that nothing is left of what an ERASE record names."""
    connection.execute(update(erasure).where(erasure.c.log_index == log_index).values(done_at=now_ms))


def overwrite_what_is_deleted(connection: Connection) -> None:
    """Have SQLite fill with zeros, from here on in this connection, what a statement gives free.

    PostgreSQL has no such thing (docs/adr/0079-two-databases.md).
    """
    if connection.dialect.name == POSTGRESQL:
        return
    connection.exec_driver_sql("PRAGMA secure_delete = ON")


def wipe(connection: Connection, log_indexes: Iterable[int]) -> None:
    """Leave the links of records alone, and delete their findings.

    What staff signed is kept as its digest, over salted digests alone, so that it is recorded once; a client's
    signature goes: the nonce, which stays, serves once.
    """
    wanted = list(log_indexes)
    kept = select(record.c.log_index, record.c.record_id, record.c.source_ref).where(record.c.log_index.in_(wanted))
    rows = connection.execute(kept).all()
    if not rows:
        return
    of_place = record.c.log_index == bindparam("place")
    of_record = finding.c.record_id == bindparam("of")
    connection.execute(delete(finding).where(of_record), [{"of": row.record_id} for row in rows])
    acts = update(record).where(of_place, record.c.nonce.is_not(None)).values(act_signature=None)
    connection.execute(acts, [{"place": row.log_index} for row in rows])
    left = update(record).where(of_place).values(source_ref=bindparam("found_by"), **_WITHOUT_CONTENT)
    connection.execute(left, [{"place": row.log_index, "found_by": erased_reference(row.source_ref)} for row in rows])


def put_state(connection: Connection, pid: str, state: str) -> None:
    """Write what is known of a subject without the records that are gone."""
    connection.execute(update(subject).where(subject.c.pid == pid).values(state=state))


def forget_credential(connection: Connection, credential_id: str, body: str) -> None:
    """Put something else in place of what a credential says; its place in the status list stays."""
    connection.execute(update(credential).where(credential.c.id == credential_id).values(body=body))


def forget_consent(connection: Connection, pid: str, consent_id: str) -> None:
    """Delete a consent as it was given."""
    connection.execute(delete(consent).where(consent.c.consent_id == consent_id, consent.c.pid == pid))


def forget_use(connection: Connection, pid: str, task_id: str) -> None:
    """Delete that a client takes part in a task."""
    connection.execute(delete(task_client).where(task_client.c.task_id == task_id, task_client.c.pid == pid))


def forget_order(connection: Connection, order_id: str) -> None:
    """Delete the signed message of a replay order; that there was an order stays."""
    connection.execute(update(replay_order).where(replay_order.c.id == order_id).values(message=None))


def answers_that_show(connection: Connection, record_ids: Collection[str]) -> list[tuple[str, str]]:
    """Return the (key, route) of the kept answers in which one of these records stands; they are read one by one."""
    wanted = {record_id.encode() for record_id in record_ids}
    rows = select(idempotency.c.key, idempotency.c.route, idempotency.c.response)
    # Of the statement alone: as an option of the connection it would be one of whatever the transaction does next.
    found = connection.execute(rows, execution_options={"yield_per": _ANSWERS})
    return [(row.key, row.route) for row in found if not wanted.isdisjoint(_RECORD_ID.findall(row.response))]


def forget_answers(connection: Connection, keys: Iterable[tuple[str, str]]) -> None:
    """Delete kept answers: the same request again is worked on anew."""
    rows = [{"held": key, "path": route} for key, route in keys]
    if rows:
        own = (idempotency.c.key == bindparam("held"), idempotency.c.route == bindparam("path"))
        connection.execute(delete(idempotency).where(*own), rows)
