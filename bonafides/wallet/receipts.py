"""Receipts in the wallet: what the broker cannot take back.

A receipt is kept only when it holds: the promise is signed by the broker's key that this wallet pinned, the record is
in the checkpoint's log and the subject's entry in the map, and where the client signed, the record holds exactly the
digests that were signed. It holds as of the block that it names.

Nothing that is kept is ever replaced by something else: a record has one promise, a place in
the log and a place in the subject's chain have one record. That the anchor stands on the chain needs trusted headers; a
bundle brings that proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bonafides.wallet.keys import Identities, Identity
from bonafides.wallet.promises import (
    BROKER_KIND,
    RECEIPT_KIND,
    contradicted,
    keep_promise,
    pinned_keys,
    remember_place,
)
from bonafides.wallet.sign import kept_act
from evidence.documents.promise import parse_promise
from evidence.documents.receipt import Receipt, verify_receipt
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused, VerificationFailed
from replay.installed import INSTALLED

_PLACE_KIND = "chain-place"
_KEY_BYTES = 32
_CHECKED = ("promise-signature", "fingerprint", "checkpoint-signature", "inclusion", "subject-map", "contradiction")
_NOT_CHECKED = {
    "anchor-event": "that the anchor stands in block {block} needs trusted headers: a bundle brings that proof",
    "key-in-force": "whether the broker's key was in force is what the chain says: a bundle brings that proof",
    "later-records": "what was recorded after block {block} is in no receipt of that anchor",
}


def pin_broker(identities: Identities, broker: str, key: object, *, successor: bool = False) -> list[str]:
    """Keep a broker's signing key; call it inside `Identities.changing`.

    Args:
        identities: the wallet.
        broker: its DID.
        key: hex.
        successor: the broker has changed its key, and the client says so: the earlier ones stay beside it.

    Returns:
        All keys that are pinned, the newest last.

    Raises:
        Refused: `wallet-broker-key`, another key is pinned already.
    """
    text = decode_hex(key, "broker_key", _KEY_BYTES).hex()
    known = identities.store.get(BROKER_KIND, broker)
    pinned = [] if known is None else [known] if isinstance(known, str) else list(known)
    if text not in pinned:
        if pinned and not successor:
            raise Refused("wallet-broker-key", f"another signing key of {broker} is pinned in this wallet")
        pinned.append(text)
        identities.store.put(pinned if len(pinned) > 1 else text, BROKER_KIND, broker)
    return pinned


def add_receipt(identities: Identities, value: object) -> dict[str, Any]:
    """Check a receipt and keep it; call it inside `Identities.changing`.

    Raises:
        InvalidInput: it is no receipt.
        Refused: `wallet-foreign`; `wallet-broker-unknown` when no key of the broker is pinned.
        VerificationFailed: what `verify_receipt` checks; `signed-act` when the record is not what the client signed;
            `contradiction` when the broker gave one record two promises, or one place in its log or in
            the subject's chain to two records.
    """
    identity = _owner(identities, value)
    receipt = verify_receipt(value, *pinned_keys(identities, identity.broker))
    act = _check_signed(identities, identity, receipt)
    _check_contradiction(identities, identity, receipt, value)
    place = (RECEIPT_KIND, identity.broker, receipt.promise.record_id)
    before = identities.store.get(*place)
    if before is None or len(before["receipt"]["record"]["fields"]) <= len(receipt.record.values):
        identities.store.put({"receipt": value, "did": identity.did}, *place)  # never one that shows less
    return _summary(identity.did, receipt.record.envelope, receipt, signed=act is not None)


def receipts(identities: Identities) -> list[dict[str, Any]]:
    """Return a summary of every receipt, by client and place in the subject's chain."""
    found = []
    for kept in identities.store.all(RECEIPT_KIND):
        envelope, anchor = kept["receipt"]["record"]["envelope"], kept["receipt"]["anchor"]
        found.append(
            {
                "did": kept["did"],
                "record_id": envelope["record_id"],
                "type": envelope["type"],
                "seq": envelope["seq"],
                "occurred_at": envelope["occurred_at"],
                "anchor": {"seq": anchor["seq"], "block": anchor["block"], "tx": anchor["tx"]},
            }
        )
    return sorted(found, key=lambda entry: (entry["did"], entry["seq"]))


def full_receipts(identities: Identities) -> list[dict[str, Any]]:
    """Return every receipt as the broker gave it."""
    return [kept["receipt"] for kept in identities.store.all(RECEIPT_KIND)]


def _owner(identities: Identities, value: object) -> Identity:
    promise = parse_promise(value.get("promise") if isinstance(value, dict) else None, "receipt.promise")
    return identities.by_subject(promise.broker, promise.subject.hex())


def _check_signed(identities: Identities, identity: Identity, receipt: Receipt) -> dict[str, Any] | None:
    envelope = receipt.record.envelope
    if envelope["type"] not in INSTALLED.client_acts:
        return None
    mine = [entry["value"] for entry in envelope["signatures"] if entry["did"] == identity.did]
    act = kept_act(identities, mine[0]) if len(mine) == 1 else None
    if act is None:
        raise VerificationFailed(
            "signed-act", f"record {envelope['record_id']} is an act that this wallet never signed"
        )
    stated = (envelope["type"], envelope["occurred_at"], envelope["document"], envelope["ruleset"], envelope["fields"])
    draft = act["draft"]
    if stated != (draft["type"], act["occurred_at"], draft["document"], draft["ruleset"], act["digests"]):
        raise VerificationFailed("signed-act", f"record {envelope['record_id']} differs from what the client signed")
    return act


def _check_contradiction(identities: Identities, identity: Identity, receipt: Receipt, value: object) -> None:
    if not isinstance(value, dict):
        raise InvalidInput("receipt", "object", "must be an object")
    store, broker, promise = identities.store, identity.broker, receipt.promise
    before = contradicted(identities, promise, value["promise"])
    if before:
        keep_promise(identities, identity.did, promise, value["promise"])  # with the earlier one it convicts the broker
        what = (
            f"gave record {promise.record_id} another promise before"
            if any(earlier["record_id"] == promise.record_id for earlier in before)
            else f"promised place {promise.log_index} of its log to another record"
        )
        raise VerificationFailed("contradiction", f"the broker {what}")
    chain_place = (_PLACE_KIND, broker, promise.subject.hex(), str(receipt.record.envelope["seq"]))
    if store.get(*chain_place) not in (None, promise.fingerprint.hex()):
        raise VerificationFailed(
            "contradiction", f"the broker gave place {receipt.record.envelope['seq']} of the history to another record"
        )
    remember_place(identities, promise, value["promise"])
    store.put(promise.fingerprint.hex(), *chain_place)


def _summary(did: str, envelope: Mapping[str, Any], receipt: Receipt, *, signed: bool) -> dict[str, Any]:
    block = receipt.anchor.block
    return {
        "status": "verified",
        "did": did,
        "record_id": envelope["record_id"],
        "type": envelope["type"],
        "seq": envelope["seq"],
        "of": receipt.count,
        "signed": signed,
        "as_of": {"block": block},
        "checked": [*_CHECKED, "signed-act"] if signed else list(_CHECKED),
        "not_checked": [{"check": name, "reason": why.format(block=block)} for name, why in _NOT_CHECKED.items()],
    }
