"""Was a promise kept? Any member's node answers from its own copy of the chain, and makes the claim when it was not.

The anchors that are final here say whether the promised place was covered in time. Which entry stands there, only the
broker's public log says; where its node cannot be read, or shows a log that was not anchored, the answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, cast

from sqlalchemy import Connection

from did.identifiers import parse_did
from evidence.chain.engine import HeaderChain
from evidence.chain.engines import KEPT_PROOFS
from evidence.documents.breach import BreachAnchor, OtherEntry, assemble_breach
from evidence.documents.promise import Promise, PromiseDocument, parse_promise, verify_promise
from evidence.log.tree import Tree, leaf_hash
from evidence.verify.breach import check_breach
from node_adapter.node import Node
from node_adapter.store.chain import blocks, directory, evidence, evidence_anchor, member_registry
from node_adapter.store.chain.evidence_anchor import EVIDENCE_ANCHOR, AnchorEvent
from node_adapter.store.chain.member_registry import MEMBER_REGISTRY
from node_adapter.workflows.anchoring.public_log import MAX_ENTRIES, published_entries
from node_adapter.workflows.replay.trust_file import own_trust
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.shapes import Anything, Bytes, Fields, ListOf, Named
from primitives.timestamp import format_time

ENTRIES_PATH = "/v1/log/entries"
MAX_LOG = 1_000_000  # entries of another member's log that this node reads for a check
_MS = 1000
_ENTRY_BYTES = 32

Outcome = dict[str, Any] | BonafidesError


@dataclass(frozen=True)
class _Covered:
    """A promise whose place an anchor covered in time; what stands there is still to be read."""

    promise: PromiseDocument
    parsed: Promise
    address: str
    anchor: AnchorEvent
    common: Mapping[str, Any]


@dataclass
class LogCopy:
    """What was read of another member's log."""

    tree: Tree = field(default_factory=Tree)
    entries: list[bytes] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


