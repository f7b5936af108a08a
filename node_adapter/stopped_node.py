"""Acts on a node's directory that need the node to stand still: they hold the locks that its processes hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from node_adapter.file_lock import file_lock
from node_adapter.settings import require_directory
from node_adapter.store.place import place_of
from node_adapter.store.running import running_lock
from primitives.errors import Refused

LOCKS = ("run.lock", "chain.lock", "task.lock")


@contextmanager
def stopped_node(home: Path) -> Iterator[None]:
    """Keep a node from being started.

    Raises:
        Refused: `node-running`, `database-in-use`.
        CouldNotCheck: `settings-unreadable`, there is no such directory; `node-unwritable`.
    """
    require_directory(home)
    with ExitStack() as held:
        for name in LOCKS:
            busy = Refused("node-running", f"the node of {home} runs: stop it first")
            held.enter_context(file_lock(home / name, busy=busy))
        held.enter_context(running_lock(place_of(home)))
        yield
