"""Going over the public leaves of a log, from wherever one stopped (docs/spec/evidence-2.md, section 8.5).

What is kept is the last leaf and the peaks of the tree, whatever the age of the log. How the map grew is not public:
`growth.grow` goes over that, with what the broker shows members.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evidence.log.tree import EMPTY_ROOT
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import AnchorLeaf, Leaf, OpeningLeaf, decode_leaf
from evidence.version2.log.checkpoint import AnchorCheckpoint
from evidence.version2.map.nodes import EMPTY
from primitives.errors import InvalidInput, VerificationFailed

LEAVES, TREE = "audit-leaves", "audit-tree"
_NONE = Peaks()


@dataclass(frozen=True)
class PublicState:
    """How far the leaves of a log were gone over.

    Attributes:
        peaks: of their tree.
        leaf: the last one; None before the first.
    """

    peaks: Peaks = _NONE
    leaf: Leaf | None = None

    @property
    def seq(self) -> int:
        """The number of leaves."""
        return self.peaks.size


def go_over(state: PublicState, entries: Iterable[bytes]) -> PublicState:
    """Go over the leaves that follow, and return the state after the last of them.

    Raises:
        VerificationFailed: `audit-leaves`; one is no leaf, or does not follow the one before.
    """
    for entry in entries:
        number = state.seq + 1
        try:
            leaf = decode_leaf(entry)
        except InvalidInput as error:
            raise VerificationFailed(LEAVES, f"leaf {number} is none: {error.detail}") from error
        if not _follows(state.leaf, leaf):
            raise VerificationFailed(LEAVES, f"leaf {number} does not follow the one before it")
        peaks, _ = state.peaks.append(leaf.hash())
        state = PublicState(peaks, leaf)
    return state


def check_stated(state: PublicState, checkpoint: AnchorCheckpoint) -> None:
    """Check that the leaves lead to what a checkpoint states.

    Raises:
        VerificationFailed: `audit-tree`.
    """
    leaf = state.leaf
    if not isinstance(leaf, AnchorLeaf):
        raise VerificationFailed(TREE, "the log has no anchor")
    found = (leaf.seq, state.peaks.root(), leaf.map_root, leaf.size_after)
    if found != (checkpoint.seq, checkpoint.root, checkpoint.map_root, checkpoint.size):
        raise VerificationFailed(TREE, f"the {state.seq} leaves do not lead to what the checkpoint states")


def _follows(before: Leaf | None, leaf: Leaf) -> bool:
    """Say whether the contract would have made this leaf after that one."""
    if before is None or isinstance(leaf, OpeningLeaf):
        return before is None and isinstance(leaf, OpeningLeaf)
    goes_on = leaf.seq == before.seq + 1 and leaf.size_before == before.size_after
    later = leaf.block >= before.block and leaf.time >= before.time
    if isinstance(before, AnchorLeaf) and leaf.key_version < before.key_version:
        return False
    heartbeat = leaf.added == 0
    map_before = before.map_root if isinstance(before, AnchorLeaf) else EMPTY
    same_map = not heartbeat or leaf.map_root == map_before
    return goes_on and later and heartbeat == (leaf.batch_root == EMPTY_ROOT) and same_map
