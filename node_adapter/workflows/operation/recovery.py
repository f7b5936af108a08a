"""Bringing lost records back from what others hold: clients' receipts, and bundles of earlier replays.

The chain's newest anchor of this member says how many entries its log has, their root and the map. A restored copy
lacks the last of them. Each comes back as (promise, redacted copy): our own signature, and the record that it is for.
They are taken only together, when log and map are then exactly what was anchored.

Copies of one record are put together: what any of them shows, it shows. What that decides is done again: the state is
folded as a replay folds it, credentials are revoked, an identity ends. Where a hidden field would have decided, the
answer and an alarm name the record.

A record that came back has its envelope and what its copies showed, not its salts: a bundle shows its envelope, and
names it as one whose originals are gone. The `source_ref` of what callers sent is not known any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from domain.domains import States
from evidence.documents.issue_witness import DIGEST_FIELD
from evidence.documents.promise import Promise, verify_promise
from evidence.documents.record import OpenedRecord, open_redacted
from evidence.log.tree import Tree
from evidence.map.subject_map import SubjectMap
from node_adapter.node import Node
from node_adapter.store import alarms, consents, records, restored, subjects
from node_adapter.store.chain import evidence_anchor
from node_adapter.store.chain.evidence_anchor import AnchorEvent
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import EMPTY_HEAD, SubjectRow
from node_adapter.workflows.consent import truths
from node_adapter.workflows.identity.issue_witness import ISSUE_REFERENCE
from node_adapter.workflows.identity.keys_in_force import keys_at
from node_adapter.workflows.identity.revocation import REVOKE_REFERENCE, bring_back
from node_adapter.workflows.identity.succession import end_rights, recovered_reference
from node_adapter.workflows.intake.countersign import signed_once_in
from node_adapter.workflows.intake.fold import EMPTY_STATE, dump_states, states_of
from primitives.canonical import canonical_json
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused, VerificationFailed
from replay.folding import fold_shown
from replay.records import Record
from replay.succession import SUCCEED, SUCCEEDED
from replay.wire.consent_call import CALLS, WITHDRAW
from suitability.records.credential import ISSUE, REVOKE
from suitability.records.staff import END, ENROL

_SHOWN_MISSING = 20
_SALT_BYTES = 32
_READ_WHOLE = (ENROL, END)  # they change no client's state: who signs for the broker is read from their payloads
_OTHER_IDENTITY = {SUCCEED: ("predecessor", "predecessor_did"), SUCCEEDED: ("successor", "successor_did")}
"""The fields by which a record names another identity of the same client: its pseudonym and its DID."""


@dataclass(frozen=True)
class _Found:
    """A lost record as others held it; its promise bears our signature and its copies have that fingerprint."""

    promise: Promise
    text: str
    record: OpenedRecord
    envelope_salt: bytes = field(repr=False)

    @property
    def is_whole(self) -> bool:
        """Say whether every field was shown."""
        return set(self.record.values) == set(self.record.envelope["fields"])

    @property
    def source_ref(self) -> str:
        """What the record is found by: of the node's own records as before, the callers' references are lost."""
        prefix = {ISSUE: ISSUE_REFERENCE, REVOKE: REVOKE_REFERENCE}.get(self.type)
        if prefix is None or DIGEST_FIELD not in self.record.values:
            return f"recovered:{self.promise.record_id}"
        return prefix + str(self.record.values[DIGEST_FIELD])

    @property
    def type(self) -> str:
        """Its record type."""
        return str(self.record.envelope["type"])

    @property
    def hidden(self) -> list[str]:
        """The fields that no copy showed."""
        return sorted(set(self.record.envelope["fields"]) - set(self.record.values))

    @property
    def as_record(self) -> Record:
        """It, as replays read records."""
        envelope, promise = self.record.envelope, self.promise
        return Record(
            subject=promise.subject.hex(),
            seq=envelope["seq"],
            record_id=promise.record_id,
            type=self.type,
            fingerprint=promise.fingerprint.hex(),
            log_index=promise.log_index,
            envelope=envelope,
            values=self.record.values,
        )

    def with_copy(self, other: _Found) -> _Found:
        """Return it with what another copy of the same record shows besides."""
        if other.promise.fingerprint != self.promise.fingerprint:
            return self  # another record under this place: the anchored root says which one it was
        return replace(self, record=replace(self.record, values={**other.record.values, **self.record.values}))


def recover(node: Node, held: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Bring the lost records back.

    Args:
        node: this node, whose processes stand still.
        held: objects with `promise` and `record`: receipts, or records of bundles; what is not lost is passed over.

    Returns:
        {"recovered", "first", "last", "incomplete": ids of records whose fields were not all shown, "without_effect":
        ids of those among them whose hidden fields decide what is in force, "without_did": pseudonyms that came back
        and that no record brings together with a DID; a product has none}.

    Raises:
        InvalidInput: a promise or a copy is malformed.
        Refused: `nothing-lost`; `records-missing`, entries that nobody brought, by their log indexes.
        VerificationFailed: a promise is not ours, a copy is another record's, or the whole is not what was anchored.
    """
    with node.store.write() as connection:
        head = evidence_anchor.last_anchored(connection, node.address)
        first, size = records.log_size(connection), 0 if head is None else head.size
        if head is None or first >= size:
            raise Refused("nothing-lost", "the chain has anchored no record that this database lacks")
        found = _found(node, connection, held, range(first, size))
        missing = [str(index) for index in range(first, size) if index not in found]
        if missing:
            shown = ", ".join(missing[:_SHOWN_MISSING]) + (", ..." if len(missing) > _SHOWN_MISSING else "")
            raise Refused("records-missing", f"{len(missing)} of {size - first} entries were not brought: {shown}")
        lost = [found[index] for index in range(first, size)]
        anonymous = _enrol(connection, lost)
        ineffective = _store(node, connection, lost)
        _require_anchored(connection, head, size)
        restored.mark(connection, node.clock.now_ms())
        _tell(node, connection, lost, ineffective)
    return {
        "recovered": size - first,
        "first": first,
        "last": size - 1,
        "incomplete": [entry.promise.record_id for entry in lost if not entry.is_whole],
        "without_effect": [entry.promise.record_id for entry in ineffective],
        "without_did": anonymous,
    }


