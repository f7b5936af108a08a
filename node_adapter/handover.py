"""What a parent process hands to its children without putting it where others read: a secret, and a way to say "ready".

The environment of a process can be read for as long as it runs, its arguments by everybody; a pipe is read once.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from primitives.errors import CouldNotCheck

_MAX_BYTES = 4096  # less than a pipe holds: the writer need not wait for the reader
_ENV_START, _ENV_END = 50 - 3, 51 - 3  # as fields of /proc/PID/stat are counted, of those behind the name


def hand_over(secret: str) -> int:
    """Return the reading end of a pipe that holds a secret; the caller closes it."""
    data = secret.encode("utf-8")
    if len(data) > _MAX_BYTES:
        raise ValueError("a secret of this length does not fit")
    reading, writing = os.pipe()
    try:
        os.write(writing, data)
    finally:
        os.close(writing)
    return reading


def read_handed_over(descriptor: int) -> str:
    """Return what the parent handed over, and close the pipe.

    Raises:
        CouldNotCheck: `handover`, nothing can be read there.
    """
    try:
        with os.fdopen(descriptor, "rb") as pipe:
            return pipe.read(_MAX_BYTES).decode("utf-8")
    except OSError as error:
        raise CouldNotCheck("handover", f"descriptor {descriptor}: {error.strerror}") from error


def report_ready(descriptor: int | None) -> None:
    """Tell the parent that this process does its work; a parent that does not ask gives no descriptor."""
    if descriptor is None:
        return
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(b"1")


def erase_from_environment(name: str) -> None:
    """Take a variable out of this process's environment, and out of what the kernel shows of it to others.

    `os.environ` is a copy: /proc/PID/environ shows the memory that the process was started with.
    """
    value = os.environ.pop(name, None)
    if not value:
        return
    try:
        fields = Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        start, end = int(fields[_ENV_START]), int(fields[_ENV_END])
        block = Path("/proc/self/environ").read_bytes()
    except (OSError, ValueError, IndexError):  # not Linux, or no /proc: then nobody else reads it there either
        return
    place = (b"\0" + block).find(b"\0" + name.encode() + b"=")
    if place < 0 or len(block) > end - start:
        return
    secret = place + len(name) + 1
    length = (block + b"\0").index(b"\0", secret) - secret
    ctypes.memset(start + secret, 0, length)
