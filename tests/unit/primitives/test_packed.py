"""Packed documents: the worked ones, and any."""

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidInput
from primitives.packed import pack, unpack

VECTORS = Path(__file__).parents[2] / "vectors" / "evidence-2"
WORKED = json.loads((VECTORS / "packed.json").read_bytes())
MANY = 1 << 20


@pytest.mark.parametrize("case", WORKED["cases"], ids=lambda case: case["name"])
def test_the_worked_packings(case):
    data = bytes.fromhex(case["packed"])
    if case["rule"] is None:
        assert unpack(data, "bundle", case["limit"]).decode() == WORKED["document"]
        return
    with pytest.raises(InvalidInput) as refused:
        unpack(data, "bundle", case["limit"])
    assert (refused.value.field, refused.value.rule) == ("bundle", case["rule"])


def test_the_worked_packing_is_read():
    assert unpack(bytes.fromhex(WORKED["packed"]), "bundle", MANY).decode() == WORKED["document"]


@given(st.binary(max_size=10_000))
def test_what_was_packed_is_had_back_and_says_nothing_of_when(document):
    packed = pack(document)
    assert packed == pack(document)
    assert packed[:10].hex() == "1f8b08000000000002ff"
    assert unpack(packed, "bundle", len(document)) == document


@given(st.binary(max_size=500), st.data())
def test_no_part_of_a_packing_and_nothing_longer_is_read(document, data):
    packed = pack(document)
    shorter = packed[: data.draw(st.integers(2, len(packed) - 1))]
    longer = packed + data.draw(st.binary(min_size=1, max_size=20))
    for wrong in (shorter, longer):
        with pytest.raises(InvalidInput) as refused:
            unpack(wrong, "bundle", MANY)
        assert refused.value.rule == "gzip"


def test_of_a_bomb_no_more_is_in_memory_than_is_allowed(monkeypatch):
    """What is asked of zlib is one byte more than that, however much there is."""
    asked, made = [], zlib.decompressobj

    class Watched:
        def __init__(self, *arguments):
            self._real = made(*arguments)

        def decompress(self, data, most):
            asked.append(most)
            return self._real.decompress(data, most)

    bomb = pack(bytes(10 * MANY))
    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with pytest.raises(InvalidInput, match="unpacks to more than 1048576 bytes; ask"):
        unpack(bomb, "bundle", MANY, "; ask")
    assert asked == [MANY + 1]
