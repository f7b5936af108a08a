"""Replay orders: at the regulator those that it gave, at a broker those that it got."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from node_adapter.store.operations import add_once
from node_adapter.store.schema import replay_order


@dataclass(frozen=True)
class OrderRow:
    """One order: a case number and a client's DID. Times are milliseconds by this node's clock.

    Attributes:
        due_at: until when it is to be answered, as the regulator said; None where it said nothing.
        answered_at: at the broker when the replay was made; at the regulator when a bundle that holds was taken.
        answer: at the regulator, JSON: that bundle's digest, and of which block it is.
    """

    id: str
    case_number: str
    regulator: str
    broker: str
    did: str
    ordered_at: int
    answered_at: int | None
    message: str | None = None  # JSON, as the regulator signed it; None where it came before that was kept
    due_at: int | None = None
    answer: str | None = None


def keep_order(connection: Connection, row: OrderRow) -> OrderRow:
    """Store an order, and return it; where its case and client, or its number, are taken, the row that has them."""
    if add_once(connection, replay_order, vars(row)):
        return row
    return find_order(connection, row.case_number, row.did) or find_by_id(connection, row.id) or row


def find_order(connection: Connection, case_number: str, did: str) -> OrderRow | None:
    """Return the order of a case about a client, or None."""
    statement = select(replay_order).where(replay_order.c.case_number == case_number, replay_order.c.did == did)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else OrderRow(**row)


def find_by_id(connection: Connection, order_id: str) -> OrderRow | None:
    """Return an order by its number, or None."""
    row = connection.execute(select(replay_order).where(replay_order.c.id == order_id)).mappings().one_or_none()
    return None if row is None else OrderRow(**row)


def open_orders(connection: Connection, most: int, before_ms: int | None = None) -> list[OrderRow]:
    """Return so many orders that nobody answered and that have a clock, the first due first; or those due before."""
    clock = replay_order.c.due_at.is_not(None) if before_ms is None else replay_order.c.due_at < before_ms
    waiting = select(replay_order).where(replay_order.c.answered_at.is_(None), clock)
    return [
        OrderRow(**row) for row in connection.execute(waiting.order_by(replay_order.c.due_at).limit(most)).mappings()
    ]


def about(connection: Connection, did: str) -> list[OrderRow]:
    """Return the orders about a client, in the order of their cases."""
    statement = select(replay_order).where(replay_order.c.did == did).order_by(replay_order.c.case_number)
    return [OrderRow(**row) for row in connection.execute(statement).mappings()]


def all_orders(connection: Connection) -> list[OrderRow]:
    """Return every order, the newest first."""
    statement = select(replay_order).order_by(replay_order.c.ordered_at.desc(), replay_order.c.id)
    return [OrderRow(**row) for row in connection.execute(statement).mappings()]


def keep_answer(connection: Connection, order_id: str, answer: str, now_ms: int) -> None:
    """Note by which bundle an order was answered; the first answer counts."""
    is_open = (replay_order.c.id == order_id, replay_order.c.answered_at.is_(None))
    connection.execute(update(replay_order).where(*is_open).values(answered_at=now_ms, answer=answer))


def mark_answered(connection: Connection, case_number: str, did: str, now_ms: int) -> None:
    """Note that the replay was made; the first answer counts."""
    connection.execute(
        update(replay_order)
        .where(
            replay_order.c.case_number == case_number,
            replay_order.c.did == did,
            replay_order.c.answered_at.is_(None),
        )
        .values(answered_at=now_ms)
    )
