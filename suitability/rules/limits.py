"""Limits over time: how often a client may be assessed, and how fast a level may rise.

They count what the client did under this identity, and under the identities before where the act has any
(`suitability.line`). What an identity did before its tie to another was recorded is counted once it is: a wallet given
up today must not be worth more than one given up in time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from domain.finding import Code, Finding
from domain.words import Words
from suitability.act import Act
from suitability.subject import Level, SubjectState
from suitability.vocabulary import LEVELS

CODES = {
    "TOO_MANY_ASSESSMENTS": Code(
        Words("测评过频", "too many assessments"),
        "answers are submitted though the window holds as many as it may; also at an ID_SUCCEED after which one window "
        "holds too many",
    ),
    "ANSWER_SHOPPING": Code(
        Words("疑似刷分", "answer shopping"),
        "the level rose by `shopping_levels` within `shopping_window_ms`; at an ID_SUCCEED, from a level of one "
        "side to "
        "one of the other",
    ),
}


def too_many(state: SubjectState, act: Act) -> Iterator[Finding]:
    """As many assessments as the window allows came just before."""
    own = _recent(act, sorted(state.submitted), act.at)
    before = _recent(act, sorted(_submitted_before(act)), act.at)
    if own + before >= act.ruleset.assessment.max_in_window:
        yield _often(f"{own + before} assessments just before{_whose(before)}")


def shopping(act: Act, level: Level, name: str, begin: int) -> Iterator[Finding]:
    """A level rose too far above one that had just begun, of this identity."""
    if _rose(act, level, name, begin):
        yield _rising(f"the level rose from {level.name} to {name}")


def shopping_across(act: Act, name: str, begin: int) -> Iterator[Finding]:
    """The same, above a level of an identity before."""
    for level in _levels_before(act):
        if _rose(act, level, name, begin):
            yield _rising(f"the level rose from {level.name}, under an identity before, to {name}")


def joined(state: SubjectState, act: Act) -> Iterator[Finding]:
    """What two identities did before they were tied breaks a limit when it is taken together."""
    if act.details.get("predecessor") in state.succeeds:
        return  # tied before: since then each act was judged with the other's
    own, others = sorted(state.submitted), sorted(_submitted_before(act))
    most = act.ruleset.assessment.max_in_window
    for at in sorted((*own, *others)):
        mine, theirs = _recent(act, own, at), _recent(act, others, at)
        if mine and theirs and mine + theirs > most:
            yield _often(f"{mine + theirs} assessments in a row{_whose(theirs)}")
            break
    for later in state.levels:
        yield from shopping_across(act, later.name, later.valid_from)
    for later in _levels_before(act):
        for level in state.levels:
            if level.valid_from < later.valid_from and _rose(act, level, later.name, later.valid_from):
                detail = f"the level rose from {level.name} to {later.name}, under an identity before"
                yield _rising(detail)


def _often(detail: str) -> Finding:
    return Finding("TOO_MANY_ASSESSMENTS", "assessment.max-in-window", detail)


def _rising(detail: str) -> Finding:
    return Finding("ANSWER_SHOPPING", "assessment.shopping", detail)


def _recent(act: Act, times: Sequence[int], at: int) -> int:
    """Count the times, in their order, within the window that ends at an instant."""
    return bisect_right(times, at) - bisect_right(times, at - act.ruleset.assessment.window_ms)


def _rose(act: Act, level: Level, name: str, begin: int) -> bool:
    limits = act.ruleset.assessment
    rise = LEVELS.index(name) - LEVELS.index(level.name)
    return 0 <= begin - level.valid_from < limits.shopping_window_ms and rise >= limits.shopping_levels


def _submitted_before(act: Act) -> Iterator[int]:
    return (at for state in act.before for at in state.submitted)


def _levels_before(act: Act) -> Iterator[Level]:
    return (level for state in act.before for level in state.levels)


def _whose(before: int) -> str:
    return f", {before} of them under an identity before" if before else ""
