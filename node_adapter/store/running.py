"""That a database is one running node's: a session of the server holds a lock of it as long as the node runs.

A node's directory has a lock of its own (`run.lock`), which holds on one machine. A second directory, perhaps on
another machine, may name the same database of a server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from node_adapter.store.place import DatabaseUrl, Place
from node_adapter.store.postgresql_engine import RUNNING_LOCK, connect, typed_errors
from primitives.errors import Refused

_LOOK_SECONDS = 2.0


class RunningLock:
    """The lock of a database of a server, held by a session; of a file of SQLite nothing is held."""

    def __init__(self, place: Place) -> None:
        """Take the lock.

        Raises:
            Refused: `database-in-use`.
            CouldNotCheck: `store-unavailable`.
        """
        self._url = place if isinstance(place, DatabaseUrl) else None
        self._session: psycopg.Connection[tuple[object, ...]] | None = None
        self._looked = time.monotonic()
        with typed_errors():
            self._take()

    def keep(self) -> None:
        """Take the lock anew where its session was lost; while the server is away nobody else has it either.

        Raises:
            Refused: `database-in-use`; another node took the database meanwhile.
        """
        if self._url is None or time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            if self._session is None:
                self._take()
            else:
                self._session.execute("SELECT 1")
        except psycopg.OperationalError:
            self.let_go()

    def let_go(self) -> None:
        """End the session, and with it the lock."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _take(self) -> None:
        if self._url is None:
            return
        session = connect(self._url)
        [(is_ours,)] = session.execute(f"SELECT pg_try_advisory_lock({RUNNING_LOCK})").fetchall()
        if not is_ours:
            session.close()
            raise Refused("database-in-use", f"another node runs on {self._url}")
        self._session = session


@contextmanager
def running_lock(place: Place) -> Iterator[RunningLock]:
    """Hold the lock of a database.

    Raises:
        Refused: `database-in-use`.
        CouldNotCheck: `store-unavailable`.
    """
    lock = RunningLock(place)
    try:
        yield lock
    finally:
        lock.let_go()
