"""What the wallet holds of what brokers gave, found by what a new thing of theirs could contradict.

Of each place - in the log, in a history, under a label, a record's id or fingerprint - the first promise is noted; of
each anchor the first receipt that shows it. Two things of one broker that contradict each other share one of them, or
are neighbours in a history, and whatever differs from a later holder of a place differs from the first, or in what was
found already. So an addition reads a few rows, however much the wallet holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from bonafides.wallet.keys import Identities
from evidence.version2.documents.receipt import Receipt, read_receipt
from evidence.version2.promise import Promise, PromiseDocument, parse_promise
from evidence.version2.verify.contradictions import Given, given_promise, given_receipt
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256

_PROMISE_KIND, _RECEIPT_KIND = "promise-2", "receipt-2"
_PLACE_KIND = "promise-at"
_ANCHOR_KIND = "receipt-under"
_Place = tuple[str, ...]


def keep_promise(identities: Identities, did: str, document: PromiseDocument, promise: Promise) -> None:
    """Keep a promise whose signature was checked, beside whatever it contradicts; call it inside `changing`."""
    name = (promise.broker, _digest(document))
    identities.store.put({"promise": document, "did": did}, _PROMISE_KIND, *name)
    for place in _places(promise):
        if identities.store.get(_PLACE_KIND, *place) is None:
            identities.store.put(list(name), _PLACE_KIND, *place)


def keep_receipt(identities: Identities, did: str, document: Mapping[str, Any], receipt: Receipt) -> None:
    """Keep a receipt that was checked, in place of an earlier one of its record; call it inside `changing`."""
    name = (receipt.promise.broker, receipt.promise.record_id)
    identities.store.put({"receipt": document, "did": did}, _RECEIPT_KIND, *name)
    anchor = (receipt.promise.broker, str(receipt.anchor.seq))
    if identities.store.get(_ANCHOR_KIND, *anchor) is None:
        identities.store.put(list(name), _ANCHOR_KIND, *anchor)


def kept_receipt(identities: Identities, broker: str, record_id: str) -> Receipt | None:
    """Return the receipt of a record that is kept, read, or None."""
    kept = identities.store.get(_RECEIPT_KIND, broker, record_id)
    return None if kept is None else read_receipt(kept["receipt"])


def kept_receipts(identities: Identities) -> list[dict[str, Any]]:
    """Return every receipt, {"receipt": as the broker gave it, "did"}, in no telling order."""
    return identities.store.all(_RECEIPT_KIND)


def kept_promises(identities: Identities) -> list[dict[str, Any]]:
    """Return every promise, {"promise": as the broker gave it, "did"}, in no telling order."""
    return identities.store.all(_PROMISE_KIND)


def of_format_1(identities: Identities, what: str) -> list[dict[str, Any]]:
    """Return every `promise` or `receipt` of format 1 that an earlier version of the wallet kept, as it was given.

    They are not compared with what is of format 2: a broker's log of format 1 has ended.
    """
    kept = identities.store.all({"promise": "kept-promise", "receipt": "receipt"}[what])
    return sorted((one[what] for one in kept), key=canonical_json)


def has_receipt(identities: Identities, document: PromiseDocument) -> bool:
    """Say whether the receipt is kept that fulfils a promise: that of its record with this very promise."""
    kept = identities.store.get(_RECEIPT_KIND, document["broker"], document["record_id"])
    return kept is not None and kept["receipt"]["promise"] == document


def promise_of_record(identities: Identities, broker: str, record_id: str) -> Promise | None:
    """Return the first promise about a record, read, or None."""
    document = _promise_at(identities, ("record", broker, record_id))
    return None if document is None else parse_promise(document)[0]


def receipt_at(identities: Identities, broker: str, subject: bytes, seq: int) -> Receipt | None:
    """Return the kept receipt of a place in a history, read, or None."""
    document = _promise_at(identities, _of_history(broker, subject, seq))
    return None if document is None else kept_receipt(identities, broker, document["record_id"])


def held_beside_promise(identities: Identities, promise: Promise) -> Iterator[Given]:
    """Give what a new promise could contradict: those of its places, and the record before, which names its label."""
    yield from _given(identities, promise, None)


def held_beside_receipt(identities: Identities, receipt: Receipt) -> Iterator[Given]:
    """Give what a new receipt could contradict: what its promise could, and a receipt that shows its anchor."""
    broker = receipt.promise.broker
    yield from _given(identities, receipt.promise, identities.store.get(_ANCHOR_KIND, broker, str(receipt.anchor.seq)))


def _given(identities: Identities, promise: Promise, beside: list[str] | None) -> Iterator[Given]:
    places = [*_places(promise), *_neighbours(promise)]
    promises = {_digest(one): one for place in places if (one := _promise_at(identities, place)) is not None}
    yield from (given_promise(document, parse_promise(document)[0]) for document in promises.values())
    names = {(document["broker"], document["record_id"]) for document in promises.values()}
    names |= {(beside[0], beside[1])} if beside is not None else set()
    for broker, record_id in sorted(names):
        receipt = kept_receipt(identities, broker, record_id)
        if receipt is not None:
            yield given_receipt(receipt)


def _promise_at(identities: Identities, place: _Place) -> PromiseDocument | None:
    name = identities.store.get(_PLACE_KIND, *place)
    return None if name is None else cast(PromiseDocument, identities.store.get(_PROMISE_KIND, *name)["promise"])


def _places(promise: Promise) -> list[_Place]:
    broker = promise.broker
    return [
        ("log", broker, str(promise.log_index)),
        ("record", broker, promise.record_id),
        ("fingerprint", broker, promise.fingerprint.hex()),
        ("label", broker, promise.label.hex()),
        _of_history(broker, promise.subject, promise.seq),
    ]


def _neighbours(promise: Promise) -> list[_Place]:
    return [_of_history(promise.broker, promise.subject, seq) for seq in (promise.seq - 1, promise.seq + 1)]


def _of_history(broker: str, subject: bytes, seq: int) -> _Place:
    return "history", broker, subject.hex(), str(seq)


def _digest(document: PromiseDocument) -> str:
    return tagged_sha256("bonafides/wallet/1/kept-promise", canonical_json(document)).hex()
