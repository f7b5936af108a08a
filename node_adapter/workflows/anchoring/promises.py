"""Was a promise kept? Any member's node answers from its own copy of the chain, and makes the claim when it was not.

The leaves that are final here say whether the promised place was covered in time. Which entry lies there, and what the
anchor's map counts, only the broker's node shows; where it shows nothing, or what was not anchored, the answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from did.identifiers import parse_did
from evidence.documents.promise import is_of_format_1
from evidence.log import note as notes
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.log.checkpoint import open_anchor_checkpoint, read_anchor_checkpoint
from evidence.version2.map.label_map import Absence
from evidence.version2.promise import (
    Covering,
    Promise,
    PromiseDocument,
    PromiseStanding,
    SignedBatch,
    parse_promise,
    standing,
)
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.verify.claim import leaves_of_keys, signing_keys
from node_adapter.node import Node
from node_adapter.store.chain import blocks, member_registry
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.workflows.anchoring.claims import ShownEvidence, leaves_at_promise, make_claim
from node_adapter.workflows.anchoring.log_evidence import LogEvidence, evidence_of
from node_adapter.workflows.former.promises import check_former_promise
from primitives.canonical import parse_json
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, VerificationFailed
from primitives.shapes import Anything, Fields, Named
from primitives.timestamp import format_time

_MS = 1000
AS_PROMISED, NOT_CHECKED = "as-promised", "not-checked"

Outcome = dict[str, Any] | BonafidesError
PROMISE_CHECK = Named("PromiseCheck", Fields({"promise": Anything()}))


@dataclass(frozen=True)
class _Look:
    """A promise that the broker gave, and how it stands by the leaves alone.

    Attributes:
        covering: the anchor that covers the promised place; None where none does.
        found: how the promise stands when the place holds what was promised.
        common: what every answer says.
    """

    document: PromiseDocument
    promise: Promise
    broker: str
    covering: AnchorLeaf | None
    found: PromiseStanding
    common: Mapping[str, Any]


def check_promises(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Check promises ({"promise"}); each gets its own outcome, in order: kept, open, or broken with the claim."""
    with node.store.read() as connection:
        found = [_looked(node, connection, request) for request in requests]
    return [_answered(node, item) if isinstance(item, _Look) else item for item in found]


def _looked(node: Node, connection: Connection, request: Mapping[str, Any]) -> _Look | Outcome:
    try:
        document = PROMISE_CHECK.read(request, "")["promise"]
        return check_former_promise(node, document) if is_of_format_1(document) else _look(node, connection, document)
    except BonafidesError as error:
        return error


def _look(node: Node, connection: Connection, document: PromiseDocument) -> _Look:
    promise, signed = parse_promise(document)
    did, tip = parse_did(promise.broker, "promise.broker"), blocks.tip(connection)
    if did.chain_id != node.settings.chain.chain_id:
        raise InvalidInput("promise.broker", "chain", "is a member of another chain")
    if promise.block > tip.number:
        raise CouldNotCheck("block-unknown", f"block {promise.block} is not in this node's index (yet)")
    log = LogLeaves.of(connection, did.address, tip.number)
    covering = log.covering(promise.log_index)
    _require_signed(connection, log, promise, signed, covering)
    as_promised = None
    if covering is not None:
        as_promised = Covering(covering.time * _MS, promise.entry, promise.entry)
    found = standing(promise, as_promised, tip.timestamp * _MS)
    if log.opening is not None and promise.log_index < log.opening.size_after:
        found = PromiseStanding.ANOTHER_ENTRY  # another log filled the place
    common = {
        "broker": promise.broker,
        "record_id": promise.record_id,
        "log_index": promise.log_index,
        "anchor_by": format_time(promise.anchor_by),
        "as_of": {"block": tip.number, "time": format_time(tip.timestamp * _MS)},
    }
    return _Look(document, promise, did.address, covering, found, common)


def _require_signed(
    connection: Connection, log: LogLeaves, promise: Promise, signed: SignedBatch, covering: AnchorLeaf | None
) -> None:
    """Check that the broker gave a promise, under a key that a claim can show to be its own.

    Raises:
        VerificationFailed: check `promise`.
        CouldNotCheck: the library of its suite is not installed.
    """
    shown, last, sets = leaves_at_promise(log, promise), log.last(), member_registry.key_sets(connection, log.member)
    decisive = (last,) if covering is None else (covering, log.before(covering))
    shown += [leaf for leaf in decisive if leaf is not None]
    by_seq = {leaf.seq: leaf for leaf in shown}
    seqs = leaves_of_keys(promise.block, covering, 0 if last is None else last.seq, by_seq)
    known = [sets[by_seq[seq].keys_digest] for seq in seqs]
    if covering is None:
        known += _active_keys(connection, log.member)
    if not any(signed.is_signed_by(key) for key in signing_keys(promise, known)):
        raise VerificationFailed("promise", "no key of the broker that was in force signed the promise")


