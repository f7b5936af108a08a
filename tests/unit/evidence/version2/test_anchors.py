"""The leaves of the chain's tree: bytes, strict reading, and the trees over them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log import tree
from evidence.version2.log.anchor_tree import Peaks, batch_root, peaks_of, places
from evidence.version2.log.anchors import (
    ANCHOR_BYTES,
    ANCHOR_LEAF,
    OPENING_BYTES,
    OPENING_LEAF,
    AnchorLeaf,
    OpeningLeaf,
    decode_leaf,
    head_digest,
)
from evidence.version2.log.multiproof import make_multiproof, verify_multiproof
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors.version2 import log as script

NUMBERS, HASHES = st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32)
OPENINGS = st.builds(
    OpeningLeaf,
    st.binary(min_size=20, max_size=20).map(lambda address: "0x" + address.hex()),
    NUMBERS,
    HASHES,
    NUMBERS,
    HASHES,
    NUMBERS,
    NUMBERS,
)
SIZES = st.tuples(NUMBERS, NUMBERS).map(sorted)
ANCHORS = st.builds(
    lambda seq, sizes, hashes, block, time, version: AnchorLeaf(
        seq, hashes[0], sizes[0], sizes[1], hashes[1], block, time, hashes[2], version
    ),
    st.integers(2, 2**53 - 1),
    SIZES,
    st.tuples(HASHES, HASHES, HASHES),
    NUMBERS,
    NUMBERS,
    st.integers(1, 2**53 - 1),
)


@given(st.one_of(OPENINGS, ANCHORS))
def test_a_leaf_reads_as_what_was_written(leaf):
    assert decode_leaf(leaf.encode()) == leaf
    shape = OPENING_LEAF if isinstance(leaf, OpeningLeaf) else ANCHOR_LEAF
    assert shape.read(leaf.to_json(), "leaf") == leaf
    assert leaf.hash() == hashlib.sha256(b"\0" + leaf.encode()).digest()


@given(
    st.binary(min_size=ANCHOR_BYTES, max_size=ANCHOR_BYTES) | st.binary(min_size=OPENING_BYTES, max_size=OPENING_BYTES)
)
def test_what_is_read_is_written_as_it_was(data):
    for kind in (0, 1):
        changed = bytes([kind]) + data[1:]
        try:
            leaf = decode_leaf(changed)
        except InvalidInput:
            continue
        assert leaf.encode() == changed


OPENING, ANCHOR = script.leaves()[:2]


@pytest.mark.parametrize(
    ("data", "field", "rule"),
    [
        (b"", "leaf", "constant"),
        (b"\2" + ANCHOR.encode()[1:], "leaf", "constant"),
        (ANCHOR.encode()[:-1], "leaf", "length"),
        (ANCHOR.encode() + b"\0", "leaf", "length"),
        (b"\0" + ANCHOR.encode()[1:], "leaf", "length"),
        (OPENING.encode() + b"\0", "leaf", "length"),
        (b"\0" + bytes(7) + b"\2" + OPENING.encode()[9:], "leaf.seq", "constant"),
        (b"\1" + bytes(7) + b"\1" + ANCHOR.encode()[9:], "leaf.seq", "range"),
        (b"\1\0\x20" + bytes(6) + ANCHOR.encode()[9:], "leaf.seq", "range"),
        (ANCHOR.encode()[:-8] + bytes(8), "leaf.key_version", "range"),
        (ANCHOR.encode()[:41] + bytes(6) + b"\4\0" + ANCHOR.encode()[49:], "leaf.size_after", "order"),
    ],
)
def test_other_bytes_are_no_leaf(data, field, rule):
    with pytest.raises(InvalidInput) as caught:
        decode_leaf(data)
    assert (caught.value.field, caught.value.rule) == (field, rule)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"seq": 1}, "range"),
        ({"seq": 2.0}, "integer"),
        ({"batch_root": "00"}, "length"),
        ({"size_after": 999}, "order"),
        ({"time": 2**53}, "range"),
        ({"key_version": 0}, "range"),
        ({"more": 1}, "unknown-member"),
    ],
)
def test_other_members_are_no_anchor(change, rule):
    with pytest.raises(InvalidInput) as caught:
        ANCHOR_LEAF.read(ANCHOR.to_json() | change, "anchor")
    assert caught.value.rule == rule


def test_without_the_number_an_old_head_would_pass_as_the_last():
    root = script.log_tree().root()
    assert head_digest(7, root) == hashlib.sha256(b"\2" + (7).to_bytes(8, "big") + root).digest()
    assert head_digest(6, root) != head_digest(7, root)


def leaf_hashes(count):
    return [hashlib.sha256(number.to_bytes(4)).digest() for number in range(count)]


@given(st.integers(0, 200))
def test_peaks_fold_to_the_root_and_make_each_node_once(count):
    peaks, kept = Peaks(), {}
    for hash_ in leaf_hashes(count):
        peaks, nodes = peaks.append(hash_)
        assert not kept.keys() & {place for place, _ in nodes}
        kept.update(nodes)
    whole = tree.Tree.from_leaf_hashes(leaf_hashes(count))
    assert peaks.root() == whole.root()
    assert peaks_of(count, whole.node) == peaks
    assert all(whole.node(*place) == hash_ for place, hash_ in kept.items())
    assert peaks_of(count, lambda level, position: kept[level, position]) == peaks


def test_peaks_are_as_many_as_bits():
    for size, hashes in ((3, (bytes(32),)), (4, ()), (0, (bytes(32),)), (-1, ())):
        with pytest.raises(InvalidInput):
            Peaks(size, hashes)


@pytest.mark.parametrize("age", [10, 10_000, 10_500_000, 2**40 + 12_345])
def test_what_a_proof_reads_does_not_grow_with_age(age):
    """At twenty years, one anchor a minute, and far beyond: some dozens of hashes, whatever the age."""

    def proofs(node):
        tree.inclusion_path(3, age, node)
        tree.inclusion_path(age - 1, age, node)
        tree.consistency_proof(age // 2 + 1, age, node)
        peaks_of(age, node)

    assert len(places(proofs)) <= 4 * age.bit_length()


def test_a_batch_has_the_root_of_its_entries_in_their_order():
    one, two = script.entries_of(2)
    assert batch_root([]) == hashlib.sha256().digest()
    assert batch_root([one, two]) == tree.node_hash(tree.leaf_hash(one), tree.leaf_hash(two))
    assert batch_root([one, two]) != batch_root([two, one])


CHOSEN = st.integers(1, 150).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1), min_size=1))
)


@given(CHOSEN)
def test_one_proof_for_several_leaves(drawn):
    size, indices = drawn
    hashes = leaf_hashes(size)
    whole = tree.Tree.from_leaf_hashes(hashes)
    proof = make_multiproof(indices, size, whole.node)
    chosen = {index: hashes[index] for index in indices}
    verify_multiproof(chosen, size, proof, whole.root())
    assert len(proof) <= sum(len(whole.inclusion(index, size)) for index in indices)
    if len(indices) == 1:
        assert sorted(proof) == sorted(whole.inclusion(*indices, size))
    if len(indices) == size:
        assert proof == []


def test_a_multiproof_is_bent_in_no_way():
    hashes = leaf_hashes(13)
    whole = tree.Tree.from_leaf_hashes(hashes)
    proof = make_multiproof([2, 3, 11], 13, whole.node)
    chosen = {index: hashes[index] for index in (2, 3, 11)}
    verify_multiproof(chosen, 13, proof, whole.root())
    cheats = [
        ({}, 13, proof),
        ({13: hashes[2]}, 13, proof),
        ({-1: hashes[2]}, 13, proof),
        (chosen | {4: hashes[4]}, 13, proof),
        ({2: hashes[2], 3: hashes[3]}, 13, proof),
        (chosen | {11: hashes[12]}, 13, proof),
        ({2: hashes[3], 3: hashes[2], 11: hashes[11]}, 13, proof),
        (chosen, 12, proof),
        (chosen, 17, proof),
        (chosen, 13, proof[:-1]),
        (chosen, 13, [*proof, bytes(32)]),
        (chosen, 13, proof[::-1]),
        *((chosen, 13, [*proof[:at], bytes(32), *proof[at + 1 :]]) for at in range(len(proof))),
    ]
    for leaves, size, hashes_shown in cheats:
        with pytest.raises(VerificationFailed, match="inclusion"):
            verify_multiproof(leaves, size, hashes_shown, whole.root())
    for indices in ([], [13], [-1, 2]):
        with pytest.raises(InvalidInput):
            make_multiproof(indices, 13, whole.node)


def test_two_hundred_anchors_of_twenty_years_cost_few_hashes_each():
    age = 10_500_000
    spread = [age // 200 * number + 17 for number in range(200)]
    alone = sum(age.bit_length() for _ in spread)
    assert len(make_multiproof(spread, age, lambda level, position: bytes(32))) < alone * 0.75
