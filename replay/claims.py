"""What a replay says to each thing that a client may claim: proven, refuted, or not provable.

A claim is proven by a finding of its kind, refuted when the complete history shows the opposite, and not provable when
the history is silent about it, the evidence itself does not hold, or a rule could not be asked of every record.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.claim import History
from domain.comparison import DIFFERS, EQUAL
from domain.domains import Domains
from replay.installed import INSTALLED
from replay.rules import Reexecuted

WRONG_RESULT = "WRONG_RESULT"  # of every domain that computes results
PROVEN, REFUTED, NOT_PROVABLE = "PROVEN", "REFUTED", "NOT_PROVABLE"
BREACH, OPPOSITE = "breach-found", "history-shows-opposite"
SILENT, NOT_ASKED, EVIDENCE_FAILS = "history-silent", "rules-not-asked", "evidence-fails"
"""Why a claim has its answer."""


@dataclass(frozen=True)
class Answer:
    """The answer to one claim; `seqs` are the records that it rests on, `why` is one of the reasons above."""

    claim: str
    result: str
    seqs: tuple[int, ...]
    why: str


def judge(rerun: Reexecuted, domains: Domains = INSTALLED, *, evidence_holds: bool) -> tuple[Answer, ...]:
    """Answer every claim.

    Args:
        rerun: the client's complete anchored history, executed again.
        domains: what knows the claims.
        evidence_holds: whether every check of the bundle holds; if not, nothing is proven or refuted.
    """
    history = History(rerun.facts)
    claims = [_wrong_result(rerun)]
    for claim in domains.claims:
        codes = {code for code, meaning in domains.codes.items() if meaning.proves == claim.name}
        against = tuple(dict.fromkeys(finding.seq for finding in rerun.findings if finding.code in codes))
        result, seqs = (PROVEN, against) if against else (REFUTED, claim.refuted_by(history))
        claims.append(_answer(claim.name, result, seqs, asked_all=not rerun.not_asked))
    if not evidence_holds:
        return tuple(Answer(claim.claim, NOT_PROVABLE, (), EVIDENCE_FAILS) for claim in claims)
    return tuple(claims)


def _answer(claim: str, result: str, seqs: tuple[int, ...], *, asked_all: bool) -> Answer:
    if result == PROVEN:
        return Answer(claim, PROVEN, seqs, BREACH)
    if not asked_all:  # what speaks against it is named all the same
        return Answer(claim, NOT_PROVABLE, seqs, NOT_ASKED)
    return Answer(claim, REFUTED, seqs, OPPOSITE) if seqs else Answer(claim, NOT_PROVABLE, (), SILENT)


def _wrong_result(rerun: Reexecuted) -> Answer:
    seq_of = {fact.ref: seq for seq, fact in rerun.facts}
    wrong = tuple(seq_of[item.ref] for item in rerun.comparisons if item.status == DIFFERS)
    if wrong:
        return Answer(WRONG_RESULT, PROVEN, wrong, BREACH)
    equal = tuple(seq_of[item.ref] for item in rerun.comparisons if item.status == EQUAL)
    all_made = not rerun.not_asked and len(equal) == len(rerun.comparisons)
    return _answer(WRONG_RESULT, REFUTED, equal, asked_all=all_made)