def _tell(node: Node, connection: Connection, lost: list[_Found], ineffective: list[_Found]) -> None:
    """Raise the alarms: one of the whole recovery, one of each record that is not in force as it was."""
    now, first, last = node.clock.now_ms(), lost[0].promise.log_index, lost[-1].promise.log_index
    detail = f"the log entries {first} to {last} came back from receipts or bundles; their salts are lost"
    alarms.raise_alarm(connection, alarms.RECOVERED, f"{first}-{last}", detail, now)
    for entry in ineffective:
        without = ", ".join(entry.hidden) or "a payload that this version reads"
        detail = f"{entry.type} came back without {without}: what it changed is not in force here"
        alarms.raise_alarm(connection, alarms.EFFECT_LOST, entry.promise.record_id, detail, now)


def _found(node: Node, connection: Connection, held: Iterable[Mapping[str, Any]], lost: range) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    for number, item in enumerate(held, 1):
        field = f"line {number}"
        promise, copy = item.get("promise"), item.get("record")
        if not isinstance(promise, Mapping) or not isinstance(copy, Mapping):
            raise InvalidInput(field, "shape", "holds no promise and record")
        index = promise.get("log_index")
        if not isinstance(index, int) or index not in lost or (index in found and found[index].is_whole):
            continue
        block = promise.get("block")
        if not isinstance(block, int):
            raise InvalidInput(f"{field}.promise.block", "integer", "must be an integer")
        public = keys_at(node, connection, block).signing_public
        checked = verify_promise(dict(promise), public, f"{field}.promise")
        record = open_redacted(dict(copy), f"{field}.record", fingerprint=checked.fingerprint)
        stated = (checked.broker, checked.subject.hex(), checked.record_id)
        if stated != (node.did, record.envelope["subject"], record.envelope["record_id"]):
            raise VerificationFailed("receipt", f"{field}: promise and record are not of one record of this broker")
        salt = decode_hex(copy.get("envelope_salt"), f"{field}.record.envelope_salt", _SALT_BYTES)
        entry = _Found(checked, json.dumps(promise), record, salt)
        found[index] = found[index].with_copy(entry) if index in found else entry
    return found


def _enrol(connection: Connection, lost: list[_Found]) -> list[str]:
    """Store the subjects that were enrolled after the copy; return the pseudonyms of those whose DID nothing names.

    Their references are lost. A DID that another subject has stays with that one.
    """
    first = {entry.promise.subject.hex(): entry for entry in reversed(lost)}
    unknown = first.keys() - subjects.by_pids(connection, first).keys()
    dids = _dids(lost)
    taken = subjects.by_dids(connection, dids.values()).keys()
    rows = []
    for pid in sorted(unknown, key=lambda pid: first[pid].promise.log_index):
        did = dids.get(pid)
        at = first[pid].promise.accepted_at
        rows.append(
            SubjectRow(pid, recovered_reference(pid), None if did in taken else did, at, 0, EMPTY_HEAD, EMPTY_STATE)
        )
    subjects.insert_subjects(connection, rows)
    return [row.pid for row in rows if row.did is None]


