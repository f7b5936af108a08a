"""How many requests a process works on at once: a thread that only waits for others lets another one work meanwhile.

There are more threads than places to work, so that many facts can wait for one transaction while no more requests than
the processors bear are worked on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from flask import request

ENVIRON_KEY = "bonafides.slots"


class Slots:
    """Places to work in; a thread holds one for as long as it works on a request."""

    def __init__(self, count: int) -> None:
        """Begin with all of them free."""
        self._free = BoundedSemaphore(count)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for a place, and hold it."""
        with self._free:
            yield

    @contextmanager
    def left(self) -> Iterator[None]:
        """Let another thread have the place of this one, and wait for one again at the end."""
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()


@contextmanager
def while_waiting() -> Iterator[None]:
    """Leave the place of this request, if its server counts them."""
    slots: Slots | None = request.environ.get(ENVIRON_KEY)
    if slots is None:
        yield
        return
    with slots.left():
        yield
