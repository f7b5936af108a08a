"""Verification of a claim of format 2 under trust files: bytes in, named checks out (docs/spec/evidence-2.md, 7.1).

The accused is the broker, so the claim's maker is who may cheat here: a promise that nobody gave, an anchor left out, a
leaf that the chain did not make, what another map holds. What is not shown where it decides proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from evidence import shapes
from evidence.log import note as notes
from evidence.log.tree import verify_inclusion
from evidence.verify.verdict import Check
from evidence.version2.documents.claim import BrokenPromiseClaim, parse_claim
from evidence.version2.documents.trust import TrustedBlock, parse_trust, trusted_blocks
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.log.checkpoint import open_anchor_checkpoint, read_anchor_checkpoint
from evidence.version2.map.label_map import Absence, verify_absence, verify_presence
from evidence.version2.promise import Covering, Promise, PromiseStanding, standing
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.verify.chain import ChainState
from evidence.version2.verify.steps import Steps
from primitives.errors import InvalidInput, VerificationFailed
from primitives.suites import SUITES
from primitives.timestamp import format_time

CLAIM_CHECKS = (
    "structure",
    "canonical-form",
    "trust",
    "state-proof",
    "directory",
    "log-head",
    "member-keys",
    "covering",
    "promise",
    "inclusion",
    "label-map",
    "checkpoint-signature",
    "not-kept",
)
BROKEN = (PromiseStanding.NOT_IN_TIME, PromiseStanding.ANOTHER_ENTRY, PromiseStanding.NOT_COUNTED)
_MS = 1000


@dataclass(frozen=True)
class ClaimReport:
    """The verdict on a claim: every check by name.

    Attributes:
        checks: in the order of `CLAIM_CHECKS`.
        standing: how the promise stands; None where that was not shown.
        promise: what was promised.
        signers: on whose word the block stands.
    """

    checks: tuple[Check, ...]
    standing: PromiseStanding | None
    promise: Promise
    signers: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every check is there and holds: the promise was broken."""
        return tuple(check.name for check in self.checks) == CLAIM_CHECKS and not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(check.name for check in self.checks if not check.ok)

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        found = self.standing
        if self.ok and found is not None:
            promise = self.promise
            told = f"record {promise.record_id}, promised at log index {promise.log_index}"
            by = f" by {format_time(promise.anchor_by)}"
            return f"broken: {told}{by}: {found.value}; the block is the word of {', '.join(self.signers)}"
        if self.failed == ("not-kept",) and found is not None:
            return f"refuted: the promise is {found.value}"
        return f"failed: {', '.join(self.failed)}"


def verify_claim(
    claim: bytes, trust: Sequence[bytes], trust_keys: Collection[bytes], at_least_block: int | None = None
) -> ClaimReport:
    """Verify a claim under trust files; nothing else is read.

    Args:
        claim: the claim's bytes.
        trust: one trust file or more; they must agree.
        trust_keys: the public keys of signers that the reader pinned.
        at_least_block: the block that the claim must reach; by default the highest that a trust file names.

    Raises:
        InvalidInput: not a claim, or not a trust file.
        CouldNotCheck: nothing failed, and a library or a header rule is missing.
        VerificationFailed: check `trust` (no trust file that holds), or `promise` (its path is not of its place).
    """
    parsed = parse_claim(claim)
    blocks = trusted_blocks([parse_trust(one) for one in trust], trust_keys)
    return _ClaimCheck(parsed, blocks, at_least_block).report()


def leaves_of_keys(block: int, covering: AnchorLeaf | None, end: int, leaves: Mapping[int, AnchorLeaf]) -> list[int]:
    """Return the numbers of those leaves under whose signing keys a promise is the broker's.

    That of its anchor and the one before; the one that was the last at the promise's block and the one after, or a
    broker would escape by changing its keys twice; and where no anchor covers it, the last one.

    Args:
        block: of the promise.
        covering: the anchor that covers the promised place; None where none does.
        end: the number of the log's last leaf, 0 where there is no log.
        leaves: those that are shown, by number.
    """
    seqs = {end} if covering is None else {covering.seq, covering.seq - 1}
    for seq, leaf in leaves.items():
        after = leaves.get(seq + 1)
        if leaf.block <= block and (seq == end or (after is not None and after.block > block)):
            seqs |= {seq, seq + 1}
    return [seq for seq in sorted(seqs) if seq in leaves]


def signing_keys(promise: Promise, sets: Iterable[MemberKeySet]) -> list[bytes]:
    """Return the signing keys of key sets, each once, as far as they are of the algorithm of a promise's suite."""
    algorithm = SUITES[promise.suite].algorithm
    return list(dict.fromkeys(keys.signing for keys in sets if keys.algorithm == algorithm))


