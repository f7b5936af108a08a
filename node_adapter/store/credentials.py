"""Credentials that this member issued, with their place in the status list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from node_adapter.store import identity
from node_adapter.store.operations import in_parts
from node_adapter.store.schema import credential

LOST_BODY = "null"  # of a credential that was lost with a database, and whose revocation came back
FIRST_LIST = 1
_LIST = "status_list"  # the list that new credentials are put into; empty: one that nobody used is to be chosen


@dataclass(frozen=True)
class CredentialRow:
    """An issued credential; `body` is its JSON as handed out, or `LOST_BODY`.

    `status_index` counts through all lists: bit i of list n is (n - 1) * the length of a list + i.
    """

    id: str
    pid: str
    type: str
    body: str
    status_index: int
    issued_at: int
    revoked_at: int | None


def next_status_index(connection: Connection, bits: int, fresh_list: Callable[[], int]) -> int:
    """Return the first free index; call it inside the write transaction that uses it.

    Args:
        connection: of that transaction.
        bits: how many places a list has.
        fresh_list: draws the number of a list that was never used, after a restore and when a list is full.
    """
    chosen = identity.get(connection, _LIST)
    number = FIRST_LIST if chosen is None else int(chosen or 0)
    taken = 0 if number == 0 else _taken(connection, number, bits)
    if number == 0 or taken == bits:
        number, taken = fresh_list(), 0
        while number == FIRST_LIST or list_exists(connection, number, bits):
            number = fresh_list()
        identity.put(connection, _LIST, str(number))
    return (number - 1) * bits + taken


def begin_fresh_list(connection: Connection) -> None:
    """Give no place of the present list any more: a copy that was restored does not know which ones are taken."""
    identity.put(connection, _LIST, "")


def list_exists(connection: Connection, number: int, bits: int) -> bool:
    """Say whether a list has a place that was given; the first one always exists."""
    return number == FIRST_LIST or _taken(connection, number, bits) > 0


def _taken(connection: Connection, number: int, bits: int) -> int:
    """Return how many places of a list are given, or lie before one that is."""
    statement = select(func.max(credential.c.status_index)).where(_in_list(number, bits))
    newest = connection.execute(statement).scalar_one()
    return 0 if newest is None else int(newest) + 1 - (number - 1) * bits


def _in_list(number: int, bits: int) -> ColumnElement[bool]:
    return credential.c.status_index.between((number - 1) * bits, number * bits - 1)


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
    for part in in_parts(wanted):
        statement = select(credential).where(credential.c.id.in_(part))
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


def revoked_places(connection: Connection, number: int, bits: int) -> list[int]:
    """Return the places of revoked credentials in a list."""
    statement = select(credential.c.status_index).where(credential.c.revoked_at.is_not(None), _in_list(number, bits))
    first = (number - 1) * bits
    return [index - first for index in connection.execute(statement.order_by(credential.c.status_index)).scalars()]


def of_subject(connection: Connection, pid: str, kind: str) -> list[CredentialRow]:
    """Return a subject's credentials of a type that are not revoked, the newest first."""
    statement = (
        select(credential)
        .where(credential.c.pid == pid, credential.c.type == kind, credential.c.revoked_at.is_(None))
        .order_by(credential.c.status_index.desc())
    )
    return [CredentialRow(**row) for row in connection.execute(statement).mappings()]


def valid_of_subject(connection: Connection, pid: str) -> list[CredentialRow]:
    """Return all of a subject's credentials that are not revoked."""
    return [row for row in every_of_subject(connection, pid) if row.revoked_at is None]


def every_of_subject(connection: Connection, pid: str) -> list[CredentialRow]:
    """Return all of a subject's credentials, revoked ones too, in the order of their issue."""
    statement = select(credential).where(credential.c.pid == pid).order_by(credential.c.status_index)
    return [CredentialRow(**row) for row in connection.execute(statement).mappings()]


def revision(connection: Connection) -> tuple[int, int]:
    """Return (newest place, number of revoked ones): it changes whenever the status list does."""
    newest = connection.execute(select(func.max(credential.c.status_index))).scalar_one()
    return -1 if newest is None else int(newest), _revoked(connection)


def counts(connection: Connection) -> tuple[int, int]:
    """Return how many credentials were issued, and how many of them are revoked."""
    return int(connection.execute(select(func.count()).select_from(credential)).scalar_one()), _revoked(connection)


def _revoked(connection: Connection) -> int:
    query = select(func.count()).select_from(credential).where(credential.c.revoked_at.is_not(None))
    return int(connection.execute(query).scalar_one())
