"""What the client's wallet keeps of one record (docs/spec/evidence-2.md, section 11).

Promise, redacted copy, the anchor under which the record lies, the checkpoint of a tree that holds this anchor, and
what the checkpoint's map holds under the record's label and under the next one. The wallet checks all of it under keys
that it pinned, and no chain: what it cannot check so is named in `NOT_CHECKED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from evidence import shapes
from evidence.log import note as notes
from evidence.log.tree import MAX_PATH, verify_inclusion
from evidence.version2.links import STUB, Link, first_label
from evidence.version2.log.anchors import ANCHOR_LEAF, AnchorLeaf
from evidence.version2.log.checkpoint import AnchorCheckpoint, open_anchor_checkpoint, read_anchor_checkpoint
from evidence.version2.map.label_map import ABSENCE, PRESENCE, Absence, Presence, verify_absence, verify_presence
from evidence.version2.map.nodes import LABEL_BITS
from evidence.version2.promise import PROMISE, Promise, PromiseDocument, require_record
from evidence.version2.record import OpenedRecord, RedactedCopy, open_redacted
from evidence.version2.shapes import hashes, hashes_text
from primitives.errors import VerificationFailed
from primitives.shapes import AnyOf, Anything, Constant, Fields, Text

RECEIPT_FORMAT = "bonafides.receipt/2"
CHECK = "receipt"
NOT_CHECKED: Mapping[str, str] = {
    "log-head": "that anchor {seq} stands on the chain needs a trusted block: a bundle brings that proof",
    "member-keys": "whether the broker's keys were in force is what the chain says: a bundle brings that proof",
    "growth": "that the map only grew is what the members say that cosigned, and a bundle counts",
    "subject-chain": "that record {before} leads to this one is seen beside its receipt",
    "later-records": "what was recorded after anchor {reaches} is in no receipt of that anchor",
}
"""What no receipt shows, and who does; the texts take the names that `Receipt.not_checked` gives."""

_Checked = TypeVar("_Checked")


@dataclass(frozen=True)
class PinnedKeys:
    """The public keys of a broker that a reader took for its own: the one that promises, the one of checkpoints."""

    signing: bytes
    checkpoint: bytes


@dataclass(frozen=True)
class Successor:
    """The link of the record after, which lies under the label that this one names, and its path in the map."""

    link: Link
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"link": self.link.to_json(), "path": hashes_text(self.path)}


@dataclass(frozen=True)
class Receipt:
    """A receipt of which every part agrees with every other.

    Attributes:
        document: the promise as it was given.
        promise: the same, read.
        record: what is shown of the record.
        anchor: the leaf under which it lies.
        path: of that leaf in the checkpoint's tree.
        note: the checkpoint as it was signed.
        checkpoint: the same, read.
        presence: of the record's entry in the checkpoint's map.
        following: what that map holds under the next label: nothing, or the record after.
    """

    document: PromiseDocument
    promise: Promise
    record: OpenedRecord
    anchor: AnchorLeaf
    path: tuple[bytes, ...]
    note: str
    checkpoint: AnchorCheckpoint
    presence: Presence
    following: Absence | Successor

    @property
    def in_time(self) -> bool:
        """Whether the anchor's block, by the leaf, lies not after the promised time; else a claim convicts."""
        return 1000 * self.anchor.time <= self.promise.anchor_by

    def not_checked(self) -> dict[str, str]:
        """Return what the receipt does not show, by name, and why."""
        told = {"seq": self.anchor.seq, "before": self.promise.seq - 1, "reaches": self.checkpoint.seq}
        names = [name for name in NOT_CHECKED if name != "subject-chain" or self.promise.seq > 1]
        return {name: NOT_CHECKED[name].format(**told) for name in names}


_MAP_PATH = hashes(LABEL_BITS)
_SUCCESSOR = Fields({"link": STUB, "path": _MAP_PATH}).then(lambda found, _: Successor(**found))
_LOG = Fields({"size": shapes.POSITIVE, "path": hashes(MAX_PATH)})
RECEIPT = Fields(
    {
        "format": Constant(RECEIPT_FORMAT),
        "promise": Anything(),
        "record": Anything(),
        "anchor": ANCHOR_LEAF,
        "batch": hashes(MAX_PATH),
        "log": _LOG,
        "checkpoint": Text(notes.MAX_NOTE_BYTES, controls=True),
        "map": PRESENCE,
        "next": AnyOf(ABSENCE, _SUCCESSOR),
    }
)


def build_receipt(
    *,
    promise: PromiseDocument,
    record: RedactedCopy,
    anchor: AnchorLeaf,
    batch: Sequence[bytes],
    size: int,
    path: Sequence[bytes],
    checkpoint: str,
    presence: Presence,
    following: Absence | Successor,
) -> dict[str, Any]:
    """Put the parts together.

    Args:
        promise: as it was given.
        record: a redacted copy.
        anchor: the leaf under which the record lies.
        batch: the path of its entry in that batch.
        size: the number of leaves of the checkpoint's tree.
        path: of the anchor in that tree.
        checkpoint: the note.
        presence: of the record's label in the checkpoint's map.
        following: what lies there under the next label.
    """
    return {
        "format": RECEIPT_FORMAT,
        "promise": dict(promise),
        "record": dict(record),
        "anchor": anchor.to_json(),
        "batch": hashes_text(batch),
        "log": {"size": size, "path": hashes_text(path)},
        "checkpoint": checkpoint,
        "map": presence.to_json(),
        "next": following.to_json(),
    }


