"""RFC 9162 trees against the RFC's recursive definition, and every way to bend a proof."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log import tree as log
from primitives.errors import InvalidInput, VerificationFailed


def entries(count):
    return [hashlib.sha256(number.to_bytes(4)).digest() for number in range(count)]


def mth(leaves):
    """RFC 9162 section 2.1.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def test_roots_equal_the_definition_at_every_size():
    data = entries(70)
    tree = log.Tree()
    for index, entry in enumerate(data):
        assert tree.append(entry) == index
        assert tree.root() == mth(data[: index + 1])
    assert [tree.root_at(size) for size in range(71)] == [mth(data[:size]) for size in range(71)]


def test_known_roots_of_certificate_transparency():
    """The roots that RFC 6962 implementations publish for these eight leaves."""
    leaves = [
        bytes.fromhex(text)
        for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    ]
    assert log.root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert log.root(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert log.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_bulk_and_single_appends_agree():
    data = entries(1000)
    bulk, single = log.Tree(), log.Tree()
    bulk.extend(data[:333])
    bulk.extend(data[333:])
    for entry in data:
        single.append(entry)
    assert bulk.root() == single.root() == log.root(data)
    assert bulk.leaf(7) == log.leaf_hash(data[7])


@given(size=st.integers(1, 130), data=st.data())
def test_every_inclusion_path_verifies_and_only_there(size, data):
    leaves = entries(size)
    index = data.draw(st.integers(0, size - 1))
    path = log.Tree.from_leaf_hashes(map(log.leaf_hash, leaves)).inclusion(index, size)
    root = log.root(leaves)
    log.verify_inclusion(leaves[index], index, size, path, root)
    assert log.inclusion_path_length(index, size) == len(path)
    for cheat in (
        (leaves[index], index, size, [*path, root], root),
        (leaves[index], size, size, path, root),
        (leaves[index], -1, size, path, root),
        (leaves[index] + b"x", index, size, path, root),
        (leaves[index], index, size, path, b"\0" * 32),
    ):
        with pytest.raises(VerificationFailed, match="inclusion"):
            log.verify_inclusion(*cheat)
    if path:
        with pytest.raises(VerificationFailed, match="inclusion"):
            log.verify_inclusion(leaves[index], index, size, path[:-1], root)
        other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index))
        with pytest.raises(VerificationFailed, match="inclusion"):
            log.verify_inclusion(leaves[index], other, size, path, root)


@given(new=st.integers(0, 130), data=st.data())
def test_every_consistency_proof_verifies_and_a_fork_does_not(new, data):
    old = data.draw(st.integers(0, new))
    leaves = entries(new)
    proof = log.Tree.from_leaf_hashes(map(log.leaf_hash, leaves)).consistency(old, new)
    old_root, new_root = log.root(leaves[:old]), log.root(leaves)
    log.verify_consistency(old, new, proof, old_root, new_root)
    with pytest.raises(VerificationFailed, match="consistency"):
        log.verify_consistency(old, new, proof, b"\1" * 32, new_root)
    with pytest.raises(VerificationFailed, match="consistency"):
        log.verify_consistency(old, new, [*proof, b"\1" * 32], old_root, new_root)
    with pytest.raises(VerificationFailed, match="consistency"):
        log.verify_consistency(new + 1, new, proof, old_root, new_root)
    if 0 < old < new:
        for cut in range(len(proof)):
            with pytest.raises(VerificationFailed, match="consistency"):
                log.verify_consistency(old, new, proof[:cut] + proof[cut + 1 :], old_root, new_root)
        with pytest.raises(VerificationFailed, match="consistency"):
            log.verify_consistency(old, new, proof, old_root, b"\1" * 32)


def test_leaf_and_node_hashes_cannot_be_taken_for_each_other():
    left, right = entries(2)
    assert log.root([log.leaf_hash(left) + log.leaf_hash(right)]) != log.root([left, right])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3), (0, 4)])
def test_proofs_outside_the_log_are_refused(index, size):
    tree = log.Tree()
    tree.extend(entries(3))
    with pytest.raises(InvalidInput):
        tree.inclusion(index, size)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (0, 4), (-1, 3)])
def test_consistency_outside_the_log_is_refused(old, new):
    tree = log.Tree()
    tree.extend(entries(3))
    with pytest.raises(InvalidInput):
        tree.consistency(old, new)
