"""From the store to a bundle: a subject's anchored records, the ratings they refer to, and every proof.

1. What the chain says comes first, as of one block (`take_chain`).
2. In one snapshot of the store, the log is taken as of the last anchor up to that block (`collect`): what was anchored
   since is pending, as that block's state has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from did.identifiers import parse_did
from domain.domain import AnyDomain
from domain.opening import CLIENT, OPENING
from domain.ruleset import whole_label
from domain.second_person import FIELD, keys_of
from evidence.chain.engine import Header
from evidence.version2.documents.assemble import (
    ChainMaterial,
    LogMaterial,
    PromisedBy,
    RecordMaterial,
    SubjectMaterial,
    assemble,
)
from evidence.version2.documents.before import anchors_before
from evidence.version2.documents.bundle import seal_bundle
from evidence.version2.documents.chain_evidence import MemberItem
from evidence.version2.envelope import Envelope
from evidence.version2.links import ZERO_HASH, Link
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.log.cosignature import cosigned_by, witness_name
from evidence.version2.promise import parse_promise
from evidence.version2.record import SealedRecord, altered_fields, redact
from evidence.version2.shapes import HASHES
from evidence.version2.state.headers import state_rule
from node_adapter.node import Node
from node_adapter.store import anchors, house_records, records, restored
from node_adapter.store.chain import evidence, member_registry
from node_adapter.store.chain.event_log import ChainEvent
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.anchoring.log_material import log_material
from node_adapter.workflows.anchoring.owed_promises import promise_of
from node_adapter.workflows.anchoring.receipts import envelope_of
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake.rulesets import rulebook
from node_adapter.workflows.replay.chain_material import own_parties, take_for_each
from primitives.canonical import parse_json
from primitives.errors import CouldNotCheck
from primitives.timestamp import format_time, parse_time
from replay.records import Record
from replay.reports import reports_subject
from replay.signing import signing_rules

NOT_ANCHORED = "not-anchored"


@dataclass(frozen=True)
class SubjectChain:
    """What the chain says at one block for a subject's bundle: with the client's DID, and as of one who has not signed.

    Which of the two the bundle shows is known when the log is read: an opening may be waiting for its anchor.
    """

    signed: ChainMaterial | None
    unsigned: ChainMaterial

    @property
    def header(self) -> Header:
        """The block's header."""
        return state_rule(self.unsigned.header_rule).parse(self.unsigned.header, "header")


def take_chain(node: Node, subjects: Sequence[SubjectRow]) -> list[SubjectChain]:
    """Take what the chain says for the bundles of several subjects, all as of one block; not in a write transaction.

    Raises:
        CouldNotCheck, VerificationFailed: as `take_for_each`.
    """
    with node.store.read() as connection:
        others = [member.address for member in member_registry.members(connection).values() if member.active]
    dids = [subject.did for subject in subjects]
    wanted = [own_parties(node, None, others), *(own_parties(node, did, others) for did in dids if did is not None)]
    unsigned, *found = take_for_each(node.store, node.state, wanted)
    signed = iter(found)
    return [SubjectChain(None if did is None else next(signed), unsigned) for did in dids]


@dataclass(frozen=True)
class ReplayedRecord:
    """A stored record as the replay read it; `altered` names fields whose value is not the one that was sealed.

    Of an erased one the envelope is left, which bundle and report show; `values` is empty. Of one that an ERASE let go
    the link alone is left (`row.is_stub`): there is no envelope to be read.
    """

    row: RecordRow
    link: Link
    envelope: Envelope
    values: Mapping[str, Any]
    altered: tuple[str, ...]
    anchor: AnchorLeaf | None

    @property
    def anchored(self) -> bool:
        """Whether the log of the bundle holds it."""
        return self.anchor is not None

    @property
    def is_clients_opening(self) -> bool:
        """Whether the client opened the history by it, or joined it."""
        return self.row.type == OPENING and self.values.get("kind") == CLIENT

    def to_replay(self) -> Record:
        """Return the record as the bundle shows it: without the fields that were altered."""
        row = self.row
        shown = {name: value for name, value in self.values.items() if name not in self.altered}
        return Record(
            row.pid, row.seq, row.record_id, row.type, row.fingerprint.hex(), row.log_index, self.envelope, shown
        )

    def shown(self) -> Mapping[str, Any]:
        """Return what the bundle shows of it: everything that was not altered, or what an erasure left."""
        row = self.row
        if row.is_stub:
            return {"erased": self.link.to_json()}
        if row.root_salt is None:
            return envelope_of(row)
        sealed = SealedRecord(self.envelope, row.fingerprint, row.envelope, row.root_salt, self.values)
        return redact(sealed, [name for name in self.values if name not in self.altered])

    def material(self) -> RecordMaterial:
        """Return what a bundle is made of it.

        Raises:
            CouldNotCheck: `promise-owed`.
        """
        return RecordMaterial(self.shown(), self.row.log_index, None if self.row.is_stub else _promised(self.row))


