"""Was a promise of format 1 kept? Answered from what this node had read of the chain before it was migrated.

The anchors that were final there say whether the promised place was covered in time; of our own log also which entry
stands there. Of what the chain says later nothing is known here, and the answer says so.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from sqlalchemy import Connection

from did.identifiers import parse_did
from evidence.chain.engine import HeaderChain
from evidence.chain.engines import KEPT_PROOFS
from evidence.documents.breach import BreachAnchor, OtherEntry, assemble_breach
from evidence.documents.promise import Promise, PromiseDocument, parse_promise, verify_promise
from evidence.log.tree import Tree
from evidence.verify.breach import check_breach
from node_adapter.node import Node
from node_adapter.store import former_records
from node_adapter.store.chain import blocks, directory, evidence, evidence_anchor, member_registry
from node_adapter.store.chain.evidence_anchor import EVIDENCE_ANCHOR, AnchorEvent
from node_adapter.store.chain.member_registry import MEMBER_REGISTRY
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.former.trust_file import former_trust
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.timestamp import format_time

_MS = 1000
_NOT_COUNTED = "format-1: a promise of that format says nothing of a map"
_NOT_OURS = "format-1: another member's log of that format is served by nobody"


def check_former_promise(node: Node, document: object) -> dict[str, Any]:
    """Say how a promise of format 1 stands: kept, or broken with the claim of that format.

    Raises:
        InvalidInput: it is no promise, or a member's of another chain.
        VerificationFailed: the broker did not sign it, or was no active broker.
        Refused: `former-not-found`, this node was not migrated.
        CouldNotCheck: `block-unknown`, what this node had read ends before the promise does; `claim-not-proved`.
    """
    promise = parse_promise(document)
    did = parse_did(promise.broker, "promise.broker")
    if did.chain_id != node.settings.chain.chain_id:
        raise InvalidInput("promise.broker", "chain", "is a member of another chain")
    with former_node(node) as former, former.store.read() as connection:
        tip = blocks.tip(connection)
        if promise.block > tip.number:
            raise CouldNotCheck("block-unknown", f"this node's index of format 1 ends before block {promise.block}")
        verify_promise(document, _signing_key(connection, did.address, promise))
        answer = _answer(former, connection, cast(PromiseDocument, document), promise, did.address)
        as_of = {"block": tip.number, "time": format_time(tip.timestamp * _MS)}
    return {
        "broker": promise.broker,
        "record_id": promise.record_id,
        "log_index": promise.log_index,
        "anchor_by": format_time(promise.anchor_by),
        "as_of": as_of,
        **answer,
    }


def _answer(
    former: Node, connection: Connection, document: PromiseDocument, promise: Promise, address: str
) -> dict[str, Any]:
    made = _anchors(connection, address)
    in_time = [anchor for anchor in made if anchor.timestamp * _MS <= promise.anchor_by]
    covering = next((anchor for anchor in in_time if anchor.size > promise.log_index), None)
    if covering is None:
        tip = blocks.tip(connection)
        if tip.timestamp * _MS <= promise.anchor_by:
            detail = f"what this node had read ends at block {tip.number}, before the promised time"
            raise CouldNotCheck("block-unknown", detail)
        return _broken(former, connection, document, in_time[-1] if in_time else None)
    if address == former.address:
        entry, path = _entry(connection, covering, promise.log_index)
        if entry != promise.fingerprint:
            return _broken(former, connection, document, covering, OtherEntry(entry, path))
    time = format_time(covering.timestamp * _MS)
    return {
        "status": "kept",
        "anchor": {"seq": covering.seq, "size": covering.size, "block": covering.block, "time": time},
        "entry": "as-promised" if address == former.address else "not-checked",
        "counted": "not-checked",
        "reason": _NOT_COUNTED if address == former.address else _NOT_OURS,
    }


def _entry(connection: Connection, anchor: AnchorEvent, index: int) -> tuple[bytes, tuple[bytes, ...]]:
    """Return what our own log holds at a place, with its way into the anchored tree."""
    tree, entries = Tree(), former_records.fingerprints(connection, 0, anchor.size)
    tree.extend(entries)
    if tree.root() != anchor.root:
        raise VerificationFailed("local-log", f"the database of format 1 is not the log that anchor {anchor.seq} is of")
    return entries[index], tuple(tree.inclusion(index, anchor.size))


def _broken(
    former: Node,
    connection: Connection,
    document: PromiseDocument,
    anchor: AnchorEvent | None,
    other: OtherEntry | None = None,
) -> dict[str, Any]:
    trust = former_trust(former, connection)
    chain = HeaderChain(trust.headers)
    place = None
    if anchor is not None:
        place = BreachAnchor(anchor.seq, anchor.block, anchor.tx_index, anchor.log_position)
    claim = assemble_breach(
        trust=trust,
        chain=chain,
        proof_kind=KEPT_PROOFS.name,
        promise=document,
        anchor=place,
        receipts=partial(evidence.receipts, connection),
        other=other,
    )
    claim.to_bytes()  # what no reader would take is not given out
    report = check_breach(claim, trust, chain)
    if not report.ok:  # nobody is accused by what our own verifier refuses
        raise CouldNotCheck("claim-not-proved", f"what this node had read does not prove the breach: {report.verdict}")
    return {"status": "broken", "verdict": report.verdict, "claim": claim.to_json()}


def _signing_key(connection: Connection, address: str, promise: Promise) -> bytes:
    registry = _address_at(connection, MEMBER_REGISTRY, promise.block)
    history = member_registry.history_in(connection, address, registry, promise.block)
    term = history.at_block(promise.block)
    if term is None or term.role != "broker":
        raise VerificationFailed("member-key-history", f"{address} is no active broker at block {promise.block}")
    return term.signing


def _anchors(connection: Connection, address: str) -> list[AnchorEvent]:
    return [
        made
        for made in evidence_anchor.anchored(connection, address)
        if made.contract == _address_at(connection, EVIDENCE_ANCHOR, made.block)
    ]


def _address_at(connection: Connection, name: str, block: int) -> str | None:
    ranges = directory.address_ranges(connection)
    return next((entry.address for entry in ranges if entry.name == name and entry.holds_at(block)), None)
