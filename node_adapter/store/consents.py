"""Consents of this broker's clients, each with the credential that the client signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select, update

from node_adapter.store.schema import consent, record

WITHDRAW = "CONSENT_WITHDRAW"
_MAX_VARIABLES = 500


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
    for start in range(0, len(wanted), _MAX_VARIABLES):
        statement = select(consent).where(consent.c.consent_id.in_(wanted[start : start + _MAX_VARIABLES]))
        for row in connection.execute(statement).mappings():
            found[row["consent_id"]] = ConsentRow(**row)
    return found


def recorded_withdrawals(connection: Connection, pids: Iterable[str]) -> set[tuple[str, str]]:
    """Return (pseudonym, consent id) of the withdrawals that the log holds of these subjects."""
    wanted, named = list(pids), func.json_extract(record.c.payload, "$.consent_id")
    found: set[tuple[str, str]] = set()
    for start in range(0, len(wanted), _MAX_VARIABLES):
        statement = select(record.c.pid, named).where(
            record.c.pid.in_(wanted[start : start + _MAX_VARIABLES]),
            record.c.type == WITHDRAW,
            record.c.payload.is_not(None),
        )
        found.update((pid, identifier) for pid, identifier in connection.execute(statement))
    return found


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
