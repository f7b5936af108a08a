"""Signatures of a broker's staff: the bytes of docs/spec/staff.md, who is enrolled when, what a bundle says of them."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.second_person import FIELD
from evidence.documents.act import field_digests
from evidence.documents.staff_signature import act_digest, check_enrolment
from evidence.log.roster import Roster, StaffKey, did_key, person_name, staff_subject
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import format_time
from scripts.vectors import forged
from scripts.vectors import staff as script
from scripts.vectors.forged_staff import DECIDED, PRODUCT, RATED
from scripts.vectors.staff_world import countersign, end, enrol, person, public
from scripts.vectors.synthetic_chain import verify_bundle

OUTPUTS = script.outputs()
SALT = bytes(32)
STATED = {
    "broker": "did:ethr:0x7:0x" + "b1" * 20,
    "subject": "5a" * 32,
    "type": "BIZ_DECIDE",
    "occurred_at": "2026-11-21T09:18:02.004+08:00",
    "channel": "app",
    "actor": {"did": "did:ethr:0x7:0x" + "b1" * 20, "role": "broker-system"},
    "attachments": [],
}


@pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: path.name)
def test_page_and_vector_equal_the_code(path):
    assert path.read_text(encoding="utf-8") == OUTPUTS[path]


# -- the digest


@given(
    member=st.sampled_from(sorted(STATED)),
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_the_digest_covers_every_member(member, value):
    digests = field_digests(DECIDED, SALT)
    changed = act_digest({**STATED, member: value}, digests)
    assert (changed == act_digest(STATED, digests)) == (value == STATED[member])


@given(
    values=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3), min_size=1),
    other=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3), min_size=1),
    salts=st.tuples(st.sampled_from([SALT, b"\1" * 32]), st.sampled_from([SALT, b"\1" * 32])),
)
def test_the_digest_covers_every_field_and_the_salt_and_not_the_signatures(values, other, salts):
    one = act_digest(STATED, field_digests(values, salts[0]))
    assert act_digest(STATED, field_digests({**values, FIELD: other}, salts[0])) == one
    assert (act_digest(STATED, field_digests(other, salts[1])) == one) == ((values, salts[0]) == (other, salts[1]))


# -- the roster


BROKER = STATED["broker"]
KEY = public("Li Wei")
SUBJECT = staff_subject(BROKER, KEY)


def enrolled(roster=None, *, index=1, key=KEY, subject=SUBJECT, name="Li Wei"):
    values = {"key": key, "name": name, "role": "reviewer", "expires_at": "x"}
    return (roster or Roster(BROKER)).with_enrolment(subject, index, 1, "ref", values)


def test_a_key_is_enrolled_once_and_what_ended_stays_ended():
    ended = enrolled().with_end(SUBJECT, 5)
    assert ended.find(KEY).ended_at == 5
    assert enrolled(ended, index=6).find(KEY).ended_at == 5
    assert ended.with_end(SUBJECT, 9).find(KEY).ended_at == 5


def test_a_key_is_enrolled_and_ended_on_its_own_subject_alone():
    assert enrolled().with_end("another", 5).find(KEY).ended_at is None
    assert enrolled(subject="another").find(KEY) is None


def test_of_an_enrolment_without_its_fields_only_the_subject_is_known():
    roster = Roster(BROKER).with_enrolment(SUBJECT, 1, 1, "ref", {})
    assert not isinstance(roster.find(KEY), StaffKey)
    assert (roster.keys, enrolled(roster, index=2)) == ([], roster)
    assert roster.with_end(SUBJECT, 5).find(KEY).ended_at == 5


def test_a_person_is_found_by_key_and_by_did_key():
    roster = enrolled()
    assert roster.subjects_of([KEY], []) == roster.subjects_of([], [did_key(KEY)]) == [SUBJECT]
    others = (did_key(public("Sun Yu")), BROKER, "did:key:z6Mk", "did:key:0", "did:key:", None, 5, ["did:key:z"])
    assert roster.subjects_of([public("Sun Yu")], others) == []


def test_one_person_is_known_in_every_spelling():
    for other in ("li wei", " Li  Wei ", "Li\u00a0Wei", "Ｌｉ Ｗｅｉ", "LI WEI"):
        assert person_name(other) == person_name("Li Wei")
    for unseen in "\u00ad\u034f\u200b\u200d\u2060\u3164\uffa0\ufe0f\u180e\U000e0100\U000e0020\u2800":
        assert person_name(f"Li{unseen} Wei") == person_name(f"{unseen} Li Wei") == person_name("Li Wei")
    assert person_name("Jose\u0301") == person_name("Jos\u00e9")
    assert person_name("李伟") != person_name("李偉")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, None),
        ({"name": "Sun Yu"}, VerificationFailed),
        ({"role": "committee"}, VerificationFailed),
        ({"key": public("Sun Yu")}, VerificationFailed),
        ({"key": "00"}, InvalidInput),
        ({"proof": None}, InvalidInput),
        ({"expires_at": 5}, InvalidInput),
        ({"name": ""}, InvalidInput),
    ],
)
def test_an_enrolment_shows_that_the_person_holds_the_key(change, error):
    world = forged.started()
    values = {**enrol(world, "Li Wei").sealed.values, **change}
    if error is None:
        check_enrolment(world.broker, values)
    else:
        with pytest.raises(error):
            check_enrolment(world.broker, values)


# -- a bundle


@pytest.fixture
def world():
    world = forged.started()
    for name, role in (("Li Wei", "reviewer"), ("Zhao Min", "committee"), ("Sun Yu", "committee")):
        enrol(world, name, role)
    countersign(world, "PRODUCT_RATE", RATED, "Zhao Min", "Sun Yu", subject=PRODUCT)
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    world.accept("BIZ_DECIDE", DECIDED)
    end(world, enrol(world, "Li Wei", key="Li Wei's next key"))
    world.anchor()
    return world


REFERENCES = (PRODUCT, *(person(key) for key in ("Li Wei", "Zhao Min", "Sun Yu", "Li Wei's next key")))


def report_of(world, body=None):
    body = world.bundle(references=REFERENCES).body() if body is None else body
    return verify_bundle(world.seal(body), world.trust())


def check_of(report):
    return next(check for check in report.checks if check.name == "staff-signature")


def test_a_report_names_who_signed_and_where_nobody_did(world):
    report = report_of(world)
    assert report.ok
    assert check_of(report).detail == "3 signatures under 2 of 3 records that take a second person"
    told = [
        (entry.type, entry.seq, [(one.name, one.role, one.key) for one in entry.persons], entry.missing)
        for entry in report.second_persons
    ]
    assert told == [
        ("PRODUCT_RATE", 1, [(name, "committee", public(name)) for name in ("Zhao Min", "Sun Yu")], ""),
        ("BIZ_DECIDE", 2, [("Li Wei", "reviewer", public("Li Wei"))], ""),
        ("BIZ_DECIDE", 3, [], "nobody-signed"),
    ]


def test_without_such_records_the_check_says_so(world):
    world = forged.started()
    world.anchor()
    report = verify_bundle(world.seal(world.bundle().body()), world.trust())
    assert (report.ok, check_of(report).detail) == (True, "no record takes a second person")


def test_a_signature_survives_redaction_and_is_missed_when_it_is_hidden(world):
    body = world.bundle(references=REFERENCES).body()
    shown = next(item["record"] for item in body["history"]["records"] if FIELD in item["record"]["envelope"]["fields"])
    whole = copy.deepcopy(shown["fields"])
    for name in set(whole) - {FIELD}:
        del shown["fields"][name]
    assert report_of(world, body).second_persons[1].persons[0].name == "Li Wei"
    shown["fields"] = {name: value for name, value in whole.items() if name != FIELD}
    report = report_of(world, body)
    assert (report.ok, report.second_persons[1].missing) == (True, "not-shown")


def hide(body, type_, *fields):
    """Leave fields of the staff's records out of a bundle, as a node does that got them back without their salts."""
    for history in body["references"]:
        for item in history["records"]:
            if item["record"]["envelope"]["type"] == type_:
                for name in fields:
                    del item["record"]["fields"][name]
    return body


