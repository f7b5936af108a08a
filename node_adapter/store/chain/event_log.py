"""The node's own copy of the chain as the indexer writes it: blocks with their receipts, and decoded events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, select

from node_adapter.store.schema import chain_block, chain_event

_EACH = (chain_event.c.topic1, chain_event.c.name)


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
    holding: str | None = None,
) -> list[ChainEvent]:
    """Return events in chain order, each with its block's time.

    Args:
        connection: a connection inside a transaction.
        contract: only this contract's, by name.
        name: only this event.
        topic1: only with this first indexed argument (`address_topic` makes one of an address).
        up_to_block: only of this block and earlier.
        after_block: only of later blocks.
        holding: only those in whose arguments this text stands: what a flood of others holds is not read.
    """
    query = _event_query()
    if holding is not None:
        query = query.where(chain_event.c.args.contains(holding, autoescape=True))
    wanted = ((chain_event.c.contract, contract), (chain_event.c.name, name), (chain_event.c.topic1, topic1))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    if up_to_block is not None:
        query = query.where(chain_event.c.block <= up_to_block)
    if after_block is not None:
        query = query.where(chain_event.c.block > after_block)
    return [_event(row) for row in connection.execute(query)]


def newest_of_each(
    connection: Connection, *, contract: str, names: Sequence[str], address: str, up_to_block: int, oldest: bool = False
) -> list[ChainEvent]:
    """Return of every first topic the newest event of each name, in chain order; or the oldest.

    Args:
        connection: a connection inside a transaction.
        contract: whose events, by name.
        names: the events.
        address: of the one deployment of the contract that counts.
        up_to_block: of this block and earlier.
        oldest: whether the first one of each is meant.
    """
    place = (chain_event.c.block, chain_event.c.log_index)
    order = place if oldest else tuple(column.desc() for column in place)
    ranked = (
        select(*place, func.row_number().over(partition_by=_EACH, order_by=order).label("rank"))
        .where(
            chain_event.c.contract == contract,
            chain_event.c.name.in_(names),
            chain_event.c.address == address,
            chain_event.c.block <= up_to_block,
        )
        .subquery()
    )
    same = and_(ranked.c.block == chain_event.c.block, ranked.c.log_index == chain_event.c.log_index)
    query = _event_query().join(ranked, same).where(ranked.c.rank == 1)
    return [_event(row) for row in connection.execute(query)]


def of_successors(found: Iterable[ChainEvent], targets: Sequence[str]) -> list[ChainEvent]:
    """Return one subject's events in the deployments of a contract, each of which goes on where the former stopped.

    Args:
        found: events of one subject, in chain order.
        targets: the deployments, oldest first. What a former one tells after a later one took the subject over is
            left out, and so is what others tell.
    """
    ranks = {target: rank for rank, target in enumerate(targets)}
    kept, reached = [], 0
    for event in found:
        if ranks.get(event.address, -1) >= reached:
            reached = ranks[event.address]
            kept.append(event)
    return kept


def last_event(
    connection: Connection,
    *,
    contract: str,
    name: str,
    topic1: str | None = None,
    address: str | None = None,
    up_to_block: int | None = None,
) -> ChainEvent | None:
    """Return the newest event of a kind, or None.

    Args:
        connection: a connection inside a transaction.
        contract: whose event, by name.
        name: the event.
        topic1: only with this first indexed argument.
        address: only of this deployment of the contract.
        up_to_block: only of this block and earlier.
    """
    query = _event_query().where(chain_event.c.contract == contract, chain_event.c.name == name)
    if topic1 is not None:
        query = query.where(chain_event.c.topic1 == topic1)
    if address is not None:
        query = query.where(chain_event.c.address == address)
    if up_to_block is not None:
        query = query.where(chain_event.c.block <= up_to_block)
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
