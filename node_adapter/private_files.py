"""Files that only their owner may read: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from primitives.errors import CouldNotCheck


def write_private(file: Path, text: str) -> None:
    """Write a new file (0600), and wait until it is on the disk.

    Raises:
        CouldNotCheck: `node-unwritable`, also when the file exists.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise CouldNotCheck("node-unwritable", f"{file}: {error.strerror}") from error


def replace_private(file: Path, text: str) -> None:
    """Write a file (0600) in place of an older one: a reader sees the old text or the new one, never a half.

    Raises:
        CouldNotCheck: `node-unwritable`.
    """
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    write_private(temporary, text)
    try:
        temporary.replace(file)
        sync_directory(file.parent)
    except OSError as error:
        raise CouldNotCheck("node-unwritable", f"{file}: {error.strerror}") from error


def sync_directory(directory: Path) -> None:
    """Wait until a directory's entries are on the disk, so that a rename outlives a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
