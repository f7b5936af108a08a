"""What an ERASE says of the history of format 1 before its own, read beside that one's bundle."""

import pytest

from domain.erasure import CLOCKS
from evidence.verify.verdict import Reach, VerificationReport, VerifiedRecord
from primitives.errors import VerificationFailed
from replay.former_erasures import told_of_erased_before
from replay.records import of_verified
from replay.succession import Shown

PID, RULE = "ab" * 32, "retention-20-years"
YEARS = CLOCKS[RULE]


def record(seq, type_, values, anchored_at, fields=()):
    envelope = {"fields": dict.fromkeys([*values, *fields], "00")}
    fingerprint = f"{seq:02x}" * 32
    return VerifiedRecord(
        PID, seq, f"r{seq}", type_, "", "", fingerprint, seq, 1, 1, anchored_at, 0, 0, envelope, values
    )  # fmt: skip


def shown(records, reach=None):
    report = VerificationReport((), 7, "broker", PID, None, "case", 1, None, 0, tuple(records), (), (), reach=reach)
    return Shown(report, [of_verified(one) for one in records])


BEFORE = [
    record(1, "ID_VERIFY", {}, 1000, ["face_score"]),
    record(2, "Q_SUBMIT", {"answers": 1}, 1000),
    record(3, "DUTY_NOTICE", {}, 1000, ["text"]),
]


def told(erased, at=1000 + YEARS, before=BEFORE):
    continues = {"format": 1, "subject": PID, "count": 3, "head": "03" * 32}
    opening = record(1, "OPENING", {"kind": "client", "opens": None, "continues": continues}, at)
    own = shown([opening, record(2, "ERASE", {"erases_former": erased}, at)], Reach((), "", (), 0, (), ()))
    return told_of_erased_before(own, [shown(before)] if before else [])


def entry(seq, fingerprint=None):
    return {"seq": seq, "fingerprint": fingerprint or f"{seq:02x}" * 32, "rule": RULE}


def test_it_names_what_was_erased_what_was_put_back_and_what_nobody_names():
    assert told([entry(1), entry(2)]) == [
        "record 1 (ID_VERIFY) of format 1 was erased by retention-20-years, as record 2 (ERASE) says",
        "record 2 (Q_SUBMIT) of format 1 is shown, although record 2 (ERASE) erases it: it was put back",
        "record 3 (DUTY_NOTICE) of format 1 shows no field, and no ERASE names it",
    ]


def test_of_a_history_that_is_not_shown_it_says_how_many():
    [said] = told([entry(1), entry(2)], before=None)
    assert said == "record 2 (ERASE) erases 2 records of the history before it, which is not shown"


@pytest.mark.parametrize(
    ("erased", "at", "words"),
    [
        ([entry(1)], 999 + YEARS, "erased 1 ms before the clock of retention-20-years was over"),
        ([{**entry(1), "rule": "at-will"}], 1000 + YEARS, "no rule with a clock"),
        ([entry(1, "ff" * 32)], 1000 + YEARS, "what is not record 1 of format 1"),
        ([entry(4)], 1000 + YEARS, "what is not record 4 of format 1"),
        ([{"seq": 1}], 1000 + YEARS, "nothing that can be read"),
    ],
)
def test_what_was_erased_too_early_or_is_another_record_refutes(erased, at, words):
    with pytest.raises(VerificationFailed, match=words) as error:
        told(erased, at)
    assert error.value.check == "erasure"


def test_what_is_shown_all_the_same_lost_nothing():
    assert told([entry(2)], at=2000)[0].endswith("it was put back")
