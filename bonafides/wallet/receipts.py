"""Receipts in the wallet: what the broker cannot take back.

A receipt is kept only when it holds: promise and checkpoint are signed by keys of the broker that this wallet pinned,
the record is in the log and in the map, and where the client signed, the record holds exactly what was signed. It holds
as of the anchor that it reaches. Whatever contradicts what the wallet keeps becomes a document that convicts.

A receipt takes the place of an older one of its record only when it shows at least as much and reaches at least as far.
That the anchor stands on the chain needs a trusted block; a bundle brings that proof.
"""

from __future__ import annotations

from typing import Any, cast

from bonafides.wallet import held
from bonafides.wallet.convictions import keep_convictions
from bonafides.wallet.former import add_former_receipt, is_former_receipt
from bonafides.wallet.heads import remember_given, remembered
from bonafides.wallet.history import learn_record
from bonafides.wallet.keys import Identities, Identity
from bonafides.wallet.pinned import pinned_keys
from bonafides.wallet.sign import kept_act
from domain.opening import CLIENT, OPENING
from evidence.version2.act import act_payload
from evidence.version2.documents.receipt import Receipt, verify_receipt
from evidence.version2.log.convict import PlacedLeaf
from evidence.version2.opening import check_opening
from evidence.version2.promise import parse_promise
from evidence.version2.verify.contradictions import contradictions, given_receipt
from primitives.errors import VerificationFailed
from replay.installed import INSTALLED

CHAIN = "subject-chain"
_CHECKED = (
    *("promise", "fingerprint", "field-digest", "checkpoint-signature", "inclusion", "label-map", "receipt"),
    "contradiction",
)


def add_receipt(identities: Identities, value: object) -> dict[str, Any]:
    """Check a receipt and keep it; call it inside `Identities.changing`.

    Raises:
        InvalidInput: it is no receipt.
        Refused: `wallet-foreign`; `wallet-broker-unknown` when no key of the broker is pinned.
        VerificationFailed: what `verify_receipt` checks; `signed-act` when the record is not what the client signed;
            `opening` when record 1 opens another client's history; `subject-chain` when it does not follow the kept
            receipt of the record before.

    Returns:
        A summary. Its status is `contradiction` when what the broker gave before cannot be true beside it:
        `convictions` tells of the documents, and what was kept stays. One of format 1 is kept apart.
    """
    if is_former_receipt(value):
        return add_former_receipt(identities, cast(dict[str, Any], value))
    identity = _owner(identities, value)
    receipt = verify_receipt(value, *pinned_keys(identities, identity.broker))
    signed = _check_signed(identities, identity, receipt)
    _check_opening(identity, receipt)
    promise, broker = receipt.promise, identity.broker
    before = [*held.held_beside_receipt(identities, receipt), *remembered(identities, broker)]
    claims = contradictions(before, given_receipt(receipt))
    held.keep_promise(identities, identity.did, receipt.document, promise)
    summary = _summary(identity.did, receipt, signed=signed)
    if claims:
        return {**summary, "status": "contradiction", "convictions": keep_convictions(identities, claims)}
    follows = _check_chain(identities, receipt)
    learn_record(identities, identity, promise)
    remember_given(identities, broker, receipt.note, PlacedLeaf(receipt.anchor, receipt.path))
    kept = held.kept_receipt(identities, broker, promise.record_id)
    replaces = kept is None or _replaces(kept, receipt)
    if replaces:
        held.keep_receipt(identities, identity.did, cast(dict[str, Any], value), receipt)
    return {**summary, "kept": replaces, **_how_far(receipt, signed=signed, follows=follows)}


def receipts(identities: Identities) -> list[dict[str, Any]]:
    """Return a summary of every receipt, by client and place in the history."""
    found = []
    for kept in held.kept_receipts(identities):
        receipt = kept["receipt"]
        envelope, anchor = receipt["record"]["envelope"], receipt["anchor"]
        found.append(
            {
                "did": kept["did"],
                "record_id": envelope["record_id"],
                "type": envelope["type"],
                "seq": envelope["seq"],
                "occurred_at": envelope["occurred_at"],
                "anchor": {name: anchor[name] for name in ("seq", "block", "time")},
                "reaches": receipt["log"]["size"],
            }
        )
    return sorted(found, key=lambda entry: (entry["did"], entry["seq"]))


