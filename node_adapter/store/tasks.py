"""Joint tasks of this member: specification, state, own input, messages, who took part, and what the chain says.

proposed -> approved -> committed -> masked -> checked -> recording -> completed
                any of them -> (recording ->) refused

`masked` is the state in which an engine's messages are under way, whatever the engine: the word is the first one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from node_adapter.store.operations import add_once, in_parts, upsert
from node_adapter.store.schema import record, task, task_client, task_message

PROPOSED, APPROVED, COMMITTED, MASKED = "proposed", "approved", "committed", "masked"
CHECKED, RECORDING, COMPLETED, REFUSED = "checked", "recording", "completed", "refused"
ENDED = (COMPLETED, REFUSED)
_OPEN = (PROPOSED, APPROVED, COMMITTED, MASKED, CHECKED, RECORDING)


@dataclass(frozen=True)
class TaskRow:
    """One task.

    `engine_state` (what its engine keeps, secret), `started_at` (when the data were used) and `commitment` are there
    from `committed` on; `result` from `checked` on.
    """

    task_id: str
    spec: str
    state: str
    run_requested: bool
    commitment: bytes | None
    result: str | None = field(repr=False)
    error: str | None
    updated_at: int
    engine_state: bytes | None = field(repr=False)
    started_at: int | None


@dataclass(frozen=True)
class TaskClient:
    """A client who takes part, and by which consent."""

    pid: str
    consent_id: str


def insert_task(connection: Connection, task_id: str, spec: str, now_ms: int) -> None:
    """Store a new task; the caller has checked that its id is free."""
    row = {"task_id": task_id, "spec": spec, "state": PROPOSED, "run_requested": False, "updated_at": now_ms}
    connection.execute(insert(task).values(**row))


def find_task(connection: Connection, task_id: str) -> TaskRow | None:
    """Return one task, or None."""
    row = connection.execute(select(task).where(task.c.task_id == task_id)).one_or_none()
    return None if row is None else _row(row)


def list_tasks(connection: Connection) -> list[TaskRow]:
    """Return every task that this member knows, the last one moved first."""
    return [_row(row) for row in connection.execute(select(task).order_by(task.c.updated_at.desc(), task.c.task_id))]


def open_tasks(connection: Connection) -> list[TaskRow]:
    """Return the tasks that have not ended."""
    return [_row(row) for row in connection.execute(select(task).where(task.c.state.in_(_OPEN)))]


def move(
    connection: Connection, task_id: str, before: str, after: str, now_ms: int, **values: str | bytes | int | None
) -> bool:
    """Go from one state to the next and write `values`; False when the task is in another state."""
    changes = {"state": after, "updated_at": now_ms, **values}
    statement = update(task).where(task.c.task_id == task_id, task.c.state == before).values(**changes)
    return connection.execute(statement).rowcount == 1


def request_run(connection: Connection, task_id: str, now_ms: int) -> None:
    """Note that the operator wants the task to run."""
    connection.execute(update(task).where(task.c.task_id == task_id).values(run_requested=True, updated_at=now_ms))


def put_clients(connection: Connection, task_id: str, clients: Iterable[TaskClient]) -> None:
    """Write who takes part, instead of what was there."""
    connection.execute(delete(task_client).where(task_client.c.task_id == task_id))
    rows = [{"task_id": task_id, **vars(client)} for client in clients]
    if rows:
        connection.execute(insert(task_client), rows)


def clients_of(connection: Connection, task_id: str) -> list[TaskClient]:
    """Return who takes part, by pseudonym."""
    query = select(task_client.c.pid, task_client.c.consent_id).where(task_client.c.task_id == task_id)
    return [TaskClient(*row) for row in connection.execute(query.order_by(task_client.c.pid))]


def of_client(connection: Connection, pid: str) -> list[tuple[str, str]]:
    """Return the tasks that a client takes part in, each with the consent that allows it."""
    query = select(task_client.c.task_id, task_client.c.consent_id).where(task_client.c.pid == pid)
    return [(task_id, consent_id) for task_id, consent_id in connection.execute(query.order_by(task_client.c.task_id))]


def add_message(connection: Connection, task_id: str, sender: str, kind: str, body: str, now_ms: int) -> str:
    """Keep the first message of a sender and kind; return the body that is kept."""
    values = {"task_id": task_id, "sender": sender, "kind": kind, "body": body, "received_at": now_ms}
    add_once(connection, task_message, values)
    return messages_of(connection, task_id, kind)[sender]


def put_message(connection: Connection, task_id: str, sender: str, kind: str, body: str, now_ms: int) -> None:
    """Keep the last message of a sender and kind."""
    values = {"task_id": task_id, "sender": sender, "kind": kind, "body": body, "received_at": now_ms}
    last = {"body": body, "received_at": now_ms}
    upsert(connection, task_message, values, ("task_id", "sender", "kind"), last)


def messages_of(connection: Connection, task_id: str, kind: str) -> dict[str, str]:
    """Return the bodies of one kind by sender."""
    query = select(task_message.c.sender, task_message.c.body)
    query = query.where(task_message.c.task_id == task_id, task_message.c.kind == kind)
    return {sender: body for sender, body in connection.execute(query.order_by(task_message.c.sender))}


def message_times(connection: Connection, task_id: str, kind: str) -> dict[str, int]:
    """Return when the messages of one kind were kept, by sender."""
    query = select(task_message.c.sender, task_message.c.received_at)
    query = query.where(task_message.c.task_id == task_id, task_message.c.kind == kind)
    return {sender: received_at for sender, received_at in connection.execute(query)}


def latest_payloads(connection: Connection, record_type: str, pids: Sequence[str]) -> dict[str, str]:
    """Return the newest payload of a record type by subject, of those that still have one."""
    wanted, found = list(dict.fromkeys(pids)), {}
    kept = (record.c.type == record_type, record.c.payload.is_not(None))
    for part in in_parts(wanted):
        some = record.c.pid.in_(part)
        query = select(record.c.pid, record.c.payload).where(some, *kept).order_by(record.c.pid, record.c.seq)
        found.update({pid: payload for pid, payload in connection.execute(query)})
    return found


def _row(row: Row[Any]) -> TaskRow:
    return TaskRow(**row._mapping)
