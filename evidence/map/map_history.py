"""What the maps of all anchors say of one subject (docs/spec/evidence.md, section 12, check 15).

The chain proves that a log only grows; it does not read the map. So a bundle shows what every anchored map held of
the subject, and each must be what follows from the records that are shown: a history that was anchored once cannot be
shortened, rewritten or begun anew under the same pseudonym.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.map.subject_map import Entry, MapProof, SubjectMap, parse_map_proof, verify_map
from primitives.errors import VerificationFailed
from primitives.shapes import Anything, Fields

CHECK = "subject-completeness"


@dataclass(frozen=True)
class MapItem:
    """What the map of anchor `seq` holds of a subject; it stands for the anchors after it with the same root too."""

    seq: int
    proof: MapProof

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"seq": self.seq, "proof": self.proof.to_json()}


@dataclass(frozen=True)
class AnchoredMap:
    """What the chain says of one anchor: its number, the size of the log, the root of the map."""

    seq: int
    size: int
    root: bytes


MAP_ITEM = Fields({"seq": shapes.POSITIVE, "proof": Anything().then(parse_map_proof)}).then(
    lambda item, _: MapItem(**item)
)


def prove_maps(maps: Iterable[tuple[int, SubjectMap]], subjects: Sequence[bytes]) -> list[tuple[MapItem, ...]]:
    """Return, per subject, its proofs in the maps of all anchors by `seq`: one for each map that is not the one before.

    The maps are read once and none is kept, so that they may be made on the way.
    """
    found: list[list[MapItem]] = [[] for _ in subjects]
    before: bytes | None = None
    for seq, subject_map in maps:
        if subject_map.root == before:
            continue
        before = subject_map.root
        for items, subject in zip(found, subjects, strict=True):
            items.append(MapItem(seq, subject_map.prove(subject)))
    return [tuple(items) for items in found]


def check_maps(
    subject: bytes, maps: Sequence[MapItem], records: Sequence[tuple[int, bytes]], anchors: Sequence[AnchoredMap]
) -> None:
    """Check that every anchored map holds of the subject exactly what its anchor's log holds of the records.

    Args:
        subject: the pseudonym.
        maps: the proofs, by `seq`.
        records: (place in the log, fingerprint) of the subject's records, in the order of the log.
        anchors: every anchor of the broker, from the first.

    Raises:
        VerificationFailed: check `subject-completeness`.
    """
    name = subject.hex()[:8]
    if [item.seq for item in maps] != _changes(anchors):
        raise VerificationFailed(CHECK, f"{name}: the proofs are not those of the anchors whose map changed")
    places = [index for index, _ in records]
    following = iter(maps)
    entry: Entry | None = None
    before: bytes | None = None
    for anchor in anchors:
        if anchor.root != before:
            entry, before = _entry(subject, next(following), anchor.root), anchor.root
        count = bisect_left(places, anchor.size)
        expected = Entry(count, records[count - 1][1]) if count else None
        if entry != expected:
            anchored = 0 if entry is None else entry.count
            raise VerificationFailed(
                CHECK,
                f"{name}: anchor {anchor.seq} covers {count} of the records shown, its map counts {anchored}, "
                "or their last one differs",
            )


def _changes(anchors: Sequence[AnchoredMap]) -> list[int]:
    """Return the anchors whose map is not that of the one before; the first always."""
    changed, before = [], None
    for anchor in anchors:
        if anchor.root != before:
            changed.append(anchor.seq)
        before = anchor.root
    return changed


def _entry(subject: bytes, item: MapItem, root: bytes) -> Entry | None:
    try:
        return verify_map(subject, item.proof, root)
    except VerificationFailed as error:
        raise VerificationFailed(CHECK, f"{subject.hex()[:8]}, anchor {item.seq}: {error.detail}") from error
