"""A broker's log of format 2 with its map, in memory: anchors, right and wrong ones, and what a witness is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evidence.log import tree
from evidence.version2.log.anchor_tree import batch_root, peaks_of
from evidence.version2.log.anchors import NO_CONTRACT, AnchorLeaf, OpeningLeaf, head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.log.growth import ChainHead, GrowthState, GrowthStep, check_growth
from evidence.version2.log.growth_document import Growth
from evidence.version2.map.append_proof import AppendProof, make_append_proof
from evidence.version2.map.label_map import LabelMap
from scripts.vectors.evidence import BROKER
from scripts.vectors.version2.log import BROKER_KEY, BROKER_SEED

KEYS = hashlib.sha256(b"keys of the broker").digest()


def value(*name: object) -> bytes:
    """Return a hash of a name."""
    return hashlib.sha256(repr(name).encode()).digest()


class GrowingLog:
    """The log as its broker's node and the chain keep it."""

    def __init__(self) -> None:
        """Start with the opening leaf."""
        self.opening = OpeningLeaf(NO_CONTRACT, 0, bytes(32), 0, bytes(32), 1, 60)
        self.tree = tree.Tree.from_leaf_hashes([self.opening.hash()])
        self.map, self.size = LabelMap(), 0
        self.steps: dict[int, GrowthStep] = {}

    @property
    def seq(self) -> int:
        """The number of the last leaf."""
        return self.tree.size

    def anchor(
        self,
        count: int = 2,
        *,
        good: LabelMap | None = None,
        leaf: Mapping[str, Any] | None = None,
        entries: Sequence[bytes] | None = None,
        proof: AppendProof | None = None,
    ) -> None:
        """Anchor so many records.

        Args:
            count: how many.
            good: the map that this anchor goes on from; the last one's when None.
            leaf: what else than the truth the leaf states.
            entries: what else is shown as the batch.
            proof: what else is shown of the map.
        """
        before = self.map if good is None else good
        added = {value("label", self.seq, place): value("entry", self.seq, place) for place in range(count)}
        self.map = before.insert(added)
        stated = {
            "seq": self.seq + 1,
            "batch_root": batch_root(added.values()),
            "size_before": self.size,
            "size_after": self.size + count,
            "map_root": self.map.root,
            "block": self.seq + 10,
            "time": 60 * self.seq,
            "keys_digest": KEYS,
            "key_version": 1,
        }
        made = AnchorLeaf(**{**stated, **(leaf or {})})
        if proof is None and added:
            proof = make_append_proof(before.top, added)
        self.size = made.size_after
        self.steps[made.seq] = GrowthStep(made, list(added.values()) if entries is None else entries, proof)
        self.tree.append(made.encode())

    def checkpoint(self, *wrong: int, seed: bytes = BROKER_SEED, **changes: Any) -> str:
        """Return the signed note of the last anchor."""
        map_root = self.steps[self.seq].leaf.map_root if self.steps else self.map.root
        made = AnchorCheckpoint(BROKER, self.seq, self.tree.root(), map_root, self.size, wrong)
        return sign_anchor_checkpoint(replace(made, **changes), seed)

    def head(self, seq: int | None = None) -> ChainHead:
        """Return what the chain says, with the proof that the tree of `seq` leaves is a prefix of it."""
        root, size = self.tree.root(), self.seq
        return ChainHead(head_digest(size, root), size, root, tuple(self.tree.consistency(seq or size, size)))

    def after(self, kept: GrowthState) -> list[GrowthStep]:
        """Return the anchors after a state."""
        return [self.steps[seq] for seq in range(kept.seq + 1, self.seq + 1)]

    def growth(self, start: int, most: int = 100) -> Growth:
        """Return what the broker shows of the anchors after a number, so many at most."""
        steps = [self.steps[seq] for seq in range(start + 1, min(start + most, self.seq) + 1)]
        return Growth(start, peaks_of(start, self.tree.node).hashes, tuple(steps))

    def check(self, kept: GrowthState, note: str | None = None, **changes: Any) -> GrowthState:
        """Check the growth since a state, of which the caller may change what is shown."""
        shown: dict[str, Any] = {
            "broker": BROKER,
            "public_key": BROKER_KEY,
            "keys_digest": KEYS,
            "head": self.head(),
            "peaks": peaks_of(kept.seq, self.tree.node).hashes,
            "steps": self.after(kept),
        }
        return check_growth(kept, note or self.checkpoint(), **{**shown, **changes})
