"""What a verification says: named checks, findings, the records it proved (docs/spec/evidence.md, section 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence.log.roster import StaffKey

CHECKS = (
    "structure",
    "canonical-form",
    "header-chain",
    "block-receipts",
    "directory",
    "anchor-event",
    "member-key-history",
    "checkpoint-signature",
    "fingerprint",
    "subject-chain",
    "client-key-history",
    "client-signature",
    "promise",
    "inclusion",
    "subject-completeness",
    "bundle-signature",
    "staff-signature",
)

CHECKS_2 = (
    "structure",
    "canonical-form",
    "trust",
    "state-proof",
    "directory",
    "log-head",
    "member-keys",
    "checkpoint-signature",
    "fingerprint",
    "subject-chain",
    "opening",
    "client-keys",
    "client-signature",
    "promise",
    "inclusion",
    "subject-completeness",
    "bundle-signature",
    "staff-signature",
    "erasure",
)
"""The checks of a bundle of format 2 (docs/spec/evidence-2.md, section 13)."""

HELD_PROMISES = "held-promises"  # a check that is there when promises were given
ANCHORED_LATE = "ANCHORED_LATE"
# why a report names no second person
NOBODY_SIGNED, NOT_SHOWN, STAFF_NOT_SHOWN, ORDERED = "nobody-signed", "not-shown", "staff-not-shown", "ordered"


@dataclass(frozen=True)
class Check:
    """One named check and what it found."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class EvidenceFinding:
    """What the evidence shows against the broker without being false: content, not a failure."""

    code: str
    record_id: str
    detail: str


@dataclass(frozen=True)
class VerifiedRecord:
    """A record with where and when it was anchored; `values` is what the bundle shows of it.

    Times in numbers are milliseconds: of the anchor's block, and of the broker's promise.
    """

    subject: str
    seq: int
    record_id: str
    type: str
    occurred_at: str
    recorded_at: str
    fingerprint: str
    log_index: int
    anchor_seq: int
    anchor_block: int
    anchored_at: int
    accepted_at: int
    anchor_by: int
    envelope: Mapping[str, Any]
    values: Mapping[str, Any]
    batch_root: str | None = None  # of the anchor's batch (hex), and how many hashes lead there from the record
    path_hashes: int | None = None  # both None of format 1, whose log is one tree


@dataclass(frozen=True)
class SecondPersons:
    """Who signed a record that takes a second person; `missing` is empty, or says why nobody is named."""

    subject: str
    seq: int
    record_id: str
    type: str
    persons: tuple[StaffKey, ...]
    missing: str = ""


@dataclass(frozen=True)
class KeyChange:
    """A change of the broker's or the client's keys, as a registry's event tells it; `time` is its block's, in seconds.

    Bytes in `args` are lower-case 0x hex.
    """

    registry: str
    event: str
    block: int
    time: int
    args: Mapping[str, Any]


@dataclass(frozen=True)
class LastAnchor:
    """The anchor that a bundle states: how long the log was, and the block that says so; `time` is in seconds."""

    seq: int
    log_size: int
    block: int
    time: int


@dataclass(frozen=True)
class Reach:
    """How far the answer about a bundle of format 2 reaches, and on whose word it rests.

    Attributes:
        trusted_by: who signed the trust files.
        opened_by: who opened the history, in one phrase.
        witnesses: the DIDs of the members that checked the growth of the broker's map up to its last anchor.
        members: how many other members are active.
        erased: the places of erased records.
        put_back: the places of records that were erased and are shown all the same.
        wanted: how many witnesses the reader wants; 0 where nobody said.
        not_shown: the pseudonyms of earlier histories that this one continues, and that nobody gave.
        wrong: the numbers of the anchors that the broker names as wrong: what lies under them alone is not counted.
    """

    trusted_by: tuple[str, ...]
    opened_by: str
    witnesses: tuple[str, ...]
    members: int
    erased: tuple[int, ...]
    put_back: tuple[int, ...]
    wanted: int = 0
    not_shown: tuple[str, ...] = ()
    wrong: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """What a reader is told of it."""
        growth = (
            f"growth checked by {len(self.witnesses)} of {self.members} other members: {', '.join(self.witnesses)}"
            if self.witnesses
            else "growth checked by nobody: a rollback between anchors would not show"
        )
        if self.witnesses and len(self.witnesses) < self.wanted:
            growth += f", fewer than the {self.wanted} that are wanted"
        earlier = f"; what came before is not shown: subject {', '.join(self.not_shown)}" if self.not_shown else ""
        if self.wrong:
            growth += (
                f"; {len(self.wrong)} anchors are named wrong by the broker, and what lies under them is not counted"
            )
        return f"{growth}; {self.opened_by}{earlier}; the block is the word of {', '.join(self.trusted_by)}"


@dataclass(frozen=True)
class VerificationReport:
    """The verdict: every check by name, and what the bundle proves when all of them hold."""

    checks: tuple[Check, ...]
    chain_id: int
    broker: str
    subject: str
    client: str | None
    case: str
    complete_as_of_block: int
    complete_as_of_time: str | None
    pending: int
    records: tuple[VerifiedRecord, ...]
    findings: tuple[EvidenceFinding, ...]
    notes: tuple[str, ...]
    rulesets: tuple[Mapping[str, Any], ...] = ()
    second_persons: tuple[SecondPersons, ...] = ()  # of every record that takes one
    key_changes: tuple[KeyChange, ...] = ()  # the broker's, then the client's
    last_anchor: LastAnchor | None = None
    anchored_since: int | None = None  # the first later block that may hold an anchor of this broker
    names: tuple[str, ...] = ()  # the checks that have to be there; of format 1 where none are named
    reach: Reach | None = None  # of a bundle of format 2

    @property
    def ok(self) -> bool:
        """Whether every check is there and holds."""
        names = tuple(check.name for check in self.checks)
        expected = self.names or (CHECKS if HELD_PROMISES not in names else (*CHECKS, HELD_PROMISES))
        return names == expected and all(check.ok for check in self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(check.name for check in self.checks if not check.ok)

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        if self.ok:
            late = len({finding.record_id for finding in self.findings if finding.code == ANCHORED_LATE})
            told = f"; {late} of {len(self.records)} records anchored late" if late else ""
            if self.anchored_since is not None:
                told += f"; not the newest: the broker may have anchored again in block {self.anchored_since}"
            if self.reach is not None:
                told += f"; {self.reach.sentence}"
            return f"complete as of block {self.complete_as_of_block} ({self.complete_as_of_time}){told}"
        return f"failed: {', '.join(self.failed)}"
