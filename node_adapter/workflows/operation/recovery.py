"""Bringing lost records back from what others hold: clients' receipts, and bundles of earlier replays.

The chain's leaves of this member say how many records its log has, the entries of each batch, and the map. A restored
copy lacks the last of them. Each comes back as (promise, redacted copy): our own signature, which names place and
label, and the record that it is for. They are taken only together, when each batch and the map are then exactly what
was anchored; the anchors themselves the chain process takes over from the chain.

Copies of one record are put together: what any of them shows, it shows. What that decides is done again: the state is
folded as a replay folds it, credentials are revoked, an identity ends. Where a hidden field would have decided, the
answer and an alarm name the record.

A record that came back has its envelope and what its copies showed, not its salts: a bundle shows its envelope, and
names it as one whose originals are gone. The `source_ref` of what callers sent is not known any more. What was erased
since the copy was made has no copy anywhere, and does not come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from domain.domains import States
from domain.erasure import ERASE
from domain.opening import CLIENT, OPENING, UNSIGNED_CLIENT
from evidence.documents.issue_witness import DIGEST_FIELD
from evidence.version2.batch_tree import BatchTree
from evidence.version2.links import CHAIN, first_label
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.map.append_proof import make_append_proof
from evidence.version2.promise import Promise, parse_promise, require_record
from evidence.version2.record import OpenedRecord, open_redacted
from node_adapter.node import Node
from node_adapter.store import alarms, anchor_tree, anchors, consents, erasures, records, restored, subjects
from node_adapter.store.chain import evidence_log, member_registry
from node_adapter.store.erasures import ErasureRow
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import EMPTY_HEAD, SubjectRow
from node_adapter.workflows.consent import truths
from node_adapter.workflows.identity.issue_witness import ISSUE_REFERENCE
from node_adapter.workflows.identity.revocation import REVOKE_REFERENCE, bring_back
from node_adapter.workflows.identity.succession import end_rights, recovered_reference
from node_adapter.workflows.intake.countersign import signed_once_in
from node_adapter.workflows.intake.fold import EMPTY_STATE, fold_again, states_of, write_states
from primitives.canonical import canonical_json
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.json_text import json_text
from replay.records import Record
from replay.succession import SUCCEED, SUCCEEDED
from replay.wire.consent_call import CALLS, WITHDRAW
from suitability.records.credential import ISSUE, REVOKE
from suitability.records.staff import END, ENROL

_SHOWN_MISSING = 20
_SALT_BYTES = 32
_READ_WHOLE = (ENROL, END, ERASE)  # they change no client's state: what they say is read from their payloads
_OTHER_IDENTITY = {SUCCEED: ("predecessor", "predecessor_did"), SUCCEEDED: ("successor", "successor_did")}
"""The fields by which a record names another identity of the same client: its pseudonym and its DID."""


@dataclass(frozen=True)
class _Found:
    """A lost record as others held it: our signature promised it, and its copies have that fingerprint."""

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
    def pid(self) -> str:
        """The pseudonym of its subject."""
        return self.promise.subject.hex()

    @property
    def hidden(self) -> list[str]:
        """The fields that no copy showed."""
        return sorted(set(self.record.envelope["fields"]) - set(self.record.values))

    @property
    def as_record(self) -> Record:
        """It, as replays read records."""
        envelope, promise = self.record.envelope, self.promise
        return Record(
            subject=self.pid,
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
        CouldNotCheck: the library of a suite is not installed.
    """
    with node.store.write() as connection:
        first, leaves = records.log_size(connection), _leaves(node, connection)
        size = leaves[-1].size_after if leaves else 0
        if first >= size:
            raise Refused("nothing-lost", "the chain has anchored no record that this database lacks")
        found = _found(node, connection, held, range(first, size))
        missing = [str(index) for index in range(first, size) if index not in found]
        if missing:
            shown = ", ".join(missing[:_SHOWN_MISSING]) + (", ..." if len(missing) > _SHOWN_MISSING else "")
            raise Refused("records-missing", f"{len(missing)} of {size - first} entries were not brought: {shown}")
        lost = [found[index] for index in range(first, size)]
        anonymous = _enrol(node, connection, lost)
        ineffective = _store(node, connection, lost)
        _require_anchored(node, connection, leaves)
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


