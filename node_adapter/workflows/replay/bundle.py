"""From the store to a bundle: a subject's anchored records, the ratings they refer to, and every proof."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from did.identifiers import parse_did
from domain.domain import AnyDomain
from domain.second_person import FIELD, keys_of
from evidence.chain.engines import KEPT_PROOFS
from evidence.documents.assemble import AnchorMaterial, SubjectMaterial, assemble
from evidence.documents.bundle import seal_bundle
from evidence.documents.envelope import Envelope
from evidence.documents.promise import PromiseDocument
from evidence.documents.record import RedactedCopy, SealedRecord, altered_fields, redact
from evidence.map.subject_map import SubjectMap
from node_adapter.node import Node
from node_adapter.store import anchors, house_records, records, restored
from node_adapter.store.chain import evidence, evidence_anchor
from node_adapter.store.chain.event_log import ChainEvent
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.anchoring.owed_promises import promise_of
from node_adapter.workflows.anchoring.receipts import LogView, envelope_of
from node_adapter.workflows.identity.keys_in_force import keys_in_force
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake.rulesets import rulebook
from node_adapter.workflows.replay.trust_file import own_trust
from primitives.canonical import parse_json
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.timestamp import format_time, parse_time
from replay.records import Record


@dataclass(frozen=True)
class ReplayedRecord:
    """A stored record as the replay read it; `altered` names fields whose value is not the one that was sealed.

    Of an erased one the envelope is left, which bundle and report show; `values` is empty.
    """

    row: RecordRow
    envelope: Envelope
    values: Mapping[str, Any]
    promise: PromiseDocument | None
    altered: tuple[str, ...]
    anchored: bool

    def to_replay(self) -> Record:
        """Return the record as the bundle shows it: without the fields that were altered."""
        row = self.row
        shown = {name: value for name, value in self.values.items() if name not in self.altered}
        return Record(
            row.pid, row.seq, row.record_id, row.type, row.fingerprint.hex(), row.log_index, self.envelope, shown
        )

    def copy(self) -> RedactedCopy:
        """Return the redacted copy that shows everything that was not altered."""
        if self.row.root_salt is None:
            return envelope_of(self.row)
        sealed = SealedRecord(self.envelope, self.row.envelope, self.row.fingerprint, self.row.root_salt, self.values)
        return redact(sealed, [name for name in self.values if name not in self.altered])


@dataclass(frozen=True)
class Collected:
    """Everything that a replay read in one snapshot of the store."""

    subject: SubjectRow
    records: tuple[ReplayedRecord, ...]
    references: tuple[tuple[str, tuple[ReplayedRecord, ...]], ...]
    anchors: tuple[AnchorMaterial, ...]
    anchor_times: Mapping[int, int]  # seconds, by seq
    key_events: tuple[ChainEvent, ...]  # of the broker and the client, up to the last anchor
    bundle: bytes

    @property
    def anchored(self) -> tuple[ReplayedRecord, ...]:
        """The subject's records that the last anchor covers."""
        return tuple(record for record in self.records if record.anchored)

    @property
    def own_to_replay(self) -> list[Record]:
        """The subject's own records of the bundle."""
        return [record.to_replay() for record in self.anchored]

    def to_replay(self) -> list[Record]:
        """Return every record of the bundle."""
        shown = [*self.anchored, *(record for _, chain in self.references for record in chain)]
        return [record.to_replay() for record in shown]


def collect(node: Node, connection: Connection, subject: SubjectRow, case: str) -> Collected:
    """Read a subject's history and make its signed bundle as of the last final anchor.

    Raises:
        CouldNotCheck: `not-anchored`, no final anchor covers a record of the subject yet.
        Refused: `record-erased`, of a record not even the envelope can be shown.
    """
    restored.require_caught_up(connection)
    last = anchors.last_final(connection)
    rows = [] if last is None else records.of_subject(connection, subject.pid)
    if last is None or not any(row.log_index < last.size for row in rows):
        raise CouldNotCheck(
            "not-anchored", "no record of this subject is anchored yet; replay again after the next anchor"
        )
    size = last.size
    found = tuple(replayed(row, size) for row in rows)
    inside = [record for record in found if record.anchored]
    references = tuple(_references(node, connection, inside, size))
    made, times = _anchors(node, connection, last.seq)
    tree, _ = node.views.holder("log", "", LogView).at(connection, last)
    bundle = assemble(
        trust=own_trust(node, connection),
        proof_kind=KEPT_PROOFS.name,
        broker=node.did,
        client=subject.did,
        case=case,
        made_at=format_time(node.clock.now_ms()),
        history=_material(subject.pid, inside),
        references=[_material(pid, chain) for pid, chain in references],
        anchors=made,
        tree=tree,
        maps=_maps(connection, last.seq),
        receipts=partial(evidence.receipts, connection),
        rulesets=_rulesets(node, connection, inside),
        pending=len(found) - len(inside),
    )
    return Collected(
        subject=subject,
        records=found,
        references=references,
        anchors=made,
        anchor_times=times,
        key_events=key_events(node, connection, subject, last.block),
        bundle=seal_bundle(bundle.body(), keys_in_force(node, connection, last.block).signing_seed),
    )


