"""What a process keeps in memory of what its store says. Every entry names the state that it was derived from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar, cast

_Value = TypeVar("_Value")
_MAX_ENTRIES = 10_000


class Views:
    """A bounded cache of immutable values under (kind, key), each with the version that it was made from.

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

    def get(self, kind: str, key: Hashable, version: Hashable, make: Callable[[], _Value]) -> _Value:
        """Return the value of a key at a version, made by `make` when there is none or another version's."""
        with self._lock:
            entry = self._entries.get((kind, key))
            if entry is not None and entry[0] == version:
                self._entries.move_to_end((kind, key))
                return cast("_Value", entry[1])
        value = make()  # outside the lock: two threads may make it twice, neither waits
        with self._lock:
            self._entries[kind, key] = (version, value)
            self._entries.move_to_end((kind, key))
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        return value