def _leaves(node: Node, connection: Connection) -> list[AnchorLeaf]:
    """Return the anchors that the chain has of this member and this database has not."""
    last = anchor_tree.find_leaf(connection, anchor_tree.tree_size(connection))
    found = evidence_log.leaves(
        connection,
        node.address,
        evidence_log.contracts(connection),
        after_block=None if last is None else last.block - 1,
    )
    return [leaf for leaf in found if isinstance(leaf, AnchorLeaf) and (last is None or leaf.seq > last.seq)]


def _found(node: Node, connection: Connection, held: Iterable[Mapping[str, Any]], lost: range) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    keys = [held.signing for held in reversed(member_registry.registered_keys(connection, node.address))]
    for number, item in enumerate(held, 1):
        field = f"line {number}"
        promise, copy = item.get("promise"), item.get("record")
        if not isinstance(promise, Mapping) or not isinstance(copy, Mapping):
            raise InvalidInput(field, "shape", "holds no promise and record")
        index = promise.get("log_index")
        if not isinstance(index, int) or index not in lost or (index in found and found[index].is_whole):
            continue
        entry = _read(node, keys, promise, copy, field)
        found[index] = found[index].with_copy(entry) if index in found else entry
    return found


def _read(node: Node, keys: Iterable[bytes], promise: Mapping[str, Any], copy: Mapping[str, Any], field: str) -> _Found:
    """Check that a promise is ours, under whichever of our keys, and that the copy is of its record."""
    checked, signed = parse_promise(dict(promise), f"{field}.promise")
    if checked.broker != node.did or not any(signed.is_signed_by(key) for key in keys):
        raise VerificationFailed("promise", f"{field}: no key of this member signed the promise")
    record = open_redacted(dict(copy), f"{field}.record", fingerprint=checked.fingerprint)
    require_record(checked, record, checked.label)
    if record.envelope["type"] == OPENING and record.redacted:
        raise VerificationFailed("opening", f"{field}: an {OPENING} shows all of its fields")
    salt = decode_hex(copy.get("envelope_salt"), f"{field}.record.envelope_salt", _SALT_BYTES)
    return _Found(checked, json_text(promise), record, salt)


def _enrol(node: Node, connection: Connection, lost: list[_Found]) -> list[str]:
    """Store the subjects that were enrolled after the copy; return the pseudonyms of those whose DID nothing names.

    Their references are lost. A DID that another subject has stays with that one.
    """
    first = {entry.pid: entry for entry in reversed(lost)}
    unknown = first.keys() - subjects.by_pids(connection, first).keys()
    dids = _dids(lost)
    taken = subjects.by_dids(connection, dids.values()).keys()
    rows = []
    for pid in sorted(unknown, key=lambda pid: first[pid].promise.log_index):
        did, opening = dids.get(pid), first[pid].record
        if opening.envelope["type"] != OPENING:
            raise VerificationFailed(CHAIN, f"the first record of {pid} that was brought is no {OPENING}")
        kind, opens = opening.values["kind"], opening.values["opens"]
        is_client = kind in (CLIENT, UNSIGNED_CLIENT)
        rows.append(
            SubjectRow(
                pid=pid,
                client_ref=recovered_reference(pid),
                did=None if did in taken else did,
                created_at=first[pid].promise.recorded_at,
                count=0,
                head=EMPTY_HEAD,
                state=EMPTY_STATE,
                label=first_label(node.did, first[pid].promise.subject),
                kind=CLIENT if is_client else kind,
                opens=None if is_client else opens,
            )
        )
    subjects.insert_subjects(connection, rows)
    return [row.pid for row in rows if row.did is None]


def _dids(lost: list[_Found]) -> dict[str, str]:
    """Return the DIDs by pseudonym: of the client who signed any of its records, or whom another identity's names."""
    found: dict[str, str] = {}
    for entry in lost:
        if entry.record.envelope["known"] is not None:
            found[entry.pid] = entry.record.envelope["signatures"][0]["did"]
        pid, did = (entry.record.values.get(name) for name in _OTHER_IDENTITY.get(entry.type, ("", "")))
        if isinstance(pid, str) and isinstance(did, str):
            found.setdefault(pid, did)
    return found