def _dids(lost: list[_Found]) -> dict[str, str]:
    """Return the DIDs by pseudonym: of who signed any of its records, or whom another identity's record names."""
    found: dict[str, str] = {}
    for entry in lost:
        for signature in entry.record.envelope["signatures"]:
            found[entry.promise.subject.hex()] = signature["did"]
        pid, did = (entry.record.values.get(name) for name in _OTHER_IDENTITY.get(entry.type, ("", "")))
        if isinstance(pid, str) and isinstance(did, str):
            found.setdefault(pid, did)
    return found


def _store(node: Node, connection: Connection, lost: list[_Found]) -> list[_Found]:
    """Write the records, and do again what they changed; return those of which a hidden field decides that."""
    known = subjects.by_pids(connection, {entry.promise.subject.hex() for entry in lost})
    folded: dict[str, States] = {}
    ineffective = []
    for entry in lost:
        pid, envelope = entry.promise.subject.hex(), entry.record.envelope
        subject = known[pid]
        if (envelope["seq"], envelope["prev"]) != (subject.count + 1, subject.head.hex()):
            raise VerificationFailed("subject-chain", f"record {entry.promise.record_id} does not follow its subject's")
        before = folded[pid] if pid in folded else states_of(node, connection, subject)
        after = fold_shown(before, entry.as_record, node.domains)
        folded[pid] = before if after is None else after
        known[pid] = replace(subject, count=envelope["seq"], head=entry.record.fingerprint)
        if after is None or not _is_read(entry):
            ineffective.append(entry)
    house = node.domains.types_where(lambda entry: entry.of_house)
    rows = [_row(entry, entry.promise.subject.hex(), house=entry.type in house) for entry in lost]
    records.insert_records(connection, rows, [])
    changed = [replace(known[pid], state=dump_states(node, states)) for pid, states in folded.items()]
    subjects.update_heads(connection, changed)
    for entry in lost:
        pid = entry.promise.subject.hex()
        if entry.type == REVOKE and not bring_back(connection, pid, entry.record.envelope, entry.record.values):
            ineffective.append(entry)
        if entry.type == WITHDRAW and _names_consent(entry):
            consents.mark_recorded(connection, pid, entry.record.values["consent_id"], entry.promise.accepted_at)
        if entry.type == SUCCEEDED:
            end_rights(connection, pid, entry.promise.accepted_at)
    told = {str(entry.record.values["consent_id"]) for entry in lost if entry.type in CALLS and _names_consent(entry)}
    truths.compare_ids(node, connection, told)
    return ineffective


def _names_consent(entry: _Found) -> bool:
    return "consent_id" in entry.record.values


def _is_read(entry: _Found) -> bool:
    """Say whether what looks for this record's content elsewhere than in a client's state will find it."""
    if entry.type == ISSUE:
        return DIGEST_FIELD in entry.record.values
    if entry.type == SUCCEED:  # the limits over time look for whom it names
        return _OTHER_IDENTITY[SUCCEED][0] in entry.record.values
    return entry.is_whole or entry.type not in _READ_WHOLE


def _row(entry: _Found, pid: str, *, house: bool) -> RecordRow:
    promise, envelope = entry.promise, entry.record.envelope
    return RecordRow(
        log_index=promise.log_index,
        record_id=promise.record_id,
        source_ref=entry.source_ref,
        request_digest=bytes(32),
        pid=pid,
        seq=envelope["seq"],
        type=envelope["type"],
        envelope=canonical_json(dict(envelope)),
        payload=json.dumps(dict(entry.record.values), ensure_ascii=False) if entry.is_whole else None,
        root_salt=None,
        fingerprint=promise.fingerprint,
        act_signature=signed_once_in(envelope),
        accepted_at=promise.accepted_at,
        anchor_by=promise.anchor_by,
        promise=entry.text,
        block=promise.block,
        envelope_salt=entry.envelope_salt,
        house=house,
    )


def _require_anchored(connection: Connection, head: AnchorEvent, size: int) -> None:
    tree = Tree()
    tree.extend(records.fingerprints(connection, 0, size))
    heads = records.heads_at(connection, 0, size)
    subject_map = SubjectMap().with_entries({bytes.fromhex(entry.pid): (entry.count, entry.head) for entry in heads})
    found = {"root": (head.root, tree.root()), "mapRoot": (head.map_root, subject_map.root)}
    for name, (told, value) in found.items():
        if told != value:
            here = f"would be 0x{value.hex()} here"
            raise VerificationFailed("recovery", f"{name} is 0x{told.hex()} on the chain and {here}")
