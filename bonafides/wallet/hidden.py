"""Records that a node names and does not show: erased by a record that says so, or simply not shown.

An ERASE of the history names what it erases, and the rule; the wallet holds its receipt, and often that of the record
that is gone. So it checks both: that the ERASE is of this very record, and that the rule's clock was over, from anchor
to anchor (docs/spec/evidence-2.md, section 2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bonafides.wallet import held
from bonafides.wallet.keys import Identities, Identity
from domain.erasure import CLOCKS, ERASE
from evidence.version2.documents.receipt import Receipt, read_receipt
from evidence.version2.erasure import Erased, Erasure, check_clocks, read_erasure
from evidence.version2.links import CHAIN
from primitives.errors import BonafidesError, InvalidInput, Refused, VerificationFailed

NOT_SHOWN = "receipt-not-shown"


@dataclass(frozen=True)
class _Named:
    """That an ERASE whose receipt is kept names a record."""

    entry: Erased
    erasure: Erasure
    by: Receipt


def hidden_records(
    identities: Identities, identity: Identity, entries: Iterable[Mapping[str, Any]]
) -> Iterator[dict[str, Any] | BonafidesError]:
    """Say of each record that a node named and did not show what the wallet knows of it.

    Args:
        identities: the wallet, with the receipts that the node gave beside.
        identity: whose records they are.
        entries: {"record_id", "detail", ...} as the node names them.

    Returns:
        For each {"status": "erased", ...}, or VerificationFailed: `subject-chain` (an ERASE names another record),
        `erasure` (a clock was running); or Refused: `receipt-not-shown`, no ERASE that is held names it. First of all
        InvalidInput, where an ERASE is malformed.
    """
    named: dict[int, list[_Named]] = {}
    wanted = list(entries)
    if wanted:
        try:
            named = _named(identities, identity)
        except InvalidInput as error:  # a broker's malformed ERASE must not end the look at what else is not shown
            yield error
    for entry in wanted:
        try:
            yield _erased(identities, identity, entry, named)
        except (Refused, VerificationFailed) as error:
            yield error


def _named(identities: Identities, identity: Identity) -> dict[int, list[_Named]]:
    """Return, by place, which ERASE records of a history name it: one that came too early is not healed by another."""
    found: dict[int, list[_Named]] = {}
    for kept in held.kept_receipts(identities):
        shown = kept["receipt"]["record"]
        if kept["did"] == identity.did and shown["envelope"]["type"] == ERASE and "erases" in shown["fields"]:
            receipt = read_receipt(kept["receipt"])
            erasure = read_erasure(receipt.record.values, receipt.promise.seq, "record.fields")
            for one in erasure.erases:
                found.setdefault(one.seq, []).append(_Named(one, erasure, receipt))
    return {seq: sorted(naming, key=lambda one: one.erasure.seq) for seq, naming in found.items()}


def _erased(
    identities: Identities, identity: Identity, entry: Mapping[str, Any], named: Mapping[int, list[_Named]]
) -> dict[str, Any]:
    record_id = str(entry.get("record_id"))
    promise = held.promise_of_record(identities, identity.broker, record_id)
    naming = [] if promise is None else named.get(promise.seq, [])
    if promise is None or not naming:
        raise Refused(NOT_SHOWN, f"record_id: {record_id}: {entry.get('detail')}")
    kept = held.kept_receipt(identities, identity.broker, record_id)
    for found in naming:
        if found.entry.fingerprint != promise.fingerprint:
            raise VerificationFailed(
                CHAIN, f"record {found.erasure.seq} erases another record {promise.seq} than was promised"
            )
        if kept is not None:
            anchored = {promise.seq: 1000 * kept.anchor.time, found.erasure.seq: 1000 * found.by.anchor.time}
            check_clocks([promise.seq], [found.erasure], anchored, CLOCKS)
    return {
        "status": "erased",
        "did": identity.did,
        "record_id": record_id,
        "seq": promise.seq,
        "rule": naming[0].entry.rule,
        "by": naming[0].by.promise.record_id,
        "checked": [] if kept is None else ["erasure"],
    }
