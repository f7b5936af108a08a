"""Whose turn it is to write. SQLite lets one write at a time, and whoever waits sleeps and asks again.

So a writer waits here, where the kernel wakes it the moment that the one before has done; the kernel also takes the
lock of a process that dies. There are two locks: who holds the first is next, and only so comes to the second. A
process that has written and writes again therefore finds whoever waited in front of it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread

from primitives.errors import CouldNotCheck


class WriteTurn:
    """The turn of one database, among the threads and the processes of this machine."""

    def __init__(self, database: Path, patience_seconds: float) -> None:
        """Name the database's file, and how long a writer waits for its turn. The locks' files stand beside it."""
        self._next = database.with_name(f"{database.name}-next")
        self._turn = database.with_name(f"{database.name}-turn")
        self._patience = patience_seconds
        self._mine = Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the turn, and have it.

        Raises:
            CouldNotCheck: `store-busy`; `store-unavailable`, a lock's file cannot be made.
        """
        begun = time.monotonic()
        if not self._mine.acquire(timeout=self._patience):
            raise _busy()
        try:
            turn = _Locked(self._next, self._turn)
            try:
                turn.take(self._patience - (time.monotonic() - begun))
                yield
            finally:
                turn.let_go()
        finally:
            self._mine.release()


class _Locked:
    """The two locks as one thread takes them; `take` is called once."""

    def __init__(self, first: Path, second: Path) -> None:
        self._open: list[int] = []
        for file in (first, second):
            try:
                self._open.append(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError as error:
                self._close()
                raise CouldNotCheck("store-unavailable", f"{file}: {error.strerror}") from error
        self._mutex = Lock()
        self._taken = Event()
        self._given_up = False

    def take(self, seconds: float) -> None:
        """Wait so long at the most."""
        first, second = self._open
        with suppress(BlockingIOError):
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(first, fcntl.LOCK_UN)
            return
        # The kernel waits without an end: what may have to give up is another thread's waiting for it.
        Thread(target=self._wait, name="write-turn", daemon=True).start()
        try:
            self._taken.wait(max(0.0, seconds))
        finally:
            with self._mutex:
                self._given_up = not self._taken.is_set()
        if self._given_up:
            raise _busy()

    def let_go(self) -> None:
        """Let the next one have its turn."""
        with self._mutex:
            if not self._given_up:  # else the thread that waits still uses them
                self._close()

    def _wait(self) -> None:
        first, second = self._open
        fcntl.flock(first, fcntl.LOCK_EX)
        fcntl.flock(second, fcntl.LOCK_EX)
        fcntl.flock(first, fcntl.LOCK_UN)
        with self._mutex:
            if self._given_up:
                self._close()
            else:
                self._taken.set()

    def _close(self) -> None:
        while self._open:
            os.close(self._open.pop())


def _busy() -> CouldNotCheck:
    return CouldNotCheck("store-busy", "another process holds the database's write lock; try again")
