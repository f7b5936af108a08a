"""Records of a bundle, opened: the copy proved against its fingerprint, with promise and first anchor beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evidence.bundle import AnchorItem, Bundle, RecordItem
from evidence.promise import Promise, parse_promise
from evidence.record import OpenedRecord, open_redacted
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


def _open(item: RecordItem, place: str, anchors: Mapping[int, AnchorItem]) -> Opened:
    promise = parse_promise(item.promise)
    try:
        record = open_redacted(item.copy, place, fingerprint=promise.fingerprint)
    except (VerificationFailed, InvalidInput) as error:
        raise VerificationFailed("fingerprint", str(error)) from error
    return Opened(item, promise, record, anchors[item.first_anchor])
