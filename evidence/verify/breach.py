"""Verification of a claim of breach against a trust file: bytes in, named checks out (docs/spec/breach.md).

The accused is the broker, so the claim's maker is who may cheat here: a forged promise, an anchor left out, an anchor
of somebody else, headers that end before the time is over. What must be shown follows from the trusted headers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from evidence import shapes
from evidence.chain.engine import HeaderChain, Log, PlacedLog, address_topic
from evidence.chain.engines import PROOF_KINDS
from evidence.chain.events import Event, decode_event
from evidence.chain.registry_events import MEMBER_EVENTS, ROLE_BROKER, member_keys, read_history
from evidence.documents.breach import (
    ANCHOR_CONTRACT,
    MEMBER_CONTRACT,
    BreachClaim,
    anchor_blocks,
    last_in_time,
    parse_breach,
)
from evidence.documents.promise import Promise, parse_promise, verify_promise
from evidence.documents.trust import TrustFile, parse_trust
from evidence.log.tree import verify_inclusion
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.timestamp import format_time

BREACH_CHECKS = (
    "structure",
    "canonical-form",
    "header-chain",
    "block-receipts",
    "member-key-history",
    "promise",
    "directory",
    "anchor-event",
    "not-kept",
)
TIME, OTHER = "time", "other-entry"
_MS = 1000


@dataclass(frozen=True)
class BreachCheck:
    """One named check and what it found."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class BreachReport:
    """The verdict: every check by name. `kind` says in which way the promise is said to be broken."""

    checks: tuple[BreachCheck, ...]
    kind: str
    promise: Promise

    @property
    def ok(self) -> bool:
        """Whether every check is there and holds: the breach is proved."""
        return tuple(check.name for check in self.checks) == BREACH_CHECKS and all(check.ok for check in self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(check.name for check in self.checks if not check.ok)

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        if not self.ok:
            return f"failed: {', '.join(self.failed)}"
        index = self.promise.log_index
        if self.kind == OTHER:
            return f"broken: another entry stands at log index {index}"
        return f"broken: by {format_time(self.promise.anchor_by)} no anchor covered log index {index}"


def verify_breach(claim: bytes, trust: bytes) -> BreachReport:
    """Verify a claim of breach against a trust file; nothing else is read.

    Args:
        claim: the claim's bytes.
        trust: the trust file's bytes, from someone whom the reader trusts for it.

    Raises:
        InvalidInput: not a claim, or not a trust file.
        CouldNotCheck: the trusted headers do not reach a block that is needed, or not past `anchor_by`.
    """
    parsed, trusted = parse_breach(claim), parse_trust(trust)
    return check_breach(parsed, trusted)


def check_breach(claim: BreachClaim, trust: TrustFile, chain: HeaderChain | None = None) -> BreachReport:
    """Verify a claim that was read; `chain` are the trust file's headers where the caller has linked them before."""
    return _BreachCheck(claim, trust, chain).report()


class _BreachCheck:
    """One run: each check is a method, what checks share is a cached property that raises as its check would."""

    def __init__(self, claim: BreachClaim, trust: TrustFile, chain: HeaderChain | None) -> None:
        self._claim = claim
        self._trust = trust
        self._linked = chain
        self._promise = parse_promise(claim.promise)
        self._member = shapes.did_parts(self._promise.broker)[1]
        self._failed: set[str] = set()
        self._unknown: CouldNotCheck | None = None

    def report(self) -> BreachReport:
        steps: Mapping[str, Callable[[], str]] = {
            "structure": self._structure,
            "canonical-form": self._canonical_form,
            "header-chain": self._header_chain,
            "block-receipts": self._block_receipts,
            "member-key-history": self._member_key_history,
            "promise": self._promise_signature,
            "directory": self._directory,
            "anchor-event": self._anchor_event,
            "not-kept": self._not_kept,
        }
        checks = tuple(self._run(name, steps[name]) for name in BREACH_CHECKS)
        if self._unknown is not None and not self._failed:
            raise self._unknown
        return BreachReport(checks, TIME if self._claim.other is None else OTHER, self._promise)

    def _run(self, name: str, step: Callable[[], str]) -> BreachCheck:
        if "structure" in self._failed:
            return BreachCheck(name, ok=False, detail="not checked: structure failed")
        try:
            return BreachCheck(name, ok=True, detail=step())
        except VerificationFailed as error:
            self._failed.add(name)
            blamed = "" if error.check == name else f"not checked: {error.check} failed: "
            return BreachCheck(name, ok=False, detail=blamed + error.detail)
        except CouldNotCheck as error:
            self._unknown = self._unknown or error  # what is refuted elsewhere is refuted all the same
            return BreachCheck(name, ok=False, detail=f"could not check: {error.detail}")

    # -- the frame

    def _structure(self) -> str:
        claim, trust = self._claim, self._trust
        chain_ids = {claim.chain_id, trust.chain_id, shapes.did_parts(self._promise.broker)[0]}
        if len(chain_ids) != 1:
            raise VerificationFailed("structure", f"claim and trust file speak of several chains: {sorted(chain_ids)}")
        if claim.header_rule != trust.rule.name:
            raise VerificationFailed("structure", "claim and trust file name different header rules")
        numbers = [number for number, _ in claim.blocks]
        if numbers != sorted(set(numbers)):
            raise VerificationFailed("structure", "blocks by number are not in order")
        return f"a promise about log index {self._promise.log_index}, {len(numbers)} blocks"

    def _canonical_form(self) -> str:
        if not self._claim.canonical:
            raise VerificationFailed("canonical-form", "the bytes are not the RFC 8785 form: somebody wrote them anew")
        return "the bytes are the RFC 8785 form"

    @cached_property
    def _chain(self) -> HeaderChain:
        return self._linked or HeaderChain(self._trust.headers)

    def _header_chain(self) -> str:
        """The headers link and reach every block that counts; without another entry, past the promised time."""
        chain, claim = self._chain, self._claim
        for number in [self._promise.block, *(number for number, _ in claim.blocks)]:
            chain.at(number)
        if claim.anchor is not None:
            chain.at(claim.anchor.block)
        if claim.other is None:
            last_in_time(chain, self._promise.anchor_by)
        return f"blocks {chain.first} to {chain.last} link"

    @cached_property
    def _blocks(self) -> Mapping[int, tuple[PlacedLog, ...]]:
        """The blocks that are shown and trusted; one that is out of reach is a matter of `header-chain`."""
        kind, chain = PROOF_KINDS[self._claim.proof_kind], self._chain
        return {
            number: kind.open_all(chain.at(number), receipts)
            for number, receipts in self._claim.blocks
            if chain.reaches(number)
        }

    def _block_receipts(self) -> str:
        return f"{len(self._blocks)} blocks carry exactly their receipts"

    # -- the promise

    @cached_property
    def _signing_key(self) -> bytes:
        check, block = "member-key-history", self._promise.block
        self._chain.at(block)  # a history up to a block needs the headers up to there
        registry = self._trust.address_at(MEMBER_CONTRACT, block)
        history = read_history(
            self._chain,
            self._trust.rule,
            self._blocks,
            registry=registry,
            identity=self._member,
            names=MEMBER_EVENTS,
            up_to=block,
            check=check,
        )
        if not history:  # an empty history needs headers from the contract's first block on
            named = [entry.from_block for entry in self._trust.entries(MEMBER_CONTRACT) if entry.address == registry]
            self._chain.at(min(named))
        keys = member_keys(history, block)
        if keys is None or keys.role != ROLE_BROKER:
            raise VerificationFailed(check, f"{self._promise.broker} is no active broker at block {block}")
        return keys.signing

    def _member_key_history(self) -> str:
        return f"the broker's key at block {self._promise.block} is {self._signing_key.hex()}"

    def _promise_signature(self) -> str:
        key = self._signing_key
        try:
            verify_promise(self._claim.promise, key)
        except VerificationFailed as error:
            raise VerificationFailed("promise", error.detail) from error
        return f"the broker promised log index {self._promise.log_index} by {format_time(self._promise.anchor_by)}"

    # -- the anchor that is shown, and those that are not there

    @cached_property
    def _anchor_log(self) -> Log | None:
        anchor = self._claim.anchor
        if anchor is None:
            return None
        kind = PROOF_KINDS[self._claim.proof_kind]
        try:
            logs = kind.open_one(self._chain.at(anchor.block), anchor.tx_index, anchor.proof)
        except VerificationFailed as error:
            check = error.check if error.check == "header-chain" else "anchor-event"
            raise VerificationFailed(check, error.detail) from error
        if anchor.log_position >= len(logs):
            raise VerificationFailed("anchor-event", f"the receipt has {len(logs)} logs")
        return logs[anchor.log_position]

    def _directory(self) -> str:
        log, anchor = self._anchor_log, self._claim.anchor
        if log is None or anchor is None:
            return "no anchor is shown"
        expected = self._trust.address_at(ANCHOR_CONTRACT, anchor.block)
        if log.address != expected:
            raise VerificationFailed(
                "directory", f"the anchor was made by {log.address}; {ANCHOR_CONTRACT} was {expected} then"
            )
        return f"the anchor comes from the consortium's {ANCHOR_CONTRACT}"

    @cached_property
    def _event(self) -> Event | None:
        log, anchor = self._anchor_log, self._claim.anchor
        if log is None or anchor is None:
            return None
        event = _decode(log)
        if event is None or event.name != "Anchored":
            raise VerificationFailed("anchor-event", "the log is no Anchored event")
        if (event.args["member"], event.args["seq"]) != (self._member, anchor.seq):
            raise VerificationFailed("anchor-event", "the event is of another member or another anchor")
        return event

    def _anchor_event(self) -> str:
        event, anchor = self._event, self._claim.anchor
        if event is None or anchor is None:
            return "no anchor is shown"
        return f"anchor {anchor.seq} of {event.args['size']} entries is proved under block {anchor.block}"

    def _not_kept(self) -> str:
        self._directory()  # an anchor of a look-alike says nothing
        return self._nothing_in_time() if self._claim.other is None else self._other_entry()

    def _nothing_in_time(self) -> str:
        promise, chain, anchor, event = self._promise, self._chain, self._claim.anchor, self._event
        last = last_in_time(chain, promise.anchor_by)
        if anchor is not None and event is not None:
            if anchor.block > last:
                raise VerificationFailed("not-kept", f"anchor {anchor.seq} is shown, and came after the promised time")
            self._require_short(event, anchor.block)
        wanted = anchor_blocks(self._trust, chain, promise.broker, None if anchor is None else anchor.block, last)
        topic = address_topic(self._member)
        for number, contract in wanted.items():
            if number not in self._blocks:
                raise VerificationFailed("not-kept", f"block {number} may hold an anchor in time and is not shown")
            for placed in self._blocks[number]:
                if placed.log.address == contract and placed.log.topics[1:2] == (topic,):
                    found = _decode(placed.log)
                    if found is not None and found.name == "Anchored":
                        self._require_short(found, number)
        return f"up to block {last} no anchor holds more than {promise.log_index} entries"

    def _require_short(self, event: Event, block: int) -> None:
        if event.args["size"] > self._promise.log_index:
            raise VerificationFailed(
                "not-kept",
                f"anchor {event.args['seq']} in block {block} covers log index {self._promise.log_index} in time",
            )

    def _other_entry(self) -> str:
        promise, other, event = self._promise, self._claim.other, self._event
        if other is None or event is None:  # the claim's shape says otherwise
            raise VerificationFailed("not-kept", "no anchor and entry are shown")
        if other.fingerprint == promise.fingerprint:
            raise VerificationFailed("not-kept", "the entry is the one that was promised")
        try:
            verify_inclusion(other.fingerprint, promise.log_index, event.args["size"], other.path, event.args["root"])
        except VerificationFailed as error:
            raise VerificationFailed("not-kept", error.detail) from error
        return f"anchor {event.args['seq']} holds {other.fingerprint.hex()} at log index {promise.log_index}"


def _decode(log: Log) -> Event | None:
    try:
        return decode_event(log)
    except (VerificationFailed, InvalidInput) as error:
        raise VerificationFailed("anchor-event", str(error)) from error
