"""A member's terms, and those that the registry of an earlier network of the same chain told before."""

import json
from dataclasses import replace

import pytest

from did.member_log import MemberHistory, Term

OLD, NEW, NEXT = (bytes([number]) * 32 for number in (1, 2, 3))


def term(first, end=None, key=OLD, role="broker"):
    return Term("A", role, key, key, first, first * 10, end, None if end is None else end * 10)


def history(*terms):
    return MemberHistory("0xa", terms)


def test_earlier_terms_come_before_and_the_open_one_ends_with_the_first_block_of_the_new():
    whole = history(term(100, key=NEW)).after(history(term(1, 5), term(5, key=NEW)))
    assert whole.terms == (term(1, 5), term(5, 100, key=NEW), term(100, key=NEW))
    assert whole.at_block(4).signing == OLD
    assert (whole.at_block(99), whole.at_block(100)) == (whole.terms[1], whole.terms[2])


@pytest.mark.parametrize(
    ("earlier", "kept"),
    [
        ((term(1, 5),), (term(1, 5),)),  # suspended there
        ((term(1, 120), term(120, key=NEXT)), (term(1, 100),)),  # changed there after the new one began
        ((term(100, key=NEXT),), ()),
        ((), ()),
    ],
)
def test_what_the_earlier_registry_said_later_counts_for_nothing(earlier, kept):
    assert history(term(100, key=NEW)).after(history(*earlier)).terms == (*kept, term(100, key=NEW))


def test_nobody_is_a_member_by_the_earlier_registry_alone():
    assert history().after(history(term(1))) == history()
    assert history(term(100)).after(None) == history(term(100))


def test_what_is_stored_is_read_again():
    told = history(term(1, 5), replace(term(5, key=b"\4" * 65), algorithm=2, checkpoint=NEW))
    assert MemberHistory.of_json("0xa", json.loads(json.dumps(told.to_json()))) == told
