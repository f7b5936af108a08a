"""Consents of this broker's clients, each with the credential that the client signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select, update

from node_adapter.store.operations import in_parts
from node_adapter.store.schema import CONSENT_NAMED, CONSENT_TYPES, consent, record


@dataclass(frozen=True)
class ConsentRow:
    """One consent: one purpose, one set of receivers. Whether the chain has it is asked of the index."""

    consent_id: str
    pid: str
    purpose: str
    receivers: str
    expires_at: int
    credential: str
    given_at: int
    withdrawn_at: int | None
    salt: bytes | None = field(default=None, repr=False)


def insert_consent(connection: Connection, row: ConsentRow) -> None:
    """Store a consent; the caller has checked that its id is free."""
    connection.execute(insert(consent).values(**vars(row)))


def find_consent(connection: Connection, consent_id: str) -> ConsentRow | None:
    """Return one consent, or None."""
    row = connection.execute(select(consent).where(consent.c.consent_id == consent_id)).mappings().one_or_none()
    return None if row is None else ConsentRow(**row)


def by_ids(connection: Connection, ids: Iterable[str]) -> dict[str, ConsentRow]:
    """Return the consents that exist among `ids`."""
    wanted, found = list(ids), {}
    for part in in_parts(wanted):
        statement = select(consent).where(consent.c.consent_id.in_(part))
        for row in connection.execute(statement).mappings():
            found[row["consent_id"]] = ConsentRow(**row)
    return found


@dataclass(frozen=True)
class RecordedAct:
    """A client's act about a consent that the log holds: whose, which consent, and its type."""

    pid: str
    consent_id: str
    type: str


def recorded_acts(connection: Connection, ids: Iterable[str]) -> set[RecordedAct]:
    """Return the acts in the log that name these consents, whoever signed them."""
    wanted = list(ids)
    found: set[RecordedAct] = set()
    for part in in_parts(wanted):
        statement = select(record.c.pid, CONSENT_NAMED, record.c.type).where(CONSENT_TYPES, CONSENT_NAMED.in_(part))
        found.update(RecordedAct(*row) for row in connection.execute(statement))
    return found


def known_ids(connection: Connection, after: str, limit: int) -> list[str]:
    """Return the first ids after one, in order, of the consents that a row or an act in the log tells of."""
    kept = select(consent.c.consent_id).where(consent.c.consent_id > after).order_by(consent.c.consent_id).limit(limit)
    acts = (
        select(CONSENT_NAMED)
        .select_from(record)
        .where(CONSENT_TYPES, after < CONSENT_NAMED)
        .distinct()
        .order_by(CONSENT_NAMED)
        .limit(limit)
    )
    return sorted({row[0] for statement in (kept, acts) for row in connection.execute(statement)})[:limit]


def of_subject(connection: Connection, pid: str) -> list[ConsentRow]:
    """Return a subject's consents, the earliest first."""
    statement = select(consent).where(consent.c.pid == pid).order_by(consent.c.given_at, consent.c.consent_id)
    return [ConsentRow(**row) for row in connection.execute(statement).mappings()]


def for_purpose(connection: Connection, purpose: str, now_ms: int) -> list[ConsentRow]:
    """Return the consents to a purpose that are neither withdrawn here nor expired at `now_ms`."""
    statement = select(consent).where(
        consent.c.purpose == purpose, consent.c.withdrawn_at.is_(None), consent.c.expires_at > now_ms
    )
    return [ConsentRow(**row) for row in connection.execute(statement.order_by(consent.c.pid)).mappings()]


def mark_withdrawn(connection: Connection, consent_id: str, now_ms: int) -> bool:
    """Withdraw a consent; False when there is none, or when it is withdrawn already."""
    statement = (
        update(consent)
        .where(consent.c.consent_id == consent_id, consent.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now_ms)
    )
    return connection.execute(statement).rowcount == 1


def mark_recorded(connection: Connection, pid: str, consent_id: str, now_ms: int) -> None:
    """Withdraw what a recorded act of its client withdraws; nothing where no grant was kept, or of another client."""
    statement = update(consent).where(
        consent.c.consent_id == consent_id, consent.c.pid == pid, consent.c.withdrawn_at.is_(None)
    )
    connection.execute(statement.values(withdrawn_at=now_ms))


def end_all(connection: Connection, pid: str, now_ms: int) -> None:
    """Withdraw every consent of a subject that is in force here."""
    statement = update(consent).where(consent.c.pid == pid, consent.c.withdrawn_at.is_(None))
    connection.execute(statement.values(withdrawn_at=now_ms))
