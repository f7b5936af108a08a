"""The task process: moves the joint tasks, and speaks with other members' nodes.

It reads what strangers wrote, so it is not the process that holds the chain's libraries. A task's trouble is an alarm,
never an end; a store that is busy or full is waited for.
"""

from __future__ import annotations

import logging
import sys
import threading
import time

from node_adapter.node import Node
from node_adapter.process import Ready, main
from node_adapter.store import alarms, identity
from node_adapter.workflows.anchoring import settlement
from node_adapter.workflows.tasks import steps
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed

NAME = "task"
IDLE_SECONDS = 0.2
BUSY_SECONDS = 1.0
STATUS_EVERY_SECONDS = 1.0

_log = logging.getLogger("node_adapter.task")


class TaskProcess:
    """The loop."""

    def __init__(self, node: Node) -> None:
        """Read nothing yet."""
        self._node = node
        self._reported_at: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Go on until asked to end."""
        while not stop.is_set():
            try:
                busy = self.step()
            except CouldNotCheck as error:  # the store is busy or full: what was not written is done again
                _log.warning("cannot go on now: %s", error)
                stop.wait(BUSY_SECONDS)
                continue
            if not busy:
                stop.wait(IDLE_SECONDS)

    def step(self) -> bool:
        """Move each open task as far as it goes; return whether one moved."""
        now = self._node.clock.now_ms()
        self._report(now)
        try:
            moved = bool(steps.step(self._node, now))
        except (InvalidInput, Refused, VerificationFailed) as error:
            _log.exception("a joint task cannot go on")
            with self._node.store.write() as connection:
                alarms.raise_alarm(connection, alarms.TASK_TROUBLE, error.code, error.detail, now)
            return False
        settlement.close_ended(self._node.store, alarms.TASK_TROUBLE, now)
        return moved

    def _report(self, now: int) -> None:
        if self._reported_at is None or time.monotonic() - self._reported_at >= STATUS_EVERY_SECONDS:
            with self._node.store.write() as connection:
                identity.put_tasks_seen(connection, now)
            self._reported_at = time.monotonic()


def run(node: Node, stop: threading.Event, ready: Ready) -> None:
    """Move the tasks of a node until asked to end."""
    ready()
    TaskProcess(node).run(stop)


if __name__ == "__main__":
    sys.exit(main(NAME, run))
