"""The checkpoints of each broker that the wallet remembers, two at the most, whatever the number of its syncs.

The newest one up to which the log was seen to do nothing but grow since the first that this wallet saw, and the newest
one that the broker gave at all, such as in a receipt. Each with a leaf of its tree, by which a broker that shows
another log later is convicted.
"""

from __future__ import annotations

from typing import Any

from bonafides.wallet.keys import Identities
from evidence.log import note as notes
from evidence.version2.log.checkpoint import AnchorCheckpoint, read_anchor_checkpoint
from evidence.version2.log.convict import PLACED, PlacedLeaf
from evidence.version2.verify.contradictions import Given, SignedHead

_KIND = "checkpoint"
_GROWN, _GIVEN = "grown", "given"


def grown_to(identities: Identities, broker: str) -> int | None:
    """Return the number of anchors up to which the log was seen to grow; None where it was never looked at."""
    kept = _kept(identities, broker)
    return _stated(kept[_GROWN]).seq if _GROWN in kept else None


def remembered(identities: Identities, broker: str) -> list[Given]:
    """Return the checkpoints of a broker that are remembered: none, one or two."""
    return [_given(broker, one["note"], one["leaf"]) for one in _kept(identities, broker).values()]


def remember_given(identities: Identities, broker: str, note: str, leaf: PlacedLeaf) -> None:
    """Remember a checkpoint that was verified where it is the newest; call it inside `Identities.changing`."""
    kept, new = _kept(identities, broker), _write(note, leaf)
    if _GIVEN not in kept or _stated(kept[_GIVEN]).seq < _stated(new).seq:
        identities.store.put({**kept, _GIVEN: new}, _KIND, broker)


def remember_grown(identities: Identities, broker: str, note: str, leaf: PlacedLeaf) -> None:
    """Remember a checkpoint whose log holds all that were remembered; call it inside `Identities.changing`."""
    new = _write(note, leaf)
    identities.store.put({_GROWN: new, _GIVEN: new}, _KIND, broker)


def signed_head(note: str) -> SignedHead:
    """Return a checkpoint that was verified before."""
    return SignedHead(note, read_anchor_checkpoint(notes.split_note(note)[0]))


def _kept(identities: Identities, broker: str) -> dict[str, Any]:
    kept: dict[str, Any] | None = identities.store.get(_KIND, broker)
    return kept or {}


def _write(note: str, leaf: PlacedLeaf) -> dict[str, Any]:
    return {"note": note, "leaf": leaf.to_json()}


def _stated(kept: dict[str, Any]) -> AnchorCheckpoint:
    return signed_head(kept["note"]).stated


def _given(broker: str, note: str, leaf: object) -> Given:
    return Given(broker, head=signed_head(note), leaf=PLACED.read(leaf, "leaf"))