def _active_keys(connection: Connection, address: str) -> list[MemberKeySet]:
    """Return the present keys of a member that is active."""
    member = member_registry.members(connection).get(address)
    return [member.held.key_set()] if member is not None and member.active else []


def _answered(node: Node, look: _Look) -> Outcome:
    try:
        if look.found is PromiseStanding.KEPT and look.covering is not None:
            return _with_evidence(node, look, look.covering)
        return {"status": "open", **look.common} if look.found is PromiseStanding.OPEN else _broken(node, look)
    except BonafidesError as error:
        return error


def _with_evidence(node: Node, look: _Look, leaf: AnchorLeaf) -> Outcome:
    """Answer for a promise whose place was covered in time, by what the broker shows of it."""
    anchor = {"seq": leaf.seq, "size": leaf.size_after, "block": leaf.block, "time": format_time(leaf.time * _MS)}
    kept = {"status": "kept", **look.common, "anchor": anchor}
    try:
        shown = _shown(node, look, leaf)
    except BonafidesError as error:
        return {**kept, **_told(None), "reason": f"{error.code}: {error.detail}"}
    if _standing(look.promise, leaf, shown) is not PromiseStanding.KEPT:
        return _broken(node, look, shown)
    return {**kept, **_told(shown.evidence)}


def _shown(node: Node, look: _Look, leaf: AnchorLeaf) -> ShownEvidence:
    """Fetch what the broker shows of the place, and hold it against the leaf."""
    evidence = evidence_of(node, look.broker, look.promise, leaf)
    try:
        evidence.check(look.promise, leaf)
    except VerificationFailed as error:
        raise CouldNotCheck("log-not-anchored", f"what the broker shows was not anchored: {error.detail}") from error
    return _naming_wrong(node, look, leaf, evidence)


def _naming_wrong(node: Node, look: _Look, leaf: AnchorLeaf, evidence: LogEvidence) -> ShownEvidence:
    """Say whether a checkpoint of the broker, of an anchor that the index has, names the covering anchor as wrong."""
    if evidence.checkpoint is None:
        return ShownEvidence(evidence)
    seq = read_anchor_checkpoint(notes.split_note(evidence.checkpoint)[0]).seq
    with node.store.read() as connection:
        log = LogLeaves.of(connection, look.broker, blocks.tip(connection).number)
        try:
            of_checkpoint = log.anchor(seq)
        except LookupError:  # our index has not come to it
            return ShownEvidence(evidence)
        keys = member_registry.key_sets(connection, look.broker)[of_checkpoint.keys_digest]
    stated = open_anchor_checkpoint(evidence.checkpoint, look.promise.broker, keys.checkpoint)
    return ShownEvidence(evidence, leaf.seq in stated.wrong, seq)


def _standing(promise: Promise, leaf: AnchorLeaf, shown: ShownEvidence) -> PromiseStanding:
    """Tell how a promise stands by what is shown: of what is not shown nothing is held against the broker."""
    place, counted = shown.evidence.place, shown.evidence.counted
    entry = promise.entry if place is None else place.entry
    held: bytes | None = promise.entry
    if counted is not None:
        held = None if isinstance(counted, Absence) else counted.entry
    return standing(promise, Covering(leaf.time * _MS, entry, held, shown.named_wrong), leaf.time * _MS)


def _told(evidence: LogEvidence | None) -> dict[str, Any]:
    """Return what was checked of a kept promise: the entry at its place, and what the map counts."""
    place, counted = (None, None) if evidence is None else (evidence.place, evidence.counted)
    reason = None
    if place is None or counted is None:
        reason = "map-not-kept: the broker's node no longer shows what the map of this anchor held"
    return {
        "entry": NOT_CHECKED if place is None else AS_PROMISED,
        "counted": NOT_CHECKED if counted is None else AS_PROMISED,
        "reason": reason,
    }


def _broken(node: Node, look: _Look, shown: ShownEvidence | None = None) -> Outcome:
    """Answer with the claim; where the block that can be proved lies before the promised time, it is open still."""
    made = make_claim(node, look.document, look.promise, look.broker, shown)
    if made.report.ok:
        claim = parse_json(made.data, field="claim")
        return {"status": "broken", "verdict": made.report.verdict, "claim": claim, **look.common}
    if made.report.standing is PromiseStanding.OPEN:
        return {"status": "open", **look.common}
    raise CouldNotCheck("claim-not-proved", f"this node's index does not prove the breach: {made.report.verdict}")
