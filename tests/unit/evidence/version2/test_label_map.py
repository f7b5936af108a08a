"""The map from label to entry against the definition of the page; presence, absence, and why a label has one entry."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.version2.map.label_map import (
    ABSENCE,
    PRESENCE,
    Absence,
    LabelMap,
    Presence,
    verify_absence,
    verify_presence,
)
from evidence.version2.map.nodes import EMPTY, map_leaves, subtree_hash
from evidence.version2.shapes import hashes_text
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors.evidence_2 import VECTORS

# few distinct beginnings and ends: shared prefixes are common, so that deep paths are met
LABELS = st.builds(
    lambda a, middle, z: bytes([a]) + middle + bytes([z]),
    st.sampled_from([0, 1, 0x80, 0xFF]),
    st.sampled_from([bytes(30), bytes(29) + b"\1"]) | st.binary(min_size=30, max_size=30),
    st.integers(0, 3),
)
ENTRIES = st.binary(min_size=32, max_size=32)
MAPS = st.dictionaries(LABELS, ENTRIES, max_size=20)


def slow_root(entries, depth=0):
    """The definition in docs/spec/evidence-2.md, section 6."""
    if not entries:
        return bytes(32)
    if len(entries) == 1:
        [(label, entry)] = entries.items()
        return hashlib.sha256(b"\0\x0fbonafides/map/2" + label + entry).digest()
    sides = [{k: v for k, v in entries.items() if int.from_bytes(k) >> (255 - depth) & 1 == side} for side in (0, 1)]
    return hashlib.sha256(b"\1" + slow_root(sides[0], depth + 1) + slow_root(sides[1], depth + 1)).digest()


def without(entries, more):
    return {label: entry for label, entry in more.items() if label not in entries}


@given(MAPS, MAPS)
def test_a_map_that_grows_is_the_definition_and_leaves_the_old_one_alone(entries, more):
    old = LabelMap().insert(entries)
    assert old.root == slow_root(entries)
    assert old.insert(without(entries, more)).root == slow_root({**more, **entries})
    assert old.root == slow_root(entries)


@given(MAPS, st.integers(0, 255))
def test_a_subtree_is_hashed_from_its_leaves_alone(entries, depth):
    label = next(iter(entries), bytes(32))
    under = {
        k: v for k, v in entries.items() if int.from_bytes(k) >> 256 - depth == int.from_bytes(label) >> 256 - depth
    }
    assert subtree_hash(map_leaves(under), depth) == slow_root(under, depth)


@given(MAPS, LABELS)
def test_presence_and_absence_verify_and_travel(entries, stranger):
    built = LabelMap().insert(entries)
    for label in [*entries, stranger]:
        proof = built.prove(label)
        if label in entries:
            assert PRESENCE.read(proof.to_json(), "proof") == proof
            verify_presence(built.root, label, entries[label], proof.path)
        else:
            assert ABSENCE.read(proof.to_json(), "proof") == proof
            verify_absence(built.root, label, proof)


@given(MAPS.filter(bool))
def test_no_other_entry_and_no_absence_can_be_proved_of_a_label_that_is_there(entries):
    built = LabelMap().insert(entries)
    label, entry = next(iter(entries.items()))
    path = built.prove(label).path
    absences = [Absence(path), Absence(path[1:]), Absence(path, (label, entry))]
    presences = [path[1:] if path else (EMPTY,), (*path, EMPTY)]
    for other, value in entries.items():
        absences.append(Absence(built.prove(other).path, (other, value)))
        if other != label:
            presences.append(built.prove(other).path)
    for lie in absences:
        with pytest.raises(VerificationFailed, match="label-map"):
            verify_absence(built.root, label, lie)
    for lie in presences:
        with pytest.raises(VerificationFailed, match="label-map"):
            verify_presence(built.root, label, entry, lie)
    with pytest.raises(VerificationFailed, match="label-map"):
        verify_presence(built.root, label, bytes(31) + b"\7", path)


@given(MAPS.filter(bool), LABELS, st.data())
def test_no_bit_of_a_proof_can_be_another_one(entries, stranger, data):
    built = LabelMap().insert(entries)
    label = data.draw(st.sampled_from([*entries, stranger]))
    proof = built.prove(label)
    ends = [] if isinstance(proof, Presence) or proof.other is None else list(proof.other)
    parts = [*proof.path, *ends]
    if not parts:
        return
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = (int.from_bytes(parts[place]) ^ 1 << bit).to_bytes(32)
    path, ends = tuple(parts[: len(proof.path)]), parts[len(proof.path) :]
    if isinstance(proof, Presence):
        with pytest.raises(VerificationFailed, match="label-map"):
            verify_presence(built.root, label, entries[label], path)
    else:
        with pytest.raises(VerificationFailed, match="label-map"):
            verify_absence(built.root, label, Absence(path, tuple(ends) or None))


def test_a_label_that_is_there_is_refused():
    label = bytes(32)
    built = LabelMap().insert({label: b"a" * 32})
    for entry in (b"a" * 32, b"b" * 32):
        with pytest.raises(InvalidInput) as caught:
            built.insert({label: entry, bytes(31) + b"\1": entry})
        assert (caught.value.field, caught.value.rule) == ("label", "unique")


def test_the_empty_map():
    assert LabelMap().root == EMPTY
    assert LabelMap().insert({}).root == EMPTY
    verify_absence(EMPTY, bytes(32), LabelMap().prove(bytes(32)))


def test_labels_that_differ_in_the_last_bit():
    a, b = bytes(32), bytes(31) + b"\1"
    built = LabelMap().insert({a: a, b: b})
    path = built.prove(b).path
    assert len(path) == 256
    verify_presence(built.root, b, b, path)
    with pytest.raises(VerificationFailed, match="longer than a label"):
        verify_presence(built.root, b, b, (*path, EMPTY))


def test_a_leaf_on_a_wrong_path_proves_no_absence():
    """A forger's tree may hold a leaf where its label does not lead: it says nothing of the labels that do."""
    lost, there = b"\x00" * 32, b"\x80" + b"\x00" * 31
    forged = Absence((), (there, b"a" * 32))
    root = LabelMap().insert({there: b"a" * 32}).root
    verify_absence(root, lost, forged)
    beside = hashlib.sha256(
        b"\1" + root + bytes(32)
    ).digest()  # `there` on the left side, where its label does not lead
    with pytest.raises(VerificationFailed, match="on this label's path"):
        verify_absence(beside, lost, Absence((bytes(32),), (there, b"a" * 32)))


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (PRESENCE, None),
        (PRESENCE, {}),
        (PRESENCE, {"path": []}),
        (PRESENCE, {"path": "AA"}),
        (PRESENCE, {"path": "A" * 42 + "B"}),  # loose bits at the end
        (PRESENCE, {"path": "A" * 43 + "="}),
        (PRESENCE, {"path": hashes_text([EMPTY] * 257)}),
        (PRESENCE, {"path": "", "other": None}),
        (ABSENCE, {"path": ""}),
        (ABSENCE, {"path": "", "other": {"label": "00" * 32}}),
        (ABSENCE, {"path": "", "other": {"label": "00" * 32, "entry": "00"}}),
        (ABSENCE, {"path": "", "other": None, "entry": None}),
    ],
)
def test_malformed_proofs_are_refused(shape, value):
    with pytest.raises(InvalidInput):
        shape.read(value, "proof")


@pytest.mark.parametrize("ask", [
    lambda: LabelMap().insert({b"short": bytes(32)}),
    lambda: LabelMap().insert({bytes(32): b"short"}),
    lambda: LabelMap().prove(b"short"),
    lambda: verify_presence(EMPTY, b"short", bytes(32), ()),
    lambda: verify_presence(EMPTY, bytes(32), b"short", ()),
    lambda: verify_absence(EMPTY, b"short", Absence(())),
])  # fmt: skip
def test_what_is_not_32_bytes_long_is_refused(ask):
    with pytest.raises(InvalidInput) as caught:
        ask()
    assert caught.value.rule == "length"


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def test_the_worked_map_follows_from_the_page_alone():
    vector = load("label-map")
    leaves = [tuple(bytes.fromhex(word) for word in leaf) for leaf in vector["leaves"]]
    assert slow_root(dict(leaves)).hex() == vector["root"]
    assert slow_root(dict(leaves[:1])).hex() == vector["root_of_the_first"]
    absence = ABSENCE.read(vector["absence"], "absence")
    verify_absence(bytes.fromhex(vector["root"]), bytes.fromhex(vector["absent_label"]), absence)