def _promised(row: RecordRow) -> PromisedBy:
    document = promise_of(row)
    promise, batch = parse_promise(document)
    return PromisedBy(promise, batch, document["batch"]["index"], HASHES.read(document["batch"]["path"], "path"))


@dataclass(frozen=True)
class Collected:
    """Everything that a replay read in one snapshot of the store."""

    subject: SubjectRow
    records: tuple[ReplayedRecord, ...]
    references: tuple[tuple[str, tuple[ReplayedRecord, ...]], ...]
    last: AnchorLeaf
    key_events: tuple[ChainEvent, ...]  # of the broker and the client, up to the bundle's block
    block: int
    bundle: bytes

    @property
    def anchored(self) -> tuple[ReplayedRecord, ...]:
        """The subject's records that the last anchor covers."""
        return tuple(record for record in self.records if record.anchored)

    @property
    def own_to_replay(self) -> list[Record]:
        """The subject's own records of the bundle."""
        return [record.to_replay() for record in self.anchored if not record.row.is_stub]

    def to_replay(self) -> list[Record]:
        """Return every record of the bundle."""
        others = [record.to_replay() for _, chain in self.references for record in chain]
        return [*self.own_to_replay, *others]


def collect(node: Node, connection: Connection, subject: SubjectRow, case: str, chain: SubjectChain) -> Collected:
    """Read a subject's history and make its signed bundle as of a block.

    Raises:
        CouldNotCheck: `not-anchored`, no anchor up to that block covers a record of the subject; `promise-owed`, one of
            the records has no promise yet: in a moment it has.
        Refused: `record-erased`, of a record not even the envelope can be shown.
    """
    restored.require_caught_up(connection)
    header = chain.header
    log = _log_at(node, connection, header.number)
    first = records.at_places(connection, subject.pid, [1]).get(1)
    if log is None or first is None or first.log_index >= log.anchor(log.seq).size_after:
        raise CouldNotCheck(
            NOT_ANCHORED, f"no record of this subject is anchored at block {header.number}; replay after an anchor"
        )
    found = _read_chain(records.of_subject(connection, subject.pid), log)
    inside = [record for record in found if record.anchored]
    signed = any(record.is_clients_opening for record in inside)
    material = chain.signed if signed and chain.signed is not None else chain.unsigned
    references = tuple(_references(node, connection, inside, log))
    histories = [_material(subject.pid, inside), *(_material(pid, kept) for pid, kept in references)]
    last = log.anchor(log.seq)
    bundle = assemble(
        chain=replace(material, members=_shown_members(node, material.members, log)),
        log=log,
        suite=node.suite.name,
        broker=node.did,
        client=subject.did if signed else None,
        case=case,
        made_at=format_time(node.clock.now_ms()),
        history=histories[0],
        references=histories[1:],
        before=anchors_before(
            histories,
            covering=log.covering,
            anchor=log.anchor,
            did=material.did,
            enrols=signing_rules(node.domains).enrols,
        ),
        rulesets=_rulesets(node, connection, inside),
        pending=len(found) - len(inside),
    )
    return Collected(
        subject=subject,
        records=found,
        references=references,
        last=last,
        key_events=key_events(node, connection, subject, header.number),
        block=header.number,
        bundle=seal_bundle(bundle.body(), _signing_seed(node, log.keys(last.keys_digest).signing)),
    )


def _signing_seed(node: Node, public: bytes) -> bytes:
    """Return the key that the leaf of the last anchor names: of a rotation in its own block it is the one before."""
    found = node.keys.find(lambda keys: keys.signing_public == public)
    if found is None:
        raise CouldNotCheck("signing-key-not-held", f"the keystore lacks the signing key {public.hex()}: restore it")
    return found.signing_seed


def _log_at(node: Node, connection: Connection, block: int) -> LogMaterial | None:
    """Return the log as of the last anchor up to a block: the one that the contract's head is of there."""
    last = anchors.last_final_at(connection, block)
    return None if last is None else log_material(node, connection, last.seq)


