"""Facts: what happened is stored, with the rules that it breaks, and answered with a signed promise to anchor it.

A fact is refused only when it is malformed, unsigned where a signature is owed, or a duplicate. While this node could
not keep a promise, the fact is taken without one (`outlook`, `owed_promises`). All that follows from an accepted fact
(record, log entry, findings, the subject's head and state, the promise) is one database transaction.

Steps, each tagged below:
 1. The fact is well formed.
 2. This member is active, and the subject is known.
 3. It is not a duplicate: the same fact again gets the same promise, another one under its reference is refused.
 4. The client's signature holds, with a key that is valid at the last indexed block, in a history that the client has
    opened and knows; so does each signature of the staff.
 5. The engine states what the caller asked it to compute.
 6. The state machine names the rules that the fact breaks.
 7. Envelope, links, log index; before the first record of a subject its opening. One signature promises all records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from domain.domains import States
from domain.opening import OPENING
from domain.second_person import ORDER
from evidence.version2.promise import PromiseDocument
from evidence.version2.record import SealedRecord
from node_adapter.node import Node
from node_adapter.store import credentials, erasures, former, records, restored, subjects
from node_adapter.store.records import FindingRow, RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.anchoring.outlook import head_of, outlook
from node_adapter.workflows.anchoring.owed_promises import make_promises
from node_adapter.workflows.consent.acts import ConsentActs
from node_adapter.workflows.consent.standing import DATA_USE, ends_before_use
from node_adapter.workflows.identity import succession
from node_adapter.workflows.identity.identities import histories
from node_adapter.workflows.identity.revocation import revocation_fact
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake import countersign, openings
from node_adapter.workflows.intake.accepted import Accepted, accepted_as
from node_adapter.workflows.intake.acts import ClientActs
from node_adapter.workflows.intake.fold import (
    IDENTITIES_BEFORE,
    apply_record,
    finder,
    states_of,
    suitability_in,
    told_erased,
    write_states,
)
from node_adapter.workflows.intake.house import Houses
from node_adapter.workflows.intake.membership import keys_of_active_member
from node_adapter.workflows.intake.outcomes import Answer, Asked
from node_adapter.workflows.intake.rulesets import InstalledRulesets, rulebook
from node_adapter.workflows.intake.sealing import Sealing, ruleset_named
from node_adapter.workflows.replay.as_of import AsOf, as_of
from node_adapter.workflows.replay.orders import require_received
from primitives.errors import BonafidesError, InvalidInput, Refused, VerificationFailed
from primitives.json_text import json_text
from replay.succession import SUCCEED
from replay.wire.consent_call import CALLS
from replay.wire.fact import IntakeFact, read_node_fact

_NODE_REFUSALS = ("member-unknown", "member-suspended")
_MS = 1000


def record_facts(node: Node, connection: Connection, facts: Sequence[IntakeFact]) -> list[Accepted]:
    """Store facts of the node's own in a transaction of its caller: all of them, or the first one's error is raised."""
    intake = Intake(node, connection, facts)
    accepted = [intake.accept(fact) for fact in facts]
    intake.flush()
    return accepted


def with_promise(
    outcome: Accepted | BonafidesError, promises: Mapping[str, PromiseDocument]
) -> Accepted | BonafidesError:
    """Return an outcome with the promise that `Intake.flush` gave its record, if any."""
    if not isinstance(outcome, Accepted) or outcome.record_id not in promises:
        return outcome
    return replace(outcome, promise=promises[outcome.record_id], trouble=None)


def outcome_of_fact(step: Callable[[Asked], Answer], value: Asked) -> Answer | BonafidesError:
    """Return a step's result, or the typed error that refuses this one fact; what concerns the node is raised."""
    try:
        return step(value)
    except (InvalidInput, VerificationFailed) as error:
        return error
    except Refused as error:
        if error.code in _NODE_REFUSALS:
            raise
        return error


