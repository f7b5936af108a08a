"""Promises in the wallet: what the broker owes before there is a receipt.

A promise is kept as soon as the broker gives it, so that one that is never kept can be proved. Nothing kept is ever
replaced: a promise that contradicts another is kept beside it, since both together convict the broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bonafides.wallet.keys import Identities
from evidence.documents.promise import MAX_PROMISE_MS, Promise, parse_promise, verify_promise
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.errors import Refused, VerificationFailed

PLACE_KIND = "promise"  # the first promise about a place in a broker's log
RECEIPT_KIND = "receipt"
BROKER_KIND = "broker"
_RECORD_KIND = "promise-of-record"  # the first promise about a record
_KEPT_KIND = "kept-promise"  # every promise, by its own digest


def add_promise(identities: Identities, value: object) -> dict[str, Any]:
    """Check a promise and keep it; call it inside `Identities.changing`.

    Raises:
        InvalidInput: it is no promise.
        Refused: `wallet-foreign`; `wallet-broker-unknown` when no key of the broker is pinned; `wallet-promise-far`
            when the broker gives itself more than `MAX_PROMISE_MS`.
        VerificationFailed: `promise-signature`.

    Returns:
        A summary. Its status is `contradiction` when the broker gave one record two promises, or one place in its log
        to two records before; `contradicts` lists the earlier ones, and all of them are kept.
    """
    unchecked = parse_promise(value)
    identity = identities.by_subject(unchecked.broker, unchecked.subject.hex())
    promise = _verified(value, pinned_keys(identities, identity.broker))
    if promise.anchor_by - promise.accepted_at > MAX_PROMISE_MS:
        raise Refused(
            "wallet-promise-far",
            f"the broker promises record {promise.record_id} more than {MAX_PROMISE_MS // 3_600_000} hours ahead; "
            "ask for an earlier time",
        )
    before = contradicted(identities, promise, value)
    keep_promise(identities, identity.did, promise, value)
    summary = _summary(identities, identity.did, promise, value)
    if not before:
        return summary
    names = ("record_id", "log_index", "fingerprint", "anchor_by")
    told = [{name: earlier[name] for name in names} for earlier in before]
    return {**summary, "status": "contradiction", "contradicts": told}


def pinned_keys(identities: Identities, broker: str) -> list[bytes]:
    """Return the broker's signing keys that this wallet pinned, the newest last.

    Raises:
        Refused: `wallet-broker-unknown`.
    """
    kept = identities.store.get(BROKER_KIND, broker)
    if kept is None:
        raise Refused("wallet-broker-unknown", f"no signing key of {broker} is pinned: give --broker-key")
    return [bytes.fromhex(key) for key in ([kept] if isinstance(kept, str) else kept)]


def _verified(value: object, keys: list[bytes]) -> Promise:
    for key in keys[:-1]:
        try:
            return verify_promise(value, key)
        except VerificationFailed:
            continue
    return verify_promise(value, keys[-1])


def contradicted(identities: Identities, promise: Promise, value: object) -> list[Any]:
    """Return what this wallet holds of earlier promises that cannot be kept together with this one."""
    store, broker = identities.store, promise.broker
    receipt = store.get(RECEIPT_KIND, broker, promise.record_id)
    earlier = [
        store.get(*_of_record(promise)),
        None if receipt is None else receipt["receipt"]["promise"],
        store.get(*_of_place(promise)),
    ]
    found: list[Any] = []
    for one in earlier:
        if one not in (None, value, *found):
            found.append(one)
    return found


def keep_promise(identities: Identities, did: str, promise: Promise, value: object) -> None:
    """Keep a promise whose signature was checked, beside whatever it contradicts."""
    identities.store.put({"promise": value, "did": did}, _KEPT_KIND, promise.broker, _digest(value))
    remember_place(identities, promise, value)


def remember_place(identities: Identities, promise: Promise, value: object) -> None:
    """Remember what was promised first about a record and about a place in the log."""
    for name in (_of_place(promise), _of_record(promise)):
        if identities.store.get(*name) is None:
            identities.store.put(value, *name)


def promises(identities: Identities, *, without_receipt: bool = False) -> list[dict[str, Any]]:
    """Return a summary of every kept promise, by client and place in the log."""
    found = (
        _summary(identities, kept["did"], parse_promise(kept["promise"]), kept["promise"])
        for kept in _all(identities, without_receipt=without_receipt)
    )
    return sorted(found, key=lambda entry: (entry["did"], entry["log_index"], entry["fingerprint"]))


def full_promises(identities: Identities, *, without_receipt: bool = False) -> list[dict[str, Any]]:
    """Return every kept promise as the broker gave it."""
    found = [kept["promise"] for kept in _all(identities, without_receipt=without_receipt)]
    return sorted(found, key=lambda promise: (promise["broker"], promise["log_index"], promise["fingerprint"]))


def _all(identities: Identities, *, without_receipt: bool) -> Iterable[Mapping[str, Any]]:
    for kept in identities.store.all(_KEPT_KIND):
        if not (without_receipt and _has_receipt(identities, kept["promise"])):
            yield kept


def _of_place(promise: Promise) -> tuple[str, str, str]:
    return PLACE_KIND, promise.broker, str(promise.log_index)


def _of_record(promise: Promise) -> tuple[str, str, str]:
    return _RECORD_KIND, promise.broker, promise.record_id


def _has_receipt(identities: Identities, promise: Any) -> bool:
    kept = identities.store.get(RECEIPT_KIND, promise["broker"], promise["record_id"])
    return kept is not None and kept["receipt"]["promise"] == promise


def _digest(value: object) -> str:
    return tagged_sha256("bonafides/wallet/1/kept-promise", canonical_json(value)).hex()


def _summary(identities: Identities, did: str, promise: Promise, value: Any) -> dict[str, Any]:
    return {
        "status": "kept",
        "did": did,
        "record_id": promise.record_id,
        "fingerprint": promise.fingerprint.hex(),
        "log_index": promise.log_index,
        "accepted_at": value["accepted_at"],
        "anchor_by": value["anchor_by"],
        "receipt": _has_receipt(identities, value),
    }
