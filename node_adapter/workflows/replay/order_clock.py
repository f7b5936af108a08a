"""Until when a replay order is to be answered, and which are late (docs/spec/report.md, section 8).

Each node goes by its own clock: the broker's says when its officer has to hurry, the regulator's what came too late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from node_adapter.node import Node
from node_adapter.store import alarms
from node_adapter.store import replay_orders as store
from node_adapter.store.replay_orders import OrderRow
from primitives.timestamp import format_time

OPEN, DUE, LATE, ANSWERED, ANSWERED_LATE = STATES = ("open", "due", "late", "answered", "answered-late")
"""Due is what has a fifth of its time left, late what nobody answered in time."""
_ALMOST = 5  # the last fifth of the time
_MOST = 1000


def order_state(row: OrderRow, now_ms: int) -> str:
    """Return how an order stands at a time; one without a clock is open until it is answered."""
    if row.answered_at is not None:
        return ANSWERED_LATE if row.due_at is not None and row.answered_at > row.due_at else ANSWERED
    if row.due_at is None:
        return OPEN
    if now_ms > row.due_at:
        return LATE
    return DUE if now_ms >= _hurry_from(row, row.due_at) else OPEN


def _hurry_from(row: OrderRow, due_at: int) -> int:
    return due_at - max(0, due_at - row.ordered_at) // _ALMOST


def list_orders(node: Node, *, late: bool = False) -> list[dict[str, Any]]:
    """Return the orders that this node gave or got, the newest first; or those that are late, the longest first."""
    now = node.clock.now_ms()
    with node.store.read() as connection:
        rows = store.open_orders(connection, _MOST, now) if late else store.all_orders(connection)
    return [order_json(row, now) for row in rows]


def order_json(row: OrderRow, now_ms: int) -> dict[str, Any]:
    """Return an order's wire form."""
    answer: Mapping[str, Any] | None = None if row.answer is None else json.loads(row.answer)
    return {
        "id": row.id,
        "case": row.case_number,
        "regulator": row.regulator,
        "broker": row.broker,
        "did": row.did,
        "ordered_at": format_time(row.ordered_at),
        "due_at": None if row.due_at is None else format_time(row.due_at),
        "state": order_state(row, now_ms),
        "answered_at": None if row.answered_at is None else format_time(row.answered_at),
        "answer": answer,
    }


def watch_orders(node: Node) -> None:
    """Raise an alarm about each order that is due or late, and close those of orders that were answered."""
    now = node.clock.now_ms()
    with node.store.read() as connection:
        told = {alarm.about: alarm.detail for alarm in alarms.list_alarms(connection, alarms.ORDER_DUE)}
        waiting = store.open_orders(connection, _MOST)
    wanted = {row.id: _words(row, state) for row in waiting if (state := order_state(row, now)) in (DUE, LATE)}
    if wanted == told:
        return
    with node.store.write() as connection:
        for about in told.keys() - wanted.keys():
            alarms.close_alarm(connection, alarms.ORDER_DUE, now, about)
        for about, detail in wanted.items():
            if told.get(about) != detail:
                alarms.raise_alarm(connection, alarms.ORDER_DUE, about, detail, now)


def _words(row: OrderRow, state: str) -> str:
    until = "" if row.due_at is None else format_time(row.due_at)
    return f"{state}: case {row.case_number} of {row.regulator} at {row.broker}, to be answered until {until}"
