"""What is old goes, a little at a time and beside everything else, by the policy of the settings (docs/adr/0091).

Only what no proof rests on, and what a chain that is set back can no longer ask for. It stops nothing: where it cannot
go on it is an alarm, and the database grows until it can.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from node_adapter.beside import beside
from node_adapter.node import Node
from node_adapter.store import alarms, restored, retention
from node_adapter.store.retention import LetGo, Limits
from primitives.errors import BonafidesError

ROWS_A_TURN = 50
"""Of each kind, in one write transaction (ADR 91 says how long that takes); then whoever waits comes first."""
LOOK_EVERY_MS = 60_000
PAUSE_SECONDS = 0.5
END_SECONDS = 5.0
_DAY_SECONDS = 86_400
_DAY_MS = 1000 * _DAY_SECONDS

_log = logging.getLogger("node_adapter.retention")


class LettingGo:
    """When the store is looked through next: what a process keeps in memory."""

    def __init__(self, node: Node) -> None:
        """It is looked through at once."""
        self._node = node
        self._not_before = node.clock.monotonic_ms()

    def step(self) -> bool:
        """Let go of a few rows that are old enough. It never says that there are more: after each turn is a pause."""
        if self._node.clock.monotonic_ms() < self._not_before:
            return False
        try:
            more = let_some_go(self._node)
        except Exception as error:
            self._not_before = self._node.clock.monotonic_ms() + LOOK_EVERY_MS
            told = str(error) if isinstance(error, BonafidesError) else type(error).__name__
            with self._node.store.write() as connection:
                alarms.raise_alarm(connection, alarms.RETENTION_FAILED, "database", told, self._node.clock.now_ms())
            raise
        if not more:
            self._not_before = self._node.clock.monotonic_ms() + LOOK_EVERY_MS
        return False


def let_some_go(node: Node) -> bool:
    """Let go of a few rows of each kind that are old enough; say whether there were any.

    A restored copy lets go of nothing before it is whole: what it lacks tells it how old its rows are.
    """
    settings, now = node.settings.retention, node.clock.now_ms()
    tasks_ms, alarms_ms = now - settings.task_days * _DAY_MS, now - settings.alarms_days * _DAY_MS
    with node.store.read() as connection:
        block = retention.block_before(connection, settings.writes_days * _DAY_SECONDS)
        limits = Limits(block, tasks_ms, alarms_ms)
        waits = restored.since(connection) is not None
        over = not waits and retention.is_over(connection, limits)
        healed = alarms.is_open(connection, alarms.RETENTION_FAILED)
    if not over and (waits or not healed):
        return False
    with node.store.write() as connection:
        gone = retention.let_go(connection, limits, ROWS_A_TURN, now)
        alarms.close_alarm(connection, alarms.RETENTION_FAILED, now)
    return gone


def shown(gone: LetGo) -> dict[str, Any]:
    """Return what the operator is told of it."""
    return {
        "block": gone.block,
        "at": gone.at,
        "rows": {
            "writes": gone.writes,
            "nonces": gone.nonces,
            "receipts": gone.receipts,
            "tasks": gone.tasks,
            "alarms": gone.alarms,
        },
    }


@contextmanager
def letting_go(node: Node) -> Iterator[None]:
    """Let go of what is old beside whatever is done within."""
    with beside("retention", LettingGo(node).step, idle_seconds=PAUSE_SECONDS, end_seconds=END_SECONDS):
        yield
