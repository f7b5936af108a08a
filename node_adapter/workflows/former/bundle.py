"""From the database of format 1 to a bundle of format 1: a subject's history as it ended there, and every proof.

That log has ended, so its bundles say the same whenever they are made; the signature is of the key that the old
registry held at the last anchor, which the keystore keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from domain.domain import AnyDomain
from domain.second_person import FIELD, keys_of
from evidence.chain.engines import KEPT_PROOFS
from evidence.documents.assemble import AnchorMaterial, SubjectMaterial, assemble
from evidence.documents.bundle import seal_bundle
from evidence.documents.promise import PromiseDocument
from evidence.documents.record import RedactedCopy, envelope_copy, redact, restore
from evidence.log.tree import Tree
from evidence.map.subject_map import SubjectMap
from node_adapter.node import Node
from node_adapter.store import former_records, house_records, records, subjects
from node_adapter.store.chain import evidence, evidence_anchor
from node_adapter.store.former_records import FormerAnchor
from node_adapter.store.records import RecordRow
from node_adapter.workflows.former.trust_file import former_trust
from node_adapter.workflows.identity.keys_in_force import keys_in_force
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake.rulesets import rulebook
from primitives.canonical import parse_json
from primitives.errors import Refused, VerificationFailed
from primitives.timestamp import format_time, parse_time


@dataclass(frozen=True)
class KeptRecord:
    """A record of format 1 as it was read; of one whose originals were erased the envelope is left."""

    row: RecordRow
    envelope: Mapping[str, Any]
    values: Mapping[str, Any]

    @classmethod
    def read(cls, row: RecordRow) -> KeptRecord:
        """Read a stored record."""
        values = {} if row.payload is None or row.root_salt is None else json.loads(row.payload)
        return cls(row, parse_json(row.envelope, field="envelope"), values)

    @property
    def promise(self) -> PromiseDocument:
        """The promise of it: a migration waits until there is one of every record."""
        row = self.row
        document: PromiseDocument = json.loads(row.promise or "null")
        return document

    def copy(self) -> RedactedCopy:
        """Return the copy that shows everything that is kept.

        Raises:
            Refused: `record-erased`, not even the envelope can be shown.
        """
        row = self.row
        if row.root_salt is not None and row.payload is not None:
            return redact(restore(row.envelope, self.values, row.root_salt))
        if row.envelope_salt is None:
            raise Refused(
                "record-erased", f"record {row.record_id}: neither originals nor the envelope's salt are kept"
            )
        return envelope_copy(row.envelope, row.envelope_salt)


def former_bundle(former: Node, connection: Connection, pid: str, case: str) -> bytes:
    """Return the signed bundle of a subject's history of format 1.

    Args:
        former: the node as it was (`former_node`).
        connection: to its database.
        pid: the pseudonym.
        case: the case number.

    Raises:
        Refused: `no-records`; `record-erased`, of a record not even the envelope can be shown.
        VerificationFailed: the database is not the log that was anchored.
        CouldNotCheck: `signing-key-not-held`.
    """
    history = _chain(connection, pid)
    subject = subjects.find_by_pid(connection, pid)
    if not history or subject is None:
        raise Refused("no-records", "subject: has no history of format 1")
    made = former_records.anchors(connection)
    bundle = assemble(
        trust=former_trust(former, connection),
        proof_kind=KEPT_PROOFS.name,
        broker=former.did,
        client=subject.did,
        case=case,
        made_at=format_time(former.clock.now_ms()),
        history=_material(pid, history),
        references=[_material(one, _chain(connection, one)) for one in _references(former, connection, history)],
        anchors=_anchors(former, connection, made),
        tree=_log(connection, made),
        maps=_maps(connection, made),
        receipts=partial(evidence.receipts, connection),
        rulesets=_rulesets(former, connection, history),
        pending=0,
    )
    return seal_bundle(bundle.body(), keys_in_force(former, connection, made[-1].block).signing_seed)


def _chain(connection: Connection, pid: str) -> list[KeptRecord]:
    return [KeptRecord.read(row) for row in records.of_subject(connection, pid)]


def _material(pid: str, chain: Sequence[KeptRecord]) -> SubjectMaterial:
    return SubjectMaterial(bytes.fromhex(pid), [(kept.copy(), kept.promise) for kept in chain])


def _anchors(former: Node, connection: Connection, made: Sequence[FormerAnchor]) -> list[AnchorMaterial]:
    """Return the anchors with the place of their events, which only the index knows."""
    checkpoints = {anchor.seq: anchor.checkpoint for anchor in made}
    known = evidence_anchor.anchored(connection, former.address)
    return [
        AnchorMaterial(told.seq, told.size, told.block, told.tx_index, told.log_position, checkpoints[told.seq])
        for told in known
        if told.seq in checkpoints
    ]


def _log(connection: Connection, made: Sequence[FormerAnchor]) -> Tree:
    tree, last = Tree(), made[-1]
    tree.extend(former_records.fingerprints(connection, 0, last.size))
    if tree.root_at(last.size) != last.root:
        raise VerificationFailed("local-log", f"the database of format 1 is not the log that anchor {last.seq} is of")
    return tree


def _maps(connection: Connection, made: Sequence[FormerAnchor]) -> Iterator[SubjectMap]:
    """Yield the subject map as of each anchor, every one made from the one before."""
    made_map, size = SubjectMap(), 0
    for anchor in made:
        made_map = made_map.with_entries(former_records.heads_in(connection, size, anchor.size))
        size = anchor.size
        if made_map.root != anchor.map_root:
            raise VerificationFailed("local-log", f"the database of format 1 is not what the map of {anchor.seq} is of")
        yield made_map


def _rulesets(former: Node, connection: Connection, history: Sequence[KeptRecord]) -> list[Mapping[str, Any]]:
    """Return the documents of the rule sets that the records name, or that were in force when they happened."""
    rules = rulebook(former, connection)
    named = {kept.envelope["ruleset"] for kept in history}
    for domain in former.domains:
        own = rules.of(domain)
        times = [kept.envelope["occurred_at"] for kept in history if kept.row.type in domain.types]
        if own.rulesets:
            named |= {own.at(parse_time(time, "occurred_at")).label for time in times}
    return [ruleset.document for ruleset in rules.rulesets if ruleset.label in named]


def _references(former: Node, connection: Connection, history: Sequence[KeptRecord]) -> list[str]:
    """Return where the house records lie that the records rest on, and the enrolments of who signed."""
    own = {kept.row.pid for kept in history}
    places = sorted({pid for domain in former.domains for pid in _house_places(domain, connection, history)} - own)
    every = [*history, *(kept for pid in places for kept in _chain(connection, pid))]
    signed = [kept for kept in every if FIELD in kept.values]
    signing = roster_of(former, connection, records.log_size(connection)).subjects_of(
        (key for kept in signed for key in keys_of(kept.values)),
        (did for kept in signed for did in (kept.envelope["actor"]["did"], kept.values.get("reader"))),
    )
    return places + [pid for pid in signing if pid not in own]


def _house_places(domain: AnyDomain, connection: Connection, history: Sequence[KeptRecord]) -> set[str]:
    if domain.house_rules is None:
        return set()
    own = [kept for kept in history if kept.row.type in domain.types]
    wanted = {domain.named_house_record(kept.row.type, kept.values) for kept in own}
    things = {domain.thing_of(kept.values) for kept in own} - {None}
    types = sorted(domain.house_rules.types)
    found = [KeptRecord.read(row) for row in house_records.of_types(connection, types, 0, records.log_size(connection))]
    return {
        kept.row.pid for kept in found if kept.row.fingerprint.hex() in wanted or domain.thing_of(kept.values) in things
    }
