"""Records of a bundle, opened: the copy proved against its fingerprint, with promise and first anchor beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evidence.documents.bundle import AnchorItem, Bundle, RecordItem
from evidence.documents.promise import Promise, parse_promise
from evidence.documents.record import OpenedRecord, open_redacted
from evidence.verify.verdict import VerifiedRecord
from primitives.errors import InvalidInput, VerificationFailed


@dataclass(frozen=True)
class Opened:
    """A record of the bundle, opened."""

    item: RecordItem
    promise: Promise
    record: OpenedRecord
    anchor: AnchorItem

    @property
    def label(self) -> str:
        """How the record is called in a sentence."""
        return f"record {self.record.envelope['seq']} ({self.record.envelope['type']})"


def open_histories(bundle: Bundle) -> Mapping[bytes, tuple[Opened, ...]]:
    """Return every history's records by subject.

    Raises:
        VerificationFailed: check `fingerprint`; a copy is malformed or does not open to the promised fingerprint.
    """
    anchors = {anchor.seq: anchor for anchor in bundle.anchors}
    return {
        history.subject: tuple(
            _open(item, f"{history.subject.hex()[:8]}.records[{number}]", anchors)
            for number, item in enumerate(history.records)
        )
        for history in bundle.histories
    }


def verified(opened: Opened, anchored_at: int) -> VerifiedRecord:
    """Return a record as the report holds it; `anchored_at` is the time of its first anchor's block, milliseconds."""
    envelope = opened.record.envelope
    return VerifiedRecord(
        subject=envelope["subject"],
        seq=envelope["seq"],
        record_id=envelope["record_id"],
        type=envelope["type"],
        occurred_at=envelope["occurred_at"],
        recorded_at=envelope["recorded_at"],
        fingerprint=opened.record.fingerprint.hex(),
        log_index=opened.promise.log_index,
        anchor_seq=opened.anchor.seq,
        anchor_block=opened.anchor.block,
        anchored_at=anchored_at,
        accepted_at=opened.promise.accepted_at,
        anchor_by=opened.promise.anchor_by,
        envelope=envelope,
        values=opened.record.values,
    )


def _open(item: RecordItem, place: str, anchors: Mapping[int, AnchorItem]) -> Opened:
    promise = parse_promise(item.promise)
    try:
        record = open_redacted(item.copy, place, fingerprint=promise.fingerprint)
    except (VerificationFailed, InvalidInput) as error:
        raise VerificationFailed("fingerprint", str(error)) from error
    return Opened(item, promise, record, anchors[item.first_anchor])