@pytest.mark.parametrize("fields", [("proof",), ("name", "role", "key", "expires_at", "proof")])
def test_by_an_enrolment_that_is_not_shown_whole_nobody_is_known_to_have_signed(world, fields):
    report = report_of(world, hide(world.bundle(references=REFERENCES).body(), "STAFF_ENROL", *fields))
    assert report.ok
    assert [(entry.persons, entry.missing) for entry in report.second_persons[:2]] == [((), "staff-not-shown")] * 2


def test_an_end_that_is_not_shown_whole_is_an_end_all_the_same():
    world = forged.started()
    end(world, enrol(world, "Li Wei"))
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    world.anchor()
    report = report_of(world, hide(world.bundle(references=[person("Li Wei")]).body(), "STAFF_END", "key"))
    assert report.failed == ("staff-signature",)
    assert "staff-key-ended" in check_of(report).detail


def test_who_signed_beside_somebody_whose_enrolment_is_not_shown_is_told_all_the_same(world):
    body = world.bundle(references=REFERENCES).body()
    hidden = next(entry for entry in body["references"] if entry["subject"] == person("Sun Yu").hex())
    del hidden["records"][0]["record"]["fields"]["proof"]
    report = report_of(world, body)
    rated = report.second_persons[0]
    assert (report.ok, [one.name for one in rated.persons], rated.missing) == (True, ["Zhao Min"], "staff-not-shown")


