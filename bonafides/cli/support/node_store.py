"""The database of a node's directory, for commands that work whether the node runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node_adapter.settings import Settings
from node_adapter.store.engine import Store, open_store
from primitives.errors import CouldNotCheck


@contextmanager
def opened_store(node_dir: Path) -> Iterator[Store]:
    """Open the database of a node, and close it.

    Raises:
        CouldNotCheck: `store-missing`.
    """
    path = Settings.load(node_dir).database_path
    if not path.is_file():
        raise CouldNotCheck("store-missing", f"{path} does not exist: run `bonafides node init` first")
    store = open_store(path)
    try:
        yield store
    finally:
        store.dispose()