def _shown_members(node: Node, members: Sequence[MemberItem], log: LogMaterial) -> list[MemberItem]:
    """Return the broker, and those who cosigned the checkpoint; somebody is always shown."""
    others = {witness_name(item.member): item for item in members if item.member != node.did}
    own = log.keys(log.anchor(log.seq).keys_digest).checkpoint
    keys = {name: item.keys.checkpoint for name, item in others.items()}
    witnesses = [others[found.name] for found in cosigned_by(log.checkpoint, keys, own)]
    shown = [*(item for item in members if item.member == node.did), *witnesses]
    return shown or list(members[:1])


def _rulesets(node: Node, connection: Connection, found: Sequence[ReplayedRecord]) -> list[Mapping[str, Any]]:
    """Return the documents of the rule sets that the records name, or that were in force when they happened."""
    rules = rulebook(node, connection)
    read = [record for record in found if not record.row.is_stub]
    named = {record.envelope["ruleset"] for record in read}
    for domain in node.domains:
        own = rules.of(domain)
        times = [record.envelope["occurred_at"] for record in read if record.row.type in domain.types]
        if own.rulesets:
            named |= {whole_label(own.at(parse_time(time, "occurred_at"))) for time in times}
    return [ruleset.document for ruleset in rules.rulesets if whole_label(ruleset) in named]


def replayed(row: RecordRow, prev: bytes = ZERO_HASH, anchor: AnchorLeaf | None = None) -> ReplayedRecord:
    """Read a stored record.

    Args:
        row: the row.
        prev: the fingerprint of the record before.
        anchor: under which it lies, where it counts as anchored.
    """
    envelope: Any = {} if row.is_stub else parse_json(row.envelope, field="envelope")
    values = {} if row.payload is None or row.root_salt is None else json.loads(row.payload)
    return ReplayedRecord(
        row=row,
        link=Link(row.seq, prev, row.next, row.fingerprint),
        envelope=envelope,
        values=values,
        altered=() if row.root_salt is None or row.erased else altered_fields(envelope, values, row.root_salt),
        anchor=anchor,
    )


def _read_chain(rows: Sequence[RecordRow], log: LogMaterial) -> tuple[ReplayedRecord, ...]:
    """Read a subject's records in their order, each with the anchor under which it lies."""
    size, prev, found = log.anchor(log.seq).size_after, ZERO_HASH, []
    leaf: AnchorLeaf | None = None
    for row in rows:
        if row.log_index >= size:
            leaf = None
        elif leaf is None or leaf.size_after <= row.log_index:
            leaf = log.covering(row.log_index)
        found.append(replayed(row, prev, leaf))
        prev = row.fingerprint
    return tuple(found)


def _references(
    node: Node, connection: Connection, inside: Sequence[ReplayedRecord], log: LogMaterial
) -> list[tuple[str, tuple[ReplayedRecord, ...]]]:
    """Return the whole chains of the house records that the records rest on, of reports given out, of who signed."""
    own = {record.row.pid for record in inside}

    def chains(pids: Sequence[str]) -> list[tuple[str, tuple[ReplayedRecord, ...]]]:
        read = ((pid, _read_chain(records.of_subject(connection, pid), log)) for pid in pids if pid not in own)
        shown = ((pid, tuple(record for record in chain if record.anchored)) for pid, chain in read)
        return [(pid, chain) for pid, chain in shown if chain]

    places = {pid for domain in node.domains for pid in _house_places(domain, connection, inside)}
    rated = chains(sorted(places))
    issued = chains(sorted(reports_subject(node.did, pid) for pid in own))
    every = [*inside, *(record for _, chain in rated for record in chain)]
    signed = [record for record in every if FIELD in record.values]
    signing = roster_of(node, connection, records.log_size(connection)).subjects_of(
        (key for record in signed for key in keys_of(record.values)),
        (did for record in signed for did in (record.envelope["actor"]["did"], record.values.get("reader"))),
    )
    return rated + issued + chains(signing)


def _material(pid: str, chain: Sequence[ReplayedRecord]) -> SubjectMaterial:
    labels = [record.row.label for record in chain]
    return SubjectMaterial(bytes.fromhex(pid), [record.material() for record in chain], [*labels, chain[-1].row.next])


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
    kept = [replayed(row) for row in house_records.of_types(connection, types, 0, records.log_size(connection))]
    return {
        record.row.pid
        for record in kept
        if record.row.fingerprint.hex() in wanted or domain.thing_of(record.values) in things
    }
