"""Acts on a node's directory that need the node to stand still: they hold the locks that its processes hold."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from primitives.errors import CouldNotCheck, Refused

LOCKS = ("run.lock", "chain.lock", "task.lock")


@contextmanager
def stopped_node(home: Path) -> Iterator[None]:
    """Keep a node from being started; the kernel lets go of the locks when this process ends, however it ends.

    Raises:
        Refused: `node-running`.
        CouldNotCheck: `node-unwritable`.
    """
    with ExitStack() as held:
        for name in LOCKS:
            held.enter_context(_locked(home / name))
        yield


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CouldNotCheck("node-unwritable", f"{file}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused("node-running", f"the node of {file.parent} runs: stop it first") from error
        yield
    finally:
        os.close(descriptor)
