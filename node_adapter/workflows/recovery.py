"""Bringing lost records back from what others hold: clients' receipts, and bundles of earlier replays.

The chain's newest anchor of this member says how many entries its log has, their root and the map. A restored copy
lacks the last of them. Each comes back as (promise, redacted copy): our own signature, and the record that it is for.
They are taken only together, when log and map are then exactly what was anchored.

A record that came back has its envelope and what its copy showed, not its salts: a bundle shows its envelope, and names
it as one whose originals are gone. The `source_ref` of what callers sent is not known any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from evidence.issue_witness import DIGEST_FIELD
from evidence.issue_witness import RECORD_TYPE as ISSUED
from evidence.log import Tree
from evidence.promise import Promise, verify_promise
from evidence.record import OpenedRecord, open_redacted
from evidence.subject_map import SubjectMap
from node_adapter.node import Node
from node_adapter.store import alarms, chain_index, records, restored, subjects
from node_adapter.store.chain_index import ChainEvent
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import EMPTY_HEAD, SubjectRow
from node_adapter.workflows.countersign import signed_once_in
from node_adapter.workflows.fold import EMPTY_STATE, dump_state, state_of
from node_adapter.workflows.issue_witness import ISSUE_REFERENCE
from node_adapter.workflows.keys_in_force import keys_in_force
from node_adapter.workflows.revocation import REVOKE_REFERENCE, REVOKED, bring_back
from node_adapter.workflows.succession import SUCCEEDED, end_rights
from primitives.canonical import canonical_json
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused, VerificationFailed
from replay.records import to_fact
from suitability import states
from suitability.states import SubjectState

_SHOWN_MISSING = 20
_SALT_BYTES = 32


@dataclass(frozen=True)
class _Found:
    """A lost record as somebody else held it; its promise bears our signature and its copy has that fingerprint."""

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
        prefix = {ISSUED: ISSUE_REFERENCE, REVOKED: REVOKE_REFERENCE}.get(self.record.envelope["type"])
        if prefix is None or not self.is_whole:
            return f"recovered:{self.promise.record_id}"
        return prefix + str(self.record.values[DIGEST_FIELD])


def recover(node: Node, held: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Bring the lost records back.

    Args:
        node: this node, whose processes stand still.
        held: objects with `promise` and `record`: receipts, or records of bundles; what is not lost is passed over.

    Returns:
        {"recovered", "first", "last", "incomplete": ids of records whose fields were not all shown}.

    Raises:
        InvalidInput: a promise or a copy is malformed.
        Refused: `nothing-lost`; `records-missing`, entries that nobody brought, by their log indexes.
        VerificationFailed: a promise is not ours, a copy is another record's, or the whole is not what was anchored.
    """
    with node.store.write() as connection:
        head = _head(node, connection)
        first, size = records.log_size(connection), 0 if head is None else int(head.args["size"])
        if head is None or first >= size:
            raise Refused("nothing-lost", "the chain has anchored no record that this database lacks")
        found = _found(node, connection, held, range(first, size))
        missing = [str(index) for index in range(first, size) if index not in found]
        if missing:
            shown = ", ".join(missing[:_SHOWN_MISSING]) + (", ..." if len(missing) > _SHOWN_MISSING else "")
            raise Refused("records-missing", f"{len(missing)} of {size - first} entries were not brought: {shown}")
        incomplete = _store(node, connection, [found[index] for index in range(first, size)])
        _require_anchored(connection, head, size)
        restored.mark(connection, node.clock.now_ms())
        detail = f"the log entries {first} to {size - 1} came back from receipts or bundles; their salts are lost"
        alarms.raise_alarm(connection, alarms.RECOVERED, f"{first}-{size - 1}", detail, node.clock.now_ms())
    return {"recovered": size - first, "first": first, "last": size - 1, "incomplete": incomplete}


def _head(node: Node, connection: Connection) -> ChainEvent | None:
    topic = chain_index.address_topic(node.address)
    return chain_index.last_event(connection, contract="EvidenceAnchor", name="Anchored", topic1=topic)


