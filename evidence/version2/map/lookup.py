"""What lies under many labels of a map, in one proof (docs/spec/evidence-2.md, section 6.2).

The proof is a walk down to every label that was asked for. What two paths share stands once, so that of a history of n
records in a map of N leaves each costs about log2(N / n) hashes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evidence.log.tree import node_hash
from evidence.version2.map.nodes import (
    EMPTY,
    LABEL_BITS,
    MapLeaf,
    Node,
    check_hash,
    label_bit,
    map_leaf,
    same_prefix,
)
from evidence.version2.shapes import HASHES, MAX_HASHES, hashes_text
from primitives.errors import VerificationFailed
from primitives.shapes import Fields, Text

CHECK = "label-map"
NOTHING, GOES_ON, UNTOUCHED, OTHER, FOUND = "01hlf"


@dataclass(frozen=True)
class Lookup:
    """A walk over a map.

    Attributes:
        walk: one character for each place that was come to, depth first, left before right: nothing is there, it goes
            on to both sides, a subtree of which nothing was asked, a leaf that was not asked for, one that was.
        hashes: those of the untouched subtrees, label and entry of the other leaves, in the order of the walk.
    """

    walk: str
    hashes: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"walk": self.walk, "hashes": hashes_text(self.hashes)}


LOOKUP = Fields({"walk": Text(4 * MAX_HASHES, 1, "[01hlf]*"), "hashes": HASHES}).then(
    lambda members, _: Lookup(**members)
)


def make_lookup(top: Node, labels: Collection[bytes]) -> Lookup:
    """Prove what the map with this topmost node holds under labels: an entry, or nothing."""
    walk: list[str] = []
    shown: list[bytes] = []
    waiting: list[tuple[Node | bytes, int, list[bytes]]] = [(top, 0, sorted(set(labels)))]
    while waiting:
        node, depth, asked = waiting.pop()
        if node is None or node == EMPTY:
            walk.append(NOTHING)
        elif isinstance(node, bytes):
            walk.append(UNTOUCHED)
            shown.append(node)
        elif isinstance(node, MapLeaf):
            walk.append(FOUND if node.label in asked else OTHER)
            shown += [] if node.label in asked else [node.label, node.entry]
        else:
            walk.append(GOES_ON)
            for bit, below in reversed(list(enumerate(_parted(asked, depth)))):
                waiting.append((node.side(bit) if below else node.side_hash(bit), depth + 1, below))
    return Lookup("".join(walk), tuple(shown))


def verify_lookup(root: bytes, present: Mapping[bytes, bytes], absent: Collection[bytes], proof: Lookup) -> None:
    """Check that under a root these labels have these entries, and those labels none.

    Costs a hash for each step of the walk. Raises:
        VerificationFailed: check `label-map`.
        InvalidInput: `length`, of a label or an entry.
    """
    for value in (*present, *present.values(), *absent):
        check_hash(value, "label")
    asked = sorted({*present, *absent})
    if len(asked) != len(present) + len(absent):
        raise VerificationFailed(CHECK, "a label is said to be there and not to be there")
    if _LookupWalk(present, proof).root(asked) != root:
        raise VerificationFailed(CHECK, "the walk does not lead to the map's root")


class _LookupWalk:
    """The root to which a walk leads; what is still to be walked stands in a list."""

    def __init__(self, present: Mapping[bytes, bytes], proof: Lookup) -> None:
        self._present = present
        self._steps: Iterator[str] = iter(proof.walk)
        self._shown: Iterator[bytes] = iter(proof.hashes)

    def root(self, asked: list[bytes]) -> bytes:
        places: list[tuple[int, list[bytes]] | None] = [(0, asked)]  # None: join the last two that are done
        done: list[bytes] = []
        while places:
            place = places.pop()
            if place is None:
                done[-2:] = [node_hash(done[-2], done[-1])]
                continue
            depth, below = place
            step = next(self._steps, None)
            if step == GOES_ON and below and depth < LABEL_BITS:
                left, right = _parted(below, depth)
                places += [None, (depth + 1, right), (depth + 1, left)]
            else:
                done.append(self._end(step, depth, below))
        if next(self._steps, None) is not None or next(self._shown, None) is not None:
            raise VerificationFailed(CHECK, "the walk ends before the proof does")
        return done[0]

    def _end(self, step: str | None, depth: int, below: list[bytes]) -> bytes:
        """Return the hash of a place at which the walk ends."""
        here = [label for label in below if label in self._present]
        if step == UNTOUCHED and not below:
            subtree = self._next_shown()
            if subtree == EMPTY:
                raise VerificationFailed(CHECK, "an empty subtree is shown as one with leaves")
            return subtree
        if step == NOTHING and not here:
            return EMPTY
        if step == FOUND and len(here) == 1:
            return map_leaf(here[0], self._present[here[0]]).hash
        if step == OTHER and below and not here:
            label, entry = self._next_shown(), self._next_shown()
            if label in below or not same_prefix(label, below[0], depth):
                raise VerificationFailed(CHECK, "another leaf does not stand on the path of the label")
            return map_leaf(label, entry).hash
        raise VerificationFailed(CHECK, "the walk does not lead to the labels that were asked for")

    def _next_shown(self) -> bytes:
        value = next(self._shown, None)
        if value is None:
            raise VerificationFailed(CHECK, "the walk goes on after the last hash")
        return value


def _parted(labels: list[bytes], depth: int) -> tuple[list[bytes], list[bytes]]:
    """Return the labels that go left at a depth, and those that go right; they are sorted."""
    cut = next((at for at, label in enumerate(labels) if label_bit(label, depth)), len(labels))
    return labels[:cut], labels[cut:]
