"""Two documents that convict a broker by arithmetic (docs/spec/evidence-2.md, sections 14 and 15).

`bonafides.equivocation/2`: it signed two checkpoints that cannot be of one log, or took back that an anchor is wrong.
`bonafides.rollback/2`: it signed for a map that held a label with an entry, and for a later one that holds nothing
there, or another entry. Both stand on the broker's own signatures and on nothing else, so whoever holds two receipts,
or a receipt and a bundle, makes and checks them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.log import note as notes
from evidence.log.tree import MAX_PATH, verify_inclusion
from evidence.version2.log.anchors import AnchorLeaf, Leaf, decode_leaf
from evidence.version2.log.checkpoint import AnchorCheckpoint, open_anchor_checkpoint
from evidence.version2.map.label_map import ABSENCE, Absence, verify_absence, verify_presence
from evidence.version2.map.nodes import LABEL_BITS
from evidence.version2.shapes import hashes, hashes_text
from primitives.errors import VerificationFailed
from primitives.shapes import AnyOf, Bytes, Constant, Fields, Nullable, Shape, Text

EQUIVOCATION_FORMAT, ROLLBACK_FORMAT = "bonafides.equivocation/2", "bonafides.rollback/2"


@dataclass(frozen=True)
class PlacedLeaf:
    """A leaf of a broker's tree, with its inclusion path."""

    leaf: Leaf
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"leaf": self.leaf.encode().hex(), "path": hashes_text(self.path)}


@dataclass(frozen=True)
class Equivocation:
    """Two checkpoints of one broker that contradict each other.

    Attributes:
        broker: who signed them.
        first: a checkpoint's note.
        second: the other one's.
        fork: where their numbers of anchors differ: two leaves of one number, the first of the first tree and the
            second of the second; else None.
    """

    broker: str
    first: str
    second: str
    fork: tuple[PlacedLeaf, PlacedLeaf] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        fork = None if self.fork is None else {"first": self.fork[0].to_json(), "second": self.fork[1].to_json()}
        return {
            "format": EQUIVOCATION_FORMAT,
            "broker": self.broker,
            "first": self.first,
            "second": self.second,
            "fork": fork,
        }


@dataclass(frozen=True)
class PresentEntry:
    """What stands under a label, with its path."""

    entry: bytes
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"entry": self.entry.hex(), "path": hashes_text(self.path)}


@dataclass(frozen=True)
class SignedMap:
    """A map that a broker signed for, and what it proves of a label.

    Attributes:
        checkpoint: a note.
        anchor: an anchor of the checkpoint's tree, whose map it is; None for the map that the checkpoint itself names.
        proof: what lies under the label.
    """

    checkpoint: str
    anchor: PlacedLeaf | None
    proof: PresentEntry | Absence

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        anchor = None if self.anchor is None else self.anchor.to_json()
        return {"checkpoint": self.checkpoint, "anchor": anchor, "proof": self.proof.to_json()}


@dataclass(frozen=True)
class Rollback:
    """A label that had an entry in an earlier map, and has it no longer in a later one."""

    broker: str
    label: bytes
    earlier: SignedMap
    later: SignedMap

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "format": ROLLBACK_FORMAT,
            "broker": self.broker,
            "label": self.label.hex(),
            "earlier": self.earlier.to_json(),
            "later": self.later.to_json(),
        }


_NOTE = Text(notes.MAX_NOTE_BYTES, controls=True)
PLACED = Fields({"leaf": Bytes().then(decode_leaf), "path": hashes(MAX_PATH)}).then(
    lambda placed, _: PlacedLeaf(**placed)
)
"""A leaf with its path, read as `PlacedLeaf`."""
_FORK = Fields({"first": PLACED, "second": PLACED}).then(lambda fork, _: (fork["first"], fork["second"]))
PRESENT = Fields({"entry": shapes.HASH, "path": hashes(LABEL_BITS)}).then(lambda proof, _: PresentEntry(**proof))


def _signed_map(*proofs: Shape[Any]) -> Fields:
    return Fields({"checkpoint": _NOTE, "anchor": Nullable(PLACED), "proof": AnyOf(*proofs)})


EQUIVOCATION = Fields(
    {
        "format": Constant(EQUIVOCATION_FORMAT),
        "broker": shapes.ETHR_DID,
        "first": _NOTE,
        "second": _NOTE,
        "fork": Nullable(_FORK),
    }
).then(lambda members, _: Equivocation(members["broker"], members["first"], members["second"], members["fork"]))
"""`bonafides.equivocation/2`, read as `Equivocation`."""
ROLLBACK = Fields(
    {
        "format": Constant(ROLLBACK_FORMAT),
        "broker": shapes.ETHR_DID,
        "label": shapes.HASH,
        "earlier": _signed_map(PRESENT).then(lambda signed, _: SignedMap(**signed)),
        "later": _signed_map(PRESENT, ABSENCE).then(lambda signed, _: SignedMap(**signed)),
    }
).then(lambda members, _: Rollback(members["broker"], members["label"], members["earlier"], members["later"]))
"""`bonafides.rollback/2`, read as `Rollback`."""


