"""The database of a node's directory, for commands that work whether the node runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node_adapter.settings import Settings
from node_adapter.store.engine import Store, open_store
from node_adapter.store.place import require_made


@contextmanager
def opened_store(node_dir: Path) -> Iterator[Store]:
    """Open the database of a node, and close it.

    Raises:
        CouldNotCheck: `store-missing`.
    """
    place = Settings.load(node_dir).database
    require_made(place)
    store = open_store(place)
    try:
        yield store
    finally:
        store.dispose()
