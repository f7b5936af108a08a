"""The anchors that this member made. `block` and what follows are null until the anchor is final."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from evidence.version2.log.anchors import AnchorLeaf
from node_adapter.store import cosignatures, former
from node_adapter.store.schema import log_anchor as anchor
from node_adapter.store.schema import wrong_anchor


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

    def difference(self, leaf: AnchorLeaf) -> str | None:
        """Say how an anchor on the chain differs from this one, or None when it is the same."""
        compared: dict[str, tuple[object, object]] = {
            "batchRoot": ("0x" + leaf.batch_root.hex(), "0x" + self.batch_root.hex()),
            "sizeBefore": (leaf.size_before, self.size_before),
            "sizeAfter": (leaf.size_after, self.size),
            "mapRoot": ("0x" + leaf.map_root.hex(), "0x" + self.map_root.hex()),
        }
        for name, (told, ours) in compared.items():
            if told != ours:
                return f"anchor {self.seq}: {name} is {told} on the chain and {ours} here"
        return None


@dataclass(frozen=True)
class FinalAnchor:
    """A final anchor: its leaf stands on the chain, made in this block and transaction.

    `checkpoint` is empty while the keystore lacks the key of that block.
    """

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


_FINAL = select(anchor).where(anchor.c.block.is_not(None))
_NEWEST = select(anchor).order_by(anchor.c.seq.desc()).limit(1)  # every request asks: they are built once
_NEWEST_FINAL_SIZE = select(anchor.c.size).where(anchor.c.block.is_not(None)).order_by(anchor.c.seq.desc()).limit(1)
_AT_FINALITY = ("checkpoint", "block", "block_hash", "tx_hash", "log_position", "block_time")


def outbox_key(seq: int) -> str:
    """Return the key of the outbox row of an anchor."""
    return f"anchor:{seq}"


def seq_of_key(key: str) -> int:
    """Return the anchor's number from the key of its outbox row."""
    return int(key.removeprefix("anchor:"))


def latest(connection: Connection) -> AnchorRow | None:
    """Return the newest anchor, final or not."""
    row = connection.execute(_NEWEST).first()
    return _row(row) if row else None


def latest_counted(connection: Connection, before: int | None = None) -> AnchorRow | None:
    """Return the newest anchor that is not named wrong, final or not, of those before a number if told.

    The map goes on from its map.
    """
    counted = select(anchor).where(anchor.c.seq.not_in(select(wrong_anchor.c.seq)))
    if before is not None:
        counted = counted.where(anchor.c.seq < before)
    row = connection.execute(counted.order_by(anchor.c.seq.desc()).limit(1)).first()
    return _row(row) if row else None


def by_seq(connection: Connection, seq: int) -> AnchorRow | None:
    """Return the anchor with a number, or None."""
    row = connection.execute(select(anchor).where(anchor.c.seq == seq)).first()
    return _row(row) if row else None


def last_final(connection: Connection) -> FinalAnchor | None:
    """Return the newest final anchor, or None."""
    return _find_final(connection, _FINAL.order_by(anchor.c.seq.desc()).limit(1))


def last_final_at(connection: Connection, block: int) -> FinalAnchor | None:
    """Return the newest anchor that stands on the chain up to a block, or None."""
    return _find_final(connection, _FINAL.where(anchor.c.block <= block).order_by(anchor.c.seq.desc()).limit(1))


def last_signed(connection: Connection) -> FinalAnchor | None:
    """Return the newest final anchor with a checkpoint, or None; of a keystore that lacks a key it is an older one."""
    return _find_final(connection, _FINAL.where(anchor.c.checkpoint != "").order_by(anchor.c.seq.desc()).limit(1))


def find_final(connection: Connection, seq: int) -> FinalAnchor | None:
    """Return the anchor with a number when it is final, or None."""
    return _find_final(connection, _FINAL.where(anchor.c.seq == seq))


def first_covering(connection: Connection, log_index: int) -> FinalAnchor | None:
    """Return the first final anchor whose log holds the entry at an index, or None."""
    covering = _FINAL.where(anchor.c.size > log_index).order_by(anchor.c.size, anchor.c.seq).limit(1)
    return _find_final(connection, covering)


def anchored_size(connection: Connection) -> int:
    """Return how many log entries are final on the chain, with those of format 1."""
    newest: int | None = connection.execute(_NEWEST_FINAL_SIZE).scalar_one_or_none()
    return former.first_index(connection) if newest is None else newest


def add(connection: Connection, row: AnchorRow) -> None:
    """Store a new anchor."""
    connection.execute(insert(anchor).values(**vars(row)))


def drop_from(connection: Connection, seq: int) -> list[str]:
    """Take away every anchor from a number on; return the keys of their outbox rows."""
    seqs = connection.execute(select(anchor.c.seq).where(anchor.c.seq >= seq).order_by(anchor.c.seq)).scalars().all()
    connection.execute(delete(anchor).where(anchor.c.seq >= seq))
    return [outbox_key(one) for one in seqs]


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


def put_checkpoint(connection: Connection, seq: int, checkpoint: str) -> None:
    """Keep the note of a final anchor: signed late, or with more signatures under the same text."""
    connection.execute(
        update(anchor).where(anchor.c.seq == seq, anchor.c.block.is_not(None)).values(checkpoint=checkpoint)
    )


def reopen(connection: Connection, after_block: int) -> None:
    """The chain has lost every block after `after_block`: the anchors in them are not final any more."""
    lost = connection.execute(select(func.min(anchor.c.seq)).where(anchor.c.block > after_block)).scalar()
    if lost is not None:
        cosignatures.forget_from(connection, lost)
    nothing: dict[str, Any] = dict.fromkeys(_AT_FINALITY)
    connection.execute(update(anchor).where(anchor.c.block > after_block).values(**nothing))


def _row(row: Row[Any]) -> AnchorRow:
    return AnchorRow(**row._mapping)


def _find_final(connection: Connection, query: Select[Any]) -> FinalAnchor | None:
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    cosigned = cosignatures.with_cosigners(connection, row["seq"], row["checkpoint"])
    return FinalAnchor(**{name: row[name] for name in FinalAnchor.__dataclass_fields__} | {"checkpoint": cosigned})
