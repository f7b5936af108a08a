"""The blocks of the index: which is the newest, and what a number stands for."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from node_adapter.store.schema import chain_block
from primitives.errors import CouldNotCheck


@dataclass(frozen=True)
class Block:
    """An indexed block, final by the node's setting. `timestamp` is in seconds."""

    number: int
    hash: bytes
    timestamp: int


_BLOCK = select(chain_block.c.number, chain_block.c.hash, chain_block.c.timestamp)
_TIP = _BLOCK.order_by(chain_block.c.number.desc()).limit(1)  # every request asks: it is built once


def find_tip(connection: Connection) -> Block | None:
    """Return the newest block, or None before the chain was read."""
    row = connection.execute(_TIP).one_or_none()
    return None if row is None else Block(*row)


def tip(connection: Connection) -> Block:
    """Return the newest block.

    Raises:
        CouldNotCheck: `index-empty`.
    """
    found = find_tip(connection)
    if found is None:
        raise CouldNotCheck("index-empty", "this node has not read the chain yet; its chain process does that")
    return found


def find_block(connection: Connection, number: int) -> Block | None:
    """Return the block of a number, or None."""
    row = connection.execute(_BLOCK.where(chain_block.c.number == number)).one_or_none()
    return None if row is None else Block(*row)


def block_at(connection: Connection, number: int) -> Block:
    """Return the block of a number.

    Raises:
        CouldNotCheck: `block-unknown`.
    """
    found = find_block(connection, number)
    if found is None:
        raise CouldNotCheck("block-unknown", f"block {number} is not in this node's index (yet)")
    return found
