"""Whether anything was committed to a store since it was last asked, for what would else read it many times a second.

The database itself tells: its counter (`Store.commit_counter`) is another one after any other connection's commit,
whichever thread or process made it.
"""

from __future__ import annotations

from node_adapter.store.engine import Store


class Changes:
    """What one looker saw last. One thread at a time may ask."""

    def __init__(self, store: Store) -> None:
        """Nothing was seen yet: the first answer is that there is something new."""
        self._count = store.commit_counter()
        self._seen: int | str | None = None

    def any(self) -> bool:
        """Say whether anything was committed since the last question.

        What is read after the answer is of that moment or of a later one: what comes meanwhile is new the next time.

        Raises:
            CouldNotCheck: `store-busy`, `store-unavailable`.
        """
        seen = self._count()
        changed, self._seen = seen != self._seen, seen
        return changed
