"""Alarms: what a person must look at. One row per cause: kind and what it is about, with how often it was seen.

An alarm is open until its cause ends, or until a person closes it; the same cause seen again opens it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from node_adapter.store.operations import upsert
from node_adapter.store.outbox import OutboxRow
from node_adapter.store.schema import alarm

PROMISE_BROKEN = "promise-broken"
ANCHOR_CONFLICT = "anchor-conflict"
ANCHOR_NAMED_WRONG = "anchor-named-wrong"
ANCHOR_WITHOUT_EVENT = "anchor-without-event"
ANCHOR_REFUSED = "anchor-refused"
TRANSACTION_FAILED = "transaction-failed"
CHAIN_RESET = "chain-reset"
SEND_REFUSED = "send-refused"
TASK_TROUBLE = "task-trouble"
RESEND_BLOCKED = "resend-blocked"
RESTORED = "restored-copy"
RECOVERED = "records-recovered"
EFFECT_LOST = "effect-lost"
PROCESS_STOPPED = "process-stopped"
KEY_NOT_HELD = "signing-key-not-held"
TIMESTAMP_FAILED = "timestamp-failed"
CALL_REFUSED = "call-refused"
FEE_BOUND = "fee-bound"
CONSENT_NOT_RELAYED = "consent-not-relayed"
WITNESS_REFUSES = "witness-refuses"
MEMBER_CONVICTED = "member-convicted"
CONSENT_NOT_RECORDED = "consent-not-recorded"
FORMER_MISSING = "former-missing"
ORDER_DUE = "replay-order-due"
RETENTION_FAILED = "retention-failed"


@dataclass(frozen=True)
class Alarm:
    """One alarm; times in milliseconds.

    Attributes:
        kind: what happened, such as `promise-broken`.
        about: its cause within the kind, such as an outbox key or a kind of chain write.
        detail: the newest sighting, for a person.
        count: how often it was seen.
        first_at: the first sighting.
        last_at: the newest sighting.
        closed_at: when its cause ended or a person closed it; None while it is open.
    """

    kind: str
    about: str
    detail: str
    count: int
    first_at: int
    last_at: int
    closed_at: int | None


def raise_alarm(connection: Connection, kind: str, about: str, detail: str, now_ms: int, *, count: int = 1) -> None:
    """Note `count` sightings of a cause; a closed alarm is open again."""
    row = {"kind": kind, "about": about, "detail": detail, "count": count, "first_at": now_ms, "last_at": now_ms}
    again = {"detail": detail, "count": alarm.c.count + count, "last_at": now_ms, "closed_at": None}
    upsert(connection, alarm, {**row, "closed_at": None}, ("kind", "about"), again)


def raise_failed(connection: Connection, row: OutboxRow, error: str, now_ms: int) -> None:
    """Note that a contract has refused a write for good."""
    raise_alarm(connection, TRANSACTION_FAILED, row.kind, f"{row.key}: {error}", now_ms)


Failed = Callable[[Connection, OutboxRow, str, int], None]
"""What is called when a contract has refused a write for good, with the reason and the time."""


def close_alarm(connection: Connection, kind: str, now_ms: int, about: str | None = None) -> int:
    """Close the open alarms of a kind, or the one about something; return how many were open."""
    statement = update(alarm).where(alarm.c.kind == kind, alarm.c.closed_at.is_(None)).values(closed_at=now_ms)
    if about is not None:
        statement = statement.where(alarm.c.about == about)
    return int(connection.execute(statement).rowcount)


def list_alarms(connection: Connection, kind: str | None = None, *, with_closed: bool = False) -> list[Alarm]:
    """Return the open alarms, or all of them, in the order in which they were first raised."""
    query = select(alarm)
    if kind is not None:
        query = query.where(alarm.c.kind == kind)
    if not with_closed:
        query = query.where(alarm.c.closed_at.is_(None))
    # Sorted here: SQLite would rather read every closed one, in order, than sort the few that are open.
    found = sorted((dict(row) for row in connection.execute(query).mappings()), key=lambda row: row.pop("id"))
    return [Alarm(**row) for row in found]


def open_detail(connection: Connection, kind: str, about: str) -> str | None:
    """Return what an open alarm about something says; None where none is open."""
    query = select(alarm.c.detail).where(alarm.c.kind == kind, alarm.c.about == about, alarm.c.closed_at.is_(None))
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def is_open(connection: Connection, kind: str, about: str | None = None) -> bool:
    """Say whether an alarm of this kind is open; asks without the write lock what `close_alarm` would find."""
    query = select(alarm.c.id).where(alarm.c.kind == kind, alarm.c.closed_at.is_(None)).limit(1)
    if about is not None:
        query = query.where(alarm.c.about == about)
    return connection.execute(query).first() is not None
