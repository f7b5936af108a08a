"""Which contracts the consortium uses, by the Directory's history (docs/spec/evidence-2.md, sections 9.3 and 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.version2.state.heads import DIRECTORY_HISTORY, Change, directory_digest, head_of
from primitives.errors import VerificationFailed
from primitives.shapes import Fields, Text

CHECK = "directory"
MAX_ENTRIES = 1_000
_NAME_BYTES = 32


@dataclass(frozen=True)
class DirectoryEntry:
    """A contract that took a name: its 0x address and code hash, from a block whose time is in seconds."""

    name: str
    target: str
    code_hash: bytes
    block: int
    time: int

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "name": self.name,
            "target": self.target,
            "code_hash": self.code_hash.hex(),
            "block": self.block,
            "time": self.time,
        }


DIRECTORY = shapes.tuple_of(
    Fields(
        {
            "name": Text(_NAME_BYTES, pattern="[A-Za-z0-9]+"),
            "target": shapes.ADDRESS,
            "code_hash": shapes.HASH,
            "block": shapes.NUMBER,
            "time": shapes.NUMBER,
        }
    ).then(lambda members, _: DirectoryEntry(**members)),
    MAX_ENTRIES,
    1,
)
"""The Directory's history in a bundle."""


def directory_head(entries: Sequence[DirectoryEntry]) -> bytes:
    """Return the head of a Directory after all its entries, in their order."""
    changes = [Change(entry.block, entry.time, _digest(entry)) for entry in entries]
    return head_of(DIRECTORY_HISTORY, changes)


def check_directory(entries: Sequence[DirectoryEntry], head: bytes) -> None:
    """Check that these are all entries of a Directory, in their order: they give the head that it keeps.

    Raises:
        VerificationFailed: `directory`.
    """
    if directory_head(entries) != head:
        raise VerificationFailed(CHECK, f"{len(entries)} entries do not give the head that the Directory keeps")


def contracts_named(entries: Sequence[DirectoryEntry], name: str) -> list[DirectoryEntry]:
    """Return every contract that ever had a name, the one in force last.

    Raises:
        VerificationFailed: `directory`; none had it.
    """
    found = [entry for entry in entries if entry.name == name]
    if not found:
        raise VerificationFailed(CHECK, f"the Directory names no {name}")
    return found


def _digest(entry: DirectoryEntry) -> bytes:
    return directory_digest(entry.name.encode().ljust(_NAME_BYTES, b"\0"), entry.target, entry.code_hash)
