"""Verification of a bundle against a trust file: bytes in, named checks out (docs/spec/evidence.md, section 12).

The checks, in the order of the report; the last is there when held promises are given:

 1 structure            7 member-key-history     13 promise
 2 canonical-form       8 checkpoint-signature   14 inclusion
 3 header-chain         9 fingerprint            15 subject-completeness
 4 block-receipts      10 subject-chain          16 bundle-signature
 5 directory           11 client-key-history     17 staff-signature
 6 anchor-event        12 client-signature       18 held-promises

A check that needs what a failed one would have established fails too and says so: a report without a verdict on
every name would be no verdict. `InvalidInput` means that it is no bundle, `CouldNotCheck` that the trust file does not
reach far enough; everything else is in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from evidence import shapes
from evidence.chain.engine import address_topic, blocks_that_may_hold
from evidence.chain.registry_events import DID_EVENTS, client_keys, ed25519_keys_ever
from evidence.documents.act import act_payload_of, verify_act
from evidence.documents.bundle import AnchorItem, Bundle, parse_bundle
from evidence.documents.envelope import ActSignature
from evidence.documents.promise import verify_promise
from evidence.documents.record import ZERO_HASH
from evidence.documents.staff_signature import ALWAYS
from evidence.documents.trust import TrustFile, parse_trust
from evidence.log.tree import verify_inclusion
from evidence.map.map_history import check_maps
from evidence.verify.chain import ChainEvidence, Histories
from evidence.verify.held import StatedEnd, check_held
from evidence.verify.opened import Opened, open_histories, verified
from evidence.verify.signing import SigningRules
from evidence.verify.staff import StaffReading, StaffTimes, check_staff, described
from evidence.verify.times import block_time, time_findings
from evidence.verify.verdict import CHECKS, Check, VerificationReport, VerifiedRecord
from evidence.verify.verdict import HELD_PROMISES as HELD
from primitives import ed25519
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.timestamp import format_time

_MS = 1000


def verify_bundle(
    bundle: bytes,
    trust: bytes,
    *,
    signing: SigningRules,
    at_least_block: int | None = None,
    promises: Sequence[object] | None = None,
    elsewhere: Collection[bytes] = (),
) -> VerificationReport:
    """Verify a bundle against a trust file; nothing else is read.

    Args:
        bundle: the bundle's bytes.
        trust: the trust file's bytes, from someone other than the bundle's maker.
        signing: which record types owe whose signature; the domain names them.
        at_least_block: the block that the answer must reach, such as the one of a replay order.
        promises: promises that somebody holds, such as the client's wallet; the bundle must show what they promise.
        elsewhere: the pseudonyms of whose promises other bundles are asked.

    Raises:
        InvalidInput: not a bundle, not a trust file, or not a promise.
        CouldNotCheck: the trust file does not reach a block that is needed, or a held promise is nobody's.
    """
    asked = _Asked(signing, at_least_block, promises, elsewhere)
    return _Verification(parse_bundle(bundle), parse_trust(trust), asked).report()


@dataclass(frozen=True)
class _Asked:
    """What a verification was asked for, beside bundle and trust file."""

    signing: SigningRules
    at_least_block: int | None
    promises: Sequence[object] | None
    elsewhere: Collection[bytes]


class _Verification:
    """One run: each check is a method, what checks share is a cached property that raises as its check would."""

    def __init__(self, bundle: Bundle, trust: TrustFile, asked: _Asked) -> None:
        self._bundle = bundle
        self._trust = trust
        self._on_chain = ChainEvidence(bundle, trust)
        self._asked = asked
        self._failed: dict[str, VerificationFailed] = {}
        self._unknown: CouldNotCheck | None = None
        self._keys: dict[int, Mapping[str, bytes]] = {}
        self._ended_keys: list[str] = []  # between acceptance and anchor, only the broker says when an act was

    def report(self) -> VerificationReport:
        chain = self._on_chain
        steps: Mapping[str, Callable[[], str]] = {
            "structure": chain.structure,
            "canonical-form": chain.canonical_form,
            "header-chain": chain.header_chain,
            "block-receipts": chain.block_receipts,
            "directory": chain.directory,
            "anchor-event": chain.anchor_event,
            "member-key-history": chain.member_key_history,
            "checkpoint-signature": chain.checkpoint_signature,
            "fingerprint": self._fingerprint,
            "subject-chain": self._subject_chain,
            "client-key-history": self._client_key_history,
            "client-signature": self._client_signature,
            "promise": self._promise,
            "inclusion": self._inclusion,
            "subject-completeness": self._subject_completeness,
            "bundle-signature": self._bundle_signature,
            "staff-signature": lambda: described(self._staff.found),
            HELD: self._held_promises,
        }
        names = CHECKS if self._asked.promises is None else (*CHECKS, HELD)
        checks = [self._run(name, steps[name]) for name in names]
        if self._unknown is not None and not self._failed:
            raise self._unknown
        return self._summary(tuple(checks))

    # -- 9 to 12: the records and the client's keys

    def _run(self, name: str, step: Callable[[], str]) -> Check:
        if "structure" in self._failed:  # its parts may contradict each other: nothing can be built on them
            return Check(name, ok=False, detail="not checked: structure failed")
        try:
            return Check(name, ok=True, detail=step())
        except VerificationFailed as error:
            self._failed[name] = error
            blamed = "" if error.check == name else f"not checked: {error.check} failed: "
            return Check(name, ok=False, detail=blamed + error.detail)
        except CouldNotCheck as error:
            self._unknown = self._unknown or error  # what is refuted elsewhere is refuted all the same
            return Check(name, ok=False, detail=f"could not check: {error.detail}")

    @cached_property
    def _opened(self) -> Mapping[bytes, tuple[Opened, ...]]:
        return open_histories(self._bundle)

    @property
    def _every(self) -> Iterator[Opened]:
        return (opened for records in self._opened.values() for opened in records)

    @cached_property
    def _anchors(self) -> Mapping[int, AnchorItem]:
        return {anchor.seq: anchor for anchor in self._bundle.anchors}

    def _fingerprint(self) -> str:
        count = sum(len(records) for records in self._opened.values())
        return f"{count} records open to their fingerprints"

    def _subject_chain(self) -> str:
        known: set[str] = set()
        for history in self._bundle.histories:
            previous = ZERO_HASH
            for seq, opened in enumerate(self._opened[history.subject], 1):
                envelope = opened.record.envelope
                stated = (envelope["broker"], envelope["subject"], envelope["seq"], envelope["prev"])
                if stated != (self._bundle.broker, history.subject.hex(), seq, previous.hex()):
                    raise VerificationFailed(
                        "subject-chain",
                        f"record {envelope['seq']} of {history.subject.hex()[:8]} does not follow at place {seq}",
                    )
                previous = opened.record.fingerprint
                if envelope["record_id"] in known:
                    raise VerificationFailed("subject-chain", f"{opened.label} bears the record_id of another record")
                known.add(envelope["record_id"])
        return f"{len(self._bundle.histories)} subjects without a gap"

    @cached_property
    def _client(self) -> Histories | None:
        if self._bundle.client is None:
            return None
        identity = shapes.did_parts(self._bundle.client)[1]
        return self._on_chain.registry_history("DidRegistry", identity, DID_EVENTS, "client-key-history")

    def _client_key_history(self) -> str:
        if self._client is None:
            return "the subject is no person"
        return f"{self._client.count} changes up to block {self._on_chain.last.block}, none missing"

    def _client_signature(self) -> str:
        count, newest = 0, 0
        signed: dict[bytes, str] = {}
        for history in self._bundle.histories:
            for opened in self._opened[history.subject]:
                signatures = opened.record.envelope["signatures"]
                if not signatures and opened.record.envelope["type"] in self._asked.signing.client_acts:
                    raise VerificationFailed("client-signature", f"{opened.label} owes the client's signature")
                if signatures and history is not self._bundle.history:
                    raise VerificationFailed("client-signature", f"{opened.label} of a reference bears a signature")
                if signatures:
                    other = signed.setdefault(act_payload_of(opened.record.envelope), opened.label)
                    if other != opened.label:
                        raise VerificationFailed("client-signature", f"{opened.label} is the same act as {other}")
                for signature in signatures:
                    newest = self._check_signature(opened, signature, newest)
                    count += 1
        return f"{count} signatures by the client's keys of their blocks"

    def _check_signature(self, opened: Opened, signature: ActSignature, newest: int) -> int:
        block = signature["block"]
        if signature["did"] != self._bundle.client or self._client is None:
            raise VerificationFailed("client-signature", f"{opened.label} is signed by {signature['did']}")
        if not newest <= block <= opened.anchor.block or block != opened.promise.block:
            raise VerificationFailed(
                "client-signature",
                f"{opened.label} was accepted at block {block}: before the act before it, after its anchor, "
                "or not at its promise's block",
            )
        named = signature["key"].partition("#")[2]
        keys = dict(reversed(list(self._keys_at(self._client, block).items())))
        for key in (*([keys.pop(named)] if named in keys else []), *keys.values()):  # what it names comes first
            try:
                verify_act(opened.record.envelope, signature, key)
            except VerificationFailed:
                continue
            if key not in self._keys_at(self._client, opened.anchor.block).values():
                self._ended_keys.append(
                    f"{opened.label}: its key was in force at block {block}, where the broker says to have accepted "
                    f"it, and no longer at block {opened.anchor.block}, which anchored it"
                )
            return block
        raise VerificationFailed("client-signature", f"{opened.label} is signed by no key in force at block {block}")

    def _keys_at(self, client: Histories, block: int) -> Mapping[str, bytes]:
        if block not in self._keys:
            self._keys[block] = client_keys(client.at(block), block, self._on_chain.chain.at(block).timestamp)
        return self._keys[block]

    # -- 13 to 16: promises, the log, completeness

    def _promise(self) -> str:
        for history in self._bundle.histories:
            newest = 0
            for opened in self._opened[history.subject]:
                promise, envelope = opened.promise, opened.record.envelope
                if not newest <= promise.block <= opened.anchor.block:
                    raise VerificationFailed("promise", f"{opened.label}: block {promise.block} is out of order")
                newest = promise.block
                try:
                    verify_promise(opened.item.promise, self._on_chain.signing_key(promise.block, "promise"))
                except VerificationFailed as error:
                    check = error.check if error.check in CHECKS else "promise"
                    raise VerificationFailed(check, f"{opened.label}: {error.detail}") from error
                stated = (promise.broker, promise.subject.hex(), promise.record_id)
                if stated != (envelope["broker"], envelope["subject"], envelope["record_id"]):
                    raise VerificationFailed("promise", f"{opened.label}: the promise is for another record")
        return "every promise is signed by the broker's key of its block and speaks of its record"

    def _inclusion(self) -> str:
        last = self._on_chain.events[self._on_chain.last.seq].args
        sizes = [self._on_chain.events[anchor.seq].args["size"] for anchor in self._bundle.anchors]
        size_before = dict(zip(self._anchors, [0, *sizes], strict=False))
        self._check_log_order()
        for opened in self._every:
            entry, index = opened.record.fingerprint, opened.promise.log_index
            first = self._on_chain.events[opened.item.first_anchor].args
            if index < size_before[opened.item.first_anchor]:
                raise VerificationFailed("inclusion", f"{opened.label}: an earlier anchor of the bundle covers it")
            try:
                verify_inclusion(entry, index, first["size"], opened.item.first_path, first["root"])
                verify_inclusion(entry, index, last["size"], opened.item.last_path, last["root"])
            except VerificationFailed as error:
                raise VerificationFailed("inclusion", f"{opened.label}: {error.detail}") from error
        return f"every record is in its first anchor and in the last one, of {last['size']} entries"

    def _check_log_order(self) -> None:
        for history in self._bundle.histories:
            newest = -1
            for opened in self._opened[history.subject]:
                if opened.promise.log_index <= newest:
                    raise VerificationFailed(
                        "inclusion", f"{opened.label} stands in the log before the record that it follows"
                    )
                newest = opened.promise.log_index

    def _subject_completeness(self) -> str:
        anchors = self._on_chain.maps
        for history in self._bundle.histories:
            opened = self._opened[history.subject]
            records = [(item.promise.log_index, item.record.fingerprint) for item in opened]
            check_maps(history.subject, history.maps, records, anchors)
        if self._asked.at_least_block is not None and self._on_chain.last.block < self._asked.at_least_block:
            raise VerificationFailed(
                "subject-completeness",
                f"reaches block {self._on_chain.last.block}, asked for was {self._asked.at_least_block}",
            )
        count = len(self._bundle.history.records)
        return f"{count} records are all that was ever anchored up to block {self._on_chain.last.block}"

    def _bundle_signature(self) -> str:
        key = self._on_chain.signing_key(self._on_chain.last.block, "bundle-signature")
        try:
            ed25519.verify(key, self._bundle.signed, self._bundle.signature)
        except VerificationFailed as error:
            raise VerificationFailed("bundle-signature", error.detail) from error
        return "the broker's key of the last anchor's block signed the bundle"

    @cached_property
    def _staff(self) -> StaffReading:
        chain = self._on_chain.chain
        return check_staff(
            self._every,
            self._asked.signing,
            self._bundle.broker,
            self._no_colleagues(),
            lambda opened: StaffTimes(
                chain.at(opened.promise.block).timestamp, chain.at(opened.anchor.block).timestamp
            ),
        )

    def _no_colleagues(self) -> dict[str, int]:
        """Return every key that the client and the member ever had, with the block since which it is no colleague's."""
        last = self._on_chain.last.block
        client = {} if self._client is None else ed25519_keys_ever(self._client.at(last))
        own = dict.fromkeys(self._on_chain.signing_keys_ever(), ALWAYS)
        return {key.hex(): since for key, since in {**client, **own}.items()}

    def _held_promises(self) -> str:
        chain, last = self._on_chain.chain, self._on_chain.last
        as_of = StatedEnd(
            size=self._on_chain.events[last.seq].args["size"],
            block=last.block,
            time=block_time(chain, last.block),
            trusted_until=block_time(chain, chain.last),
        )
        broker = self._bundle.broker
        asked, key_at = self._asked, partial(self._on_chain.signing_key, check=HELD)
        return check_held(asked.promises or (), self._opened, broker, as_of, key_at, asked.elsewhere)

    # -- the report

    def _summary(self, checks: tuple[Check, ...]) -> VerificationReport:
        bundle = self._bundle
        whole = not self._failed
        return VerificationReport(
            checks=checks,
            chain_id=bundle.chain_id,
            broker=bundle.broker,
            subject=bundle.history.subject.hex(),
            client=bundle.client,
            case=bundle.case,
            complete_as_of_block=self._on_chain.last.block,
            complete_as_of_time=format_time(self._on_chain.chain.at(self._on_chain.last.block).timestamp * _MS)
            if whole
            else None,
            pending=bundle.pending,
            records=self._records() if whole else (),
            findings=time_findings(self._on_chain.chain, self._every) if whole else (),
            notes=self._notes() if whole else (),
            rulesets=bundle.rulesets if whole else (),
            second_persons=self._staff.found if whole else (),
            key_changes=self._on_chain.key_changes(self._client) if whole else (),
            last_anchor=self._on_chain.last_anchor if whole else None,
            anchored_since=self._anchored_since() if whole else None,
        )

    def _records(self) -> tuple[VerifiedRecord, ...]:
        chain = self._on_chain.chain
        return tuple(verified(opened, chain.at(opened.anchor.block).timestamp * _MS) for opened in self._every)

    def _notes(self) -> tuple[str, ...]:
        notes = [*self._ended_keys, *self._staff.notes]
        redacted = sum(1 for records in self._opened.values() for opened in records if opened.record.redacted)
        if redacted:
            notes.append(f"{redacted} records are redacted: the bundle does not show all their fields")
        notes += [
            f"{opened.label} of {opened.record.envelope['occurred_at']}: content not available, only its envelope is "
            f"shown; fingerprint {opened.record.fingerprint.hex()}"
            for opened in self._every
            if opened.record.envelope["fields"] and not opened.record.values
        ]
        if self._bundle.pending:
            notes.append(f"{self._bundle.pending} later records are not yet anchored; the bundle cannot prove them")
        since = self._anchored_since()
        if since is not None:
            notes.append(f"the broker may have anchored again, first in block {since}: ask for a newer bundle")
        return tuple(notes)

    def _anchored_since(self) -> int | None:
        topic = address_topic(shapes.did_parts(self._bundle.broker)[1])
        headers = self._on_chain.chain.after(self._on_chain.last.block)
        later = [
            number
            for entry in self._trust.entries("EvidenceAnchor")
            for number in blocks_that_may_hold(headers, self._trust.rule, entry.address, topic)
        ]
        return min(later, default=None)
