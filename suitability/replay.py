"""Re-execution: every stored engine result again (the rules are asked again by replay.rules).

Each result is made under the rule set that its record names, and compared. A record that names another rule set than
the one that it was made under differs: the engine's digest covers the rule set. A rule set that cannot be found proves
nothing, and is reported as not checked, never as equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from domain.comparison import DIFFERS, EQUAL, NOT_CHECKED, Comparison, Resolve
from domain.fact import Fact
from primitives.errors import InvalidInput
from suitability.engine import differences, level_result, redo_opinion
from suitability.questionnaire import scored
from suitability.ruleset import RuleSet


def re_execute(facts: Iterable[Fact], resolve: Resolve) -> tuple[Comparison, ...]:
    """Re-execute every LEVEL_RESULT and MATCH_OPINION of a client's records.

    Args:
        facts: the records in the order of their sequence.
        resolve: a rule set by label, or None when it is not at hand.
    """
    submissions: dict[str, Fact] = {}
    levels: dict[str, Fact] = {}
    results: list[Comparison] = []
    for fact in facts:
        if fact.type == "Q_SUBMIT":
            submissions[fact.ref] = fact
        elif fact.type == "LEVEL_RESULT":
            levels[fact.ref] = fact
            results.append(_level(fact, submissions, resolve))
        elif fact.type == "MATCH_OPINION":
            results.append(_opinion(fact, levels, resolve))
    return tuple(results)


def _level(fact: Fact, submissions: Mapping[str, Fact], resolve: Resolve) -> Comparison:
    submitted = submissions.get(fact.payload["answers_ref"])
    if submitted is None:
        return _without(fact, NOT_CHECKED, "the answers are not among the records")
    found = _compare(
        fact,
        resolve,
        lambda ruleset: level_result(
            ruleset,
            submitted.payload,
            answers_ref=submitted.ref,
            at_ms=submitted.occurred_at,
            supersedes=fact.payload["supersedes"],
        ),
    )
    return found if found.computed is None else replace(found, working=scored(submitted.payload))


def _opinion(fact: Fact, levels: Mapping[str, Fact], resolve: Resolve) -> Comparison:
    ref = fact.payload["level_ref"]
    if ref is not None and ref not in levels:
        return _without(fact, NOT_CHECKED, "the level is not among the records")
    names = {"level": "level", "level_valid_to": "valid_to", "horizon": "horizon", "types": "types"}
    level = None if ref is None else levels[ref].payload
    inputs = {name: None if level is None else level[source] for name, source in names.items()}
    return _compare(
        fact, resolve, lambda ruleset: redo_opinion(ruleset, {**fact.payload, **inputs}, at_ms=fact.occurred_at)
    )


def _compare(fact: Fact, resolve: Resolve, compute: Callable[[RuleSet], dict[str, Any]]) -> Comparison:
    if fact.ruleset is None:
        return _without(fact, DIFFERS, "the record names no rule set")
    ruleset = resolve(fact.ruleset)
    if not isinstance(ruleset, RuleSet):
        return _without(fact, NOT_CHECKED, "the rule set is not at hand")
    try:
        computed = compute(ruleset)
    except InvalidInput as error:
        return _without(fact, DIFFERS, f"cannot be computed: {error.field}: {error.detail}")
    changed = differences(fact.payload, computed)
    if ruleset.label != fact.ruleset:
        changed = ("ruleset", *changed)
    return Comparison(
        ref=fact.ref,
        type=fact.type,
        ruleset=fact.ruleset,
        status=DIFFERS if changed else EQUAL,
        fields=changed,
        reason=f"differs in {', '.join(changed)}" if changed else "the same in every field",
        recorded=fact.payload,
        computed=computed,
    )


def _without(fact: Fact, status: str, reason: str) -> Comparison:
    return Comparison(fact.ref, fact.type, fact.ruleset, status, (), reason, fact.payload, None)
