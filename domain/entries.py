"""What is known of a client under keys: of a long life only what is asked for is read, and what has changed is written.

A state that holds all that ever was grows with its client's history, and so does each fact that is folded into it. So a
state keeps under keys what is asked for by its name alone: a product's steps, an application, the answers of one day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from primitives.errors import CouldNotCheck

Value = TypeVar("Value")
FindEntry = Callable[[str], object]
"""The JSON value that is kept under a key; None where there is none."""


class Entries(Generic[Value]):
    """Values by key: `changed` are those that were put since the state was read, `find` knows the others.

    It is a value: `put` returns another one. Two are equal where the same has changed.
    """

    def __init__(
        self, changed: Mapping[str, Value] | None = None, find: Callable[[str], Value | None] = lambda _: None
    ) -> None:
        """Hold what has changed, and know where the rest is found."""
        self.changed: Mapping[str, Value] = {} if changed is None else changed
        self._find = find

    def get(self, key: str) -> Value | None:
        """Return the value of a key, or None."""
        value = self.changed.get(key)
        return self._find(key) if value is None else value

    def known(self, key: str) -> Value:
        """Return the value of a key that the state names.

        Raises:
            CouldNotCheck: `store-unreadable`, it is not where it was kept.
        """
        value = self.get(key)
        if value is None:
            raise CouldNotCheck("store-unreadable", "what is kept of a client lacks a part that its state names")
        return value

    def put(self, key: str, value: Value) -> Entries[Value]:
        """Return the entries with another value under a key."""
        return Entries({**self.changed, key: value}, self._find)

    def reading(self, find: Callable[[str], Value | None]) -> Entries[Value]:
        """Return the entries with another place where those are found that have not changed."""
        return Entries(self.changed, find)

    def __eq__(self, other: object) -> bool:
        """Compare what has changed."""
        return isinstance(other, Entries) and self.changed == other.changed

    __hash__ = None  # type: ignore[assignment]  # it holds mappings

    def __repr__(self) -> str:
        """Say how much has changed, and nothing of a client."""
        return f"Entries({len(self.changed)} changed)"
