"""A file's lock: one holder among all processes. The kernel lets go of it when the holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node_adapter.patience import Patience
from primitives.errors import CouldNotCheck, Refused

_POLL_SECONDS = 0.1


@contextmanager
def file_lock(
    file: Path,
    *,
    busy: Refused | None = None,
    patience: Patience | None = None,
    unwritable: str = "node-unwritable",
) -> Iterator[int]:
    """Hold the lock of a file, which is made where it is missing.

    Args:
        file: whose lock; its content is nobody's matter.
        busy: what to raise while another holds it; None waits until nobody does.
        patience: for how long another may hold it before that is raised; None for not at all.
        unwritable: the code for a file that cannot be made.

    Returns:
        The descriptor: a child that inherits it holds the lock, too.

    Raises:
        Refused: `busy`.
        CouldNotCheck: `unwritable`.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CouldNotCheck(unwritable, f"{file}: {error.strerror}") from error
    try:
        if busy is None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            _take(descriptor, busy, patience)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, busy: Refused, patience: Patience | None) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if patience is None or patience.is_over():
                raise busy from error
            time.sleep(_POLL_SECONDS)
        else:
            return
