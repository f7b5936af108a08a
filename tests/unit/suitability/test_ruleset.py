"""Rule sets: what is packaged, what the digest covers, and each way in which a document can be wrong."""

from __future__ import annotations

import copy
import hashlib

import pytest

from domain.ruleset import in_force
from primitives.canonical import canonical_json
from primitives.errors import InvalidInput
from suitability.domain import SUITABILITY
from suitability.questionnaire import packaged_questionnaires
from suitability.ruleset import RuleSet, packaged_rulesets

PACKAGED = packaged_rulesets()
SAC = PACKAGED["sac-bands@1"]


def test_the_packaged_rule_sets() -> None:
    assert set(PACKAGED) == {"sac-bands@1", "sac-bands@2", "sac-bands@3", "sac-bands@4", "demo-short-validity@1"}
    assert [(band.low, band.high) for band in SAC.bands] == [(0, 19), (20, 36), (37, 53), (54, 82), (83, 100)]
    equal = [(0, 19), (20, 39), (40, 59), (60, 79), (80, 100)]
    assert [(band.low, band.high) for band in PACKAGED["sac-bands@2"].bands] == equal
    assert SAC.assessment.validity_ms == 730 * 86_400_000
    assert PACKAGED["demo-short-validity@1"].assessment.validity_ms == 3000
    assert [ruleset.demo for ruleset in PACKAGED.values()] == [True, False, False, False, False]
    asked = {name: dict(ruleset.second_person) for name, ruleset in PACKAGED.items() if ruleset.second_person}
    two = {"BIZ_DECIDE": 1, "PRODUCT_RATE": 2, "ACCESS_LOG": 1}
    assert asked == {"sac-bands@3": two, "sac-bands@4": two}
    assert [name for name, ruleset in PACKAGED.items() if ruleset.limits_span] == ["sac-bands@4"]
    for ruleset in PACKAGED.values():
        assert ruleset.questionnaires["individual-20@1"] == packaged_questionnaires()["individual-20@1"].digest


def test_the_label_names_the_digest_of_the_canonical_bytes() -> None:
    assert SAC.digest == hashlib.sha256(canonical_json(dict(SAC.document))).hexdigest()
    assert SAC.label == f"sac-bands@1:{SAC.digest[:16]}"
    assert RuleSet.from_json(SAC.to_json()) == SAC


def test_another_effective_date_is_another_rule_set() -> None:
    later = SAC.effective(SAC.effective_from + 1)
    assert later.effective_from == SAC.effective_from + 1
    assert later.digest != SAC.digest
    assert later.bands == SAC.bands
    assert later.effective(SAC.effective_from) == SAC


def test_the_rule_set_in_force_is_the_last_to_take_effect() -> None:
    first, second = SAC.effective(1000), PACKAGED["sac-bands@2"].effective(2000)
    assert in_force([first, second], 999) is None
    assert in_force([second, first], 1999) is first
    assert in_force([second, first], 2000) is second
    tie = SAC.effective(2000)
    assert in_force([second, tie], 3000) is tie


@pytest.mark.parametrize(("total", "level"), [(0, "C1"), (19, "C1"), (20, "C2"), (36, "C2"), (37, "C3"), (83, "C5")])
def test_levels_of_totals(total: int, level: str) -> None:
    assert SAC.level_of(total) == level


def test_a_total_outside_every_band() -> None:
    with pytest.raises(InvalidInput):
        SAC.level_of(101)


@pytest.mark.parametrize(
    ("path", "value", "field", "rule"),
    [
        (["format"], "bonafides.ruleset/2", "format", "one-of"),
        (["id"], "SAC bands", "id", "pattern"),
        (["effective_from"], "2024-01-01", "effective_from", "record-time"),
        (["bands", 1, "from"], 21, "bands[1].from", "contiguous"),
        (["bands", 1, "from"], 19, "bands[1].from", "contiguous"),
        (["bands", 1, "to"], 10, "bands[1].to", "range"),
        (["bands", 1, "level"], "C3", "bands", "order"),
        (["bands", 1, "to"], 36.0, "bands[1].to", "integer"),
        (["bands", 1, "to"], True, "bands[1].to", "integer"),
        (["assessment", "validity_ms"], 0, "assessment.validity_ms", "range"),
        (["assessment", "validity_days"], 5, "assessment.validity_days", "unknown-member"),
        (["matching", "C3", "R5"], "ok", "matching.C3.R5", "monotone"),
        (["matching", "C1-min", "R2"], "warn", "matching.C1-min.R2", "min-class"),
        (["matching", "C1", "R1"], "maybe", "matching.C1.R1", "one-of"),
        (["sources"], [], "sources", "length"),
        (["questionnaires"], {"individual-20@1": "AB"}, "questionnaires.individual-20@1", "hex"),
        (["recording", "max_delay_ms", "app"], None, "recording.max_delay_ms.app", "integer"),
        (["mismatch", "max_gap"], 11, "mismatch.max_gap", "range"),
        (["title", "zh"], "", "title.zh", "length"),
        (["title", "zh"], "a\tb", "title.zh", "control-character"),
        (["demo"], 1, "demo", "boolean"),
        (["term"], [], "term", "object"),
        (["bands"], {}, "bands", "list"),
    ],
)
def test_wrong_documents_name_field_and_rule(path: list, value: object, field: str, rule: str) -> None:
    document = copy.deepcopy(dict(SAC.document))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InvalidInput) as raised:
        RuleSet.from_document(document)
    assert (raised.value.field, raised.value.rule) == (field, rule)


def test_every_part_needs_a_source_and_every_field_is_needed() -> None:
    document = copy.deepcopy(dict(SAC.document))
    document["sources"] = [source for source in document["sources"] if source["about"] != "bands"]
    with pytest.raises(InvalidInput, match="bands"):
        RuleSet.from_document(document)
    for name in SAC.document:
        with pytest.raises(InvalidInput) as raised:
            RuleSet.from_document({key: value for key, value in SAC.document.items() if key != name})
        assert (raised.value.field, raised.value.rule) == (name, "required")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"id":1,"id":2}', b" " * (256 * 1024 + 1)])
def test_bytes_that_are_no_rule_set(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        RuleSet.from_json(data)


def test_a_rule_set_asks_a_second_person_only_of_types_that_take_one() -> None:
    document = next(each for each in PACKAGED.values() if each.second_person).document
    assert SUITABILITY.read_ruleset(document).second_person
    with pytest.raises(InvalidInput) as raised:
        SUITABILITY.read_ruleset({**document, "second_person": {"Q_SUBMIT": 1}})
    assert (raised.value.field, raised.value.rule) == ("second_person key", "one-of")
