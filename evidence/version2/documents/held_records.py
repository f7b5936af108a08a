"""What a bundle holds of each of its records: the promise as it was given, and the redacted copy.

So a bundle gives back what receipts do: a broker that lost records brings them back from either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from evidence.shapes import signing_key_id
from evidence.version2.documents.bundle import BatchItem, Bundle, HistoryItem, PromiseItem
from evidence.version2.history import link_of
from evidence.version2.links import Link, labels
from evidence.version2.promise import Promise, PromiseDocument, promise_of
from evidence.version2.record import open_shown
from evidence.version2.shapes import hashes_text
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput
from primitives.suites import SUITES


class HeldRecord(TypedDict):
    """A record as others hold it."""

    promise: PromiseDocument
    record: Mapping[str, Any]


def held_records(bundle: Bundle) -> Iterator[HeldRecord]:
    """Yield what a bundle holds of each record; of an erased one it holds the link alone, which is passed over.

    Raises:
        InvalidInput: a record is neither copy nor stub, or has no promise among those of the bundle.
        VerificationFailed: checks `field-digest`, `subject-chain`: a copy, or a history, does not hold in itself.
        CouldNotCheck: the library of a suite is not installed.
    """
    for history in bundle.histories:
        yield from _of_history(bundle, history)


def _of_history(bundle: Bundle, history: HistoryItem) -> Iterator[HeldRecord]:
    where = f"{history.subject.hex()[:8]}.records"
    records = [open_shown(item.shown, f"{where}[{number}]") for number, item in enumerate(history.records)]
    found, _ = labels(bundle.broker, history.subject, (link_of(record) for record in records))
    for number, (item, record, label) in enumerate(zip(history.records, records, found, strict=True)):
        if isinstance(record, Link):
            continue
        promised = item.promise
        if promised is None or promised.batch >= len(bundle.promises):
            raise InvalidInput(f"{where}[{number}].promise", "index", "is none of the promises of the bundle")
        promise = promise_of(record, label=label, log_index=item.log_index, anchor_by=promised.anchor_by)
        yield {"promise": _document(promise, promised, bundle.promises[promised.batch]), "record": item.shown}


def _document(promise: Promise, placed: PromiseItem, batch: BatchItem) -> PromiseDocument:
    return {
        **promise.body(),
        "batch": {"index": placed.index, "count": batch.count, "path": hashes_text(placed.path)},
        "signature": {
            "key": signing_key_id(promise.broker),
            "alg": SUITES[promise.suite].alg,
            "value": encode_base64url(batch.value),
        },
    }
