"""Records of a bundle, opened: each with its link, its promise, and the anchor under which it lies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence.version2.documents.bundle import Bundle, HistoryItem, RecordItem
from evidence.version2.history import Record, SubjectHistory, check_history
from evidence.version2.links import Link
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.opening import RECORD_VERSION
from evidence.version2.promise import Promise, promise_of
from evidence.version2.record import OpenedRecord, open_shown
from primitives.errors import InvalidInput, VerificationFailed

FINGERPRINT = "fingerprint"


@dataclass(frozen=True)
class RecordPlace:
    """Where a record lies: its anchor, the one before, and the one before that, as far as the bundle shows them."""

    anchor: AnchorLeaf
    before: AnchorLeaf | None
    earlier: AnchorLeaf | None = None

    def judged_by(self, accepted: int) -> AnchorLeaf:
        """Return the anchor by which a key must not have ended: no later time is proved of the acceptance than its.

        What is accepted while an anchor is on its way lies under the next one. So where the one before stands in a
        later block than the `accepted` one, it proves no time of the acceptance: the one before it does.
        """
        if self.before is None:
            return self.anchor
        if self.earlier is not None and self.before.block > accepted:
            return self.earlier
        return self.before


@dataclass(frozen=True)
class Opened:
    """A record that is shown."""

    item: RecordItem
    record: OpenedRecord
    promise: Promise
    place: RecordPlace

    @property
    def anchor(self) -> AnchorLeaf:
        """The anchor under which it lies."""
        return self.place.anchor

    @property
    def judged_by(self) -> AnchorLeaf:
        """The anchor by which a key that signed it must not have ended."""
        return self.place.judged_by(self.record.envelope["accepted"]["block"])

    @property
    def link(self) -> Link:
        """Its place in its subject's history."""
        return self.record.link

    @property
    def label(self) -> str:
        """How the record is called in a sentence."""
        return f"record {self.record.envelope['seq']} ({self.record.envelope['type']})"


@dataclass(frozen=True)
class ErasedRecord:
    """A record of which the stub alone is left."""

    item: RecordItem
    link: Link
    place: RecordPlace

    @property
    def anchor(self) -> AnchorLeaf:
        """The anchor under which it lies."""
        return self.place.anchor

    @property
    def label(self) -> str:
        """How the record is called in a sentence."""
        return f"record {self.link.seq} (erased)"


@dataclass(frozen=True)
class OpenedHistory:
    """One subject's records in their order, and what they say of themselves."""

    subject: bytes
    records: tuple[Opened | ErasedRecord, ...]
    checked: SubjectHistory

    @property
    def shown(self) -> tuple[Opened, ...]:
        """The records that are not erased."""
        return tuple(record for record in self.records if isinstance(record, Opened))

    @property
    def erased(self) -> tuple[ErasedRecord, ...]:
        """The others."""
        return tuple(record for record in self.records if isinstance(record, ErasedRecord))


Copies = Mapping[bytes, Sequence[Record]]


def open_copies(bundle: Bundle) -> Copies:
    """Return every history's copies, each proved against its own envelope, by subject.

    Raises:
        VerificationFailed: check `fingerprint`; a copy is malformed, or a value is not the one that was sealed.
    """
    return {
        history.subject: [
            _open(item, f"{history.subject.hex()[:8]}.records[{number}]") for number, item in enumerate(history.records)
        ]
        for history in bundle.histories
    }


def open_histories(bundle: Bundle, copies: Copies, places: Mapping[int, RecordPlace]) -> Mapping[bytes, OpenedHistory]:
    """Return every history, followed by its links, by subject.

    Args:
        bundle: the bundle.
        copies: what `open_copies` returned.
        places: where each `log_index` of the bundle lies.

    Raises:
        VerificationFailed: check `subject-chain`; a history has a gap, or a record is of another one.
    """
    return {history.subject: _history(bundle, history, copies[history.subject], places) for history in bundle.histories}


def places_of(bundle: Bundle) -> Mapping[int, RecordPlace]:
    """Return where each record of a bundle lies, by its `log_index`.

    Raises:
        VerificationFailed: check `structure`; no anchor of the bundle covers one.
    """
    anchors = [item.leaf for item in bundle.log.anchors]
    by_seq = {leaf.seq: leaf for leaf in anchors}
    found = {}
    for item in (item for history in bundle.histories for item in history.records):
        at = bisect_right(anchors, item.log_index, key=lambda leaf: leaf.size_after)
        if at == len(anchors) or anchors[at].size_before > item.log_index:
            raise VerificationFailed("structure", f"no anchor of the bundle covers log index {item.log_index}")
        before = by_seq.get(anchors[at].seq - 1)
        earlier = None if before is None else by_seq.get(before.seq - 1)
        found[item.log_index] = RecordPlace(anchors[at], before, earlier)
    return found


def _open(item: RecordItem, place: str) -> Record:
    try:
        return open_shown(item.shown, place)
    except (VerificationFailed, InvalidInput) as error:
        raise VerificationFailed(FINGERPRINT, str(error)) from error


def _history(
    bundle: Bundle, history: HistoryItem, copies: Sequence[Record], places: Mapping[int, RecordPlace]
) -> OpenedHistory:
    try:
        checked = check_history(bundle.broker, history.subject, copies)
    except InvalidInput as error:
        raise VerificationFailed("subject-chain", str(error)) from error
    records: list[Opened | ErasedRecord] = []
    for item, copy, label in zip(history.records, copies, checked.labels, strict=True):
        place = places[item.log_index]
        if isinstance(copy, Link):
            records.append(ErasedRecord(item, copy, place))
        else:
            records.append(Opened(item, copy, _promise(item, copy, label), place))
    return OpenedHistory(history.subject, tuple(records), checked)


def require_continued(history: OpenedHistory, histories: Mapping[bytes, OpenedHistory]) -> None:
    """Check a history that another one continues, where the bundle carries it: its number of records, its last one.

    Raises:
        VerificationFailed: check `opening`.
    """
    for before in history.checked.opened.continues:
        found = histories.get(before.subject)
        if before.format == RECORD_VERSION and found is not None:
            head = found.checked.head
            if (head.count, head.fingerprint) != (before.count, before.head):
                raise VerificationFailed(
                    "opening", f"a history of {head.count} records is not the one of {before.count} that is continued"
                )


def _promise(item: RecordItem, copy: OpenedRecord, label: bytes) -> Promise:
    if item.promise is None:
        raise VerificationFailed("structure", f"record {copy.envelope['seq']} is shown without its promise")
    try:
        return promise_of(copy, label=label, log_index=item.log_index, anchor_by=item.promise.anchor_by)
    except InvalidInput as error:
        raise VerificationFailed("promise", f"record {copy.envelope['seq']}: {error.detail}") from error


def every(histories: Mapping[bytes, OpenedHistory]) -> Iterator[Opened | ErasedRecord]:
    """Yield every record of every history."""
    return (record for history in histories.values() for record in history.records)
