"""Takes whole copies of an embedded chain's state for as long as the chain runs; `network up` starts it beside anvil.

A kill of anvil goes back to the last copy: to what was a few seconds ago, or longer where the state is so large that
writing it down takes long.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path

from node_adapter.chain import embedded
from node_adapter.file_lock import file_lock
from primitives.errors import BonafidesError, Refused

LOCK_FILE = "keeper.lock"
_LEAST_SECONDS = 3.0
_LOOK_SECONDS = 0.2
_SHARE_OF_TIME = 20  # writing takes at most a twentieth of the time

_log = logging.getLogger("node_adapter.chain.embedded_keeper")


def keep(directory: Path, pid: int) -> None:
    """Copy the state whenever there are new blocks, until the process `pid` ends. Returns at once if another does.

    The keeper of a chain that was killed may still hold the lock, amid its last copy: it is waited for.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        while not _keep_alone(directory, pid, process):
            if _kept(directory) == str(pid) or select.select([process], [], [], _LOOK_SECONDS)[0]:
                return
    finally:
        os.close(process)


def is_kept(directory: Path) -> bool:
    """Say whether somebody takes copies of the chain's state now: a chain without a keeper loses all in a kill."""
    if not (directory / LOCK_FILE).exists():
        return False
    with suppress(Refused), file_lock(directory / LOCK_FILE, busy=_busy(directory)):
        return False
    return True


def _busy(directory: Path) -> Refused:
    return Refused("keeper-running", f"another process copies the state of {directory}")


def _keep_alone(directory: Path, pid: int, process: int) -> bool:
    """Keep the copies of a chain, named in the lock's file, until it ends; False when another holds the lock."""
    with suppress(Refused), file_lock(directory / LOCK_FILE, busy=_busy(directory)):
        (directory / LOCK_FILE).write_text(str(pid), "ascii")
        _keep_until_end(directory, process)
        return True
    return False


def _kept(directory: Path) -> str:
    return (directory / LOCK_FILE).read_text("ascii", "replace")


def _keep_until_end(directory: Path, process: int) -> None:
    saved, pause = 0, _LEAST_SECONDS
    while not select.select([process], [], [], pause)[0]:
        begun = time.monotonic()
        try:
            block = embedded.status(directory).block
            if block is not None and block != saved:
                embedded.save(directory)
                saved = block
        except BonafidesError as error:
            _log.warning("no copy was taken: %s", error)
        pause = max(_LEAST_SECONDS, _SHARE_OF_TIME * (time.monotonic() - begun))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    keep(Path(sys.argv[1]), int(sys.argv[2]))
