"""That a map is an older one with leaves added, and nothing else (docs/spec/evidence-2.md, section 6.1).

The proof is a walk over the old map, as far down as leaves were added. Whatever was proved of the old map still holds
in the new one, because no old leaf leaves its path: a subtree under which nothing was added stands where it stood, and
a leaf that added ones displace stands in the proof whole, so that its label says where it goes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.log.tree import node_hash
from evidence.version2.map.nodes import (
    EMPTY,
    LABEL_BITS,
    InnerNode,
    MapLeaf,
    Node,
    first_right,
    hash_of,
    map_leaf,
    map_leaves,
    same_prefix,
    subtree_hash,
)
from evidence.version2.shapes import hashes, hashes_text
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Fields, Text

CHECK = "append-proof"
MAX_LEAVES = 100_000  # as many as one anchor may add
MAX_STEPS = 1 << 22  # as many leaves, added at once to a map of 10^8, take half of them
NOTHING, GOES_ON, UNTOUCHED, DISPLACED = "01hl"


@dataclass(frozen=True)
class AppendProof:
    """What leads from one root to another.

    Attributes:
        old: the older map's root.
        new: the newer one's.
        leaves: the added (label, entry), in the order of their labels.
        walk: what the old map held, depth first, left before right; one character for each place that was come to.
        hashes: those of the untouched subtrees, label and entry of the displaced leaves, in the order of the walk.
    """

    old: bytes
    new: bytes
    leaves: tuple[tuple[bytes, bytes], ...]
    walk: str
    hashes: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "old": self.old.hex(),
            "new": self.new.hex(),
            "leaves": hashes_text(itertools.chain.from_iterable(self.leaves)),
            "walk": self.walk,
            "hashes": hashes_text(self.hashes),
        }


def make_append_proof(top: Node, entries: Mapping[bytes, bytes]) -> AppendProof:
    """Prove what the map with this topmost node becomes when {label: entry} are added.

    Raises:
        InvalidInput: `unique`, a label is in the map already; `length`.
        VerificationFailed: check `append-proof`, the nodes of the map contradict each other.
    """
    leaves = map_leaves(entries)
    trail = _Trail(leaves)
    trail.follow(top)
    old, new = _Walk(leaves, trail.walk, trail.shown).roots()
    if old != hash_of(top):
        raise VerificationFailed(CHECK, "a node of the map is not the hash of its two sides")
    return AppendProof(
        old, new, tuple((leaf.label, leaf.entry) for leaf in leaves), "".join(trail.walk), tuple(trail.shown)
    )


def verify_append(old: bytes, proof: AppendProof) -> bytes:
    """Check that a map grew by the proof's leaves from this root; return the root that it has now.

    Costs a hash for each step of the walk, and for each leaf at most one for each bit of its label.

    Raises:
        VerificationFailed: check `append-proof`.
    """
    labels = [label for label, _ in proof.leaves]
    if any(later <= label for label, later in itertools.pairwise(labels)):
        raise VerificationFailed(CHECK, "the added leaves do not stand in the order of their labels, each once")
    if proof.old != old:
        raise VerificationFailed(CHECK, "the proof begins at another map")
    try:
        found_old, found_new = _Walk(map_leaves(dict(proof.leaves)), proof.walk, proof.hashes).roots()
    except InvalidInput as error:
        raise VerificationFailed(CHECK, error.detail) from error
    if found_old != old:
        raise VerificationFailed(CHECK, "the proof does not lead to the old root")
    if found_new != proof.new:
        raise VerificationFailed(CHECK, "the proof does not lead to the new root")
    return found_new


class _Trail:
    """What is met on the walk over a map that exists."""

    def __init__(self, leaves: Sequence[MapLeaf]) -> None:
        self._leaves = leaves
        self._waiting: list[tuple[InnerNode, int, int, int, int]] = []  # a node, its side, and the leaves added there
        self.walk: list[str] = []
        self.shown: list[bytes] = []

    def follow(self, top: Node) -> None:
        """Walk from the topmost node as far down as leaves were added."""
        if self._leaves:
            self._come_to(top, 0, 0, len(self._leaves))
        else:
            self._pass_by(hash_of(top))
        while self._waiting:
            node, side, depth, low, high = self._waiting.pop()
            if low < high:
                self._come_to(node.side(side), depth, low, high)
            else:
                self._pass_by(node.side_hash(side))

    def _come_to(self, node: Node, depth: int, low: int, high: int) -> None:
        if node is None:
            self.walk.append(NOTHING)
        elif isinstance(node, MapLeaf):
            self.walk.append(DISPLACED)
            self.shown += [node.label, node.entry]
        else:
            self.walk.append(GOES_ON)
            cut = first_right(self._leaves, depth, low, high)
            self._waiting += [(node, 1, depth + 1, cut, high), (node, 0, depth + 1, low, cut)]

    def _pass_by(self, subtree: bytes) -> None:
        if subtree == EMPTY:
            self.walk.append(NOTHING)
        else:
            self.walk.append(UNTOUCHED)
            self.shown.append(subtree)


class _Walk:
    """The old and the new root to which a walk and added leaves lead; what is still to be walked stands in a list."""

    def __init__(self, leaves: Sequence[MapLeaf], walk: Sequence[str], shown: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._steps: Iterator[str] = iter(walk)
        self._shown: Iterator[bytes] = iter(shown)

    def roots(self) -> tuple[bytes, bytes]:
        """Return (old root, new root).

        Raises:
            VerificationFailed: it is no walk to where the leaves were added.
            InvalidInput: `unique`, an added label was there.
        """
        places: list[tuple[int, int, int] | None] = [(0, 0, len(self._leaves))]  # None: join the last two that are done
        done: list[tuple[bytes, bytes]] = []
        while places:
            place = places.pop()
            if place is None:
                (old_left, new_left), (old_right, new_right) = done[-2:]
                done[-2:] = [(node_hash(old_left, old_right), node_hash(new_left, new_right))]
                continue
            depth, low, high = place
            step = next(self._steps, None)
            if step == GOES_ON and low < high and depth < LABEL_BITS:
                cut = first_right(self._leaves, depth, low, high)
                places += [None, (depth + 1, cut, high), (depth + 1, low, cut)]
            elif step == NOTHING:
                done.append((EMPTY, subtree_hash(self._leaves[low:high], depth)))
            elif step == UNTOUCHED and low == high:
                done.append(self._untouched())
            elif step == DISPLACED and low < high:
                done.append(self._displaced(depth, self._leaves[low:high]))
            else:
                raise VerificationFailed(CHECK, "the walk does not lead to where the leaves were added")
        if next(self._steps, None) is not None or next(self._shown, None) is not None:
            raise VerificationFailed(CHECK, "the walk ends before the proof does")
        return done[0]

    def _untouched(self) -> tuple[bytes, bytes]:
        """Return the hashes, before and after, of a subtree under which nothing was added."""
        subtree = self._next_shown()
        if subtree == EMPTY:
            raise VerificationFailed(CHECK, "an empty subtree is shown as one with leaves")
        return subtree, subtree

    def _displaced(self, depth: int, added: Sequence[MapLeaf]) -> tuple[bytes, bytes]:
        """Return the hashes, before and after, of a place where one leaf lay and others were added."""
        leaf = map_leaf(self._next_shown(), self._next_shown())
        if not same_prefix(leaf.label, added[0].label, depth):
            raise VerificationFailed(CHECK, "a displaced leaf does not stand on its label's path")
        if any(other.label == leaf.label for other in added):
            raise InvalidInput("label", "unique", f"{leaf.label.hex()} is in the map already")
        return leaf.hash, subtree_hash(sorted([*added, leaf], key=lambda one: one.label), depth)

    def _next_shown(self) -> bytes:
        value = next(self._shown, None)
        if value is None:
            raise VerificationFailed(CHECK, "the walk goes on after the last hash")
        return value


def _pairs(joined: tuple[bytes, ...], where: str) -> tuple[tuple[bytes, bytes], ...]:
    if len(joined) % 2:
        raise InvalidInput(where, "length", "must be a label and an entry for each leaf")
    return tuple(zip(joined[::2], joined[1::2], strict=True))


APPEND_PROOF = Fields(
    {
        "old": shapes.HASH,
        "new": shapes.HASH,
        "leaves": hashes(2 * MAX_LEAVES).then(_pairs),
        "walk": Text(MAX_STEPS, 0, "[01hl]*"),
        "hashes": hashes(MAX_STEPS),
    }
).then(lambda read, _: AppendProof(**read))
