"""What a witness checks before it cosigns: the log only grew, and so did the map.

Specification: docs/spec/evidence-2.md, section 8.2. A pure function over what the witness kept and what the broker
shows. What is kept is a few hashes, whatever the age of the log: the broker shows the peaks of the tree that was kept,
which its root binds, and all that came after. A witness far behind, or one that audits a log from its beginning, takes
as many steps at a time as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from evidence.log.tree import verify_consistency
from evidence.version2.log.anchor_tree import Peaks, batch_root
from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf, head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, open_anchor_checkpoint
from evidence.version2.map.append_proof import AppendProof, verify_append
from evidence.version2.map.nodes import EMPTY
from primitives.errors import VerificationFailed

CHECKS = (
    "checkpoint-signature",
    "chain-head",
    "growth-start",
    "growth-order",
    "growth-batch",
    "growth-map",
    "growth-entries",
    "growth-wrong",
    "growth-checkpoint",
)
"""What may fail, in the order of section 8.2."""


@dataclass(frozen=True)
class GrowthState:
    """What a witness keeps of one log.

    Attributes:
        seq: the last anchor that it went over.
        root: the root of the tree of that many leaves.
        map_root: the map of the last anchor that is not named wrong.
        size: the number of records after anchor `seq`.
        wrong: what was named wrong so far: it stays so, and nothing else that was gone over becomes so.
    """

    seq: int
    root: bytes
    map_root: bytes
    size: int
    wrong: tuple[int, ...] = ()

    @classmethod
    def opened(cls, opening: OpeningLeaf) -> GrowthState:
        """Return the state after leaf 1: the map begins empty, the size is that of the log before."""
        peaks, _ = Peaks().append(opening.hash())
        return cls(opening.seq, peaks.root(), EMPTY, opening.size_after)


@dataclass(frozen=True)
class GrowthStep:
    """What the broker shows of one anchor; of one that is named wrong the leaf alone counts.

    Attributes:
        leaf: the anchor.
        entries: its batch, in log order.
        proof: the append proof of its map; None of a heartbeat.
    """

    leaf: AnchorLeaf
    entries: Sequence[bytes] = ()
    proof: AppendProof | None = None


@dataclass(frozen=True)
class ChainHead:
    """What the chain says of a log at a block that the witness trusts.

    Attributes:
        digest: the head slot of the broker.
        seq: the number of the last anchor there.
        root: the root of the tree there, which with `seq` gives the digest.
        consistency: RFC 9162 proof that the checkpoint's tree is a prefix of it; empty when it is the same tree.
    """

    digest: bytes
    seq: int
    root: bytes
    consistency: tuple[bytes, ...] = ()


def check_growth(
    kept: GrowthState,
    note: str,
    *,
    broker: str,
    public_key: bytes,
    keys_digest: bytes,
    head: ChainHead,
    peaks: Sequence[bytes],
    steps: Iterable[GrowthStep],
) -> GrowthState:
    """Check a new checkpoint against what was kept, and return what to keep from now on.

    Args:
        kept: what was kept of this log; `GrowthState.opened` of a log that is met for the first time.
        note: the checkpoint.
        broker: whose log it is.
        public_key: the broker's checkpoint key.
        keys_digest: the digest of the key set that this key is of, which the last leaf must name.
        head: what the chain says.
        peaks: the peaks of the kept tree, left to right.
        steps: every anchor after the kept one up to the checkpoint's, which may come one at a time.

    Raises:
        InvalidInput: not a note of this version.
        VerificationFailed: one of `CHECKS`: nothing is to be cosigned, and what was shown is worth keeping.
    """
    checkpoint = open_anchor_checkpoint(note, broker, public_key)
    check_chain_head(checkpoint, head)
    digests = [keys_digest]
    state, _ = grow(kept, kept_peaks(kept, peaks), _noting_keys(steps, digests), checkpoint.wrong)
    if digests[-1] != keys_digest:
        raise VerificationFailed("checkpoint-signature", "the last anchor names other keys than the checkpoint's")
    _check_stated(state, checkpoint)
    return state


def check_kept(kept: GrowthState, note: str, *, broker: str, public_key: bytes) -> None:
    """Check a checkpoint of the tree that was kept: it was gone over, and states what it stated then.

    Raises:
        InvalidInput: not a note of this version.
        VerificationFailed: `checkpoint-signature`, `growth-wrong` or `growth-checkpoint`.
    """
    checkpoint = open_anchor_checkpoint(note, broker, public_key)
    _check_wrong(kept, checkpoint.wrong)
    _check_stated(kept, checkpoint)


def check_chain_head(checkpoint: AnchorCheckpoint, head: ChainHead) -> None:
    """Check that the checkpoint's tree is the chain's, or a prefix of it.

    Raises:
        VerificationFailed: `chain-head`.
    """
    if head_digest(head.seq, head.root) != head.digest:
        raise VerificationFailed("chain-head", "the tree that is shown is not the one of the chain's head")
    try:
        verify_consistency(checkpoint.seq, head.seq, head.consistency, checkpoint.root, head.root)
    except VerificationFailed as error:
        raise VerificationFailed("chain-head", f"the chain has another tree: {error.detail}") from error


def grow(
    state: GrowthState, peaks: Peaks, steps: Iterable[GrowthStep], wrong: Sequence[int]
) -> tuple[GrowthState, Peaks]:
    """Go over the anchors that follow a state, and return the state and the peaks after the last of them.

    Args:
        state: where to begin.
        peaks: the peaks of its tree.
        steps: the anchors that follow, without gap; any number of them.
        wrong: what the newest checkpoint names as wrong.

    Raises:
        VerificationFailed: one of `CHECKS`.
    """
    _check_wrong(state, wrong)
    for step in steps:
        leaf = step.leaf
        if leaf.seq != state.seq + 1 or leaf.size_before != state.size or leaf.added < 0:
            raise VerificationFailed("growth-order", f"anchor {leaf.seq} does not follow anchor {state.seq}")
        map_root = state.map_root
        if leaf.seq not in wrong:
            check_step(step, state.map_root)
            map_root = leaf.map_root
        peaks, _ = peaks.append(leaf.hash())
        state = GrowthState(leaf.seq, b"", map_root, leaf.size_after, state.wrong)
    root = peaks.root()
    return replace(state, root=root, wrong=tuple(seq for seq in wrong if seq <= state.seq)), peaks


def kept_peaks(kept: GrowthState, hashes: Sequence[bytes]) -> Peaks:
    """Return the kept tree by the peaks that are shown of it.

    Raises:
        VerificationFailed: `growth-start`, they are not its peaks.
    """
    if len(hashes) != kept.seq.bit_count() or Peaks(kept.seq, tuple(hashes)).root() != kept.root:
        raise VerificationFailed("growth-start", f"the peaks are not those of the kept tree of {kept.seq} anchors")
    return Peaks(kept.seq, tuple(hashes))


def _noting_keys(steps: Iterable[GrowthStep], digests: list[bytes]) -> Iterator[GrowthStep]:
    """Pass the steps on, and leave the digest of the last one's keys at the end of a list of one."""
    for step in steps:
        digests[:] = [step.leaf.keys_digest]
        yield step