def test_an_enrolment_that_is_not_shown_covers_up_for_nobody_else():
    """Whoever was enrolled afterwards was not before, whatever else a bundle hides."""
    world = forged.started()
    enrol(world, "Sun Yu")
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    enrol(world, "Li Wei")
    world.anchor()
    body = world.bundle(references=[person("Sun Yu"), person("Li Wei")]).body()
    del body["references"][0]["records"][0]["record"]["fields"]["name"]
    assert "staff-key-unknown" in check_of(report_of(world, body)).detail


@pytest.mark.parametrize("hidden", [("reader",), ("approved_by", "reader"), ("case",), ()])
def test_a_look_that_hides_who_looked_is_noted(hidden):
    """The one who signed it is named all the same, and may be the one who looked."""
    world = forged.started()
    for name in ("Sun Yu", "Zhao Min"):
        enrol(world, name, "compliance")
    looked = {"reader": did_key(public("Zhao Min")), "case": "17", "approved_by": "Sun Yu"}
    countersign(world, "ACCESS_LOG", looked, "Sun Yu")
    world.anchor()
    body = world.bundle(references=[person("Sun Yu"), person("Zhao Min")]).body()
    shown = next(item["record"] for item in body["history"]["records"] if FIELD in item["record"]["envelope"]["fields"])
    for name in hidden:
        del shown["fields"][name]
    report = report_of(world, body)
    assert (report.ok, [one.name for one in report.second_persons[0].persons]) == (True, ["Sun Yu"])
    told = [note for note in report.notes if "Sun Yu signed; " in note]
    assert sorted(note.split("; ")[1].split()[0] for note in told) == [name for name in hidden if name != "case"]


def test_a_key_that_expired_before_its_record_was_anchored_is_noted():
    world = forged.started()
    until = world.chain.time(world.chain.head) * 1000 + 60_000
    enrol(world, "Li Wei", until=format_time(until))
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    world.chain.stood_still = 20 * 3600
    world.anchor()
    report = report_of(world, world.bundle(references=[person("Li Wei")]).body())
    assert report.ok
    [note] = [note for note in report.notes if "expired" in note]
    assert "the key of Li Wei" in note


@pytest.mark.parametrize("hide", [False, True], ids=["shown", "enrolment redacted"])
def test_a_record_that_says_to_be_older_than_its_signer_s_enrolment_is_noted(hide):
    """A review that was made up later and dated back: the signature holds, and the order of the log tells."""
    world = forged.started()
    before = world.chain.time(world.chain.head) * 1000
    enrolled = enrol(world, "Li Wei")
    acting = {"did": did_key(enrol(world, "Zhao Min").sealed.values["key"]), "role": "staff"}
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei", occurred_at=format_time(before), actor=acting)
    countersign(world, "BIZ_DECIDE", {**DECIDED, "application_id": "A-2"}, "Li Wei")
    world.anchor()
    references = [person("Li Wei"), person("Zhao Min")]
    body = world.bundle(references=references).body()
    if hide:
        [history] = [one for one in body["references"] if one["subject"] == person("Li Wei").hex()]
        del history["records"][0]["record"]["fields"]["role"]
    report = report_of(world, body)
    assert report.ok, report.verdict
    notes = [note for note in report.notes if "says to have happened" in note]
    when = enrolled.sealed.envelope["recorded_at"]
    assert [note.partition(":")[0] for note in notes] == ["record 2 (BIZ_DECIDE)"] * 2
    assert notes[0].endswith(f"was enrolled: {when}")
    assert ("of somebody whose enrolment is not shown" if hide else "of Li Wei") in notes[0]
    assert "of Zhao Min" in notes[1]


