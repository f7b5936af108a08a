"""Answers kept under the caller's `Idempotency-Key`, so that a request sent twice acts once."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select, update

from node_adapter.store.operations import add_once
from node_adapter.store.schema import idempotency

IN_PROGRESS = 0  # the status of a key whose request has no answer yet


@dataclass(frozen=True)
class StoredAnswer:
    """The answer of an earlier request; `status` is IN_PROGRESS while there is none, and `owner` works on it."""

    key: str
    route: str
    request_digest: bytes
    status: int
    response: bytes = field(repr=False)
    content_type: str
    created_at: int
    owner: str


def reserve(connection: Connection, row: StoredAnswer) -> StoredAnswer | None:
    """Take a key for a new request; returns the row that holds it already, or None when it was free."""
    if add_once(connection, idempotency, vars(row)):
        return None
    where = (idempotency.c.key == row.key, idempotency.c.route == row.route)
    return StoredAnswer(**connection.execute(select(idempotency).where(*where)).mappings().one())


def complete(connection: Connection, row: StoredAnswer) -> None:
    """Keep the answer of a reserved key."""
    connection.execute(
        update(idempotency)
        .where(idempotency.c.key == row.key, idempotency.c.route == row.route)
        .values(status=row.status, response=row.response, content_type=row.content_type)
    )


def release(connection: Connection, key: str, route: str) -> None:
    """Give a key back whose request failed: the caller may mend it and try again."""
    connection.execute(delete(idempotency).where(idempotency.c.key == key, idempotency.c.route == route))


def forget_before(connection: Connection, created_ms: int) -> None:
    """Drop answers older than that."""
    connection.execute(delete(idempotency).where(idempotency.c.created_at < created_ms))
