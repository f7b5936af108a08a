"""Promises in the wallet: what the broker owes before there is a receipt.

A promise is kept as soon as the broker gives it, so that one that is never kept can be proved. Nothing kept is ever
replaced: a promise that contradicts another is kept beside it, and the document that convicts is made at once.
"""

from __future__ import annotations

from typing import Any, cast

from bonafides.wallet import held
from bonafides.wallet.convictions import keep_convictions
from bonafides.wallet.former import add_former_promise
from bonafides.wallet.history import learn_record
from bonafides.wallet.keys import Identities
from bonafides.wallet.pinned import pinned_keys
from evidence.documents.promise import is_of_format_1
from evidence.version2.documents.receipt import by_any, require_first_label
from evidence.version2.promise import Promise, PromiseDocument, parse_promise
from evidence.version2.verify.contradictions import contradictions, given_promise


def add_promise(identities: Identities, value: object) -> dict[str, Any]:
    """Check a promise and keep it; call it inside `Identities.changing`.

    Raises:
        InvalidInput: it is no promise.
        Refused: `wallet-foreign`, of no history that this wallet opened; `wallet-broker-unknown` when no key of the
            broker is pinned.
        VerificationFailed: `promise`.

    Returns:
        A summary. Its status is `contradiction` when the broker gave another promise before that cannot be true beside
        this one; `convictions` tells of the documents, and both promises are kept. One of format 1 is kept apart.
    """
    if is_of_format_1(value):
        return add_former_promise(identities, value)
    promise, signed = parse_promise(value)
    identity = identities.by_subject(promise.broker, promise.subject.hex())
    by_any(pinned_keys(identities, identity.broker), lambda pinned: signed.verify(pinned.signing))
    require_first_label(promise)
    document = cast(PromiseDocument, value)
    claims = contradictions(held.held_beside_promise(identities, promise), given_promise(document, promise))
    held.keep_promise(identities, identity.did, document, promise)
    summary = _summary(identities, identity.did, promise, document)
    if claims:
        return {**summary, "status": "contradiction", "convictions": keep_convictions(identities, claims)}
    learn_record(identities, identity, promise)
    return summary


def promises(identities: Identities, *, without_receipt: bool = False) -> list[dict[str, Any]]:
    """Return a summary of every kept promise, by client and place in the history."""
    found = (
        _summary(identities, kept["did"], parse_promise(kept["promise"])[0], kept["promise"])
        for kept in _all(identities, without_receipt=without_receipt)
    )
    return sorted(found, key=lambda entry: (entry["did"], entry["seq"], entry["log_index"], entry["fingerprint"]))


def full_promises(identities: Identities, *, without_receipt: bool = False) -> list[dict[str, Any]]:
    """Return every kept promise as the broker gave it."""
    found = [kept["promise"] for kept in _all(identities, without_receipt=without_receipt)]
    return sorted(found, key=lambda promise: (promise["broker"], promise["log_index"], promise["fingerprint"]))


def _all(identities: Identities, *, without_receipt: bool) -> list[dict[str, Any]]:
    kept = held.kept_promises(identities)
    return [one for one in kept if not (without_receipt and held.has_receipt(identities, one["promise"]))]


def _summary(identities: Identities, did: str, promise: Promise, document: PromiseDocument) -> dict[str, Any]:
    return {
        "status": "kept",
        "did": did,
        "record_id": promise.record_id,
        "seq": promise.seq,
        "fingerprint": promise.fingerprint.hex(),
        "log_index": promise.log_index,
        "recorded_at": document["recorded_at"],
        "anchor_by": document["anchor_by"],
        "receipt": held.has_receipt(identities, document),
    }
