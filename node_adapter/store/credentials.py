"""Credentials that this member issued, with their place in the status list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from node_adapter.store.schema import credential

_MAX_VARIABLES = 500


@dataclass(frozen=True)
class CredentialRow:
    """An issued credential; `body` is its JSON as handed out."""

    id: str
    pid: str
    type: str
    body: str
    status_index: int
    issued_at: int
    revoked_at: int | None


def next_status_index(connection: Connection) -> int:
    """Return the first free index; call it inside the write transaction that uses it."""
    return int(connection.execute(select(func.coalesce(func.max(credential.c.status_index) + 1, 0))).scalar_one())


def insert_credentials(connection: Connection, rows: list[CredentialRow]) -> None:
    """Store issued credentials."""
    if rows:
        connection.execute(insert(credential), [vars(row) for row in rows])


def find_credential(connection: Connection, credential_id: str) -> CredentialRow | None:
    """Return one credential, or None."""
    row = connection.execute(select(credential).where(credential.c.id == credential_id)).mappings().one_or_none()
    return None if row is None else CredentialRow(**row)


def by_ids(connection: Connection, ids: Iterable[str]) -> dict[str, CredentialRow]:
    """Return the credentials that this member issued among these ids."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, CredentialRow] = {}
    for start in range(0, len(wanted), _MAX_VARIABLES):
        statement = select(credential).where(credential.c.id.in_(wanted[start : start + _MAX_VARIABLES]))
        found.update({row["id"]: CredentialRow(**row) for row in connection.execute(statement).mappings()})
    return found


def revoke_all(connection: Connection, pid: str, now_ms: int) -> None:
    """Revoke every credential of a subject."""
    statement = update(credential).where(credential.c.pid == pid, credential.c.revoked_at.is_(None))
    connection.execute(statement.values(revoked_at=now_ms))


def mark_revoked(connection: Connection, credential_id: str, now_ms: int) -> bool:
    """Revoke a credential; False when there is none, or when it is revoked already."""
    statement = (
        update(credential)
        .where(credential.c.id == credential_id, credential.c.revoked_at.is_(None))
        .values(revoked_at=now_ms)
    )
    return connection.execute(statement).rowcount == 1


def revoked_indexes(connection: Connection) -> list[int]:
    """Return the status indexes of revoked credentials."""
    statement = select(credential.c.status_index).where(credential.c.revoked_at.is_not(None))
    return list(connection.execute(statement.order_by(credential.c.status_index)).scalars())


def of_subject(connection: Connection, pid: str, kind: str) -> list[CredentialRow]:
    """Return a subject's credentials of a type that are not revoked, the newest first."""
    statement = (
        select(credential)
        .where(credential.c.pid == pid, credential.c.type == kind, credential.c.revoked_at.is_(None))
        .order_by(credential.c.status_index.desc())
    )
    return [CredentialRow(**row) for row in connection.execute(statement).mappings()]


def every_of_subject(connection: Connection, pid: str) -> list[CredentialRow]:
    """Return all of a subject's credentials, revoked ones too, in the order of their issue."""
    statement = select(credential).where(credential.c.pid == pid).order_by(credential.c.status_index)
    return [CredentialRow(**row) for row in connection.execute(statement).mappings()]


def revision(connection: Connection) -> tuple[int, int]:
    """Return (issued, revoked): it changes whenever the status list does."""
    statement = select(func.count(), func.count(credential.c.revoked_at))
    issued, revoked = connection.execute(statement).one()
    return issued, revoked