def _found(node: Node, connection: Connection, held: Iterable[Mapping[str, Any]], lost: range) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    for number, item in enumerate(held, 1):
        field = f"line {number}"
        promise, copy = item.get("promise"), item.get("record")
        if not isinstance(promise, Mapping) or not isinstance(copy, Mapping):
            raise InvalidInput(field, "shape", "holds no promise and record")
        index = promise.get("log_index")
        if not isinstance(index, int) or index not in lost or index in found:
            continue
        block = promise.get("block")
        if not isinstance(block, int):
            raise InvalidInput(f"{field}.promise.block", "integer", "must be an integer")
        public = keys_in_force(node, connection, block).signing_public
        checked = verify_promise(dict(promise), public, f"{field}.promise")
        record = open_redacted(dict(copy), f"{field}.record", fingerprint=checked.fingerprint)
        stated = (checked.broker, checked.subject.hex(), checked.record_id)
        if stated != (node.did, record.envelope["subject"], record.envelope["record_id"]):
            raise VerificationFailed("receipt", f"{field}: promise and record are not of one record of this broker")
        salt = decode_hex(copy.get("envelope_salt"), f"{field}.record.envelope_salt", _SALT_BYTES)
        found[index] = _Found(checked, json.dumps(promise), record, salt)
    return found


def _store(node: Node, connection: Connection, found: list[_Found]) -> list[str]:
    """Write the records and the heads and states of their subjects; return the ids of those that changed no state."""
    known = subjects.by_pids(connection, {entry.promise.subject.hex() for entry in found})
    folded: dict[str, SubjectState] = {}
    rows, incomplete = [], []
    for entry in found:
        pid, envelope = entry.promise.subject.hex(), entry.record.envelope
        if pid not in known:
            known[pid] = _unknown_subject(connection, pid, envelope, entry.promise.accepted_at)
            subjects.insert_subjects(connection, [known[pid]])
        subject = known[pid]
        if (envelope["seq"], envelope["prev"]) != (subject.count + 1, subject.head.hex()):
            raise VerificationFailed("subject-chain", f"record {entry.promise.record_id} does not follow its subject's")
        state = folded.get(pid) or state_of(node, subject)
        if entry.is_whole:
            fact = to_fact(envelope, entry.record.values, entry.record.fingerprint.hex())
            folded[pid] = states.fold(state, fact)
        else:
            folded[pid] = state
            incomplete.append(entry.promise.record_id)
        known[pid] = replace(subject, count=envelope["seq"], head=entry.record.fingerprint)
        rows.append(_row(entry, pid))
    records.insert_records(connection, rows, [])
    subjects.update_heads(connection, [replace(known[pid], state=dump_state(state)) for pid, state in folded.items()])
    for entry in found:
        if entry.record.envelope["type"] == REVOKED and entry.is_whole:
            bring_back(connection, entry.promise.subject.hex(), entry.record.envelope, entry.record.values)
    for pid in {row.pid for row in rows if row.type == SUCCEEDED}:
        end_rights(connection, pid, node.clock.now_ms())
    return incomplete


def _row(entry: _Found, pid: str) -> RecordRow:
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
    )


def _unknown_subject(connection: Connection, pid: str, envelope: Mapping[str, Any], at_ms: int) -> SubjectRow:
    """Return a subject that was enrolled after the copy: its reference is lost, its DID is known once it signed."""
    did = next((entry["did"] for entry in envelope["signatures"]), None)
    if did is not None and subjects.find_by_did(connection, did) is not None:
        did = None
    return SubjectRow(pid, f"recovered {pid[:16]}", did, at_ms, 0, EMPTY_HEAD, EMPTY_STATE)


def _require_anchored(connection: Connection, head: ChainEvent, size: int) -> None:
    tree = Tree()
    tree.extend(records.fingerprints(connection, 0, size))
    heads = records.heads_at(connection, 0, size)
    subject_map = SubjectMap().with_entries({bytes.fromhex(entry.pid): (entry.count, entry.head) for entry in heads})
    found = {"root": "0x" + tree.root().hex(), "mapRoot": "0x" + subject_map.root.hex()}
    for name, value in found.items():
        if head.args[name] != value:
            raise VerificationFailed("recovery", f"{name} is {head.args[name]} on the chain and would be {value} here")