def verify_equivocation(claim: Equivocation, *public_keys: bytes) -> None:
    """Check that a broker signed two checkpoints that cannot be of one log.

    Checkpoints of one number of anchors contradict each other when root, map root or size differ. What they name wrong
    may differ, as a broker may name an anchor as soon as it knows; but it takes no name back (`unnames`).

    Args:
        claim: the document.
        public_keys: the checkpoint keys that the reader takes for this broker's, at least one.

    Raises:
        InvalidInput: a note is none.
        VerificationFailed: `checkpoint-signature`, `inclusion`, or `equivocation` (they do not contradict each other).
    """
    first, second = (_open(note, claim.broker, public_keys) for note in (claim.first, claim.second))
    if claim.fork is not None:
        one, other = claim.fork
        _check_placed(one, first)
        _check_placed(other, second)
        if one.leaf.seq != other.leaf.seq or one.leaf == other.leaf:
            raise VerificationFailed("equivocation", "the leaves are not two different ones of one number")
        return
    if unnames(first, second):
        return
    if first.seq != second.seq:
        raise VerificationFailed(
            "equivocation", "the second checkpoint names all that the first, of fewer, names wrong"
        )
    if (first.root, first.map_root, first.size) == (second.root, second.map_root, second.size):
        raise VerificationFailed("equivocation", "both checkpoints state the same")


def unnames(first: AnchorCheckpoint, second: AnchorCheckpoint) -> bool:
    """Tell whether two checkpoints of one broker cannot follow each other by what they name wrong (section 8.4).

    Of two numbers of anchors the second is the larger and lacks an anchor that the first names. Of one number either
    may be the later: then each names an anchor that the other lacks.
    """
    dropped, added = {*first.wrong} - {*second.wrong}, {*second.wrong} - {*first.wrong}
    return bool(dropped) and (first.seq < second.seq or (first.seq == second.seq and bool(added)))


def verify_rollback(claim: Rollback, *public_keys: bytes) -> None:
    """Check that a broker signed for a map that held an entry, and for a later one that holds it no longer.

    An anchor that a later checkpoint names wrong is no map that the broker stands for: its promises convict then.

    Args:
        claim: the document.
        public_keys: the checkpoint keys that the reader takes for this broker's, at least one.

    Raises:
        InvalidInput: a note is none.
        VerificationFailed: `checkpoint-signature`, `inclusion`, `label-map`, or `rollback` (nothing was taken back).
    """
    before, after = (_open(signed.checkpoint, claim.broker, public_keys) for signed in (claim.earlier, claim.later))
    old_seq, old_root = _map_of(claim.earlier, before)
    new_seq, new_root = _map_of(claim.later, after)
    if old_seq >= new_seq:
        raise VerificationFailed("rollback", "the map that is called later is not")
    if {old_seq, new_seq} & {*before.wrong, *after.wrong}:
        raise VerificationFailed("rollback", "one of the maps is of an anchor that the broker names as wrong")
    held, found = claim.earlier.proof, claim.later.proof
    if isinstance(held, Absence):
        raise VerificationFailed("rollback", "the earlier map held nothing under the label")
    verify_presence(old_root, claim.label, held.entry, held.path)
    if isinstance(found, Absence):
        verify_absence(new_root, claim.label, found)
        return
    verify_presence(new_root, claim.label, found.entry, found.path)
    if found.entry == held.entry:
        raise VerificationFailed("rollback", "both maps hold the same entry")


def _open(note: str, broker: str, public_keys: Sequence[bytes]) -> AnchorCheckpoint:
    """Open a checkpoint under the first key that fits; when none does, raise what the last one raised."""
    for key in public_keys[:-1]:
        try:
            return open_anchor_checkpoint(note, broker, key)
        except VerificationFailed:
            continue
    return open_anchor_checkpoint(note, broker, public_keys[-1])


def _check_placed(placed: PlacedLeaf, checkpoint: AnchorCheckpoint) -> None:
    leaf = placed.leaf
    verify_inclusion(leaf.encode(), leaf.seq - 1, checkpoint.seq, placed.path, checkpoint.root)


def _map_of(signed: SignedMap, checkpoint: AnchorCheckpoint) -> tuple[int, bytes]:
    """Return the number of the anchor whose map it is, and the map's root."""
    if signed.anchor is None:
        return checkpoint.seq, checkpoint.map_root
    _check_placed(signed.anchor, checkpoint)
    leaf = signed.anchor.leaf
    if not isinstance(leaf, AnchorLeaf):
        raise VerificationFailed("rollback", "an opening leaf has no map of its own")
    return leaf.seq, leaf.map_root
