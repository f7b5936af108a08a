"""Answers kept under the caller's `Idempotency-Key`, so that a request sent twice acts once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

from sqlalchemy import Connection, bindparam, delete, select, update

from node_adapter.store.chain import blocks
from node_adapter.store.operations import add_many, add_once, in_parts
from node_adapter.store.schema import idempotency

KEEP_MS = 24 * 3600 * 1000
_MS = 1000
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

    @property
    def place(self) -> tuple[str, str]:
        """What no other row has: the key, and the caller's route."""
        return self.key, self.route


_COLUMNS = tuple(one.name for one in fields(StoredAnswer))


_UNDER_KEYS = select(idempotency).where(idempotency.c.key.in_(bindparam("keys", expanding=True)))
_OLDER = delete(idempotency).where(idempotency.c.created_at < bindparam("before"))


def find(connection: Connection, rows: Sequence[StoredAnswer]) -> Iterator[tuple[tuple[str, str], StoredAnswer]]:
    """Yield what is kept in the places of some rows, by place."""
    places = {row.place for row in rows}
    for part in in_parts(sorted({key for key, _ in places})):
        for values in connection.execute(_UNDER_KEYS, {"keys": part}).mappings():
            row = StoredAnswer(**values)
            if row.place in places:
                yield row.place, row


def keep(connection: Connection, rows: Sequence[StoredAnswer]) -> None:
    """Keep answers whose keys nobody reserved, in the transaction of what they tell of."""
    add_many(connection, idempotency, _COLUMNS, [tuple(vars(row).values()) for row in rows])


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


def forget_old(connection: Connection, now_ms: int) -> None:
    """Drop the answers that are kept for long enough by the earlier of the machine's time and the chain's.

    A clock that jumps ahead must forget nothing.
    """
    tip = blocks.find_tip(connection)
    earlier = now_ms if tip is None else min(now_ms, tip.timestamp * _MS)
    forget_before(connection, earlier - KEEP_MS)


def forget_before(connection: Connection, created_ms: int) -> None:
    """Drop answers older than that."""
    connection.execute(_OLDER, {"before": created_ms})
