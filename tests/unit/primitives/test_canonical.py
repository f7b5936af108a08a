"""RFC 8785: its own examples, its number table, its order of keys; and the strict reader."""

import json
import struct
import sys

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from primitives import json_text
from primitives.canonical import canonical_json, parse_json
from primitives.errors import InvalidInput

MAX_SAFE = 2**53 - 1


def test_rfc_8785_section_3_2_2_example():
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value) == expected.encode()


def test_rfc_8785_section_3_2_3_key_order_is_by_utf_16_code_units():
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    order = list(json.loads(canonical_json(value)))
    assert order == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785 appendix B, IEEE 754 doubles
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_rfc_8785_appendix_b_numbers(bits, text):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(number) == text.encode()


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        MAX_SAFE + 1,
        -MAX_SAFE - 1,
        {1: "one"},
        {"a": {2: 3}},
        "\ud800",
        {"\udfff": 1},
        b"bytes",
        {1, 2},
        object(),
    ],
)
def test_what_it_cannot_represent_is_refused(value):
    with pytest.raises(InvalidInput) as caught:
        canonical_json(value)
    assert caught.value.rule == "canonical-json"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE, MAX_SAFE) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@given(json_values)
def test_round_trip_and_idempotence(value):
    data = canonical_json(value)
    assert parse_json(data) == value
    assert canonical_json(parse_json(data)) == data


_any_text = st.text(st.characters(codec=None), max_size=8) | st.text(
    '\x00\x1f"\\\n\x7f\u2028\ud800\U0001f600', max_size=4
)
_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([MAX_SAFE, -MAX_SAFE, MAX_SAFE + 1, -MAX_SAFE - 1])
    | st.floats()
    | _any_text
    | st.binary(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(_any_text | st.integers(0, 3) | st.booleans() | st.none(), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture(params=["what is installed", "the standard library"])
def encoder(request, monkeypatch):
    """With orjson, as a node has it, and without, as a verifier may be."""
    if request.param == "the standard library":
        monkeypatch.setattr(json_text, "_FAST", None)


@pytest.mark.usefixtures("encoder")
@given(_anything)
def test_the_short_way_writes_what_the_library_writes(value):
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(InvalidInput):
            canonical_json(value)
    else:
        assert canonical_json(value) == expected


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 5)))
def test_order_of_the_input_does_not_matter(value):
    try:
        expected = canonical_json(value)
    except InvalidInput:
        return
    assert canonical_json(dict(reversed(value.items()))) == expected


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b'{"a":1,"a":2}', "duplicate-key"),
        (b'[{"a":{"b":1,"b":1}}]', "duplicate-key"),
        (b"NaN", "finite-number"),
        (b'{"a":-Infinity}', "finite-number"),
        (b"[1e400]", "finite-number"),
        (b"-1E400", "finite-number"),
        (rb'["\uD800"]', "unicode"),
        (rb'{"a\udc00":1}', "unicode"),
        (b"9007199254740992", "integer-range"),
        (b"-9007199254740992", "integer-range"),
        (b"1" * 5000, "integer-range"),
        (b"", "json"),
        (b"{", "json"),
        (b"\xff\xfe", "utf-8"),
        (b"\xef\xbb\xbf{}", "utf-8"),
        (b"{} {}", "json"),
        (b"{'a':1}", "json"),
        (b"[" * 100_000, "depth"),
        (b'{"a":' * 100_000, "depth"),
        (b"[" * 65 + b"]" * 65, "depth"),
        (b'[{"a":' * 33 + b"1" + b"}]" * 33, "depth"),
        (b'["' + rb"\"" * 1_000_000, "json"),
        (b"]" * 100, "json"),
    ],
)
def test_the_reader_is_strict(data, rule):
    with pytest.raises(InvalidInput) as caught:
        parse_json(data, field="body")
    assert (caught.value.field, caught.value.rule) == ("body", rule)


def test_the_reader_caps_its_input_before_it_parses():
    with pytest.raises(InvalidInput) as caught:
        parse_json(b" " * 11 + b"1", max_bytes=10)
    assert caught.value.rule == "max-bytes"


def test_escaped_pairs_and_floats_pass():
    assert parse_json(rb'["\ud83d\ude00","\\ud800",1.5,-2e3]') == ["\U0001f600", "\\ud800", 1.5, -2000.0]


def test_depth_is_counted_outside_strings():
    assert parse_json(b"[" * 64 + b"]" * 64)
    assert parse_json(b'["' + b"[{" * 5000 + b'"]') == ["[{" * 5000]
    assert len(parse_json(b"[" + b'{"a":[]},' * 500 + b"0]")) == 501
    assert parse_json(b'["' + b"[" * 100 + rb"\\" + b'"]') == ["[" * 100 + "\\"]


def test_deep_nesting_is_refused_whatever_the_recursion_limit():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(InvalidInput):
            parse_json(b"[" * 1_000_000)
    finally:
        sys.setrecursionlimit(limit)


def test_a_value_too_deep_to_write_is_refused():
    value = []
    for _ in range(3000):
        value = [value]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    try:
        with pytest.raises(InvalidInput) as caught:
            canonical_json(value)
    finally:
        sys.setrecursionlimit(limit)
    assert caught.value.rule == "depth"


def test_largest_integers_pass():
    assert parse_json(b"[9007199254740991,-9007199254740991]") == [MAX_SAFE, -MAX_SAFE]


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ('{"name":"客户甲"}'.encode("gbk"), "not UTF-8; is it GBK? (at byte 10)"),
        ('{"name":"甲"}'.encode("utf-16"), "not UTF-8; is it UTF-16? (at byte 1)"),
        (b'{"name":"\xff\xff"}', "not UTF-8 (at byte 10)"),
        (b"\xef\xbb\xbf{}", "starts with a byte order mark; leave it away"),
    ],
    ids=["gbk", "utf-16", "neither", "mark"],
)
def test_what_is_no_utf_8_is_told_by_what_it_may_be(data, hint):
    with pytest.raises(InvalidInput) as caught:
        parse_json(data)
    assert (caught.value.rule, caught.value.detail) == ("utf-8", hint)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"[]", 1),
        (b"[[],[],[]]", 6),
        (b'{"a":1,"b":{"c":2}}', 3),
        (b'["a,b,[{,","\\\\",",","\\\\\\""]', 4),
        (b"[1,2,3]", 3),
    ],
)
def test_more_values_than_may_be_held_are_refused_unparsed(data, count):
    assert parse_json(data, max_nodes=count) is not None
    with pytest.raises(InvalidInput) as caught:
        parse_json(data, max_nodes=count - 1)
    assert caught.value.rule == "max-nodes"


def test_millions_of_empty_lists_are_refused_at_once():
    with pytest.raises(InvalidInput) as caught:
        parse_json(b"[" + b"[]," * 1_000_000 + b"[]]")
    assert caught.value.rule == "max-nodes"
