"""The subject map against a brute-force definition; presence, absence, and why a key has one value."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.map.subject_map import EMPTY, Entry, MapProof, SubjectMap, parse_map_proof, verify_map
from primitives.errors import InvalidInput, VerificationFailed

# few distinct first bytes: shared prefixes are common, so that deep paths are met
KEYS = st.builds(lambda a, b: bytes([a]) + b, st.sampled_from([0, 1, 0x80, 0xFF]), st.binary(min_size=31, max_size=31))
MAPS = st.dictionaries(KEYS, st.tuples(st.integers(1, 9), st.binary(min_size=32, max_size=32)), max_size=20)


def slow_root(entries, depth=0):
    """The definition in docs/spec/evidence.md, section 5."""
    if not entries:
        return bytes(32)
    if len(entries) == 1:
        [(key, (count, head))] = entries.items()
        return hashlib.sha256(b"\0bonafides/map/1" + key + count.to_bytes(8, "big") + head).digest()
    sides = [{k: v for k, v in entries.items() if int.from_bytes(k) >> (255 - depth) & 1 == side} for side in (0, 1)]
    return hashlib.sha256(b"\1" + slow_root(sides[0], depth + 1) + slow_root(sides[1], depth + 1)).digest()


@given(MAPS)
def test_root_is_the_definition_however_it_was_built(entries):
    built = SubjectMap.build(entries)
    assert built.root == slow_root(entries)
    assert SubjectMap().with_entries(dict(reversed(entries.items()))).root == built.root


@given(MAPS, MAPS)
def test_a_map_that_moves_on_is_the_definition_and_leaves_the_old_one_alone(entries, more):
    built = SubjectMap.build(entries)
    assert built.with_entries(more).root == slow_root({**entries, **more})
    assert built.root == slow_root(entries)


@given(MAPS, KEYS)
def test_presence_and_absence_verify_and_travel(entries, stranger):
    built = SubjectMap.build(entries)
    for key in [*entries, stranger]:
        proof = built.prove(key)
        assert parse_map_proof(proof.to_json(), "map") == proof
        found = verify_map(key, proof, built.root)
        assert found == (Entry(*entries[key]) if key in entries else None)


@given(MAPS.filter(bool))
def test_no_other_value_and_no_absence_can_be_proved_for_a_present_key(entries):
    """With one path, a truncated history has no proof: neither a smaller count nor an older head."""
    built = SubjectMap.build(entries)
    key, (count, head) = next(iter(entries.items()))
    path = built.prove(key).path
    lies = [
        MapProof(path, entry=Entry(count + 1, head)),
        MapProof(path, entry=Entry(count, bytes(31) + b"\7")),
        MapProof(path),
        MapProof(path[1:]),
        MapProof(path, other=(key, Entry(count, head))),
        MapProof(path[1:], entry=Entry(count, head)) if path else MapProof((EMPTY,), entry=Entry(count, head)),
    ]
    for other, value in entries.items():
        lies.append(MapProof(built.prove(other).path, other=(other, Entry(*value))))
        if other != key:
            lies.append(MapProof(built.prove(other).path, entry=Entry(count, head)))
    for lie in lies:
        with pytest.raises(VerificationFailed, match="subject-map"):
            verify_map(key, lie, built.root)


def test_updating_replaces_instead_of_adding():
    key = bytes(32)
    built = SubjectMap.build({key: (1, b"a" * 32)}).with_entries({key: (2, b"b" * 32)})
    assert built.root == SubjectMap.build({key: (2, b"b" * 32)}).root


def test_the_empty_map():
    assert SubjectMap().root == EMPTY
    assert verify_map(bytes(32), SubjectMap().prove(bytes(32)), EMPTY) is None


def test_keys_that_differ_in_the_last_bit():
    a, b = bytes(32), bytes(31) + b"\1"
    built = SubjectMap.build({a: (1, a), b: (1, b)})
    assert len(built.prove(a).path) == 256
    assert verify_map(b, built.prove(b), built.root) == Entry(1, b)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"path": []},
        {"path": "", "other": None},
        {"path": ["00"], "other": None},
        {"count": 0, "head": "00" * 32, "path": []},
        {"count": True, "head": "00" * 32, "path": []},
        {"count": 1, "head": "00" * 32, "path": ["00" * 32] * 257},
        {"count": 1, "head": "AA" * 32, "path": []},
        {"path": [], "other": {"subject": "00", "count": 1, "head": "00" * 32}},
    ],
)
def test_malformed_proofs_are_refused(value):
    with pytest.raises(InvalidInput):
        parse_map_proof(value, "map")


def test_malformed_entries_are_refused():
    with pytest.raises(InvalidInput):
        SubjectMap.build({b"short": (1, bytes(32))})
    with pytest.raises(InvalidInput):
        SubjectMap.build({bytes(32): (0, bytes(32))})
