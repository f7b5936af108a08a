"""Ports of this machine's loopback that are held from the moment they are chosen.

A port that is drawn at random and bound a second later may be somebody else's by then, and one that a stopped network
keeps for its next run is nobody's meanwhile. So whoever chooses a port writes down for whom:

    RUNTIME/ports/20417      the absolute path of the directory that owns port 20417

A reservation holds while that directory exists. RUNTIME is `$XDG_RUNTIME_DIR/bonafides`, or `bonafides-UID` beside
the temporary files: one for each user of the machine, shared by all networks and tests that this user runs. What other
programs do with a port is seen by binding it.
"""

from __future__ import annotations

import os
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node_adapter.file_lock import file_lock
from node_adapter.patience import Patience
from primitives.errors import CouldNotCheck, Refused

RUNTIME_VARIABLE = "XDG_RUNTIME_DIR"
LOOPBACK = "127.0.0.1"
LOOPBACK_HOSTS = (LOOPBACK, "localhost")
# Below the range from which the kernel takes ports for outgoing connections: a port that is kept for a later run must
# not be somebody's connection by then.
FIRST_PORT, LAST_PORT = 20_000, 31_999
_TRIES = 500
_LET_GO_SECONDS = 2.0
_POLL_SECONDS = 0.02
_LOCK_FILE = "lock"


def reserve_port(owner: Path) -> int:
    """Choose a free loopback port and reserve it for a directory.

    Args:
        owner: the directory that will use it; the reservation ends when the directory is gone. It may own many.

    Raises:
        Refused: `port-taken`, none of many tries found a free one.
        CouldNotCheck: `runtime-directory`.
    """
    with _registry() as registry:
        for _ in range(_TRIES):
            port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
            if _owner(registry / str(port)) is None and why_taken(port) is None:
                _write(registry / str(port), owner)
                return port
    raise Refused("port-taken", f"found no free port between {FIRST_PORT} and {LAST_PORT} of {LOOPBACK}")


def claim_port(port: int, owner: Path) -> None:
    """Reserve a port that was named for a directory, which may have it already; then a moment's patience is due.

    The kernel may let go of the socket a little later than it says that the process has ended.

    Raises:
        Refused: `port-taken`, another directory has it, or another program listens there.
        CouldNotCheck: `runtime-directory`.
    """
    patience = Patience(_LET_GO_SECONDS)
    with _registry() as registry:
        holder = _owner(registry / str(port))
        if holder not in (None, owner.resolve()):
            raise _taken(port, f"it is reserved for {holder}")
        while reason := why_taken(port):
            if holder is None or patience.is_over():
                raise _taken(port, reason)
            time.sleep(_POLL_SECONDS)
        _write(registry / str(port), owner)


def keep_port(port: int, owner: Path) -> None:
    """Reserve a port that a directory uses, unless it is reserved already: a person may have named it twice.

    Raises:
        CouldNotCheck: `runtime-directory`.
    """
    with _registry() as registry:
        if _owner(registry / str(port)) is None:
            _write(registry / str(port), owner)


def release_ports(owner: Path) -> None:
    """End every reservation of a directory."""
    with _registry() as registry:
        for file in registry.iterdir():
            if file.name != _LOCK_FILE and _owner(file) == owner.resolve():
                file.unlink()


def why_taken(port: int) -> str | None:
    """Say why a port cannot be bound now, or None when it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return str(error.strerror)
    return None


def _taken(port: int, reason: str) -> Refused:
    return Refused("port-taken", f"port {port} of {LOOPBACK} cannot be used: {reason}")


@contextmanager
def _registry() -> Iterator[Path]:
    """Hold the registry: choosing and writing down are one act among all processes of this user."""
    directory = _runtime_directory() / "ports"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CouldNotCheck("runtime-directory", f"{directory}: {error.strerror}") from error
    with file_lock(directory / _LOCK_FILE, unwritable="runtime-directory"):
        yield directory


def _runtime_directory() -> Path:
    parent = os.environ.get(RUNTIME_VARIABLE)
    if parent and os.access(parent, os.W_OK | os.X_OK):
        directory = Path(parent) / "bonafides"
    else:
        directory = Path(tempfile.gettempdir()) / f"bonafides-{os.getuid()}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise CouldNotCheck("runtime-directory", f"{directory}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():  # beside the temporary files anybody may make it
        raise CouldNotCheck("runtime-directory", f"{directory} is not a directory of this user's; remove it")
    return directory


def _owner(file: Path) -> Path | None:
    """Return the directory that a port is reserved for, if it is still there."""
    try:
        owner = Path(file.read_text("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return None
    return owner if owner.is_absolute() and owner.is_dir() else None


def _write(file: Path, owner: Path) -> None:
    file.write_text(str(owner.resolve()), "utf-8", "surrogateescape")
