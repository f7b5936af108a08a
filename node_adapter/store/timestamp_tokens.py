"""Tokens of a time-stamp authority over this member's checkpoints: kept for good, a few a day at the most."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from node_adapter.store.operations import upsert
from node_adapter.store.schema import timestamp_token


@dataclass(frozen=True)
class TimestampToken:
    """A token: of which anchor's checkpoint, the time (ms) that it states, the note, and when (ms) it was kept."""

    seq: int
    time_ms: int
    note: str
    token: bytes = field(repr=False)
    kept_at: int


def add(connection: Connection, token: TimestampToken) -> None:
    """Keep a token; of a checkpoint that a chain reset made anew, the newer one."""
    row = vars(token)
    upsert(connection, timestamp_token, row, ("seq",), {name: row[name] for name in row if name != "seq"})


def newest(connection: Connection, up_to: int) -> TimestampToken | None:
    """Return the token of the newest checkpoint up to a number that has one, or None.

    Of numbers above the log's end there are tokens after a reset of the chain: nothing is due by those.
    """
    until = select(timestamp_token).where(timestamp_token.c.seq <= up_to).order_by(timestamp_token.c.seq.desc())
    row = connection.execute(until.limit(1)).mappings().one_or_none()
    return None if row is None else TimestampToken(**row)


def page(connection: Connection, after: int, limit: int) -> list[TimestampToken]:
    """Return the tokens of the first checkpoints after a number."""
    rows = select(timestamp_token).where(timestamp_token.c.seq > after).order_by(timestamp_token.c.seq).limit(limit)
    return [TimestampToken(**row) for row in connection.execute(rows).mappings()]
