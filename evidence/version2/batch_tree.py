"""The RFC 9162 tree over one batch, with every path at once (docs/spec/evidence-2.md, sections 5.1 and 7).

A batch is complete when its tree is made, so the tree is its levels: a last node without a neighbour rises unchanged.
A path then is one look at each level, where a growing log would hash its right edge for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evidence.log.tree import EMPTY_ROOT, leaf_hash, node_hash
from primitives.errors import InvalidInput


class BatchTree:
    """The tree over leaf hashes that are all known."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        """Hash the levels."""
        self._levels = [list(leaf_hashes)]
        while len(self._levels[-1]) > 1:
            row = self._levels[-1]
            above = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
            self._levels.append(above + row[-1:] if len(row) & 1 else above)

    @classmethod
    def of_entries(cls, entries: Iterable[bytes]) -> BatchTree:
        """Return the tree over what a log holds, such as the entries of one anchor."""
        return cls([leaf_hash(entry) for entry in entries])

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """The root; that of nothing is SHA-256 of nothing."""
        return self._levels[-1][0] if self.size else EMPTY_ROOT

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree: a `NodeReader`."""
        return self._levels[level][position]

    def path(self, index: int) -> list[bytes]:
        """Return the inclusion path of a leaf, leaf side first."""
        if not 0 <= index < self.size:
            raise InvalidInput("index", "log-index", f"{index} is not in a batch of {self.size}")
        path = []
        for row in self._levels[:-1]:
            if index ^ 1 < len(row):
                path.append(row[index ^ 1])
            index >>= 1
        return path
