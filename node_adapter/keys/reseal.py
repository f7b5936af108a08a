"""Sealing a keystore under a new password.

1. Every file is written anew beside the old one, as `<file>.new`, and opened with the new password.
2. Then each takes its old file's place, one after the other.

A kill before the second step leaves the old password in force, a kill within it the new one: `Keystore.open` takes
whichever of a file and its successor the password belongs to. Doing it again finishes what was cut short.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from node_adapter.keys.keystore import Keystore, check_password, opens, successor
from node_adapter.private_files import sync_directory, write_private
from primitives.errors import CouldNotCheck


def reseal(directory: Path, old: str, new: str, *, on_step: Callable[[str], None] = lambda _: None) -> Keystore:
    """Seal the keystore of a directory under a new password; no process may have it open meanwhile.

    Args:
        directory: the keystore's.
        old: the password that opens it now.
        new: the password that opens it afterwards.
        on_step: told the name of each file that was written or has taken its place.

    Raises:
        InvalidInput: the new password is empty.
        Refused: `keystore-password`, the old password is wrong.
        CouldNotCheck: a file cannot be written; the old password stays in force.
    """
    check_password(new)
    keys = Keystore.open(directory, old)
    files = keys.sealed_files(new)
    _finish(directory, list(files), old)
    for name, data in files.items():
        write_private(successor(directory / name), data.decode())
        on_step(f"{name}.new")
    sync_directory(directory)
    if Keystore.open(directory, new) != keys:
        raise CouldNotCheck("keystore-unwritable", "what was written does not hold the keys; the old files stay")
    _replace(directory, list(files), on_step)
    return keys


def _finish(directory: Path, names: list[str], password: str) -> None:
    """Clear what an earlier re-sealing left: put successors under this password in place, drop those under another."""
    for name in names:
        file = directory / name
        if not successor(file).exists():
            continue
        if opens(file, password):
            successor(file).unlink()
        else:
            successor(file).replace(file)
    sync_directory(directory)


def _replace(directory: Path, names: list[str], on_step: Callable[[str], None]) -> None:
    for name in names:
        successor(directory / name).replace(directory / name)
        on_step(name)
    sync_directory(directory)
