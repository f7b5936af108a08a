"""The node's own copy of the chain as the indexer writes it: blocks with their receipts, and decoded events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select

from node_adapter.store.schema import chain_block, chain_event


@dataclass(frozen=True)
class ChainBlock:
    """A block as it is stored. `receipts` are the encoded receipts in order; `timestamp` is in seconds."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    header: bytes
    receipts: tuple[bytes, ...]


@dataclass(frozen=True)
class ChainEvent:
    """A decoded event of one of our contracts.

    Attributes:
        block: the block's number.
        log_index: the index in the block.
        tx_index: the transaction's index in the block.
        log_position: the index in the transaction's receipt.
        tx_hash: the transaction.
        address: who emitted it, lower-case 0x hex.
        contract: that contract's name, such as `EvidenceAnchor`.
        name: the event's name.
        topic1: the first indexed argument as the 32-byte topic, 0x hex.
        args: by name; bytes and addresses as lower-case 0x hex, integers as integers.
        timestamp: the block's time in seconds (0 where it was not asked for).
    """

    block: int
    log_index: int
    tx_index: int
    log_position: int
    tx_hash: bytes
    address: str
    contract: str
    name: str
    topic1: str | None
    args: dict[str, Any]
    timestamp: int = 0


def address_topic(address: str) -> str:
    """Return an address as the 32-byte topic that `topic1` holds."""
    return "0x" + address.removeprefix("0x").rjust(64, "0")


def raw(text: str) -> bytes:
    """Return bytes from the 0x hex of an event's argument."""
    return bytes.fromhex(text.removeprefix("0x"))


def events(
    connection: Connection,
    *,
    contract: str | None = None,
    name: str | None = None,
    topic1: str | None = None,
    up_to_block: int | None = None,
    after_block: int | None = None,
) -> list[ChainEvent]:
    """Return events in chain order, each with its block's time.

    Args:
        connection: a connection inside a transaction.
        contract: only this contract's, by name.
        name: only this event.
        topic1: only with this first indexed argument (`address_topic` makes one of an address).
        up_to_block: only of this block and earlier.
        after_block: only of later blocks.
    """
    query = _event_query()
    wanted = ((chain_event.c.contract, contract), (chain_event.c.name, name), (chain_event.c.topic1, topic1))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    if up_to_block is not None:
        query = query.where(chain_event.c.block <= up_to_block)
    if after_block is not None:
        query = query.where(chain_event.c.block > after_block)
    return [_event(row) for row in connection.execute(query)]


def last_event(connection: Connection, *, contract: str, name: str, topic1: str | None = None) -> ChainEvent | None:
    """Return the newest event of a kind, or None."""
    query = _event_query().where(chain_event.c.contract == contract, chain_event.c.name == name)
    if topic1 is not None:
        query = query.where(chain_event.c.topic1 == topic1)
    query = query.order_by(None).order_by(chain_event.c.block.desc(), chain_event.c.log_index.desc()).limit(1)
    row = connection.execute(query).first()
    return _event(row) if row else None


def append(connection: Connection, blocks: Sequence[ChainBlock], found: Iterable[ChainEvent]) -> None:
    """Store blocks and their events; the caller has checked that they follow the tip."""
    connection.execute(
        insert(chain_block),
        [{**vars(block), "receipts": json.dumps([receipt.hex() for receipt in block.receipts])} for block in blocks],
    )
    rows = [{**vars(event), "args": json.dumps(event.args)} for event in found]
    for row in rows:
        del row["timestamp"]  # of the block
    if rows:
        connection.execute(insert(chain_event), rows)


def truncate(connection: Connection, last: int) -> None:
    """Forget every block after `last`, and its events."""
    connection.execute(delete(chain_block).where(chain_block.c.number > last))
    connection.execute(delete(chain_event).where(chain_event.c.block > last))


def _event_query() -> Select[Any]:
    return (
        select(chain_event, chain_block.c.timestamp)
        .join(chain_block, chain_block.c.number == chain_event.c.block)
        .order_by(chain_event.c.block, chain_event.c.log_index)
    )


def _event(row: Row[Any]) -> ChainEvent:
    return ChainEvent(**{**row._mapping, "args": json.loads(row.args)})
