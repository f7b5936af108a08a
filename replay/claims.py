"""What a replay says to each thing that a client may claim: proven, refuted, or not provable.

A claim is proven by a finding of its kind, refuted when the complete history shows the opposite, and not provable when
the history is silent about it, the evidence itself does not hold, or a rule could not be asked of every record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replay.rules import Reexecuted
from suitability.replay import DIFFERS, EQUAL, Comparison
from suitability.states import Fact
from suitability.vocabulary import MISMATCHES

PROVEN, REFUTED, NOT_PROVABLE = "PROVEN", "REFUTED", "NOT_PROVABLE"


@dataclass(frozen=True)
class Claim:
    """One claim and its result; `seqs` are the records that it rests on."""

    claim: str
    result: str
    seqs: tuple[int, ...]


@dataclass(frozen=True)
class _Case:
    facts: Sequence[tuple[int, Fact]]
    comparisons: Sequence[Comparison]

    def seqs(self, *types: str) -> tuple[int, ...]:
        return tuple(seq for seq, fact in self.facts if fact.type in types)

    def acts(self) -> tuple[int, ...]:
        return self.seqs("LEVEL_CONFIRM", "MISMATCH_INSIST", "RISK_CONFIRM", "AGREEMENT_SIGN")

    def approved(self) -> tuple[int, ...]:
        return tuple(
            seq for seq, fact in self.facts if fact.type == "BIZ_DECIDE" and fact.payload["decision"] == "APPROVED"
        )

    def mismatches(self) -> tuple[int, ...]:
        return tuple(
            seq for seq, fact in self.facts if fact.type == "MATCH_OPINION" and fact.payload["code"] in MISMATCHES
        )


_CLAIMS: tuple[tuple[str, frozenset[str], Callable[[_Case], tuple[int, ...]]], ...] = (
    ("NEVER_TESTED", frozenset({"NO_ASSESSMENT", "NO_ANSWERS"}), lambda case: case.seqs("LEVEL_RESULT")),
    (
        "TEST_EXPIRED",
        frozenset({"ASSESSMENT_EXPIRED"}),
        lambda case: case.approved() or case.acts(),
    ),
    (
        "NOT_WARNED",
        frozenset({"SOLD_WITHOUT_WARNING", "WARNED_LATE", "INSISTED_WITHOUT_WARNING"}),
        lambda case: case.seqs("MISMATCH_WARN") if case.mismatches() else case.approved(),
    ),
    (
        "NOT_CONFIRMED",
        frozenset({"RISK_NOT_CONFIRMED", "LEVEL_NOT_CONFIRMED", "SOLD_WITHOUT_INSISTENCE", "NOT_DISCLOSED"}),
        lambda case: case.seqs("LEVEL_CONFIRM", "RISK_CONFIRM") if case.approved() else (),
    ),
    (
        "SIGNED_LATE",
        frozenset(
            {"SIGNED_LATE", "SIGNED_BEFORE_HANDLING", "SIGNED_AFTER_REFUSAL", "HANDLED_AFTER_SIGNING"}
            | {"RISK_CONFIRM_STALE", "RECORDED_LATE"}
        ),
        lambda case: case.acts(),
    ),
    (
        "NO_CONSENT",
        frozenset(
            {"USED_WITHOUT_CONSENT", "CONSENT_WITHDRAWN", "CONSENT_EXPIRED"}
            | {"CONSENT_OTHER_PURPOSE", "CONSENT_OTHER_RECEIVER"}
        ),
        lambda case: case.seqs("DATA_USE"),  # no recorded use proves nothing about an unrecorded one
    ),
)


def judge(rerun: Reexecuted, *, evidence_holds: bool) -> tuple[Claim, ...]:
    """Answer every claim.

    Args:
        rerun: the client's complete anchored history, executed again.
        evidence_holds: whether every check of the bundle holds; if not, nothing is proven or refuted.
    """
    case = _Case(rerun.facts, rerun.comparisons)
    claims = [_wrong_result(case, whole=not rerun.not_asked)]
    for name, codes, shown in _CLAIMS:
        against = tuple(dict.fromkeys(finding.seq for finding in rerun.findings if finding.code in codes))
        result, seqs = (PROVEN, against) if against else (REFUTED, shown(case))
        unknown = not seqs or (result == REFUTED and rerun.not_asked)
        claims.append(Claim(name, NOT_PROVABLE if unknown else result, seqs))
    if not evidence_holds:
        return tuple(Claim(claim.claim, NOT_PROVABLE, ()) for claim in claims)
    return tuple(claims)


def _wrong_result(case: _Case, *, whole: bool) -> Claim:
    seq_of = {fact.ref: seq for seq, fact in case.facts}
    wrong = tuple(seq_of[item.ref] for item in case.comparisons if item.status == DIFFERS)
    if wrong:
        return Claim("WRONG_RESULT", PROVEN, wrong)
    equal = tuple(seq_of[item.ref] for item in case.comparisons if item.status == EQUAL)
    refuted = whole and bool(equal) and len(equal) == len(case.comparisons)
    return Claim("WRONG_RESULT", REFUTED if refuted else NOT_PROVABLE, equal)
