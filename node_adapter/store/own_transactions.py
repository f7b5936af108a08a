"""This member's transactions in indexed blocks: the one place that says which nonces of the account are used.

Two answers of a chain's node are of two moments: its account may be ahead of its blocks, and a block ahead of its
receipts. What stands in a block that the index has taken does not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from node_adapter.ports import TransactionOutcome
from node_adapter.store.operations import add_once
from node_adapter.store.schema import own_transaction


def add(connection: Connection, outcome: TransactionOutcome) -> None:
    """Note a transaction of this member's account; `outcome.nonce` must be there."""
    row = {"tx_hash" if name == "hash" else name: value for name, value in vars(outcome).items()}
    add_once(connection, own_transaction, row)


def truncate(connection: Connection, last: int) -> None:
    """The chain has lost every block after `last`: forget what stood in them."""
    connection.execute(delete(own_transaction).where(own_transaction.c.block > last))


def next_nonce(connection: Connection) -> int | None:
    """Return the first nonce that no indexed block uses; None while no indexed block holds anything of this account."""
    used: int | None = connection.execute(select(func.max(own_transaction.c.nonce))).scalar_one()
    return None if used is None else used + 1


def find(connection: Connection, hashes: Iterable[bytes]) -> list[TransactionOutcome]:
    """Return what became of those of the transactions that stand in indexed blocks."""
    query = select(own_transaction).where(own_transaction.c.tx_hash.in_(list(hashes)))
    return [_outcome(row) for row in connection.execute(query.order_by(own_transaction.c.nonce))]


def _outcome(row: Row[Any]) -> TransactionOutcome:
    values = {"hash" if name == "tx_hash" else name: value for name, value in row._mapping.items()}
    return TransactionOutcome(**values)
