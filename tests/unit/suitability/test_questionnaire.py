"""Scoring: the published scores, the bounds, the overrides, and answers that are wrong."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.canonical import canonical_json
from primitives.errors import InvalidInput
from suitability.questionnaire import Questionnaire, Screen, packaged_questionnaires, score
from suitability.ruleset import packaged_rulesets

FORM = "individual-20@1"
RULES = packaged_rulesets()["sac-bands@1"]
PAPER = packaged_questionnaires()[FORM]
ADULT = Screen(age=40, incapacity=False, no_loss=None)
PUBLISHED = {
    "finance": [[3, 2, 1, 1, 0], [1, 3, 4, 5, 6], [3, 2, 1, 0], [0, 1, 2, 3]],
    "knowledge": [[5, 5, 5, 0]],
    "experience": [[1, 2, 3, 5], [1, 2, 3, 4], [1, 3, 4, 6], [0, 1, 2, 4, 6], [1, 2, 3, 4, 0]],
    "goal": [[1, 3, 5], [2, 4, 5, 6, 6], [0, 1, 3, 5, 6]],
    "preference": [[0, 2, 3, 4], [0, 2, 4, 6], [7, 5, 4, 3, 1]],
    "other": [[5, 7, 3, 2, 0], [5, 3, 1], [1, 2, 4, 5], [4, 3, 2, 1, 0]],
}


def pick(best: bool) -> dict[str, list[str]]:
    choose = max if best else min
    return {item.id: [choose(item.options, key=lambda option: item.options[option])] for item in PAPER.items}


def single(option: str) -> dict[str, list[str]]:
    return {item.id: [option if option in item.options else "A"] for item in PAPER.items}


answers = st.fixed_dictionaries(
    {
        item.id: st.lists(
            st.sampled_from(sorted(item.options)), min_size=1, max_size=len(item.options), unique=True
        ).map(sorted)
        if item.multi
        else st.sampled_from(sorted(item.options)).map(lambda option: [option])
        for item in PAPER.items
    }
)


def test_scores_are_the_published_ones() -> None:
    found: dict[str, list[list[int]]] = {}
    for item in PAPER.items:
        found.setdefault(item.dimension, []).append(list(item.options.values()))
    assert found == PUBLISHED
    assert [item.id for item in PAPER.items] == [f"Q{number}" for number in range(1, 21)]
    assert {item.id for item in PAPER.items if item.multi} == {"Q9", "Q12"}


def test_worked_vectors() -> None:
    lowest, highest, second = (score(RULES, FORM, a, ADULT) for a in (pick(best=False), pick(best=True), single("B")))
    assert (lowest.total, lowest.level) == (10, "C1")
    assert (highest.total, highest.level) == (100, "C5")
    assert dict(highest.dims) == {n: d["max"] for n, d in PAPER.document["dimensions"].items()}
    assert dict(second.dims) == {
        "finance": 8,
        "knowledge": 5,
        "experience": 10,
        "goal": 8,
        "preference": 9,
        "other": 15,
    }
    assert (second.total, second.level, second.horizon, second.types) == (55, "C4", "5Y", ("T1", "T2"))


def test_a_multi_item_counts_its_highest_option() -> None:
    base = single("A")
    more = score(RULES, FORM, base | {"Q9": ["A", "B", "E"]}, ADULT)
    assert more.total == score(RULES, FORM, base | {"Q9": ["E"]}, ADULT).total


@given(answers)
def test_totals_stay_within_bounds_and_add_up(chosen: dict[str, list[str]]) -> None:
    result = score(RULES, FORM, chosen, ADULT)
    assert 10 <= result.total <= 100
    assert result.total == sum(result.dims.values())
    assert result.level == RULES.level_of(result.total)
    assert score(RULES, FORM, chosen, ADULT) == result


def test_the_minimum_class() -> None:
    lowest = pick(best=False)
    assert score(RULES, FORM, lowest, ADULT).checks == ("MIN_CLASS_SCREEN_OWED",)
    unwilling = score(RULES, FORM, lowest, Screen(40, incapacity=False, no_loss=True))
    assert (unwilling.level, unwilling.overrides) == ("C1-min", ("MIN_CLASS_NO_LOSS",))
    willing = score(RULES, FORM, lowest, Screen(40, incapacity=False, no_loss=False))
    assert (willing.level, willing.overrides, willing.checks) == ("C1", (), ())
    higher = score(RULES, FORM, single("B"), Screen(40, incapacity=False, no_loss=True))
    assert (higher.level, higher.overrides) == ("C4", ())
    minor = score(RULES, FORM, pick(best=True), Screen(17, incapacity=True, no_loss=None))
    assert (minor.level, minor.overrides) == ("C1-min", ("MIN_CLASS_AGE", "MIN_CLASS_INCAPACITY"))
    assert score(RULES, FORM, pick(best=True), Screen(18, incapacity=False, no_loss=None)).level == "C5"


def test_a_hurried_client_is_logged() -> None:
    assert score(RULES, FORM, single("B"), ADULT, duration_ms=59_999).checks == ("ANSWERED_TOO_FAST",)
    assert score(RULES, FORM, single("B"), ADULT, duration_ms=60_000).checks == ()


def test_the_engine_digest_pins_the_rule_set() -> None:
    digests = {score(ruleset, FORM, single("B"), ADULT).engine_digest for ruleset in packaged_rulesets().values()}
    assert len(digests) == len(packaged_rulesets())


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"Q3": ["E"]}, "answers.Q3[0]", "one-of"),
        ({"Q3": []}, "answers.Q3", "length"),
        ({"Q3": ["A", "B"]}, "answers.Q3", "single-choice"),
        ({"Q3": "A"}, "answers.Q3", "list"),
        ({"Q3": [1]}, "answers.Q3[0]", "one-of"),
        ({"Q9": ["B", "A"]}, "answers.Q9", "order"),
        ({"Q9": ["B", "B"]}, "answers.Q9", "unique"),
        ({"Q21": ["A"]}, "answers.Q21", "unknown-member"),
    ],
)
def test_wrong_answers_name_item_and_rule(changes: dict, field: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        score(RULES, FORM, single("A") | changes, ADULT)
    assert (raised.value.field, raised.value.rule) == (field, rule)


def test_missing_answers_and_unknown_versions() -> None:
    missing = single("A")
    del missing["Q7"]
    for form, chosen, rule in (
        (FORM, missing, "required"),
        (FORM, [], "object"),
        ("individual-20@2", single("A"), "questionnaire-version"),
    ):
        with pytest.raises(InvalidInput) as raised:
            score(RULES, form, chosen, ADULT)
        assert raised.value.rule == rule


def break_max(document: dict) -> None:
    document["dimensions"]["goal"]["max"] = 18


def break_total(document: dict) -> None:
    document["total"]["min"] = 11


def break_dimension(document: dict) -> None:
    document["items"][0]["dimension"] = "luck"


def break_item(document: dict) -> None:
    document["items"][1]["id"] = "Q1"


def break_option(document: dict) -> None:
    document["items"][0]["options"][1]["id"] = "A"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (break_max, "sum"),
        (break_total, "sum"),
        (break_dimension, "one-of"),
        (break_item, "unique"),
        (break_option, "unique"),
    ],
)
def test_a_questionnaire_that_does_not_add_up(change, rule: str) -> None:
    document = copy.deepcopy(dict(PAPER.document))
    change(document)
    with pytest.raises(InvalidInput) as raised:
        Questionnaire.from_json(canonical_json(document))
    assert raised.value.rule == rule
