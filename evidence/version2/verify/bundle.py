"""Verification of a bundle of format 2: bytes in, named checks out (docs/spec/evidence-2.md, section 13).

A check that needs what a failed one would have established fails too and says so: a report without a verdict on
every name would be no verdict. `InvalidInput` means that it is no bundle, `CouldNotCheck` that a library is missing or
a trust file is not enough; everything else is in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from domain.opening import OPENING
from evidence import shapes
from evidence.documents.staff_signature import ALWAYS
from evidence.log.tree import inclusion_path_length, leaf_hash
from evidence.verify.signing import SigningRules
from evidence.verify.staff import StaffReading, StaffTimes, check_staff, described
from evidence.verify.verdict import (
    CHECKS_2,
    Check,
    KeyChange,
    LastAnchor,
    Reach,
    VerificationReport,
    VerifiedRecord,
)
from evidence.verify.verdict import HELD_PROMISES as HELD
from evidence.version2.act import act_payload, verify_act
from evidence.version2.documents.bundle import Bundle, parse_bundle
from evidence.version2.documents.trust import parse_trust, trusted_blocks
from evidence.version2.envelope import ActSignature
from evidence.version2.erasure import check_clocks
from evidence.version2.log.multiproof import verify_multiproof
from evidence.version2.map.lookup import verify_lookup
from evidence.version2.promise import SignedBatch
from evidence.version2.state.did_changes import KeyHistory, keys_ever
from evidence.version2.verify.chain import ChainState
from evidence.version2.verify.held import StatedEnd, check_held
from evidence.version2.verify.opened import (
    Copies,
    Opened,
    OpenedHistory,
    RecordPlace,
    open_copies,
    open_histories,
    places_of,
    require_continued,
)
from evidence.version2.verify.steps import Steps
from evidence.version2.verify.times import time_findings
from primitives.errors import VerificationFailed
from primitives.suites import SUITES
from primitives.timestamp import format_time

_MS = 1000


@dataclass(frozen=True)
class VerificationRequest:
    """What a verification was asked for, beside bundle and trust files.

    Attributes:
        signing: which record types owe whose signature, and the clocks of erasure; the domain names them.
        at_least_block: the block that the answer must reach.
        promises: promises that somebody holds; the bundle must show what they promise.
        elsewhere: the pseudonyms of whose promises other bundles are asked.
    """

    signing: SigningRules
    at_least_block: int | None = None
    promises: Sequence[object] | None = None
    elsewhere: Collection[bytes] = ()


def verify_bundle(
    bundle: bytes, trust: Sequence[bytes], trust_keys: Collection[bytes], asked: VerificationRequest
) -> VerificationReport:
    """Verify a bundle under trust files; nothing else is read.

    Args:
        bundle: the bundle's bytes.
        trust: one trust file or more, from others than the bundle's maker; they must agree.
        trust_keys: the public keys of signers that the verifier pinned.
        asked: what else is asked.

    Raises:
        InvalidInput: not a bundle, not a trust file, or not a promise.
        CouldNotCheck: no trust file is enough, a library is missing, or a held promise is nobody's.
        VerificationFailed: check `trust`; a trust file is signed by no pinned key, or two contradict each other.
    """
    parsed = parse_bundle(bundle)
    blocks = trusted_blocks([parse_trust(one) for one in trust], trust_keys)
    return _Verification(parsed, ChainState(parsed.evidence, blocks, asked.at_least_block), asked).report()


class _Verification:
    """One run: each check is a method, what checks share is a cached property that raises as its check would."""

    def __init__(self, bundle: Bundle, chain: ChainState, asked: VerificationRequest) -> None:
        self._bundle = bundle
        self._chain = chain
        self._asked = asked
        self._steps = Steps()
        self._notes: list[str] = []
        self._key_histories: dict[int, KeyHistory] = {}

    def report(self) -> VerificationReport:
        """Run every check."""
        chain = self._chain
        steps: Mapping[str, Callable[[], str]] = {
            "structure": self._structure,
            "canonical-form": self._canonical_form,
            "trust": self._trust,
            "state-proof": chain.state_proof,
            "directory": chain.directory,
            "log-head": chain.log_head,
            "member-keys": chain.member_keys,
            "checkpoint-signature": chain.checkpoint_signature,
            "fingerprint": self._fingerprint,
            "subject-chain": self._subject_chain,
            "opening": self._opening,
            "client-keys": chain.client_keys,
            "client-signature": self._client_signature,
            "promise": self._promise,
            "inclusion": self._inclusion,
            "subject-completeness": self._subject_completeness,
            "bundle-signature": self._bundle_signature,
            "staff-signature": lambda: described(self._staff.found),
            "erasure": self._erasure,
            HELD: self._held_promises,
        }
        names = CHECKS_2 if self._asked.promises is None else (*CHECKS_2, HELD)
        checks = self._steps.run(names, steps)
        return self._summary(names, checks)

    # -- shape

    def _structure(self) -> str:
        bundle = self._bundle
        dids = [bundle.broker, *([] if bundle.client is None else [bundle.client])]
        if any(shapes.did_parts(did)[0] != bundle.chain_id for did in dids):
            raise VerificationFailed("structure", "broker or client is of another chain")
        if bundle.client is None and bundle.did:
            raise VerificationFailed("structure", "changes of a DID stand there, and the subject is no person")
        seqs = [item.leaf.seq for item in bundle.log.anchors]
        if seqs != sorted(set(seqs)) or seqs[-1] != bundle.log.seq:
            raise VerificationFailed("structure", "the anchors do not ascend to the last one")
        subjects = [history.subject for history in bundle.histories]
        records = [item for history in bundle.histories for item in history.records]
        indexes = [item.log_index for item in records]
        if len(set(subjects)) != len(subjects) or len(set(indexes)) != len(indexes):
            raise VerificationFailed("structure", "a subject, or a place of the log, stands twice")
        if any("erased" in item.shown and item.promise is not None for item in records):
            raise VerificationFailed("structure", "an erased record has a promise, which nobody can check")
        batches = {item.promise.batch for item in records if item.promise is not None}
        if batches != set(range(len(bundle.promises))):
            raise VerificationFailed("structure", "the promises are not those of the records")
        return f"{len(self._places)} records under {len(seqs)} anchors"

    def _canonical_form(self) -> str:
        if not self._bundle.canonical:
            raise VerificationFailed("canonical-form", "the bytes are not the RFC 8785 form of what they hold")
        return "the bytes are the one spelling of what they hold"

    def _trust(self) -> str:
        return self._chain.trust()

    @cached_property
    def _places(self) -> Mapping[int, RecordPlace]:
        return places_of(self._bundle)

    # -- the records

    @cached_property
    def _copies(self) -> Copies:
        return open_copies(self._bundle)

    @cached_property
    def _histories(self) -> Mapping[bytes, OpenedHistory]:
        return open_histories(self._bundle, self._copies, self._places)

    @property
    def _own(self) -> OpenedHistory:
        return self._histories[self._bundle.history.subject]

    @property
    def _shown(self) -> list[Opened]:
        return [opened for history in self._histories.values() for opened in history.shown]

    def _fingerprint(self) -> str:
        return f"{sum(len(copies) for copies in self._copies.values())} records open to their fingerprints"

    def _subject_chain(self) -> str:
        ids: set[str] = set()
        for history in self._histories.values():
            newest = -1
            for record in history.records:
                if record.item.log_index <= newest:
                    raise VerificationFailed(
                        "subject-chain", f"{record.label} lies in the log before the one before it"
                    )
                newest = record.item.log_index
            if history.erased and history is not self._own:
                raise VerificationFailed("subject-chain", f"{history.erased[0].label} of a reference is not shown")
            found = [opened.promise.record_id for opened in history.shown]
            if ids.intersection(found):
                raise VerificationFailed("subject-chain", "a record_id stands in two histories")
            ids.update(found)
        return f"{len(self._histories)} subjects without a gap"

    def _opening(self) -> str:
        bundle = self._bundle
        for history in self._histories.values():
            client = history.checked.opened.client
            if client != (bundle.client if history is self._own else None):
                raise VerificationFailed(
                    "opening", f"the history of {client or 'nobody who signed'} is not that of the bundle's client"
                )
            require_continued(history, self._histories)
            for opened in history.shown:
                for signature in opened.record.envelope["signatures"]:
                    if signature["did"] == bundle.broker:
                        self._require_broker(opened, signature)
        return self._opened_by

    def _require_broker(self, opened: Opened, signature: ActSignature) -> None:
        if opened.record.envelope["type"] != OPENING:
            raise VerificationFailed("opening", f"{opened.label} bears the broker's signature, which it does not take")
        for key in self._signing_keys(opened.place):
            try:
                verify_act(opened.record.envelope, signature, key)
            except VerificationFailed:
                continue
            return
        raise VerificationFailed("opening", f"{opened.label} is not signed by the broker's key of its anchor")

    @property
    def _opened_by(self) -> str:
        opened = self._own.checked.opened
        if opened.joined_at is not None:
            return f"opened by the broker for a client who signed at record {opened.joined_at}: {opened.client}"
        by = f"the client {opened.client}" if opened.client is not None else f"the broker alone ({opened.first.kind})"
        return f"opened by {by}"

    def _client_signature(self) -> str:
        signed: dict[bytes, str] = {}
        count = 0
        for history in self._histories.values():
            newest = 0
            for opened in history.shown:
                envelope = opened.record.envelope
                block = envelope["accepted"]["block"]
                if not newest <= block <= opened.anchor.block:
                    raise VerificationFailed(
                        "client-signature",
                        f"{opened.label} was accepted at block {block}: before the one before it, or after its anchor",
                    )
                newest = block
                own = [entry for entry in envelope["signatures"] if entry["did"] != self._bundle.broker]
                if not own and envelope["type"] != OPENING and envelope["type"] in self._asked.signing.client_acts:
                    raise VerificationFailed("client-signature", f"{opened.label} owes the client's signature")
                if own and signed.setdefault(act_payload(envelope), opened.label) != opened.label:
                    raise VerificationFailed("client-signature", f"{opened.label} is the same act as another record")
                for signature in own:
                    self._check_act(opened, signature)
                    count += 1
        return f"{count} signatures by the client's keys of their blocks"

    def _client_keys(self, algorithm: int) -> KeyHistory:
        if algorithm not in self._key_histories:
            self._key_histories[algorithm] = KeyHistory(self._bundle.did, algorithm)
        return self._key_histories[algorithm]

    def _check_act(self, opened: Opened, signature: ActSignature) -> None:
        self._chain.client_keys()
        envelope, place = opened.record.envelope, opened.place
        suite = SUITES[envelope["suite"]]
        block = envelope["accepted"]["block"]
        if signature["did"] != self._bundle.client:
            raise VerificationFailed("client-signature", f"{opened.label} is signed by {signature['did']}")
        by = opened.judged_by
        found = [key for key in self._client_keys(suite.algorithm).at(block) if key.is_in_force(by.time, by.block)]
        named = signature["key"].partition("#")[2]
        for key in sorted(reversed(found), key=lambda one: one.name != named):  # what it names comes first
            try:
                verify_act(envelope, signature, key.key)
            except VerificationFailed:
                continue
            if not key.is_in_force(place.anchor.time, place.anchor.block):
                self._notes.append(
                    f"{opened.label}: its key was in force at block {block}, where the broker says to have accepted "
                    f"it, and no longer at block {place.anchor.block}, which anchored it"
                )
            return
        raise VerificationFailed("client-signature", f"{opened.label} is signed by no key in force at block {block}")

    # -- promises, the log, completeness

    def _signing_keys(self, place: RecordPlace) -> list[bytes]:
        """Return the broker's signing keys at the anchor of a record, and at the one before where that is shown."""
        leaves = [place.anchor] if place.before is None else [place.anchor, place.before]
        return list(dict.fromkeys(self._chain.keys[leaf.keys_digest].signing for leaf in leaves))

    def _promise(self) -> str:
        verified: set[tuple[int, str, bytes]] = set()
        for opened in self._shown:
            item, promise = opened.item.promise, opened.promise
            if item is None:
                raise VerificationFailed("promise", f"{opened.label} has no promise")
            stated = self._bundle.promises[item.batch]
            batch = SignedBatch(
                promise.suite, self._bundle.broker, stated.block, stated.count, stated.root, stated.value
            )
            try:
                batch.require(promise, item.index, item.path)
                self._verify_batch(batch, item.batch, opened.place, verified)
            except VerificationFailed as error:
                check = error.check if error.check in CHECKS_2 else "promise"
                raise VerificationFailed(check, f"{opened.label}: {error.detail}") from error
        return f"every record was promised by the broker's key of its anchor, in {len(self._bundle.promises)} requests"

    def _verify_batch(
        self, batch: SignedBatch, number: int, place: RecordPlace, verified: set[tuple[int, str, bytes]]
    ) -> None:
        keys = self._signing_keys(place)  # the suite is part of what is signed: one batch may not serve two
        if any((number, batch.suite, key) in verified for key in keys):
            return
        for key in keys[:-1]:
            try:
                batch.verify(key)
            except VerificationFailed:
                continue
            verified.add((number, batch.suite, key))
            return
        batch.verify(keys[-1])
        verified.add((number, batch.suite, keys[-1]))

    def _inclusion(self) -> str:
        wrong = set(self._chain.checkpoint.wrong)
        entries: dict[int, dict[int, bytes]] = {}
        for record in (record for history in self._histories.values() for record in history.records):
            leaf = record.anchor
            if leaf.seq in wrong:
                raise VerificationFailed("inclusion", f"{record.label} lies under anchor {leaf.seq}, named wrong")
            entry = record.record.entry if isinstance(record, Opened) else record.link.entry
            entries.setdefault(leaf.seq, {})[record.item.log_index - leaf.size_before] = leaf_hash(entry)
        for item, leaf in zip(self._bundle.log.anchors, self._chain.leaves, strict=True):
            found = entries.get(leaf.seq)
            if found is None and not item.batch:
                continue
            try:
                verify_multiproof(found or {}, leaf.added, item.batch, leaf.batch_root)
            except VerificationFailed as error:
                raise VerificationFailed("inclusion", f"anchor {leaf.seq}: {error.detail}") from error
        return f"every record is in the batch of its anchor, in a log of {self._bundle.log.last.size_after} records"

    def _subject_completeness(self) -> str:
        present: dict[bytes, bytes] = {}
        absent = set()
        for history in self._histories.values():
            for record, label in zip(history.records, history.checked.labels, strict=True):
                if label in present:  # the map holds one entry there: that of the other record would be asked of nobody
                    raise VerificationFailed(
                        "subject-completeness", f"{record.label} is to lie where another record of the bundle lies"
                    )
                present[label] = record.record.entry if isinstance(record, Opened) else record.link.entry
            absent.add(history.checked.head.label)
        try:
            verify_lookup(self._chain.checkpoint.map_root, present, absent, self._bundle.map)
        except VerificationFailed as error:
            raise VerificationFailed("subject-completeness", error.detail) from error
        count, number = len(self._own.records), self._chain.header.number
        return f"{count} records are all that was ever counted up to block {number}"

    def _bundle_signature(self) -> str:
        bundle, suite = self._bundle, SUITES[self._bundle.suite]
        keys = self._chain.keys[bundle.log.last.keys_digest]
        if keys.algorithm != suite.algorithm:
            raise VerificationFailed("bundle-signature", f"the broker's key is not of {suite.name}")
        try:
            suite.verify(keys.signing, bundle.signed, bundle.signature)
        except VerificationFailed as error:
            raise VerificationFailed("bundle-signature", error.detail) from error
        return "the broker's key of the last anchor signed the bundle"

    @cached_property
    def _staff(self) -> StaffReading:
        return check_staff(
            self._shown,
            self._asked.signing,
            self._bundle.broker,
            self._no_colleagues(),
            lambda opened: StaffTimes(opened.judged_by.time, opened.anchor.time),
        )

    def _no_colleagues(self) -> dict[str, int]:
        """Return every key that the client and the member ever had, with the block since which it is no colleague's."""
        self._chain.client_keys()
        client = keys_ever(self._bundle.did)
        own = dict.fromkeys(
            (key for keys in self._chain.keys.values() for key in (keys.signing, keys.checkpoint)), ALWAYS
        )
        return {key.hex(): since for key, since in {**client, **own}.items()}

    def _erasure(self) -> str:
        own = self._own
        times = {(record.link.seq): record.anchor.time * _MS for record in own.records}
        stubs = [record.link.seq for record in own.erased]
        check_clocks(stubs, own.checked.erasures, times, self._asked.signing.erasure_clocks)
        return f"{len(stubs)} records are erased, each by a rule whose clock was over"

    def _held_promises(self) -> str:
        end = StatedEnd(self._bundle.log.last, self._chain.header.timestamp * _MS)
        keys = [keys.signing for keys in self._chain.keys.values()]
        asked = self._asked
        return check_held(asked.promises or (), self._histories, self._bundle.broker, end, keys, asked.elsewhere)

    # -- the report

    def _summary(self, names: tuple[str, ...], checks: tuple[Check, ...]) -> VerificationReport:
        bundle, chain = self._bundle, self._chain
        whole = not self._steps.failed
        return VerificationReport(
            checks=checks,
            names=names,
            chain_id=bundle.chain_id,
            broker=bundle.broker,
            subject=bundle.history.subject.hex(),
            client=bundle.client,
            case=bundle.case,
            complete_as_of_block=chain.header.number if whole else bundle.log.last.block,
            complete_as_of_time=format_time(chain.header.timestamp * _MS) if whole else None,
            pending=bundle.pending,
            records=tuple(_verified(opened) for opened in self._shown) if whole else (),
            findings=time_findings(self._shown) if whole else (),
            notes=self._all_notes() if whole else (),
            rulesets=bundle.rulesets if whole else (),
            second_persons=self._staff.found if whole else (),
            key_changes=self._key_changes() if whole else (),
            last_anchor=self._last_anchor() if whole else None,
            reach=self._reach() if whole else None,
        )

    def _reach(self) -> Reach:
        names = tuple(cosigned.name.removesuffix("/witness/2") for cosigned in self._chain.witnesses)
        others = self._chain.words.active_count - (self._bundle.broker in self._chain.members)
        return Reach(
            trusted_by=self._chain.signers,
            opened_by=self._opened_by,
            witnesses=names,
            members=others,
            erased=tuple(record.link.seq for record in self._own.erased),
            put_back=self._own.checked.put_back,
            wrong=self._chain.checkpoint.wrong,
        )

    def _last_anchor(self) -> LastAnchor:
        last = self._bundle.log.last
        return LastAnchor(last.seq, last.size_after, last.block, last.time)

    def _key_changes(self) -> tuple[KeyChange, ...]:
        return tuple(
            KeyChange("DidRegistry", change.event, change.block, change.time, _shown(change.values))
            for change in self._bundle.did
        )

    def _all_notes(self) -> tuple[str, ...]:
        notes = [*self._notes, *self._staff.notes]
        redacted = sum(1 for opened in self._shown if opened.record.redacted)
        if redacted:
            notes.append(f"{redacted} records are redacted: the bundle does not show all their fields")
        notes += [
            f"{opened.label} of {opened.record.envelope['occurred_at']}: content not available, only its envelope is "
            f"shown; fingerprint {opened.record.fingerprint.hex()}"
            for opened in self._shown
            if opened.record.envelope["fields"] and not opened.record.values
        ]
        notes += [f"record {seq} was erased, and is shown all the same" for seq in self._own.checked.put_back]
        notes += [
            f"{record.label} was erased; fingerprint {record.link.fingerprint.hex()}" for record in self._own.erased
        ]
        notes += _continued(self._own)
        if self._bundle.pending:
            notes.append(f"{self._bundle.pending} later records are not yet anchored; the bundle cannot prove them")
        return tuple(notes)


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an event as a report shows them: bytes as 0x hex."""
    names = {"valid_to": "validTo", "delegate_type": "delegateType"}  # as the contract spells them
    shown = {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
    return {names.get(name, name): value for name, value in shown.items()}


def _continued(history: OpenedHistory) -> list[str]:
    return [
        f"this history continues subject {before.subject.hex()}, format {before.format}, of {before.count} records"
        for before in history.checked.opened.continues
    ]


def _verified(opened: Opened) -> VerifiedRecord:
    envelope = opened.record.envelope
    return VerifiedRecord(
        subject=envelope["subject"],
        seq=envelope["seq"],
        record_id=envelope["record_id"],
        type=envelope["type"],
        occurred_at=envelope["occurred_at"],
        recorded_at=envelope["recorded_at"],
        fingerprint=opened.record.fingerprint.hex(),
        log_index=opened.item.log_index,
        anchor_seq=opened.anchor.seq,
        anchor_block=opened.anchor.block,
        anchored_at=opened.anchor.time * _MS,
        accepted_at=opened.promise.recorded_at,
        anchor_by=opened.promise.anchor_by,
        envelope=envelope,
        values=opened.record.values,
        batch_root=opened.anchor.batch_root.hex(),
        path_hashes=inclusion_path_length(opened.item.log_index - opened.anchor.size_before, opened.anchor.added),
    )