def _store(node: Node, connection: Connection, lost: list[_Found]) -> list[_Found]:
    """Write the records, and do again what they changed; return those of which a hidden field decides that."""
    known = subjects.by_pids(connection, {entry.pid for entry in lost})
    folded: dict[str, States] = {}
    ineffective = []
    for entry in lost:
        pid = entry.pid
        known[pid] = _followed(known[pid], entry)
        before = folded[pid] if pid in folded else states_of(node, connection, known[pid])
        after = fold_again(node, connection, before, entry.as_record)
        folded[pid] = before if after is None else after
        if after is None or not _is_read(entry):
            ineffective.append(entry)
    house = node.domains.types_where(lambda entry: entry.of_house)
    records.insert_records(connection, [_row(entry, house=entry.type in house) for entry in lost], [])
    write_states(node, connection, [(known[pid], states) for pid, states in folded.items()])
    for entry in lost:
        pid = entry.pid
        if entry.type == REVOKE and not bring_back(connection, pid, entry.record.envelope, entry.record.values):
            ineffective.append(entry)
        if entry.type == WITHDRAW and _names_consent(entry):
            consents.mark_recorded(connection, pid, entry.record.values["consent_id"], entry.promise.recorded_at)
        if entry.type == SUCCEEDED:
            end_rights(connection, pid, entry.promise.recorded_at)
        if entry.type == ERASE and entry.is_whole:
            erasures.add(connection, ErasureRow(entry.promise.log_index, pid))
    told = {str(entry.record.values["consent_id"]) for entry in lost if entry.type in CALLS and _names_consent(entry)}
    truths.compare_ids(node, connection, told)
    return ineffective


def _followed(subject: SubjectRow, entry: _Found) -> SubjectRow:
    """Return a subject with its next record.

    Raises:
        VerificationFailed: check `subject-chain`, it is not the next one, or does not lie under the label before it.
    """
    if entry.promise.label != subject.label:
        raise VerificationFailed(CHAIN, f"record {entry.promise.record_id} does not lie under its subject's next label")
    head = subject.history.after(entry.record.link)
    joined = entry.type == OPENING and entry.record.values["kind"] == CLIENT
    return replace(subject, count=head.count, head=head.fingerprint, label=head.label, joined=subject.joined or joined)


def _names_consent(entry: _Found) -> bool:
    return "consent_id" in entry.record.values


def _is_read(entry: _Found) -> bool:
    """Say whether what looks for this record's content elsewhere than in a client's state will find it."""
    if entry.type == ISSUE:
        return DIGEST_FIELD in entry.record.values
    if entry.type == SUCCEED:  # the limits over time look for whom it names
        return _OTHER_IDENTITY[SUCCEED][0] in entry.record.values
    return entry.is_whole or entry.type not in _READ_WHOLE


def _row(entry: _Found, *, house: bool) -> RecordRow:
    promise, record = entry.promise, entry.record
    envelope, known = record.envelope, record.envelope["known"]
    return RecordRow(
        log_index=promise.log_index,
        record_id=promise.record_id,
        source_ref=entry.source_ref,
        request_digest=bytes(32),
        pid=entry.pid,
        seq=envelope["seq"],
        type=envelope["type"],
        envelope=canonical_json(envelope),
        payload=json_text(dict(record.values)) if entry.is_whole else None,
        root_salt=None,
        fingerprint=promise.fingerprint,
        label=promise.label,
        next=record.next,
        entry=record.entry,
        act_signature=signed_once_in(envelope),
        accepted_at=promise.recorded_at,
        anchor_by=promise.anchor_by,
        promise=entry.text,
        block=promise.block,
        envelope_salt=entry.envelope_salt,
        house=house,
        nonce=None if known is None else bytes.fromhex(known["nonce"]),
    )


def _require_anchored(node: Node, connection: Connection, leaves: list[AnchorLeaf]) -> None:
    """Check that every batch, and the map after the last one, are what the chain has."""
    for leaf in leaves:
        batch = BatchTree.of_entries(records.entries(connection, leaf.size_before, leaf.size_after))
        _require_same(f"the batch of anchor {leaf.seq}", leaf.batch_root, batch.root)
    built = anchors.latest(connection)
    counted, last = 0 if built is None else built.size, leaves[-1]
    top = None if built is None else node.label_map.view(connection).top
    added = dict(records.labelled(connection, counted, last.size_after))
    _require_same(f"the map of anchor {last.seq}", last.map_root, make_append_proof(top, added).new)


def _require_same(what: str, told: bytes, found: bytes) -> None:
    if told != found:
        raise VerificationFailed("recovery", f"{what} is 0x{told.hex()} on the chain and would be 0x{found.hex()} here")
