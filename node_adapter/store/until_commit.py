"""What was read of a store, for as long as nothing is committed to it: what every request asks, and few change.

Before each use the database is asked whether anything was committed (`changes`). So nobody is told what is not so any
more: a token that was revoked a moment ago is revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar, cast

from node_adapter.store.changes import Changes
from node_adapter.store.engine import Store

_Value = TypeVar("_Value")
_MOST = 1_000


class UntilCommit:
    """Values by key; all are dropped when something is committed."""

    def __init__(self, store: Store) -> None:
        """Begin with none."""
        self._changes = Changes(store)
        self._lock = Lock()
        self._values: dict[Hashable, object] = {}
        self._commits = 0

    def get(self, key: Hashable, read: Callable[[], _Value]) -> _Value:
        """Return the value of a key as the store has it now; `read` reads it in a transaction of its own.

        Raises:
            CouldNotCheck: as `Changes.any`, and what `read` raises.
        """
        with self._lock:
            if self._changes.any():
                self._values = {}
                self._commits += 1
            elif key in self._values:
                return cast("_Value", self._values[key])
            commits = self._commits
        value = read()
        with self._lock:
            # What was committed meanwhile may be in the value or not: the next one who asks hears that there was a
            # commit. Unless another thread heard of it before: then the value is of a time that nobody knows.
            if commits == self._commits and len(self._values) < _MOST:
                self._values[key] = value
        return value
