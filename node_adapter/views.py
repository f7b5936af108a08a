"""What a process keeps in memory of what its store says. Every entry names the state that it was derived from.

What a write transaction derives is kept when it is committed, never before: a transaction that is rolled back leaves
nothing, and the next one, perhaps of another process, may give another state the same version.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from threading import Lock
from typing import TypeVar, cast

from sqlalchemy import Connection

from node_adapter.store.engine import after_commit

_Value = TypeVar("_Value")
_MAX_ENTRIES = 10_000
_NO_VERSION = ""


class Views:
    """A bounded cache of values under (kind, key), each with the version that it was made from.

    It can be dropped at any instant: the store is the truth.
    """

    def __init__(self, max_entries: int = _MAX_ENTRIES) -> None:
        """Start empty."""
        self._entries: OrderedDict[tuple[str, Hashable], tuple[Hashable, object]] = OrderedDict()
        self._max_entries = max_entries
        self._lock = Lock()

    def peek(self, kind: str, key: Hashable) -> object | None:
        """Return what is kept under a key, whatever its version, or None."""
        with self._lock:
            entry = self._entries.get((kind, key))
            return None if entry is None else entry[1]

    def get(
        self, connection: Connection, kind: str, key: Hashable, version: Hashable, make: Callable[[], _Value]
    ) -> _Value:
        """Return the value of a key at a version, made by `make` when there is none or another version's.

        Args:
            connection: the transaction that `version` and `make` were read in.
            kind: what the value is.
            key: whose value it is.
            version: names the state that the value is derived from, among all that the store ever committed.
            make: makes the value, which nobody changes.
        """
        with self._lock:
            entry = self._entries.get((kind, key))
            if entry is not None and entry[0] == version:
                self._entries.move_to_end((kind, key))
                return cast("_Value", entry[1])
        value = make()  # outside the lock: two threads may make it twice, neither waits
        after_commit(connection, partial(self._keep, kind, key, version, value))
        return value

    def holder(self, kind: str, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Return the one holder of a key: a value that grows, and itself checks what it holds against an anchor."""
        with self._lock:
            _, value = self._entries.setdefault((kind, key), (_NO_VERSION, make()))
            self._entries.move_to_end((kind, key))
            self._make_room()
            return cast("_Value", value)

    def _keep(self, kind: str, key: Hashable, version: Hashable, value: object) -> None:
        with self._lock:
            self._entries[kind, key] = (version, value)
            self._entries.move_to_end((kind, key))
            self._make_room()

    def _make_room(self) -> None:
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