def verify_receipt(value: object, *keys: PinnedKeys, field: str = "receipt") -> Receipt:
    """Check a receipt against the keys that the reader pinned.

    Promise and checkpoint may be under two of them: a broker changes its keys. Which were in force when is a matter
    of the chain, and of a bundle.

    Args:
        value: the receipt.
        keys: those that the reader takes for this broker's, at least one.
        field: what to name in errors.

    Raises:
        InvalidInput: not a receipt.
        VerificationFailed: `promise`, `fingerprint`, `field-digest`, `checkpoint-signature`, `inclusion` (the entry is
            not in its batch, the anchor not in the tree, or the broker names it as wrong), `label-map` (the label does
            not hold the entry, or the next one is not as the receipt says), `subject-chain` (what lies under the next
            label does not follow this record), or `receipt` (no key, or two parts speak of different things).
        CouldNotCheck: the library of a suite is not installed.
    """
    if not keys:
        raise VerificationFailed(CHECK, "no key of the broker is pinned")
    receipt = RECEIPT.read(value, field)
    promise, signed = PROMISE.read(receipt["promise"], f"{field}.promise")
    by_any(keys, lambda pinned: signed.verify(pinned.signing))
    note, broker = receipt["checkpoint"], promise.broker
    found = _opened(receipt, promise, field)
    require_record(promise, found.record, promise.label)
    require_first_label(promise)
    by_any(keys, lambda pinned: open_anchor_checkpoint(note, broker, pinned.checkpoint))
    _check_log(found, receipt["batch"], receipt["log"]["size"])
    _check_map(found)
    return found


def read_receipt(value: object, field: str = "receipt") -> Receipt:
    """Read a receipt that was verified before it was kept; of what `verify_receipt` checks nothing is checked again.

    Raises:
        InvalidInput, VerificationFailed: it was never verified.
    """
    receipt = RECEIPT.read(value, field)
    return _opened(receipt, PROMISE.read(receipt["promise"], f"{field}.promise")[0], field)


def _opened(receipt: Mapping[str, Any], promise: Promise, field: str) -> Receipt:
    return Receipt(
        document=receipt["promise"],
        promise=promise,
        record=open_redacted(receipt["record"], f"{field}.record", fingerprint=promise.fingerprint),
        anchor=receipt["anchor"],
        path=receipt["log"]["path"],
        note=receipt["checkpoint"],
        checkpoint=read_anchor_checkpoint(notes.split_note(receipt["checkpoint"])[0]),
        presence=receipt["map"],
        following=receipt["next"],
    )


def require_first_label(promise: Promise) -> None:
    """Check that a promise of record 1 is for the label that broker and pseudonym give.

    Raises:
        VerificationFailed: check `promise`.
    """
    if promise.seq == 1 and promise.label != first_label(promise.broker, promise.subject):
        raise VerificationFailed("promise", "record 1 is promised under another label than that of its subject")


def _check_log(receipt: Receipt, batch: Sequence[bytes], size: int) -> None:
    """Check that the record lies under its anchor, and the anchor in the tree that was signed."""
    promise, anchor, checkpoint = receipt.promise, receipt.anchor, receipt.checkpoint
    if size != checkpoint.seq:
        raise VerificationFailed(CHECK, f"the path is of a tree of {size} leaves, the checkpoint of {checkpoint.seq}")
    if anchor.seq in checkpoint.wrong:
        raise VerificationFailed("inclusion", f"the record lies under anchor {anchor.seq}, named wrong")
    if not anchor.size_before <= promise.log_index < anchor.size_after:
        raise VerificationFailed("inclusion", f"anchor {anchor.seq} does not cover log index {promise.log_index}")
    verify_inclusion(promise.entry, promise.log_index - anchor.size_before, anchor.added, batch, anchor.batch_root)
    verify_inclusion(anchor.encode(), anchor.seq - 1, checkpoint.seq, receipt.path, checkpoint.root)
    stated = (anchor.map_root, anchor.size_after)
    if anchor.seq == checkpoint.seq and stated != (checkpoint.map_root, checkpoint.size):
        raise VerificationFailed(CHECK, "checkpoint and last anchor name different maps or sizes")


def _check_map(receipt: Receipt) -> None:
    """Check what the checkpoint's map holds: the record under its label, and its own successor or nothing after it."""
    promise, root, link = receipt.promise, receipt.checkpoint.map_root, receipt.record.link
    verify_presence(root, promise.label, promise.entry, receipt.presence.path)
    following = receipt.following
    if isinstance(following, Absence):
        verify_absence(root, link.next, following)
        return
    if (following.link.seq, following.link.prev) != (link.seq + 1, link.fingerprint):
        raise VerificationFailed("subject-chain", f"what lies under the next label does not follow record {link.seq}")
    verify_presence(root, link.next, following.link.entry, following.path)


def by_any(keys: Sequence[PinnedKeys], check: Callable[[PinnedKeys], _Checked]) -> _Checked:
    """Return what the first key that fits gives; when none does, what the last one raised."""
    for key in keys[:-1]:
        try:
            return check(key)
        except VerificationFailed:
            continue
    return check(keys[-1])
