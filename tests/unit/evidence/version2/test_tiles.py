"""C2SP tlog-tiles: the examples of the specification, one spelling a path, and a log read back from its tiles."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log import tree
from evidence.version2.log.anchor_tree import peaks_of
from evidence.version2.log.tiles import (
    MAX_ENTRY_BYTES,
    Tile,
    decode_entries,
    encode_entries,
    full_tile,
    nodes_of_tiles,
    parse_tile_path,
    read_tile,
    render_tile,
    tiles_between,
)
from primitives.errors import InvalidInput


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(3, 999, 1), "tile/3/999.p/1"),
        (Tile(63, 1000, 255), "tile/63/x001/000.p/255"),
        (Tile(None, 19, 112), "tile/entries/019.p/112"),
        (Tile(None, 1_000_000), "tile/entries/x001/x000/000"),
    ],
)
def test_a_path_is_written_and_read(tile, path):
    assert tile.path() == path
    assert parse_tile_path(path) == tile


@given(st.none() | st.integers(0, 63), st.integers(0, 2**45), st.integers(1, 256))
def test_every_tile_has_one_path(level, index, width):
    tile = Tile(level, index, width)
    assert parse_tile_path(tile.path()) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/999/000",
        "tile/٠/000",
        "tile/0/٠٠٠",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000\n",
        "tile/0/000/",
        "/tile/0/000",
        "tile/8/0/000",
        "tile/data/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1\n",
        "tile/0/000.p/5_0",
        "tile/0/../../000",
        "tile/0/" + "x001/" * 6 + "000",
    ],
)
def test_another_spelling_is_no_path(path):
    with pytest.raises(InvalidInput):
        parse_tile_path(path)


def widths(size):
    return {(tile.level, tile.width): tile for tile in tiles_between(0, size)}


def test_the_examples_of_the_specification():
    """A tree of 70,000: 273 full tiles and 112 more; 1 and 17 above; 1 on top. 256 has a tile of width 1 above."""
    found = list(tiles_between(0, 70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in found) == 273
    assert [tile for tile in found if tile.level is not None and tile.width < 256] == [
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert list(tiles_between(0, 256)) == [Tile(None, 0), Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_between(0, 0)) == []
    assert list(tiles_between(5, 5)) == []
    assert list(tiles_between(0, 1)) == [Tile(None, 0, 1), Tile(0, 0, 1)]


@given(st.integers(0, 2**30), st.integers(0, 2000))
def test_what_a_growth_publishes_is_what_was_not_there(old, more):
    new = old + more
    for tile in tiles_between(old, new):
        assert tile.is_in(new)
        assert not tile.is_in(old)
        assert not Tile(tile.level, tile.index, tile.width + 1).is_in(new) or tile.width == 256


def test_publishing_one_more_anchor_costs_the_same_at_any_age():
    for age in (10, 10_500_000, 2**50):
        assert len(list(tiles_between(age, age + 1))) <= 2 + (age.bit_length() + 7) // 8


def whole_tree(size):
    return tree.Tree.from_leaf_hashes(hashlib.sha256(number.to_bytes(4)).digest() for number in range(size))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 700, 65_536, 66_000])
def test_a_tree_is_read_back_from_its_tiles(size):
    whole = whole_tree(size)
    files = {tile.path(): render_tile(tile, whole.node) for tile in tiles_between(0, size)}
    node = nodes_of_tiles(size, lambda tile: files[tile.path()])
    assert peaks_of(size, node).root() == whole.root()
    for index in {0, size // 2, size - 1}:
        assert tree.inclusion_path(index, size, node) == whole.inclusion(index, size)
        assert tree.consistency_proof(index, size, node) == whole.consistency(index, size)
    with pytest.raises(InvalidInput):
        node(0, size)


def test_a_full_tile_takes_the_place_of_a_partial_one_that_is_gone():
    whole = whole_tree(300)
    partial = Tile(0, 0, 44)
    full = render_tile(full_tile(partial), whole.node)
    assert read_tile(partial, full) == read_tile(partial, render_tile(partial, whole.node))
    entries = [bytes([place]) for place in range(256)]
    assert decode_entries(Tile(None, 0, 44), encode_entries(entries)) == entries[:44]


@pytest.mark.parametrize("cut", [1, 31, 32, -32])
def test_a_tile_of_another_length_is_none(cut):
    data = bytes(32 * 44)
    with pytest.raises(InvalidInput):
        read_tile(Tile(0, 0, 44), data[:-cut] if cut > 0 else data + bytes(-cut))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_a_bundle_reads_as_what_was_written(entries):
    assert decode_entries(Tile(None, 0, len(entries)), encode_entries(entries)) == entries


def test_a_bundles_lengths_are_two_bytes_each():
    assert encode_entries([b"", b"ab"]) == b"\0\0\0\2ab"
    long = bytes(MAX_ENTRY_BYTES)
    assert decode_entries(Tile(None, 0, 1), encode_entries([long])) == [long]
    with pytest.raises(InvalidInput) as caught:
        encode_entries([long + b"\0"])
    assert caught.value.rule == "length"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"\0", "truncated"),
        (b"\0\2a", "truncated"),
        (b"\0\1a\0", "truncated"),
        (b"", "length"),
        (b"\0\0\0\0", "length"),
    ],
)
def test_another_bundle_is_none(data, rule):
    with pytest.raises(InvalidInput) as caught:
        decode_entries(Tile(None, 0, 1), data)
    assert caught.value.rule == rule
