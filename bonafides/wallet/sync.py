"""What the wallet does each time that it looks at its broker's node.

It holds the log against the checkpoints that it remembers, takes promises and receipts and holds each against what it
keeps, and names what the node showed before and shows no longer. A broker that took something back between two looks is
found by one of the three, and where its own signatures tell of it, convicted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from bonafides.wallet import held
from bonafides.wallet.broker_log import CHECK, Fetch, hold_against, newest_log
from bonafides.wallet.convictions import keep_convictions
from bonafides.wallet.former import hold_former
from bonafides.wallet.heads import grown_to, remember_grown, remembered, signed_head
from bonafides.wallet.keys import Identities, Identity
from evidence.version2.documents.receipt import Receipt, read_receipt
from evidence.version2.log.convict import PlacedLeaf
from evidence.version2.verify.contradictions import Given
from primitives.errors import VerificationFailed
from primitives.timestamp import format_time

WITHHELD, SILENT = "receipt-withheld", "history-withheld"
_MS = 1000


def follow_log(identities: Identities, broker: str, fetch: Fetch) -> dict[str, Any]:
    """Hold the log that a broker's node publishes against all that this wallet saw of it; call it inside `changing`.

    Returns:
        {"status": "followed"}, with the number of anchors up to which the log did nothing but grow, or
        {"status": "contradiction"}, with what convicts the broker.

    Raises:
        VerificationFailed: `log-growth`, the log is another one, and nothing at hand convicts; `checkpoint-signature`;
            `log-former`, it does not go on from the log of format 1 that this wallet saw.
        InvalidInput, Refused, CouldNotCheck: the node serves no such log, or no key of the broker is pinned.
    """
    log = newest_log(identities, broker, fetch)
    since = grown_to(identities, broker)
    before = [*remembered(identities, broker), *_heads_of_receipts(identities, broker)]
    if log is None:
        if before:
            raise VerificationFailed(CHECK, "the node says that nothing is anchored; the broker signed for a log")
        return {"status": "followed", "broker": broker, "anchors": 0, "records": 0, "since": since, "wrong": []}
    claims = hold_against(log, before)
    newest = log.head.stated
    told = {"broker": broker, "anchors": newest.seq, "records": newest.size, "since": since}
    if claims:
        return {**told, "status": "contradiction", "convictions": keep_convictions(identities, claims)}
    remember_grown(identities, broker, log.head.note, log.leaf(newest.seq))
    hold_former(identities, broker, log.leaf(1).leaf)
    return {**told, "status": "followed", "wrong": list(newest.wrong)}


def withheld(identities: Identities, identity: Identity, named: Collection[str]) -> Iterator[VerificationFailed]:
    """Name the records whose receipts are kept and that a node, asked for all, did not name.

    Args:
        identities: the wallet.
        identity: whose receipts were asked for.
        named: the ids of records that the node gave receipts of, or said that it cannot show.
    """
    for kept in held.kept_receipts(identities):
        record_id = kept["receipt"]["promise"]["record_id"]
        if kept["did"] == identity.did and record_id not in named:
            detail = f"record_id: {record_id}: the node gave its receipt before, and gives it no longer"
            yield VerificationFailed(WITHHELD, f"{detail}; {_last_word([read_receipt(kept['receipt'])])}")


def silence(identities: Identities, identity: Identity) -> VerificationFailed | None:
    """Name a history that a node says nothing of any more, although its broker signed for it; None where it did not.

    Nothing that the broker signed contradicts silence, so nothing convicts: what the receipts prove they go on proving.
    """
    kept = [one["receipt"] for one in held.kept_receipts(identities) if one["did"] == identity.did]
    if not kept:
        return None
    told = f"did: {identity.did}: the node opens no session for this client and gives nothing of its history"
    return VerificationFailed(SILENT, f"{told}; {_last_word([read_receipt(one) for one in kept])}")


def _last_word(receipts: Sequence[Receipt]) -> str:
    """Say until when a broker stood for records, by the receipts that are kept of them."""
    newest = max((receipt.anchor for receipt in receipts), key=lambda anchor: anchor.seq)
    reach = max(receipt.checkpoint.seq for receipt in receipts)
    counted = f"by its signatures the broker counted {len(receipts)} of its records"
    since = f"the newest of anchor {newest.seq} ({format_time(newest.time * _MS)}), as of its checkpoint {reach}"
    return (
        f"{counted}, {since}, "
        "and it has given this wallet nothing of them since: its silence convicts nobody, and the receipts hold"
    )


def _heads_of_receipts(identities: Identities, broker: str) -> Iterator[Given]:
    """Give each checkpoint of the kept receipts, with an anchor of its tree, once."""
    seen: set[str] = set()
    for kept in held.kept_receipts(identities):
        document = kept["receipt"]
        if document["promise"]["broker"] == broker and document["checkpoint"] not in seen:
            seen.add(document["checkpoint"])
            receipt: Receipt = read_receipt(document)
            leaf = PlacedLeaf(receipt.anchor, receipt.path)
            yield Given(broker, head=signed_head(receipt.note), leaf=leaf)
