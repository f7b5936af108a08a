"""Texts that clients sign: deterministic, complete in both languages, and never interpreting a value."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.domains import Domains
from domain.texts import Document, text_digest
from primitives.errors import InvalidInput
from suitability.domain import SUITABILITY

DOMAINS = Domains(SUITABILITY)
VALUES = {"broker": "券商甲", "level": "C3", "total": 44, "valid_to": "2028", "ruleset": "sac-bands@1:00"}


@pytest.mark.parametrize("name", sorted(DOMAINS.documents))
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_template_renders_in_both_languages(name: str, lang: str) -> None:
    values = {key: f"<{key}>" for key in DOMAINS.documents[name].values}
    text = DOMAINS.document(name).render(lang, values)
    assert all(value in text for value in values.values())
    assert "{" not in text
    assert text == DOMAINS.document(name).render(lang, dict(reversed(values.items())))


def test_the_digest_is_of_the_utf8_bytes() -> None:
    text = DOMAINS.document("level-confirm@1").render("zh", VALUES)
    assert text_digest(text) == hashlib.sha256(text.encode()).hexdigest()
    assert text_digest(text) != text_digest(DOMAINS.document("level-confirm@1").render("en", VALUES))


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), min_size=1, max_size=50))
def test_a_value_is_put_in_as_it_is(value: str) -> None:
    text = DOMAINS.document("level-confirm@1").render("en", VALUES | {"broker": value})
    assert f"Broker: {value}\n" in text


def test_braces_in_a_value_are_no_placeholder() -> None:
    text = DOMAINS.document("level-confirm@1").render("en", VALUES | {"broker": "{level}{total}"})
    assert "Broker: {level}{total}\n" in text


@pytest.mark.parametrize(
    ("name", "lang", "values", "field", "rule"),
    [
        ("level-confirm@2", "zh", VALUES, "document", "document-version"),
        ("level-confirm@1", "fr", VALUES, "lang", "one-of"),
        ("level-confirm@1", "zh", VALUES | {"extra": "x"}, "values.extra", "unknown-member"),
        ("level-confirm@1", "zh", {}, "values.broker", "required"),
        ("level-confirm@1", "zh", VALUES | {"total": True}, "values.total", "text"),
        ("level-confirm@1", "zh", VALUES | {"total": 1.5}, "values.total", "text"),
        ("level-confirm@1", "zh", VALUES | {"level": "C3\nC5"}, "values.level", "control-character"),
    ],
)
def test_wrong_requests(name: str, lang: str, values: dict, field: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        DOMAINS.document(name).render(lang, values)
    assert (raised.value.field, raised.value.rule) == (field, rule)


def test_templates_by_record_type() -> None:
    assert DOMAINS.document_for("MISMATCH_INSIST").name == "mismatch-insist@1"
    with pytest.raises(InvalidInput):
        DOMAINS.document_for("ID_VERIFY")


def test_both_languages_must_use_the_same_values() -> None:
    document = {
        "format": "bonafides.document/1",
        "id": "x",
        "version": "1",
        "type": "RISK_CONFIRM",
        "values": ["broker"],
        "text": {"zh": ["{broker}"], "en": ["nothing"]},
    }
    with pytest.raises(InvalidInput) as raised:
        Document.from_template(document)
    assert raised.value.field == "text.en"