class Intake:
    """One transaction's facts: what is accepted is kept here until `flush` writes it."""

    def __init__(self, node: Node, connection: Connection, facts: Sequence[IntakeFact]) -> None:
        """Read what they all rest on."""
        self._node = node
        self._connection = connection
        self._now = node.clock.now_ms()
        # The next place in the log may be promised already: taking it again would fork the log.
        restored.require_caught_up(connection)
        head = head_of(connection)
        self._block = head.block
        self._keys = keys_of_active_member(node, connection, self._block)  # (2); a promise names this block
        self._rulebook = rulebook(node, connection)
        self._subjects = subjects.by_pids(connection, (fact.subject for fact in facts))
        self._erasures = erasures.done_of(connection, self._subjects)
        unopened = sum(row.count == 0 for row in self._subjects.values())
        self._sealing = Sealing(node, self._now, self._block)
        self._outlook = outlook(node, connection, head, len(facts) + unopened)
        promise_ms = int(node.settings.anchoring.promise_seconds * _MS)
        kept = self._outlook.trouble is None
        self._anchor_by = self._outlook.anchor_by(self._now, promise_ms) if kept else None
        self._known = records.by_source_refs(connection, (fact.source_ref for fact in facts))
        self._former = former.known_references(connection, (fact.source_ref for fact in facts))
        marks = (countersign.signed_once(node.did, node.suite, fact) for fact in facts)
        self._signed = records.known_act_signatures(connection, (mark for mark in marks if mark is not None))
        signed = {fact.subject for fact in facts if fact.act is not None or fact.root_salt is not None}
        dids = {row.did for pid, row in self._subjects.items() if pid in signed}
        self._histories = histories(node, connection, [did for did in dids if did is not None])
        self._acts = ClientActs(node, connection, self._histories, self._block)
        self._states: dict[str, States] = {}
        self._stored = finder(node, connection)
        self._log_size = head.log_size
        self._houses = Houses(node, connection, self._log_size)
        self._roster = roster_of(node, connection, self._log_size)
        self._rows: list[RecordRow] = []
        self._findings: list[FindingRow] = []
        self._changed: dict[str, SubjectRow] = {}
        self._ended: list[str] = []
        self._consents = ConsentActs(node, connection)

    def accept(self, fact: IntakeFact) -> Accepted:
        """Store one fact, or refuse it."""
        subject = self._subjects.get(fact.subject)
        if subject is None:  # (2)
            raise Refused("subject-not-found", "subject: this broker has no such subject")
        countersign.require_no_staff_subject(self._roster, fact)
        known = self._known.get(fact.source_ref)
        if known is not None:  # (3)
            return self._again(known, fact, subject)
        self._require_new(fact)
        if fact.act is not None and suitability_in(self._known_of(subject)).succeeded:
            raise succession.ended_identity()
        signatures = [] if fact.act is None else [self._acts.check(fact, fact.act, subject)]  # (4)
        payload = self._payload(fact, subject)  # (5)
        call = self._consents.look(fact.consent, subject)  # (4)
        self._houses.require_place(fact.type, payload, subject, self._rows)
        predecessor = self._predecessor(fact, subject)
        opening = None if subject.count or fact.type == OPENING else self._opening(subject)
        before = subject if opening is None else _after(subject, opening[1])
        own = fact.type == OPENING and fact.act is None and openings.is_signed_by_broker(subject)
        by = self._keys.signing_seed if own else None
        sealed = self._sealing.seal(fact, payload, before, self._rulebook_of(fact), signatures, by=by)
        if fact.root_salt is not None:  # (4)
            others = countersign.keys_of_others(self._node, self._connection, self._histories.get(subject.did or ""))
            countersign.require_countersigned(sealed, self._roster, self._block, others, self._node.domains.staff_acts)
        if ORDER in sealed.values:
            require_received(self._connection, subject, sealed.values)
        if opening is not None:
            self._add(opening[0], subject, opening[1])
        accepted = self._add(fact, before, sealed)
        if fact.type in CALLS:
            accepted = replace(accepted, relay=self._consents.keep(fact.type, payload, call, subject).to_json())
        if predecessor is not None:
            self._end(predecessor, subject, fact, accepted)
        return accepted

    def _require_new(self, fact: IntakeFact) -> None:
        if fact.source_ref in self._former:
            raise Refused("duplicate", "source_ref: was recorded in format 1, before this node was migrated")
        if countersign.signed_once(self._node.did, self._node.suite, fact) in self._signed:
            raise Refused("duplicate", "what was signed, by the client or by staff, is stored already")

    def _predecessor(self, fact: IntakeFact, subject: SubjectRow) -> SubjectRow | None:
        if fact.type != SUCCEED or fact.payload is None:
            return None
        if fact.occurred_ms - self._now > self._rulebook_of(fact).at(self._now).max_ahead_ms:
            raise InvalidInput(
                "occurred_at", "ahead", "an identity ends when its successor says so, not in days to come"
            )
        old = succession.require_predecessor(self._connection, subject, fact.payload, self._rows)
        old = self._subjects.setdefault(old.pid, old)
        succession.require_not_succeeded(self._is_ended(old))
        earlier = succession.named_before(self._connection, subject, old)
        succession.require_oldest_first(old, [self._subjects.get(row.pid, row) for row in earlier], self._is_ended)
        return old

    def _is_ended(self, subject: SubjectRow) -> bool:
        return bool(suitability_in(self._known_of(subject)).succeeded)

    def _end(self, old: SubjectRow, new: SubjectRow, fact: IntakeFact, accepted: Accepted) -> None:
        told = {
            "payload": fact.payload,
            "occurred_at": fact.occurred_at,
            "channel": fact.channel,
            "broker": self._node.did,
        }
        self.accept(read_node_fact(succession.ending(told, old, new, accepted.record_id, accepted.fingerprint)))
        for issued in credentials.valid_of_subject(self._connection, old.pid):
            self.accept(revocation_fact(self._node.did, issued, succession.REVOKED_BECAUSE, self._now))
        self._ended.append(old.pid)

    def _opening(self, subject: SubjectRow) -> tuple[IntakeFact, SealedRecord]:
        """Return record 1 of a subject whose history nobody has opened, as the node itself states it."""
        fact = openings.opening_fact(self._node, subject, self._now)
        by = self._keys.signing_seed if openings.is_signed_by_broker(subject) else None
        return fact, self._sealing.seal(fact, fact.payload or {}, subject, self._rulebook_of(fact), by=by)

    def _add(self, fact: IntakeFact, subject: SubjectRow, sealed: SealedRecord) -> Accepted:
        findings, not_checked = self._fold(fact, subject, sealed)  # (6)
        return replace(self._store(fact, subject, sealed, findings), not_checked=not_checked)  # (7)

    def flush(self) -> Mapping[str, PromiseDocument]:
        """Write what was accepted; return its promises, by the records' ids."""
        promises = self._promise()
        texts = {record_id: json_text(promise) for record_id, promise in promises.items()}
        records.insert_records(self._connection, self._rows, self._findings, texts)
        write_states(self._node, self._connection, [(row, self._states[pid]) for pid, row in self._changed.items()])
        for pid in self._ended:
            succession.end_rights(self._connection, pid, self._now)
        self._consents.flush((pid, suitability_in(self._states[pid]).consents) for pid in self._ended)
        return promises

    def _promise(self) -> Mapping[str, PromiseDocument]:
        """Promise the records by one signature, unless it could not be kept now."""
        if self._anchor_by is None or not self._rows:
            return {}
        termed = [(row, self._anchor_by) for row in self._rows]
        made = make_promises(self._node, self._node.suite, self._keys.signing_seed, termed)
        return {promise["record_id"]: promise for promise in made}

    def _again(self, known: RecordRow, fact: IntakeFact, subject: SubjectRow) -> Accepted:
        if known.is_stub:
            raise Refused("record-erased", "source_ref: the record that is stored under this reference was erased")
        if known.request_digest != fact.digest:
            raise Refused("duplicate", "source_ref: another fact is stored under this reference")
        stored = [row for row in self._findings if row.record_id == known.record_id]
        findings = stored or records.findings_of(self._connection, [known.record_id]).get(known.record_id, [])
        payload = None if fact.compute is None or known.payload is None else json.loads(known.payload)
        again = replace(accepted_as(known, findings, payload, "promise-owed"), repeated=True)
        if fact.type not in CALLS:
            return again
        call = self._consents.look_again(fact.consent, subject)
        return replace(again, relay=self._consents.keep(fact.type, fact.payload or {}, call, subject).to_json())

    def _rulebook_of(self, fact: IntakeFact) -> InstalledRulesets:
        return self._rulebook.of(self._node.domains.of(fact.type))

    def _payload(self, fact: IntakeFact, subject: SubjectRow) -> Mapping[str, Any]:
        if fact.payload is not None:
            return fact.payload
        domain, state = self._node.domains.state(self._known_of(subject), fact.type)
        ruleset, house = self._rulebook_of(fact).at(fact.occurred_ms), self._houses.of(fact.type)
        return domain.compute(state, fact.type, fact.compute or {}, fact.occurred_ms, ruleset, house)

    def _known_of(self, subject: SubjectRow) -> States:
        states = self._states.get(subject.pid)
        return states_of(self._node, self._connection, subject) if states is None else states

    @cached_property
    def _moment(self) -> AsOf:
        return as_of(self._node, self._connection)

    def _known_before(self, pid: str) -> States | None:
        """Return what is known of an identity before, with what this transaction has changed of it."""
        return self._states.get(pid) or self._stored(pid)

    def _fold(
        self, fact: IntakeFact, subject: SubjectRow, sealed: SealedRecord
    ) -> tuple[list[FindingRow], dict[str, str]]:
        before, house = self._known_of(subject), self._houses.of(fact.type)
        ruleset = self._rulebook_of(fact).at(fact.occurred_ms)
        named = ruleset_named(fact, self._rulebook_of(fact))
        label = None if named is None else named.label
        states, judged = apply_record(self._node, before, sealed, label, ruleset, house, self._known_before)
        findings = judged.findings
        not_checked = {IDENTITIES_BEFORE: judged.not_asked} if judged.not_asked else {}
        not_checked |= told_erased(self._erasures.get(subject.pid, ()))
        house_rules = self._node.domains.of(fact.type).house_rules
        if house_rules is not None and self._houses.is_ill_placed(sealed, fact.occurred_ms):
            findings = (*findings, house_rules.not_derived)
        if fact.type == DATA_USE:
            codes = {finding.code for finding in findings}
            ends = ends_before_use(self._connection, subject.pid, sealed.values)
            findings = (*findings, *(finding for finding in ends if finding.code not in codes))
            not_checked |= self._moment.not_checked
        self._states[subject.pid] = states
        self._houses.keep(sealed)
        record_id = sealed.envelope["record_id"]
        return [FindingRow(record_id, finding.code, finding.rule, finding.detail) for finding in findings], not_checked

    def _store(
        self, fact: IntakeFact, subject: SubjectRow, sealed: SealedRecord, findings: list[FindingRow]
    ) -> Accepted:
        row = RecordRow(
            log_index=self._log_size,
            record_id=sealed.envelope["record_id"],
            source_ref=fact.source_ref,
            request_digest=fact.digest,
            pid=subject.pid,
            seq=sealed.link.seq,
            type=fact.type,
            envelope=sealed.canonical,
            payload=json_text(sealed.values),
            root_salt=sealed.root_salt,
            fingerprint=sealed.fingerprint,
            label=subject.label,
            next=sealed.next,
            entry=sealed.entry,
            act_signature=countersign.signed_once_in(sealed.envelope),
            accepted_at=self._now,
            anchor_by=self._anchor_by,
            promise=None,
            block=self._block.number,
            envelope_salt=sealed.envelope_salt,
            house=self._node.domains.types[fact.type].of_house,
            nonce=None if fact.act is None else bytes.fromhex(fact.act.known["nonce"]),
        )
        self._rows.append(row)
        self._acts.keep(row)
        self._findings.extend(findings)
        self._known[fact.source_ref] = row
        if row.act_signature is not None:
            self._signed.add(row.act_signature)
        self._log_size += 1
        grown = _after(subject, sealed)
        self._subjects[subject.pid] = self._changed[subject.pid] = grown
        shown = sealed.values if fact.compute is not None else None
        return accepted_as(row, findings, shown, self._outlook.trouble)


def _after(subject: SubjectRow, sealed: SealedRecord) -> SubjectRow:
    """Return a subject once this record follows its last one."""
    head = subject.history.after(sealed.link)
    joined = subject.joined or (sealed.envelope["type"] == OPENING and sealed.envelope["known"] is not None)
    return replace(subject, count=head.count, head=head.fingerprint, label=head.label, joined=joined)
