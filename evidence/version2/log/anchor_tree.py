"""The tree of anchors by its peaks, proofs of it from stored nodes, and batches (docs/spec/evidence-2.md, section 5).

No function reads all leaves: who keeps the hash of every complete subtree, as it becomes complete, makes any proof
about any size with a number of reads that grows with the tree's height alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from evidence.log import tree
from primitives.errors import InvalidInput

NodeReader = tree.NodeReader
Place = tuple[int, int]
"""(level, position) of a complete subtree."""


@dataclass(frozen=True)
class Peaks:
    """A tree as its complete subtrees, largest first: what is needed to append, and no more.

    Attributes:
        size: the number of leaves.
        hashes: one for each bit of `size` that is set, left to right.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise InvalidInput("peaks", "length", f"a tree of {self.size} leaves has {self.size.bit_count()} peaks")

    def root(self) -> bytes:
        """Return the root of the tree."""
        if not self.hashes:
            return tree.EMPTY_ROOT
        result = self.hashes[-1]
        for peak in self.hashes[-2::-1]:
            result = tree.node_hash(peak, result)
        return result

    def append(self, leaf_hash: bytes) -> tuple[Peaks, list[tuple[Place, bytes]]]:
        """Return the tree with one leaf more, and every subtree that this leaf makes complete, with its place."""
        hashes, made = list(self.hashes), leaf_hash
        nodes = [((0, self.size), made)]
        level = 0
        while self.size >> level & 1:
            made, level = tree.node_hash(hashes.pop(), made), level + 1
            nodes.append(((level, self.size >> level), made))
        return Peaks(self.size + 1, (*hashes, made)), nodes


def peaks_of(size: int, node: NodeReader) -> Peaks:
    """Return the peaks of the tree of `size` leaves from stored nodes."""
    return Peaks(size, tuple(node(level, position) for level, position in tree.complete_subtrees(0, size)))


def places(make: Callable[[NodeReader], object]) -> list[Place]:
    """Return the places that a maker of proofs asks for, so that a store can read them together.

    Which places these are never depends on a hash: `make` is run with a reader that answers zeros.
    """
    asked: dict[Place, None] = {}

    def node(level: int, position: int) -> bytes:
        asked[level, position] = None
        return bytes(tree.HASH_BYTES)

    make(node)
    return list(asked)


def batch_root(entries: Iterable[bytes]) -> bytes:
    """Return the root over the entries that one anchor adds; SHA-256 of nothing when there are none."""
    return tree.root(entries)
