"""Consents of this broker's clients, each with the credential that the client signed."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select, update

from node_adapter.store.schema import consent


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


def end_all(connection: Connection, pid: str, now_ms: int) -> None:
    """Withdraw every consent of a subject that is in force here."""
    statement = update(consent).where(consent.c.pid == pid, consent.c.withdrawn_at.is_(None))
    connection.execute(statement.values(withdrawn_at=now_ms))
