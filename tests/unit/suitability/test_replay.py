"""Re-execution: stored results are equal under their rule set, and a wrong score or rule set differs."""

from __future__ import annotations

from dataclasses import replace

from domain.fact import Fact
from primitives.digest import tagged_sha256
from primitives.timestamp import format_time
from suitability.engine import level_result, match_opinion
from suitability.replay import DIFFERS, EQUAL, NOT_CHECKED, re_execute
from suitability.ruleset import RuleSet, packaged_rulesets

RULESETS = {ruleset.label: ruleset for ruleset in packaged_rulesets().values()}
RULES = packaged_rulesets()["sac-bands@1"]
EQUAL_BANDS = packaged_rulesets()["sac-bands@2"]
NOW = 1_790_000_000_000
RATING = {"product": {"id": "P", "risk": "R4", "term": "1Y", "type": "T2"}}


def digest(name: str) -> str:
    return tagged_sha256("test", name.encode()).hex()


def fact(type_: str, payload: dict, at: int, label: str | None = None) -> Fact:
    return Fact(type_, payload, at, at, "app", digest(type_), label)


def records(ruleset: RuleSet = RULES) -> list[Fact]:
    submitted = {
        "form": "individual-20@1",
        "answers": {f"Q{number}": ["B"] for number in range(1, 21)},
        "screen": {"age": 40, "incapacity": False, "no_loss": None},
        "duration_ms": 100_000,
        "declaration": True,
    }
    level = level_result(ruleset, submitted, answers_ref=digest("Q_SUBMIT"), at_ms=NOW)
    given = match_opinion(
        ruleset, level, RATING, level_ref=digest("LEVEL_RESULT"), rating_ref=digest("rating"), at_ms=NOW + 2
    )
    return [
        fact("Q_SUBMIT", submitted, NOW),
        fact("LEVEL_RESULT", level, NOW + 1, ruleset.label),
        fact("MATCH_OPINION", given, NOW + 2, ruleset.label),
        fact("ACCESS_LOG", {}, NOW + 3),
    ]


def statuses(facts: list[Fact]) -> list[str]:
    return [comparison.status for comparison in re_execute(facts, RULESETS.get)]


def test_honest_records_are_equal_under_each_rule_set() -> None:
    for ruleset in RULESETS.values():
        assert statuses(records(ruleset)) == [EQUAL, EQUAL]


def test_the_two_versions_give_different_levels() -> None:
    assert records(RULES)[1].payload["level"] == "C4"
    assert records(EQUAL_BANDS)[1].payload["level"] == "C3"


def test_a_score_altered_before_anchoring_is_found() -> None:
    facts = records()
    facts[1] = replace(facts[1], payload=facts[1].payload | {"total": 90, "level": "C5"})
    level, given = re_execute(facts, RULESETS.get)
    assert (level.status, level.fields) == (DIFFERS, ("level", "total"))
    assert level.recorded["total"] == 90
    assert level.computed is not None
    assert level.computed["total"] == 55
    assert given.status == DIFFERS  # the opinion took the true level, not the one that the altered record states


def test_answers_altered_after_the_result_are_found() -> None:
    facts = records()
    changed = facts[0].payload["answers"] | {"Q17": ["E"]}
    facts[0] = replace(facts[0], payload=facts[0].payload | {"answers": changed})
    assert statuses(facts)[0] == DIFFERS


def test_a_forged_opinion_is_found() -> None:
    facts = records()
    facts[2] = replace(facts[2], payload=facts[2].payload | {"level": "C5"})
    assert re_execute(facts, RULESETS.get)[1].fields == ("level",)


def test_a_record_replayed_under_the_wrong_rule_set_differs() -> None:
    level, given = re_execute(records(), lambda _: EQUAL_BANDS)
    assert level.status == given.status == DIFFERS
    assert {"ruleset", "level", "engine_digest"} <= set(level.fields)
    relabelled = [replace(entry, ruleset=EQUAL_BANDS.label) for entry in records()]
    assert statuses(relabelled) == [DIFFERS, DIFFERS]


def test_another_effective_date_is_a_wrong_rule_set_even_with_the_same_numbers() -> None:
    later = RULES.effective(RULES.effective_from + 1)
    level, given = re_execute(records(), lambda _: later)
    assert level.fields == given.fields == ("ruleset", "engine_digest")


def test_what_is_not_at_hand_is_not_checked_and_never_equal() -> None:
    assert [entry.status for entry in re_execute(records(), lambda _: None)] == [NOT_CHECKED, NOT_CHECKED]
    assert statuses(records()[1:]) == [NOT_CHECKED, EQUAL]
    assert statuses(records()[2:]) == [NOT_CHECKED]


def test_a_result_that_names_no_rule_set_or_cannot_be_computed_differs() -> None:
    assert statuses([replace(entry, ruleset=None) for entry in records()]) == [DIFFERS, DIFFERS]
    facts = records()
    facts[0] = replace(facts[0], payload=facts[0].payload | {"form": "individual-20@8"})
    assert re_execute(facts, RULESETS.get)[0].reason.startswith("cannot be computed")


def test_an_opinion_without_an_assessment_and_an_expired_one_are_re_executed() -> None:
    none = match_opinion(RULES, None, RATING, level_ref=None, rating_ref=digest("rating"), at_ms=NOW)
    assert none["code"] == "NO_ASSESSMENT"
    assert statuses([fact("MATCH_OPINION", none, NOW, RULES.label)]) == [EQUAL]
    facts = records()
    end = NOW + RULES.assessment.validity_ms
    expired = match_opinion(
        RULES, facts[1].payload, RATING, level_ref=facts[1].ref, rating_ref=digest("rating"), at_ms=end
    )
    assert (expired["code"], expired["level_valid_to"]) == ("EXPIRED", format_time(end))
    assert statuses([*facts, fact("MATCH_OPINION", expired, end, RULES.label)]) == [EQUAL] * 3