def test_an_end_of_what_was_not_enrolled_is_refused():
    world = forged.started()
    enrolled = enrol(world, "Li Wei")
    values = {"key": public("Li Wei"), "enrolment_ref": "00" * 32, "reason": "LEFT"}
    world.accept("STAFF_END", values, subject=bytes.fromhex(enrolled.sealed.envelope["subject"]))
    world.anchor()
    report = report_of(world, world.bundle(references=[person("Li Wei")]).body())
    assert "ends no key that was enrolled before" in check_of(report).detail


def test_the_end_of_a_key_cannot_be_left_out(world):
    body = world.bundle(references=REFERENCES).body()
    history = next(entry for entry in body["references"] if entry["subject"] == person("Li Wei's next key").hex())
    assert history["records"].pop()["record"]["envelope"]["type"] == "STAFF_END"
    assert "subject-completeness" in report_of(world, body).failed


FORGED = {
    "colleague-invented": "staff-key-unknown",
    "colleague-not-shown": "staff-key-unknown",
    "colleague-gone": "staff-key-ended",
    "colleague-expired": "staff-key-expired",
    "wrong-role": "staff-role",
    "one-person-twice": "staff-same-person",
    "one-person-spelled-twice": "staff-same-person",
    "handled-by-another-spelling": "staff-actor",
    "ended-and-back": "does not lie on the pseudonym of the key",
    "ended-elsewhere": "does not lie on the pseudonym of the key",
    "nobodys-signatures": "is not by the key aaaa",
    "client-reviews": "staff-actor",
    "node-reviews": "staff-actor",
    "handled-and-reviewed": "staff-actor",
    "another-named": "staff-name",
    "signature-moved": "over this record",
    "signed-once-recorded-twice": "what was signed is the same as record 2",
    "another-members-staff": "has not shown to hold this key",
}


@pytest.mark.parametrize("name", FORGED)
def test_each_way_to_cheat_fails_for_its_own_reason(name):
    made = json.loads((forged.VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    report = verify_bundle(made["bundle"].encode(), made["trust"].encode())
    assert report.failed == ("staff-signature",)
    assert FORGED[name] in check_of(report).detail
    assert report.second_persons == ()


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        "x",
        None,
        5,
        [{}],
        [5],
        [{"key": "00", "value": "x"}],
        [{"key": "00" * 32, "value": "A" * 85}],
        [None] * 11,
    ],
)
def test_malformed_signatures_are_a_failed_check(value):
    world = forged.started()
    enrol(world, "Li Wei")
    world.accept("BIZ_DECIDE", {**DECIDED, FIELD: value})
    world.anchor()
    report = verify_bundle(world.seal(world.bundle(references=[person("Li Wei")]).body()), world.trust())
    assert report.failed == ("staff-signature",)


def test_no_other_type_bears_signatures_of_the_staff():
    world = forged.started()
    enrol(world, "Li Wei")
    countersign(world, "MISMATCH_WARN", {"code": "RISK_MISMATCH"}, "Li Wei")
    world.anchor()
    report = verify_bundle(world.seal(world.bundle(references=[person("Li Wei")]).body()), world.trust())
    assert check_of(report).detail.endswith("MISMATCH_WARN takes no second person")


def test_a_forged_enrolment_fails_though_nobody_signs_by_it():
    world = forged.started()
    enrol(world, "Li Wei", broker=world.client)
    world.anchor()
    report = verify_bundle(world.seal(world.bundle(references=[person("Li Wei")]).body()), world.trust())
    assert report.failed == ("staff-signature",)
