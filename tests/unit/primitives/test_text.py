import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidInput
from primitives.text import REFUSED_CHARACTERS, _fault, check_all_legible, check_legible


@pytest.mark.parametrize(
    "text",
    [
        "李\u3000明",  # the wide space that names are padded with
        "阿卜杜拉·买买提",
        "𠮷野家",
        "\ue000",  # private use: a rare name in the systems around a broker
        "\U000323b0",  # a character of a Unicode version later than the library's
        "مح\u200cمد",  # a joiner inside a word
        "Zoë O'Neill-Smith Jr.",
        "",
    ],
)
def test_names_are_not_refused_for_being_rare(text):
    check_legible(text, "name")


@pytest.mark.parametrize(
    ("text", "rule", "place"),
    [
        ("李\ufffd\ufffd", "replacement-character", 2),
        ("a\nb", "one-line", 2),
        ("a\u2028b", "one-line", 2),
        ("a\r", "one-line", 2),
        ("a\x00", "control-character", 2),
        ("\x1b[2J", "control-character", 1),
        ("\x7f", "control-character", 1),
        ("\ud800", "control-character", 1),
        ("price \u202e001", "hidden-character", 7),
        ("\u2066x\u2069", "hidden-character", 1),
        ("a\u200bb", "hidden-character", 2),
        ("\ufeffname", "hidden-character", 1),
        ("a\U000e0041", "hidden-character", 2),
        ("\ufdd0", "noncharacter", 1),
        ("\U0010ffff", "noncharacter", 1),
    ],
)
def test_what_cannot_be_read_as_it_is_stored_is_refused_by_rule_and_place(text, rule, place):
    with pytest.raises(InvalidInput) as caught:
        check_legible(text, "payload.name")
    assert (caught.value.field, caught.value.rule) == ("payload.name", rule)
    assert caught.value.detail.endswith(f"at character {place}")
    assert caught.value.detail.isascii()


def test_the_expression_of_what_is_refused_is_of_the_same_characters():
    refused = re.compile(REFUSED_CHARACTERS)
    codes = (code for code in range(0x110000) if not 0xD800 <= code < 0xE000)  # JSON carries no surrogate
    assert [code for code in codes if bool(refused.search(chr(code))) != (_fault(chr(code)) is not None)] == []


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": {"b": ["x", "\ufffd"]}}, "a.b[1]"),
        ({"a\x00": 1}, "key"),
        ({"a": {"\ufffd": 1}}, "a key"),
        (["\x00"], "[0]"),
    ],
)
def test_every_text_of_a_value_is_checked(value, field):
    with pytest.raises(InvalidInput) as caught:
        check_all_legible(value, "")
    assert caught.value.field == field


@given(st.text(st.characters(categories=("L", "N", "P", "M", "Co")), max_size=30))
def test_letters_digits_and_marks_pass(text):
    if "\ufffd" not in text:
        check_legible(text, "name")
