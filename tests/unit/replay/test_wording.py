"""Every field, code, rule and sentence that a report may show has words in both languages, and none is left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from primitives.shapes import Cases, Fields, ListOf, MapOf, Named, Noted, Nullable, OneOf, Then
from primitives.shapes.compounds import AnyOf
from replay.installed import INSTALLED
from replay.reasons import in_chinese
from suitability.questionnaire import packaged_questionnaires
from suitability.wording import VOCABULARY
from tests import tree

ROOT = Path(__file__).parents[3]
SOURCES = [name for name in tree.names(".py") if name.startswith(("suitability/records/", "suitability/rules/"))]
PLACE = re.compile(r"\{\d\}")


def walk(shape, name):
    """Every (name of a field, shape) inside a shape."""
    yield name, shape
    if isinstance(shape, Fields):
        for inner, one in {**shape.required, **shape.optional}.items():
            yield from walk(one, inner)
    elif isinstance(shape, MapOf | Nullable | ListOf | Then | Noted | Named):
        yield from walk(shape.inner, name)
    elif isinstance(shape, AnyOf):
        for one in shape.choices:
            yield from walk(one, name)
    else:
        assert not isinstance(shape, Cases), "walk it, too"


def shown():
    """Every field of every payload, with the shapes that it has."""
    for entry in INSTALLED.types.values():
        for name, shape in {**entry.fields, **entry.optional}.items():
            yield from walk(shape, name)


def dimensions():
    return {name for one in packaged_questionnaires().values() for name in one.dimensions}


def test_every_field_has_a_name_and_no_name_is_left_over():
    names = {name for name, _ in shown()} | dimensions()
    assert names == VOCABULARY.fields.keys()


def test_every_code_of_a_closed_list_has_words():
    for name, shape in shown():
        if isinstance(shape, OneOf):
            assert name in VOCABULARY.coded, name
            assert set(shape.choices) <= VOCABULARY.values.keys(), name


def test_every_field_that_is_called_coded_is_one():
    assert VOCABULARY.coded | VOCABULARY.seen <= VOCABULARY.fields.keys()


def rules():
    """The name of every rule that a source gives a finding."""
    for name in SOURCES:
        text = (ROOT / name).read_text("utf-8")
        yield from re.findall(r'Finding\(\s*"[A-Z_]+",\s*"([a-z.\d-]+)"', text)
        yield from re.findall(r'late\(\s*"([a-z.\d-]+)"', text)
        yield from re.findall(r'HANDLED_BEFORE = \("([a-z.\d-]+)"', text)
        yield from re.findall(r'_missing\(.*"([a-z.\d-]+)"\)', text)


def test_every_rule_says_what_it_demands_and_of_which_records():
    found = set(rules())
    assert len(found) > 40
    platform = {"ruleset.in-force", "opinion.rating", "rating.subject", "questionnaire-version"}
    assert found | platform == VOCABULARY.duties.keys()
    for duty in VOCABULARY.duties.values():
        assert set(duty.types) <= INSTALLED.types.keys()


@pytest.mark.parametrize("words", VOCABULARY.sentences, ids=lambda words: words.en)
def test_a_sentence_keeps_its_values(words):
    places = PLACE.findall(words.en)
    assert sorted(PLACE.findall(words.zh)) == places
    values = [f"<{number}>" for number in range(len(places))]
    assert in_chinese(words.en.format(*values)) == words.zh.format(*values)


def details():
    """What a source says in the third place of a finding, with {} for its values."""
    for name in SOURCES:
        text = (ROOT / name).read_text("utf-8")
        for form, said in re.findall(r'Finding\(\s*"[A-Z_]+",\s*"[a-z.\d-]+",\s*(f?)"([^"]+)"', text):
            yield re.sub(r"\{[^}]*\}", "{}", said) if form else said


def test_every_detail_of_a_finding_has_words_in_chinese():
    known = {PLACE.sub("{}", words.en) for words in VOCABULARY.sentences}
    composed = {"{} bears {} of {} signatures of the staff"}  # of two things, which are said whole
    found = set(details())
    assert len(found) > 40
    assert found - composed <= known


@pytest.mark.parametrize(
    ("said", "chinese"),
    [
        ("re-execution differs in level, total", "重新执行在以下字段不同：等级、总分"),
        ("RISK_MISMATCH, and no warning before", "意见为“风险等级不匹配”，而此前没有警示"),
        ("BIZ_DECIDE", "业务办理决定"),
        ("P-1", "P-1"),
    ],
)
def test_codes_and_fields_inside_a_sentence_are_named(said, chinese):
    assert in_chinese(said) == chinese