def full_receipts(identities: Identities) -> list[dict[str, Any]]:
    """Return every receipt as the broker gave it."""
    return [kept["receipt"] for kept in held.kept_receipts(identities)]


def _owner(identities: Identities, value: object) -> Identity:
    promise, _ = parse_promise(value.get("promise") if isinstance(value, dict) else None, "receipt.promise")
    return identities.by_subject(promise.broker, promise.subject.hex())


def _check_signed(identities: Identities, identity: Identity, receipt: Receipt) -> bool:
    """Check that whatever bears this client's name is what this wallet signed; return whether it does."""
    envelope = receipt.record.envelope
    mine = [entry["value"] for entry in envelope["signatures"] if entry["did"] == identity.did]
    if not mine and envelope["type"] not in INSTALLED.client_acts:
        return False
    act = kept_act(identities, mine[0]) if len(mine) == 1 else None
    if act is None:
        raise VerificationFailed(
            "signed-act", f"record {envelope['record_id']} is an act that this wallet never signed"
        )
    made = {name: act["draft"][name] for name in ("suite", "type", "broker", "subject", "document", "ruleset")}
    made |= {"occurred_at": act["occurred_at"], "fields": act["digests"], "known": act["known"]}
    if act_payload(envelope) != act_payload(made):
        raise VerificationFailed("signed-act", f"record {envelope['record_id']} differs from what the client signed")
    return True


def _check_opening(identity: Identity, receipt: Receipt) -> None:
    """Check that the history is opened for this client, and where nobody signed, for nobody by name."""
    record = receipt.record
    if record.envelope["type"] != OPENING:
        if receipt.promise.seq == 1:
            raise VerificationFailed("opening", f"record 1 is {record.envelope['type']}, no {OPENING}")
        return
    opening = check_opening(record.envelope, record.values)
    if opening.kind == CLIENT and opening.opens != identity.did:
        raise VerificationFailed("opening", f"record {receipt.promise.seq} opens the history of {opening.opens}")


def _check_chain(identities: Identities, receipt: Receipt) -> bool:
    """Check a record against the kept receipts beside it; return whether that of the record before is there."""
    promise, link = receipt.promise, receipt.record.link
    before, after = (
        held.receipt_at(identities, promise.broker, promise.subject, seq) for seq in (link.seq - 1, link.seq + 1)
    )
    if before is not None and before.promise.fingerprint != link.prev:
        raise VerificationFailed(
            CHAIN, f"record {link.seq} names another record before it than the kept {link.seq - 1}"
        )
    if after is not None and after.record.link.prev != link.fingerprint:
        raise VerificationFailed(
            CHAIN, f"the kept record {link.seq + 1} names another record before it than {link.seq}"
        )
    return before is not None


def _replaces(kept: Receipt, new: Receipt) -> bool:
    shows_as_much = kept.record.values.keys() <= new.record.values.keys()
    return shows_as_much and kept.checkpoint.seq <= new.checkpoint.seq


def _summary(did: str, receipt: Receipt, *, signed: bool) -> dict[str, Any]:
    envelope, anchor = receipt.record.envelope, receipt.anchor
    return {
        "status": "verified",
        "did": did,
        "record_id": envelope["record_id"],
        "type": envelope["type"],
        "seq": envelope["seq"],
        "signed": signed,
        "anchor": {"seq": anchor.seq, "block": anchor.block, "time": anchor.time},
        "reaches": receipt.checkpoint.seq,
        "in_time": receipt.in_time,
    }


def _how_far(receipt: Receipt, *, signed: bool, follows: bool) -> dict[str, Any]:
    told = receipt.not_checked()
    if follows:
        told.pop(CHAIN, None)
    checked = [*_CHECKED, *(["signed-act"] if signed else []), *([CHAIN] if follows else [])]
    return {
        "checked": checked,
        "not_checked": [{"check": name, "reason": reason} for name, reason in told.items()],
    }