def _check_wrong(state: GrowthState, wrong: Sequence[int]) -> None:
    if tuple(seq for seq in wrong if seq <= state.seq) != state.wrong:
        raise VerificationFailed("growth-wrong", "an anchor that was gone over is named wrong now, or no longer")


def _check_stated(state: GrowthState, checkpoint: AnchorCheckpoint) -> None:
    stated = (checkpoint.seq, checkpoint.root, checkpoint.map_root, checkpoint.size)
    if stated != (state.seq, state.root, state.map_root, state.size):
        raise VerificationFailed("growth-checkpoint", "the anchors do not lead to what the checkpoint states")


def check_step(step: GrowthStep, map_root: bytes) -> None:
    """Check that a batch is the anchor's, and that the map grew by it and by nothing else.

    Args:
        step: what is shown of the anchor.
        map_root: of the last anchor before it that is not named wrong.

    Raises:
        VerificationFailed: `growth-batch`, `growth-map` or `growth-entries`.
    """
    leaf = step.leaf
    if len(step.entries) != leaf.added or batch_root(step.entries) != leaf.batch_root:
        raise VerificationFailed("growth-batch", f"the entries are not the batch of anchor {leaf.seq}")
    if leaf.added == 0:
        if leaf.map_root != map_root or step.proof is not None:
            raise VerificationFailed("growth-map", f"the heartbeat {leaf.seq} has another map than before")
        return
    if step.proof is None:
        raise VerificationFailed("growth-map", f"anchor {leaf.seq} has no append proof")
    try:
        new_root = verify_append(map_root, step.proof)
    except VerificationFailed as error:
        raise VerificationFailed("growth-map", f"anchor {leaf.seq}: {error.detail}") from error
    if new_root != leaf.map_root:
        raise VerificationFailed("growth-map", f"the map of anchor {leaf.seq} is not the one before with leaves added")
    entries = sorted(entry for _, entry in step.proof.leaves)
    if entries != sorted(step.entries) or len(set(entries)) != len(entries):
        raise VerificationFailed("growth-entries", f"the map of anchor {leaf.seq} grew by other entries than its batch")
