"""That a map grew by the named leaves alone: proofs made and checked, and what a forger could try."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log.tree import node_hash
from evidence.version2.map import append_proof
from evidence.version2.map.append_proof import APPEND_PROOF, AppendProof, make_append_proof, verify_append
from evidence.version2.map.label_map import Absence, LabelMap, verify_absence, verify_presence
from evidence.version2.map.nodes import EMPTY, map_leaf, subtree_hash
from evidence.version2.shapes import hashes_text
from primitives.errors import InvalidInput, VerificationFailed
from tests.properties import examples
from tests.unit.evidence.version2.test_label_map import LABELS, MAPS, load, slow_root, without

ROOTS, BITS = ("old", "new"), range(0, 256, 5)


def flip(word, bit):
    return (int.from_bytes(word) ^ 1 << bit).to_bytes(32)


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).digest()


def grown(old, added, seed=0):
    """Return a map of random labels and the proof of the step to one with more."""
    before = LabelMap().insert({digest(seed, "old", n): digest("entry", n) for n in range(old)})
    return before, make_append_proof(before.top, {digest(seed, "new", n): digest("more", n) for n in range(added)})


@given(MAPS, MAPS)
def test_growth_is_proved_and_the_proof_travels(entries, more):
    more = without(entries, more)
    before = LabelMap().insert(entries)
    proof = make_append_proof(before.top, more)
    assert APPEND_PROOF.read(json.loads(json.dumps(proof.to_json())), "proof") == proof
    assert dict(proof.leaves) == more
    assert verify_append(before.root, proof) == before.insert(more).root


@given(MAPS, MAPS, LABELS)
def test_whatever_was_there_is_still_there(entries, more, stranger):
    more = without(entries, more)
    before = LabelMap().insert(entries)
    after = before.insert(more)
    assert verify_append(before.root, make_append_proof(before.top, more)) == after.root
    for label, entry in {**entries, **more}.items():
        verify_presence(after.root, label, entry, after.prove(label).path)
    if stranger not in entries and stranger not in more:
        verify_absence(after.root, stranger, after.prove(stranger))


def variants(proof):
    """Return every proof that differs in one bit of a hash, or in one place of a list: left out, doubled, swapped."""
    found = [dataclasses.replace(proof, **{name: flip(getattr(proof, name), bit)}) for name in ROOTS for bit in BITS]
    flat = [word for leaf in proof.leaves for word in leaf]
    for index, word in enumerate(flat):
        for bit in BITS:
            other = [*flat[:index], flip(word, bit), *flat[index + 1 :]]
            found.append(dataclasses.replace(proof, leaves=tuple(zip(other[::2], other[1::2], strict=True))))
    for index, word in enumerate(proof.hashes):
        for bit in BITS:
            other = (*proof.hashes[:index], flip(word, bit), *proof.hashes[index + 1 :])
            found.append(dataclasses.replace(proof, hashes=other))
    for name in ("leaves", "walk", "hashes"):
        value = getattr(proof, name)
        for at in range(len(value)):
            doubled, swapped = value[: at + 1] + value[at:], value[:at] + value[at : at + 2][::-1] + value[at + 2 :]
            for other in (value[:at] + value[at + 1 :], doubled, swapped):
                found.append(dataclasses.replace(proof, **{name: other}))
    for at in range(len(proof.walk)):
        found += [dataclasses.replace(proof, walk=proof.walk[:at] + step + proof.walk[at + 1 :]) for step in "01hl"]
    return [other for other in found if other != proof]


@pytest.mark.parametrize(("old", "added"), [(0, 1), (0, 3), (1, 1), (2, 1), (9, 4), (40, 3)])
def test_every_single_change_is_refused(old, added):
    before, proof = grown(old, added)
    assert verify_append(before.root, proof) == proof.new
    changed = variants(proof)
    assert len(changed) > 4 * len(BITS)
    for other in changed:
        with pytest.raises(VerificationFailed, match="append-proof"):
            verify_append(before.root, other)


@examples(25)
@given(st.integers(0, 30), st.integers(1, 6), st.integers(0, 1000))
def test_every_single_change_of_any_proof_is_refused(old, added, seed):
    before, proof = grown(old, added, seed)
    for other in variants(proof)[seed % 7 :: 7]:
        with pytest.raises(VerificationFailed, match="append-proof"):
            verify_append(before.root, other)


def test_the_same_leaf_shown_as_a_hash_would_lose_it():
    """The forger's map puts an old leaf on a wrong path, where nobody who asks for its label comes by.

    `lost` is alone in the old map; `added` begins as it does, so that both belong on the left. The forger leaves
    `added` there alone and puts `lost` on the right: then the absence of `lost` verifies. A proof that may show the
    displaced leaf as a hash would let that pass; here its label says where it goes.
    """
    lost, added = b"\x00" * 32, b"\x40" + b"\x00" * 31
    before = LabelMap().insert({lost: b"a" * 32})
    forged_root = node_hash(map_leaf(added, b"b" * 32).hash, before.root)
    verify_absence(forged_root, lost, Absence((before.root,), (added, b"b" * 32)))  # the history is gone

    honest = make_append_proof(before.top, {added: b"b" * 32})
    assert honest.new == before.insert({added: b"b" * 32}).root != forged_root
    whole, hashed, elsewhere = (lost, b"a" * 32), (before.root,), (b"\x80" + b"\x00" * 31, b"a" * 32)
    tries = [("l", whole), ("l", elsewhere), ("h", hashed), ("10h", hashed), ("10l", whole), ("1l0", whole)]
    for walk, shown in [*tries, ("101h0", hashed), ("0", ()), ("", ())]:
        with pytest.raises(VerificationFailed, match="append-proof"):
            verify_append(before.root, AppendProof(before.root, forged_root, honest.leaves, walk, shown))


def test_a_leaf_that_is_there_cannot_be_added_again():
    before = LabelMap().insert({bytes(32): b"a" * 32, b"\xff" * 32: b"b" * 32})
    with pytest.raises(InvalidInput) as caught:
        make_append_proof(before.top, {bytes(32): b"c" * 32})
    assert caught.value.rule == "unique"
    beside = before.top.side_hash(1)
    shown = (bytes(32), b"a" * 32, beside)
    for new in (before.root, node_hash(map_leaf(bytes(32), b"c" * 32).hash, beside)):
        with pytest.raises(VerificationFailed, match="in the map already"):
            verify_append(before.root, AppendProof(before.root, new, ((bytes(32), b"c" * 32),), "1lh", shown))


def refuse(old, new, added, walk, *shown):
    with pytest.raises(VerificationFailed, match="append-proof"):
        verify_append(old, AppendProof(old, new, tuple(added.items()), walk, shown))


def test_leaves_that_are_named_are_added():
    before, proof = grown(9, 1)
    refuse(before.root, before.root, dict(proof.leaves), "h", before.root)
    left, right = before.top.side_hash(0), before.top.side_hash(1)
    refuse(before.root, before.root, dict(proof.leaves), "1hh", left, right)


def test_a_map_has_one_proof():
    """What is empty is not shown as a hash, and what is untouched not as its two sides."""
    left, right, added = b"\x10" * 32, b"\x30" * 32, {b"\x90" * 32: EMPTY}  # both begin with 00, the added one with 1
    before = LabelMap().insert({left: EMPTY, right: EMPTY})
    proof = make_append_proof(before.top, added)
    assert (proof.walk, proof.hashes) == ("1h0", (before.top.side_hash(0),))
    pair = before.top.side(0)
    refuse(before.root, proof.new, added, "11h00", pair.side_hash(0))
    added = {b"\x40" * 32: EMPTY}
    proof = make_append_proof(before.top, added)
    assert proof.walk == "11h00"
    assert verify_append(before.root, proof) == before.insert(added).root
    refuse(before.root, proof.new, added, "11h0h", *proof.hashes, EMPTY)


def test_an_old_map_with_a_leaf_on_a_wrong_path_does_not_grow_from_there():
    astray, beside = map_leaf(b"\x80" + bytes(31), EMPTY), map_leaf(b"\xc0" + bytes(31), EMPTY)
    old = node_hash(astray.hash, beside.hash)
    added = map_leaf(bytes(32), EMPTY)
    for left in (subtree_hash([added, astray], 1), node_hash(added.hash, astray.hash), astray.hash, added.hash):
        shown = (astray.label, astray.entry, beside.hash)
        refuse(old, node_hash(left, beside.hash), {added.label: EMPTY}, "1lh", *shown)


def test_a_proof_of_another_map_is_refused():
    _, proof = grown(5, 2)
    with pytest.raises(VerificationFailed, match="another map"):
        verify_append(EMPTY, proof)


def test_nothing_added_is_one_step():
    before, _ = grown(7, 0)
    proof = make_append_proof(before.top, {})
    assert (proof.walk, proof.hashes) == ("h", (before.root,))
    assert verify_append(before.root, proof) == before.root
    assert verify_append(EMPTY, make_append_proof(None, {})) == EMPTY


def test_hostile_labels_and_steps_exhaust_nothing():
    """Labels that share every bit but the last, the deepest chain there is, and a walk that never comes to an end."""
    chain = {(1 << bit).to_bytes(32): bytes(32) for bit in range(256)}
    before = LabelMap().insert({bytes(32): bytes(32)})
    proof = make_append_proof(before.top, chain)
    assert verify_append(before.root, proof) == before.insert(chain).root
    endless = AppendProof(EMPTY, EMPTY, ((bytes(32), bytes(32)),), "1" * 5000, ())
    with pytest.raises(VerificationFailed, match="append-proof"):
        verify_append(EMPTY, endless)


def test_nodes_that_contradict_each_other_are_noticed():
    before = LabelMap().insert({digest(n): digest(n) for n in range(3)})
    damaged = before.top._replace(hash=bytes(31) + b"\1")
    with pytest.raises(VerificationFailed, match="not the hash of its two sides"):
        make_append_proof(damaged, {digest("new"): bytes(32)})


NONE = {"old": "00" * 32, "new": "00" * 32, "leaves": "", "walk": "", "hashes": ""}


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"old": "00"}, "proof.old", "length"),
        ({"leaves": []}, "proof.leaves", "text"),
        ({"leaves": hashes_text([EMPTY] * 3)}, "proof.leaves", "length"),
        ({"leaves": hashes_text([b"shorter"])}, "proof.leaves", "length"),
        ({"leaves": hashes_text([EMPTY] * (2 * append_proof.MAX_LEAVES + 1))}, "proof.leaves", "length"),
        ({"walk": "2"}, "proof.walk", "pattern"),
        ({"walk": ["0"]}, "proof.walk", "text"),
        ({"walk": "0" * (append_proof.MAX_STEPS + 1)}, "proof.walk", "length"),
        ({"hashes": "A" * 43 + "="}, "proof.hashes", "base64"),
        ({"more": 1}, "proof.more", "unknown-member"),
    ],
)
def test_malformed_proofs_are_refused(change, field, rule):
    with pytest.raises(InvalidInput) as caught:
        APPEND_PROOF.read(NONE | change, "proof")
    assert (caught.value.field, caught.value.rule) == (field, rule)


def slow_walk(steps, shown, added, depth=0):
    """The old and the new leaves of the subtree at a place, or the hash of an untouched one, as section 6.1 says."""
    step = next(steps)
    if step == "1":
        sides = [{k: v for k, v in added.items() if int.from_bytes(k) >> (255 - depth) & 1 == side} for side in (0, 1)]
        left, right = (slow_walk(steps, shown, side, depth + 1) for side in sides)
        return tuple(hashlib.sha256(b"\1" + left[at] + right[at]).digest() for at in (0, 1))
    old = {next(shown): next(shown)} if step == "l" else {}
    if step == "h":
        return (next(shown),) * 2
    return slow_root(old, depth), slow_root({**old, **added}, depth)


def test_the_worked_proof_follows_from_the_page_alone():
    document, before = load("append-proof")["proof"], load("label-map")
    joined = base64.urlsafe_b64decode(document["leaves"] + "==")
    words = [joined[at : at + 32] for at in range(0, len(joined), 32)]
    shown = base64.urlsafe_b64decode(document["hashes"] + "==")
    hashes = iter([shown[at : at + 32] for at in range(0, len(shown), 32)])
    added = dict(zip(words[::2], words[1::2], strict=True))
    old, new = slow_walk(iter(document["walk"]), hashes, added)
    assert (old.hex(), new.hex()) == (document["old"], document["new"])
    leaves = {bytes.fromhex(label): bytes.fromhex(entry) for label, entry in before["leaves"]}
    assert (old.hex(), new) == (before["root"], slow_root({**leaves, **added}))
