"""Both encoders write the same, and refuse the same."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives import json_text as module
from primitives.json_text import json_bytes, json_text, sorted_json_bytes

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text('\x00\x1f\x7f"\\/\n\u2028', max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e15, 1e15).filter(lambda x: abs(x) > 1e-4) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Colour(IntEnum):
    RED = 1


@dataclass
class Point:
    x: int = 0


@pytest.fixture(params=["what is installed", "the standard library"], autouse=True)
def encoder(request, monkeypatch):
    if request.param == "the standard library":
        monkeypatch.setattr(module, "_FAST", None)


@given(VALUES)
def test_it_is_what_the_standard_library_writes(value):
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    assert json_bytes(value) == json.dumps(value, **compact).encode()
    assert json_text(value) == json.dumps(value, **compact)
    assert sorted_json_bytes(value) == json.dumps(value, sort_keys=True, **compact).encode()


@pytest.mark.parametrize("value", [Colour.RED, [Colour.RED], {1: "one"}, 2**70], ids=repr)
def test_so_it_is_of_what_orjson_does_not_take(value):
    assert json_bytes(value) == json.dumps(value, separators=(",", ":")).encode()


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, datetime(2026, 1, 1, tzinfo=UTC), Point()], ids=repr)
def test_what_is_no_json_is_a_type_error(value):
    for write in (json_bytes, json_text, sorted_json_bytes):
        with pytest.raises(TypeError, match="not JSON serializable"):
            write([value])


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}], ids=repr)
def test_a_lone_surrogate_has_no_utf_8(value):
    for write in (json_bytes, sorted_json_bytes):
        with pytest.raises(UnicodeEncodeError):
            write(value)
