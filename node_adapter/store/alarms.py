"""Alarms: what a person must look at. One row per kind and subject, however often it is seen."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, exists, select
from sqlalchemy.dialects.sqlite import insert

from node_adapter.store.schema import alarm

PROMISE_BROKEN = "promise-broken"
ANCHOR_CONFLICT = "anchor-conflict"
ANCHOR_WITHOUT_EVENT = "anchor-without-event"
ANCHOR_REFUSED = "anchor-refused"
TRANSACTION_FAILED = "transaction-failed"
CHAIN_RESET = "chain-reset"
SEND_REFUSED = "send-refused"
TASK_TROUBLE = "task-trouble"
RESEND_BLOCKED = "resend-blocked"


@dataclass(frozen=True)
class Alarm:
    """One alarm. `about` names what it concerns, such as a record id or an outbox key."""

    kind: str
    about: str
    detail: str
    raised_at: int


def raise_alarm(connection: Connection, kind: str, about: str, detail: str, now_ms: int) -> None:
    """Raise an alarm; the same kind and subject again changes nothing."""
    statement = insert(alarm).values(kind=kind, about=about, detail=detail, raised_at=now_ms)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["kind", "about"]))


def list_alarms(connection: Connection, kind: str | None = None) -> list[Alarm]:
    """Return the alarms in the order in which they were raised."""
    query = select(alarm).order_by(alarm.c.id)
    if kind is not None:
        query = query.where(alarm.c.kind == kind)
    return [Alarm(row.kind, row.about, row.detail, row.raised_at) for row in connection.execute(query)]


def is_raised(kind: str, about: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the SQL condition that an alarm of this kind about that column's value stands."""
    return exists().where(alarm.c.kind == kind, alarm.c.about == about)