class _ClaimCheck:
    """One run: each check is a method, what checks share is a cached property that raises as its check would."""

    def __init__(self, claim: BrokenPromiseClaim, blocks: Sequence[TrustedBlock], least: int | None) -> None:
        self._claim, self._promise = claim, claim.promise
        self._chain = ChainState(claim.evidence, blocks, least)
        self._steps = Steps()

    def report(self) -> ClaimReport:
        """Run every check."""
        steps: Mapping[str, Callable[[], str]] = {
            "structure": self._structure,
            "canonical-form": self._canonical_form,
            "trust": self._chain.trust,
            "state-proof": self._chain.state_proof,
            "directory": self._chain.directory,
            "log-head": self._log_head,
            "member-keys": self._chain.member_keys,
            "covering": self._covered,
            "promise": self._promised,
            "inclusion": self._inclusion,
            "label-map": self._label_map,
            "checkpoint-signature": self._checkpoint,
            "not-kept": self._not_kept,
        }
        checks = self._steps.run(CLAIM_CHECKS, steps)
        if self._steps.failed - {"not-kept"}:
            return ClaimReport(checks, None, self._promise, ())
        return ClaimReport(checks, self._standing_if_shown(), self._promise, self._chain.signers)

    # -- the frame

    def _structure(self) -> str:
        claim, broker = self._claim, self._promise.broker
        if shapes.did_parts(broker)[0] != claim.chain_id:
            raise VerificationFailed("structure", "the promise's broker is of another chain")
        if any(item.member != broker for item in claim.members):
            raise VerificationFailed("structure", "a member is shown that is not the broker")
        seqs = [] if claim.log is None else [item.leaf.seq for item in claim.log.anchors]
        if seqs != sorted(set(seqs)) or (claim.log is not None and seqs[-1] > claim.log.seq):
            raise VerificationFailed("structure", "the anchors do not ascend, or are not of this log")
        return f"a promise about log index {self._promise.log_index}, and {len(seqs)} anchors"

    def _canonical_form(self) -> str:
        if not self._claim.canonical:
            raise VerificationFailed("canonical-form", "the bytes are not the RFC 8785 form of what they hold")
        return "the bytes are the one spelling of what they hold"

    def _log_head(self) -> str:
        """Check that the leaves that are shown are of the broker's log at the block, or that it has none."""
        if self._claim.log is None:
            self._chain.require_no_log()
            return f"the contracts keep no log of the broker at block {self._chain.header.number}"
        self._chain.require_former()
        return f"the log has {self._claim.log.seq} leaves, under the root {self._chain.root.hex()[:16]}"

    @property
    def _leaves(self) -> Mapping[int, AnchorLeaf]:
        """The leaves that are shown, by number."""
        return {leaf.seq: leaf for leaf in self._chain.leaves}

    @cached_property
    def _before_log(self) -> bool:
        """Whether the promised place lies before the log's beginning: another log filled it."""
        log = self._claim.log
        return log is not None and bool(self._chain.root) and self._promise.log_index < log.opening.size_after

    @cached_property
    def _covering(self) -> AnchorLeaf | None:
        """The anchor that covers the promised place; None where there is none.

        Sizes go on from leaf to leaf, by the contract: so one leaf at most covers a place, and where the last one ends
        at or before it, none does.
        """
        index, log = self._promise.log_index, self._claim.log
        if log is None:
            self._log_head()
            return None
        leaves = self._leaves
        found = [leaf for leaf in leaves.values() if leaf.size_before <= index < leaf.size_after]
        last = leaves.get(log.seq)
        if not found and not self._before_log and (last is None or last.size_after > index):
            raise VerificationFailed("covering", f"the anchor that covers log index {index} is not shown")
        return found[0] if found else None

    def _covered(self) -> str:
        index, leaf = self._promise.log_index, self._covering
        if self._before_log:
            return f"log index {index} lies before the log began"
        if leaf is None:
            return f"no anchor covers log index {index}"
        return f"anchor {leaf.seq} of {format_time(leaf.time * _MS)} covers log index {index}"

    # -- the promise

    @property
    def _signing_keys(self) -> list[bytes]:
        """The keys under which the promise is the broker's: where no anchor covers it, the active member's too."""
        leaves, covering, log = self._leaves, self._covering, self._claim.log
        seqs = leaves_of_keys(self._promise.block, covering, 0 if log is None else log.seq, leaves)
        sets = [self._chain.keys[leaves[seq].keys_digest] for seq in seqs]
        if covering is None:
            sets += [item.keys for item in self._chain.members.values()]
        return signing_keys(self._promise, sets)

    def _promised(self) -> str:
        if not any(self._claim.signed.is_signed_by(key) for key in self._signing_keys):
            raise VerificationFailed(
                "promise", "no key of the broker that is shown, and was in force, signed the promise"
            )
        return f"the broker promised log index {self._promise.log_index} by {format_time(self._promise.anchor_by)}"

    # -- what lies where it was promised

    def _inclusion(self) -> str:
        place, leaf = self._claim.place, self._covering
        if place is None:
            return "the place in the log is not shown"
        if leaf is None:
            raise VerificationFailed("inclusion", "an entry is shown, and no anchor covers its place")
        try:
            at = self._promise.log_index - leaf.size_before
            verify_inclusion(place.entry, at, leaf.added, place.path, leaf.batch_root)
        except VerificationFailed as error:
            raise VerificationFailed("inclusion", error.detail) from error
        return f"anchor {leaf.seq} holds {place.entry.hex()} at the promised place"

    def _label_map(self) -> str:
        counted, leaf, label = self._claim.counted, self._covering, self._promise.label
        if counted is None:
            return "the map is not shown"
        if leaf is None:
            raise VerificationFailed("label-map", "a map is shown, and no anchor covers the promised place")
        if isinstance(counted, Absence):
            verify_absence(leaf.map_root, label, counted)
            return f"the map of anchor {leaf.seq} holds nothing under the promised label"
        verify_presence(leaf.map_root, label, counted.entry, counted.path)
        return f"the map of anchor {leaf.seq} holds {counted.entry.hex()} under the promised label"

    @cached_property
    def _wrong(self) -> tuple[int, ...]:
        """The anchors that the broker names as wrong, in a checkpoint of a leaf that is shown.

        Raises:
            VerificationFailed: check `checkpoint-signature`.
        """
        note, leaves, log = self._claim.checkpoint, self._leaves, self._claim.log
        if note is None:
            return ()
        try:
            leaf = leaves.get(read_anchor_checkpoint(notes.split_note(note)[0]).seq)
            if leaf is None or log is None:
                raise VerificationFailed("checkpoint-signature", "the leaf of the checkpoint is not shown")
            stated = open_anchor_checkpoint(note, self._promise.broker, self._chain.keys[leaf.keys_digest].checkpoint)
        except InvalidInput as error:
            raise VerificationFailed("checkpoint-signature", str(error)) from error
        of_another_tree = leaf.seq == log.seq and stated.root != self._chain.root
        if of_another_tree or (stated.map_root, stated.size) != (leaf.map_root, leaf.size_after):
            raise VerificationFailed("checkpoint-signature", f"the checkpoint is not that of anchor {leaf.seq}")
        return stated.wrong

    def _checkpoint(self) -> str:
        return f"{len(self._wrong)} anchors are named wrong" if self._claim.checkpoint else "no checkpoint is shown"

    # -- how the promise stands

    @cached_property
    def _standing(self) -> PromiseStanding:
        """How the promise stands, by what is shown: of what is not shown nothing is held against the broker.

        Raises:
            VerificationFailed: check `not-kept`, it is not; or what that which is shown raises.
        """
        promise, leaf, now = self._promise, self._covering, self._chain.header.timestamp * _MS
        if self._before_log:
            return PromiseStanding.ANOTHER_ENTRY
        if leaf is None:
            return standing(promise, None, now)
        wrong = leaf.seq in self._wrong
        place, counted = self._claim.place, self._claim.counted
        covering = Covering(leaf.time * _MS, promise.entry, promise.entry, wrong)
        if place is not None:
            self._inclusion()
            covering = Covering(leaf.time * _MS, place.entry, promise.entry, wrong)
        if counted is not None:
            self._label_map()
            entry = None if isinstance(counted, Absence) else counted.entry
            covering = Covering(covering.time_ms, covering.entry, entry, wrong)
        found = standing(promise, covering, now)
        if found is PromiseStanding.KEPT and (place is None or counted is None):
            raise VerificationFailed(
                "not-kept", "what lies at the promised place, or what the map counts, is not shown"
            )
        return found

    def _standing_if_shown(self) -> PromiseStanding | None:
        try:
            return self._standing
        except VerificationFailed:
            return None

    def _not_kept(self) -> str:
        found = self._standing
        if found not in BROKEN:
            raise VerificationFailed("not-kept", f"the promise is {found.value}")
        return f"the promise is broken: {found.value}"