def check_promises(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Check promises ({"promise"}); each gets its own outcome, in order: kept, open, or broken with the claim."""
    with node.store.read() as connection:
        checker = _Checker(node, connection)
        found = [checker.outcome(request) for request in requests]
    return [_with_entry(node, item) if isinstance(item, _Covered) else item for item in found]


PROMISE_CHECK = Named("PromiseCheck", Fields({"promise": Anything()}))
_PAGE = Fields({"entries": ListOf(Bytes(_ENTRY_BYTES), 0, MAX_ENTRIES)}, open=True)


class _Checker:
    """What one request reads of the index."""

    def __init__(self, node: Node, connection: Connection) -> None:
        self._node = node
        self._connection = connection
        self._tip = blocks.tip(connection)
        self._ranges = directory.address_ranges(connection)
        self._anchors: dict[str, list[AnchorEvent]] = {}

    def outcome(self, request: Mapping[str, Any]) -> Outcome | _Covered:
        try:
            return self._check(request)
        except BonafidesError as error:
            return error

    def _check(self, request: Mapping[str, Any]) -> Outcome | _Covered:
        value = PROMISE_CHECK.read(request, "")["promise"]
        promise = parse_promise(value)
        document = cast(PromiseDocument, value)  # it was read
        did = parse_did(promise.broker, "promise.broker")
        if did.chain_id != self._node.settings.chain.chain_id:
            raise InvalidInput("promise.broker", "chain", "is a member of another chain")
        if promise.block > self._tip.number:
            raise CouldNotCheck("block-unknown", f"block {promise.block} is not in this node's index (yet)")
        verify_promise(value, self._signing_key(did.address, promise))
        common = {
            "broker": promise.broker,
            "record_id": promise.record_id,
            "log_index": promise.log_index,
            "anchor_by": format_time(promise.anchor_by),
            "as_of": {"block": self._tip.number, "time": format_time(self._tip.timestamp * _MS)},
        }
        anchors = self._anchors_of(did.address)
        in_time = [made for made in anchors if made.timestamp * _MS <= promise.anchor_by]
        covering = next((made for made in in_time if made.size > promise.log_index), None)
        if covering is not None:
            return _Covered(document, promise, did.address, covering, common)
        if self._tip.timestamp * _MS <= promise.anchor_by:
            return {"status": "open", **common}
        return {**_broken(self._node, self._connection, document, in_time[-1] if in_time else None), **common}

    def _signing_key(self, address: str, promise: Promise) -> bytes:
        registry = self._address_at(MEMBER_REGISTRY, promise.block)
        history = member_registry.history_in(self._connection, address, registry, promise.block)
        term = history.at_block(promise.block)
        if term is None or term.role != "broker":
            raise VerificationFailed("member-key-history", f"{address} is no active broker at block {promise.block}")
        return term.signing

    def _anchors_of(self, address: str) -> list[AnchorEvent]:
        if address not in self._anchors:
            self._anchors[address] = [
                made
                for made in evidence_anchor.anchored(self._connection, address)
                if made.contract == self._address_at(EVIDENCE_ANCHOR, made.block)
            ]
        return self._anchors[address]

    def _address_at(self, name: str, block: int) -> str | None:
        return next((entry.address for entry in self._ranges if entry.name == name and entry.holds_at(block)), None)


def _broken(
    node: Node,
    connection: Connection,
    promise: PromiseDocument,
    anchor: AnchorEvent | None,
    other: OtherEntry | None = None,
) -> dict[str, Any]:
    trust = own_trust(node, connection)
    tip = blocks.find_tip(connection)
    chain = node.views.get(connection, "header-chain", "", tip, lambda: HeaderChain(trust.headers))
    claim = assemble_breach(
        trust=trust,
        chain=chain,
        proof_kind=KEPT_PROOFS.name,
        promise=promise,
        anchor=None if anchor is None else _place(anchor),
        receipts=partial(evidence.receipts, connection),
        other=other,
    )
    claim.to_bytes()  # what no reader would take is not given out
    report = check_breach(claim, trust, chain)
    if not report.ok:  # nobody is accused by what our own verifier refuses
        raise CouldNotCheck("claim-not-proved", f"this node's index does not prove the breach: {report.verdict}")
    return {"status": "broken", "verdict": report.verdict, "claim": claim.to_json()}


def _place(event: AnchorEvent) -> BreachAnchor:
    return BreachAnchor(event.seq, event.block, event.tx_index, event.log_position)


def _with_entry(node: Node, covered: _Covered) -> Outcome:
    event, promise = covered.anchor, covered.parsed
    time = format_time(event.timestamp * _MS)
    anchor = {"seq": event.seq, "size": event.size, "block": event.block, "time": time}
    kept = {"status": "kept", **covered.common, "anchor": anchor}
    try:
        entry, path = _anchored_entry(node, covered)
    except (CouldNotCheck, Refused, InvalidInput) as error:
        return {**kept, "entry": "not-checked", "reason": f"{error.code}: {error.detail}"}
    if entry == promise.fingerprint:
        return {**kept, "entry": "as-promised", "reason": None}
    try:
        with node.store.read() as connection:
            broken = _broken(node, connection, covered.promise, event, OtherEntry(entry, path))
    except BonafidesError as error:
        return error
    return {**broken, **covered.common}


def _anchored_entry(node: Node, covered: _Covered) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the entry at the promised place and its way into the anchored tree, from the broker's public log."""
    size, index = covered.anchor.size, covered.parsed.log_index
    if size > MAX_LOG:
        raise CouldNotCheck("log-too-long", f"the log of {size} entries is longer than this node reads")
    base = None if covered.address == node.address else node.settings.peers.get(covered.address)
    if base is None and covered.address != node.address:
        raise CouldNotCheck("peer-unknown", f"this node's settings name no URL of {covered.address}")
    copy = node.views.holder("log-copy", covered.address, LogCopy)
    with copy.lock:
        while copy.tree.size < size:
            page = _page(node, base, copy.tree.size)
            copy.tree.extend(page)
            copy.entries.extend(page)
        if copy.tree.root_at(size) != covered.anchor.root:
            copy.tree, copy.entries = Tree(), []  # what was read is worth nothing: ask anew the next time
            raise CouldNotCheck("log-not-anchored", "the broker's public log is not the log that was anchored")
        if leaf_hash(copy.entries[index]) != copy.tree.leaf(index):
            raise CouldNotCheck("log-not-anchored", "the copy of the log is damaged")
        return copy.entries[index], tuple(copy.tree.inclusion(index, size))


def _page(node: Node, base: str | None, start: int) -> list[bytes]:
    if base is None:
        page = published_entries(node, start, MAX_ENTRIES)
    else:
        answer = node.fetch(f"{base}{ENTRIES_PATH}?start={start}&count={MAX_ENTRIES}")
        page = _PAGE.read(answer, "")["entries"]
    if not page:
        raise CouldNotCheck("log-too-short", f"the broker's public log ends at {start}")
    return page
