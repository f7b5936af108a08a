"""Reading the anchors that the chain process made: which part of the log stands on the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from node_adapter.store.schema import anchor


@dataclass(frozen=True)
class FinalAnchor:
    """A final anchor: the log up to `size` stands on the chain, in this block and transaction."""

    seq: int
    size: int
    root: bytes
    map_root: bytes
    checkpoint: str
    block: int
    block_hash: bytes
    tx_hash: bytes
    log_position: int
    block_time: int


def last_final(connection: Connection) -> FinalAnchor | None:
    """Return the newest final anchor, or None."""
    statement = select(anchor).where(anchor.c.block.is_not(None)).order_by(anchor.c.seq.desc()).limit(1)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else _final(dict(row))


def first_covering(connection: Connection, log_index: int) -> FinalAnchor | None:
    """Return the first final anchor whose log holds the entry at an index, or None."""
    covering = select(anchor).where(anchor.c.block.is_not(None), anchor.c.size > log_index)
    row = connection.execute(covering.order_by(anchor.c.size, anchor.c.seq).limit(1)).mappings().one_or_none()
    return None if row is None else _final(dict(row))


def anchored_size(connection: Connection) -> int:
    """Return how many log entries are final on the chain."""
    newest = last_final(connection)
    return 0 if newest is None else newest.size


def _final(row: dict[str, Any]) -> FinalAnchor:
    return FinalAnchor(**{name: row[name] for name in FinalAnchor.__dataclass_fields__})
