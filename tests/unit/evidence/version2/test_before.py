"""Which anchors a bundle shows beside those of its records."""

from __future__ import annotations

import pytest

from domain.second_person import FIELD
from evidence.version2.documents.assemble import RecordMaterial, SubjectMaterial
from evidence.version2.documents.before import anchors_before
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.state.did_changes import KEY_ATTRIBUTES, DidChange
from primitives.suites import DEFAULT
from primitives.timestamp import format_time

OLD, NEW = b"\1" * 32, b"\2" * 32
KEY = b"\7" * 32
ZERO = bytes(32)


def leaf(seq, time, keys=OLD):
    """An anchor of one record: record n lies under anchor n + 2."""
    return AnchorLeaf(seq, ZERO, seq - 2, seq - 1, ZERO, 10 * seq, time, keys, 1)


def change(block, time, valid_to):
    values = {"name": KEY_ATTRIBUTES[1], "value": KEY, "valid_to": valid_to}
    return DidChange("DIDAttributeChanged", block, time, values)


def record(index, *, act=False, accepted=5, type_="DUTY_NOTICE", **fields):
    envelope = {
        "type": type_,
        "suite": DEFAULT.name,
        "known": {} if act else None,
        "accepted": {"block": accepted, "hash": ""},
    }
    shown = {name: {"value": value, "salt": ""} for name, value in fields.items()}
    return RecordMaterial({"envelope": envelope, "fields": shown}, index, None)


def before(leaves, *records, did=()):
    by_seq = {one.seq: one for one in leaves}
    return anchors_before(
        [SubjectMaterial(ZERO, [one], []) for one in records],
        covering=lambda index: by_seq[index + 2],
        anchor=by_seq.__getitem__,
        did=did,
        enrols="STAFF_ENROL",
    )


def test_under_the_same_keys_none_is_shown():
    assert before([leaf(2, 100), leaf(3, 200)], record(0), record(1, act=True)) == []


def test_under_other_keys_the_one_before_is_shown_once_and_none_before_the_first():
    leaves = [leaf(2, 100, NEW), leaf(3, 200), leaf(4, 300, NEW)]
    assert before(leaves, record(0)) == []
    assert before(leaves, record(2), record(2), record(1)) == [2, 3]


@pytest.mark.parametrize(
    ("ended", "shown"), [(99, []), (100, []), (101, [2]), (200, [2]), (201, []), (10_000, [])], ids=str
)
def test_a_key_of_the_client_that_ended_between_the_two_asks_for_it(ended, shown):
    """Ended at 200, the time of the anchor itself, it counts as ended by then; at 100 it had ended before both."""
    leaves = [leaf(2, 100), leaf(3, 200)]
    revoked = [change(1, 1, 10**9), change(2, ended, 0)]
    assert before(leaves, record(1, act=True, accepted=1), did=revoked) == shown
    assert before(leaves, record(1, act=True), did=[change(1, 1, ended)]) == shown  # or of itself
    assert before(leaves, record(1), did=revoked) == []  # of no act nobody asks


@pytest.mark.parametrize(
    ("accepted", "ended", "shown"), [(25, 150, [2, 3]), (25, 200, [2, 3]), (30, 150, []), (25, 201, [3])], ids=str
)
def test_where_it_ended_before_the_one_before_and_that_was_on_its_way_both_are_asked_for(accepted, ended, shown):
    leaves = [leaf(2, 100), leaf(3, 200), leaf(4, 300)]  # in the blocks 20, 30, 40
    revoked = [change(1, 1, 10**9), change(26 if accepted == 25 else 31, ended, 0)]
    assert before(leaves, record(2, act=True, accepted=accepted), did=revoked) == shown


def test_a_key_that_came_after_the_acceptance_asks_for_nothing():
    leaves = [leaf(2, 100), leaf(3, 200)]
    assert before(leaves, record(1, act=True, accepted=1), did=[change(2, 90, 150)]) == []


@pytest.mark.parametrize(("expired_ms", "shown"), [(100_000, []), (100_001, [2]), (200_000, [2]), (200_001, [])])
def test_so_does_a_key_of_the_staff_that_expired_between_them(expired_ms, shown):
    leaves = [leaf(2, 100), leaf(3, 200)]
    enrolment = record(0, type_="STAFF_ENROL", key="ab" * 32, expires_at=format_time(expired_ms))
    signed = record(1, **{FIELD: [{"key": "ab" * 32, "value": ""}]})
    assert before(leaves, enrolment, signed) == shown
    assert before(leaves, enrolment, record(1)) == []
    assert before(leaves, signed) == []  # nobody knows that key: the bundle fails elsewhere
    hidden = record(0, type_="STAFF_ENROL", key="ab" * 32)
    assert before(leaves, hidden, signed) == []


def test_what_was_erased_asks_for_nothing():
    erased = RecordMaterial({"erased": {}}, 1, None)
    assert before([leaf(2, 100, NEW), leaf(3, 200)], erased) == []
