"""A thread beside a process's loop: it takes one step after another until the process ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from primitives.errors import BonafidesError

TROUBLE_SECONDS, LONGEST_TROUBLE_SECONDS, END_SECONDS = 0.5, 60.0, 10.0

Step = Callable[[], bool]  # does what waits; says whether there may be more to do at once


class End(Protocol):
    """What tells a thread to end: a `threading.Event`."""

    def is_set(self) -> bool:
        """Say whether it is to end."""

    def wait(self, timeout: float) -> object:
        """Wait so many seconds, or until it is to end."""


def go_on(name: str, step: Step, stop: End, *, idle_seconds: float) -> None:
    """Step until it is to end.

    Whatever goes wrong is told in the log under that name, and is tried again: after half a second, and after twice as
    long each time that it goes wrong again, up to a minute.
    """
    log = logging.getLogger(f"node_adapter.{name}")
    trouble = TROUBLE_SECONDS
    while not stop.is_set():
        try:
            wait, trouble = 0.0 if step() else idle_seconds, TROUBLE_SECONDS
        except BonafidesError as error:
            log.warning("cannot go on now: %s", error)
            wait, trouble = trouble, min(2 * trouble, LONGEST_TROUBLE_SECONDS)
        except Exception:
            log.exception("a fault of this program; what waits is tried again")
            wait, trouble = trouble, min(2 * trouble, LONGEST_TROUBLE_SECONDS)
        stop.wait(wait)


@contextmanager
def beside(name: str, step: Step, *, idle_seconds: float, end_seconds: float = END_SECONDS) -> Iterator[None]:
    """Let a thread of that name step beside whatever is done within; at the end a step may take so long to end."""
    stop = threading.Event()
    thread = threading.Thread(
        target=go_on, args=(name, step, stop), kwargs={"idle_seconds": idle_seconds}, name=name, daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(end_seconds)
