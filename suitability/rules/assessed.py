"""The client's level, and the rule set that an engine's result was made under."""

from __future__ import annotations

from collections.abc import Iterator

from domain.finding import Code, Finding
from domain.words import Words
from suitability.act import Act
from suitability.subject import SubjectState

CODES = {
    "NO_ASSESSMENT": Code(
        Words("未测评", "not assessed"),
        "there is no level when the client confirms, or business is handled or signed",
        proves="NEVER_TESTED",
    ),
    "ASSESSMENT_EXPIRED": Code(
        Words("测评过期", "assessment expired"),
        "the level is past its validity when the client confirms, or business is handled or signed",
        proves="TEST_EXPIRED",
    ),
    "RULESET_NOT_IN_FORCE": Code(
        Words("规则集非当日有效", "rule set not in force"),
        "a level or an opinion was made under another rule set than the one in force",
    ),
}


def valid_level(state: SubjectState, act: Act) -> Iterator[Finding]:
    """A level is in force."""
    level = state.level_at(act.at)
    if level is None:
        yield Finding("NO_ASSESSMENT", "level.assessed", "the client was not assessed before")
    elif act.at >= level.valid_to:
        yield Finding("ASSESSMENT_EXPIRED", "assessment.validity", f"the level expired at {level.payload['valid_to']}")


def ruleset_in_force(_: SubjectState, act: Act) -> Iterator[Finding]:
    """The rule set that the record names is the one in force."""
    if act.label != act.ruleset.label:
        yield Finding("RULESET_NOT_IN_FORCE", "ruleset.in-force", f"made under {act.label}, not {act.ruleset.label}")
