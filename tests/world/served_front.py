"""The door of the HTTP interface, served by a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from api.front import Front


@contextmanager
def serving(front: Front) -> Iterator[None]:
    """Answer until the end; then close every connection, and wait for the threads."""
    over = threading.Event()

    def loop() -> None:
        while not over.is_set():
            front.loop_once(0.02)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        front.close()
        for one in list(front.active_channels.values()):
            one.handle_close()
        front.task_dispatcher.shutdown()