def _rulesets(node: Node, connection: Connection, found: Sequence[ReplayedRecord]) -> list[Mapping[str, Any]]:
    """Return the documents of the rule sets that the records name, or that were in force when they happened."""
    rules = rulebook(node, connection)
    named = {record.envelope["ruleset"] for record in found}
    for domain in node.domains:
        own = rules.of(domain)
        times = [record.envelope["occurred_at"] for record in found if record.row.type in domain.types]
        if own.rulesets:
            named |= {own.at(parse_time(time, "occurred_at")).label for time in times}
    return [ruleset.document for ruleset in rules.rulesets if ruleset.label in named]


def replayed(row: RecordRow, size: int) -> ReplayedRecord:
    """Read a stored record, in a log of which `size` entries are anchored."""
    envelope = parse_json(row.envelope, field="envelope")
    values = {} if row.payload is None or row.root_salt is None else json.loads(row.payload)
    return ReplayedRecord(
        row=row,
        envelope=envelope,
        values=values,
        promise=promise_of(row) if row.log_index < size else None,  # what is not anchored stands in no bundle
        altered=() if row.root_salt is None or row.erased else altered_fields(envelope, values, row.root_salt),
        anchored=row.log_index < size,
    )


def _references(
    node: Node, connection: Connection, inside: Sequence[ReplayedRecord], size: int
) -> list[tuple[str, tuple[ReplayedRecord, ...]]]:
    """Return the whole chains of the house records that the records rest on, and of who signed."""
    places = {pid for domain in node.domains for pid in _house_places(domain, connection, inside)}
    rated = _chains(connection, sorted(places), inside, size)
    every = [*inside, *(record for _, chain in rated for record in chain)]
    signed = [record for record in every if FIELD in record.values]
    signing = roster_of(node, connection, records.log_size(connection)).subjects_of(
        (key for record in signed for key in keys_of(record.values)),
        (did for record in signed for did in (record.envelope["actor"]["did"], record.values.get("reader"))),
    )
    return rated + _chains(connection, signing, inside, size)


def _chains(
    connection: Connection, pids: Sequence[str], inside: Sequence[ReplayedRecord], size: int
) -> list[tuple[str, tuple[ReplayedRecord, ...]]]:
    own = {record.row.pid for record in inside}
    chains = []
    for pid in pids:
        if pid not in own:
            chain = (replayed(row, size) for row in records.of_subject(connection, pid))
            chains.append((pid, tuple(record for record in chain if record.anchored)))
    return [(pid, chain) for pid, chain in chains if chain]


def _material(pid: str, chain: Sequence[ReplayedRecord]) -> SubjectMaterial:
    shown = []
    for record in chain:
        if record.promise is None:
            raise ValueError(f"record {record.row.record_id} is not anchored: it stands in no bundle")
        shown.append((record.copy(), record.promise))
    return SubjectMaterial(bytes.fromhex(pid), shown)


def _anchors(node: Node, connection: Connection, last_seq: int) -> tuple[tuple[AnchorMaterial, ...], dict[int, int]]:
    """Return our final anchors with the place of their events, which only the index knows, and their times."""
    known = evidence_anchor.anchored(connection, node.address)
    final = [row for row in anchors.every(connection) if row.block is not None and row.seq <= last_seq]
    checkpoints = {row.seq: row.checkpoint for row in final}
    made = tuple(
        AnchorMaterial(
            seq=theirs.seq,
            size=theirs.size,
            block=theirs.block,
            tx_index=theirs.tx_index,
            log_position=theirs.log_position,
            checkpoint=checkpoints[theirs.seq],
        )
        for theirs in known
        if theirs.seq in checkpoints
    )
    return made, {theirs.seq: theirs.timestamp for theirs in known}


def _maps(connection: Connection, last_seq: int) -> Iterator[SubjectMap]:
    """Yield the subject map as of each of our anchors, every one made from the one before.

    Raises:
        VerificationFailed: `local-log`, the store does not hold what was anchored.
    """
    made, size = SubjectMap(), 0
    for row in anchors.every(connection):
        if row.seq > last_seq:
            return
        if row.size > size:
            heads = records.heads_at(connection, size, row.size)
            made, size = made.with_entries({bytes.fromhex(h.pid): (h.count, h.head) for h in heads}), row.size
        if made.root != row.map_root:
            raise VerificationFailed("local-log", f"the store is not what the map of anchor {row.seq} is of")
        yield made


def key_events(node: Node, connection: Connection, subject: SubjectRow, up_to: int | None) -> tuple[ChainEvent, ...]:
    """Return the key changes of the broker and the client, up to a block."""
    identity = None if subject.did is None else parse_did(subject.did).address
    return evidence.key_events(connection, node.address, identity, up_to)


def _house_places(domain: AnyDomain, connection: Connection, inside: Sequence[ReplayedRecord]) -> set[str]:
    """Return where the house records lie that the records name, or that are about what they are about."""
    if domain.house_rules is None:
        return set()
    own = [record for record in inside if record.row.type in domain.types]
    wanted = {domain.named_house_record(record.row.type, record.values) for record in own}
    things = {domain.thing_of(record.values) for record in own} - {None}
    types = sorted(domain.house_rules.types)
    kept = [replayed(row, 0) for row in house_records.of_types(connection, types, 0, records.log_size(connection))]
    return {
        record.row.pid
        for record in kept
        if record.row.fingerprint.hex() in wanted or domain.thing_of(record.values) in things
    }
