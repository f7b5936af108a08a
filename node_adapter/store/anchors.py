"""The anchors that this member made. `block` and what follows are null until the anchor is final."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from node_adapter.store.schema import log_anchor as anchor


@dataclass(frozen=True)
class AnchorRow:
    """One anchor: the records from `size_before` to `size` - 1 as a batch, and the map with them. The first is leaf 2.

    `checkpoint` and what follows is None until the anchor is final.
    """

    seq: int
    size_before: int
    size: int
    batch_root: bytes
    map_root: bytes
    built_at: int
    checkpoint: str | None = None
    block: int | None = None
    block_hash: bytes | None = None
    tx_hash: bytes | None = None
    log_position: int | None = None
    block_time: int | None = None

    @property
    def key(self) -> str:
        """The key of its outbox row."""
        return outbox_key(self.seq)


@dataclass(frozen=True)
class FinalAnchor:
    """A final anchor: its leaf stands on the chain, made in this block and transaction."""

    seq: int
    size_before: int
    size: int
    batch_root: bytes
    map_root: bytes
    checkpoint: str
    block: int
    block_hash: bytes
    tx_hash: bytes
    log_position: int
    block_time: int


_AT_FINALITY = ("checkpoint", "block", "block_hash", "tx_hash", "log_position", "block_time")


def outbox_key(seq: int) -> str:
    """Return the key of the outbox row of an anchor."""
    return f"anchor:{seq}"


def seq_of_key(key: str) -> int:
    """Return the anchor's number from the key of its outbox row."""
    return int(key.removeprefix("anchor:"))


def latest(connection: Connection) -> AnchorRow | None:
    """Return the newest anchor, final or not."""
    row = connection.execute(select(anchor).order_by(anchor.c.seq.desc()).limit(1)).first()
    return _row(row) if row else None


def by_seq(connection: Connection, seq: int) -> AnchorRow | None:
    """Return the anchor with a number, or None."""
    row = connection.execute(select(anchor).where(anchor.c.seq == seq)).first()
    return _row(row) if row else None


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


def add(connection: Connection, row: AnchorRow) -> None:
    """Store a new anchor."""
    connection.execute(insert(anchor).values(**vars(row)))


def settle(
    connection: Connection,
    seq: int,
    *,
    checkpoint: str,
    block: int,
    block_hash: bytes,
    tx_hash: bytes,
    log_position: int,
    block_time: int,
) -> None:
    """Note where an anchor stands on the chain, at finality, and the note that was signed then."""
    values = {"checkpoint": checkpoint, "block": block, "block_hash": block_hash, "tx_hash": tx_hash}
    connection.execute(
        update(anchor).where(anchor.c.seq == seq).values(log_position=log_position, block_time=block_time, **values)
    )


def reopen(connection: Connection, after_block: int) -> None:
    """The chain has lost every block after `after_block`: the anchors in them are not final any more."""
    nothing: dict[str, Any] = dict.fromkeys(_AT_FINALITY)
    connection.execute(update(anchor).where(anchor.c.block > after_block).values(**nothing))


def _row(row: Row[Any]) -> AnchorRow:
    return AnchorRow(**row._mapping)


def _final(row: dict[str, Any]) -> FinalAnchor:
    return FinalAnchor(**{name: row[name] for name in FinalAnchor.__dataclass_fields__})
