"""Ways to cheat with a history, each with the check that it fails, under every suite."""

from __future__ import annotations

import pytest

from evidence.documents.product_subject import product_subject
from evidence.log.roster import staff_subject
from evidence.version2.erasure import check_clocks, erasures_of
from evidence.version2.history import check_history
from evidence.version2.opening import check_openings, house_subject, read_opening
from evidence.version2.record import open_redacted, redact, seal
from evidence.version2.salts import next_label
from primitives.errors import InvalidInput, VerificationFailed
from primitives.suites import SUITES
from tests.unit.evidence.version2.kit import BROKER, CLIENT, SUBJECT, Writer, salt

STRANGER = "did:ethr:0x539:0x" + "d" * 40
CONFIRMED = {"level": "C4", "text_sha256": "ab" * 32}
YEAR_MS = 365 * 24 * 3600 * 1000
CLOCKS = {"retention-20-years": 20 * YEAR_MS}


@pytest.fixture(params=SUITES.values(), ids=SUITES)
def suite(request):
    return request.param


@pytest.fixture
def writer(suite):
    """Return a history of opening, result and confirmation."""
    writer = Writer(suite)
    writer.write()
    writer.act("LEVEL_CONFIRM", CONFIRMED)
    return writer


def checked(writer, *erased):
    return check_history(BROKER, writer.subject, writer.shown(*erased))


def fails(check, writer, *erased, match=None):
    with pytest.raises(VerificationFailed, match=match) as caught:
        checked(writer, *erased)
    assert caught.value.check == check


# Links


def test_one_root_salt_in_two_subjects_gives_two_labels(suite):
    """Else a client who signs with one salt in two subjects would take the broker's next label."""
    one, two = Writer(suite), Writer(suite, subject=salt("another subject"))
    assert one.records[0].root_salt == two.records[0].root_salt
    assert one.records[0].next != two.records[0].next
    assert next_label(suite, salt(1), SUBJECT, 1) != next_label(suite, salt(1), SUBJECT, 2)


def test_a_record_left_out_leaves_a_gap(writer):
    writer.records.pop(1)
    fails("subject-chain", writer, match="record 3 follows record 1")


def test_records_swapped(writer):
    writer.records[1:] = reversed(writer.records[1:])
    fails("subject-chain", writer)


def test_a_record_replaced(writer):
    writer.records[1] = seal({**writer.records[1].envelope, "channel": "web"}, writer.records[1].values, salt(2))
    fails("subject-chain", writer, match="names another record before it")


def test_a_history_without_its_beginning(writer):
    del writer.records[0]
    fails("subject-chain", writer)


def test_a_stub_with_another_tail(writer):
    """`next` of an erased record is bound by its entry; the stub that states another is another entry."""
    writer.erase(3)
    link = writer.records[2].link
    assert type(link)(link.seq, link.prev, salt("elsewhere"), link.fingerprint).entry != link.entry


def test_a_record_of_another_subject(suite, writer):
    foreign = Writer(suite, subject=salt("another subject"), kind=None)
    foreign.heads[-1] = writer.head
    writer.add(foreign.write())
    fails("subject-chain", writer, match="another broker or subject")


def test_one_record_id_twice(writer):
    writer.write(record_id=writer.records[1].envelope["record_id"])
    fails("subject-chain", writer, match="has the id of record 2")


# Acts


def test_an_act_used_twice(writer):
    act = writer.records[2]
    changes = {
        "seq": 4,
        "prev": act.fingerprint.hex(),
        "record_id": "019aa3b1-0000-7000-8000-000000000099",
    }
    again = {name: value for name, value in act.envelope.items() if name != "next"}
    writer.add(seal({**again, **changes}, act.values, act.root_salt))
    fails("client-signature", writer, match="record 4 uses the client's act of record 3 again")


def test_an_act_in_a_history_that_its_client_did_not_know(suite):
    """The broker replaced record 2 after the client had seen it."""
    seen, shown = Writer(suite), Writer(suite)
    seen.write(values={"band": "C2"})
    shown.write(values={"band": "C4"})
    shown.act("LEVEL_CONFIRM", CONFIRMED, knew=seen.head)
    fails("client-signature", shown, match="record 3: the client knew another record 2")


def test_an_act_that_knew_its_own_future(suite):
    """The broker put the act earlier than the client signed it: before records that he knew."""
    seen, shown = Writer(suite), Writer(suite)
    seen.write()
    shown.act("LEVEL_CONFIRM", CONFIRMED, knew=seen.head)
    fails("client-signature", shown, match="record 2: the client knew 2 records before it")


def test_an_act_that_knew_an_erased_record_holds(writer):
    writer.erase(2)
    assert checked(writer, 2).erased == (2,)


def test_an_act_of_somebody_else(writer):
    [signature] = writer.records[2].envelope["signatures"]
    foreign = {**signature, "did": STRANGER, "key": f"{STRANGER}#delegate-1"}
    last = writer.records.pop()
    writer.heads.pop()
    writer.add(seal({**last.envelope, "signatures": [foreign]}, last.values, last.root_salt))
    fails("client-signature", writer, match=f"signed by {STRANGER}, whose history this is not")


def test_a_broker_signs_no_record_but_an_opening(writer):
    last = writer.write()
    signature = {"did": BROKER, "key": f"{BROKER}#signing", "alg": writer.suite.alg, "value": "A" * 86}
    writer.records[3] = seal({**last.envelope, "signatures": [signature]}, last.values, last.root_salt)
    fails("client-signature", writer, match=f"record 4 is signed by {BROKER}")


# Openings


def opening(suite, subject, **fields):
    writer = Writer(suite, subject=subject, kind=None)
    writer.by_house({"kind": "house", "opens": "ruleset:sac-bands", "continues": None} | fields)
    return writer


PLACES = {
    ("house", "ruleset:sac-bands"): house_subject(BROKER, "ruleset:sac-bands"),
    ("house", f"staff:{'ab' * 32}"): staff_subject(BROKER, "ab" * 32),
    ("product", "FUND-1"): product_subject(BROKER, "FUND-1"),
}


@pytest.mark.parametrize(("kind", "opens"), PLACES)
def test_a_product_and_the_house_are_opened_in_their_own_place(suite, kind, opens):
    subject = bytes.fromhex(PLACES[kind, opens])
    held = checked(opening(suite, subject, kind=kind, opens=opens))
    assert held.opened.client is None
    assert held.opened.first.opens == opens
    fails("opening", opening(suite, SUBJECT, kind=kind, opens=opens), match="elsewhere than under its derived")


def test_a_history_that_nobody_opened(suite):
    writer = Writer(suite, kind=None)
    writer.write()
    fails("opening", writer, match="record 1 is LEVEL_RESULT, no OPENING")
    with pytest.raises(VerificationFailed, match="opening"):
        check_openings(())


def test_an_opening_that_hides_what_it_opens(suite):
    hidden = open_redacted(redact(Writer(suite).records[0], ["kind"]))
    with pytest.raises(VerificationFailed, match="does not show what it opens"):
        check_openings([hidden])


def test_an_opening_that_was_erased(writer):
    writer.erase(1)
    fails("opening", writer, 1, match="record 1 is not shown")


def test_a_broker_opens_in_a_client_s_name(suite):
    writer = Writer(suite, kind=None)
    writer.by_house({"kind": "client", "opens": CLIENT, "continues": None})
    fails("opening", writer, match=f"signed by {CLIENT}, and by nobody else")


def test_a_client_opens_in_another_s_name(suite):
    writer = Writer(suite, kind=None)
    writer.act("OPENING", {"kind": "client", "opens": STRANGER, "continues": None})
    fails("opening", writer, match=f"signed by {STRANGER}, and by nobody else")


def test_an_unsigned_client_signs_nothing(suite):
    writer = Writer(suite, kind=None)
    writer.act("OPENING", {"kind": "unsigned-client", "opens": None, "continues": None})
    fails("opening", writer, match="signed by nobody")


def test_a_house_is_opened_by_the_signing_key(suite):
    writer = Writer(suite, subject=bytes.fromhex(house_subject(BROKER, "ruleset:a")), kind=None)
    sealed = writer.by_house({"kind": "house", "opens": "ruleset:a", "continues": None})
    [signature] = sealed.envelope["signatures"]
    writer.records[0] = seal(
        {**sealed.envelope, "signatures": [{**signature, "key": f"{BROKER}#delegate-1"}]},
        sealed.values,
        sealed.root_salt,
    )
    fails("opening", writer, match="opens by its signing key")


def test_an_unsigned_client_joins_once(suite):
    writer = Writer(suite, kind="unsigned-client")
    writer.write()
    assert checked(writer).opened.client is None
    later = {
        "kind": "client",
        "opens": CLIENT,
        "continues": {"format": 1, "subject": "5" * 64, "count": 3, "head": "6" * 64},
    }
    writer.act("OPENING", later)
    opened = checked(writer).opened
    assert (opened.client, opened.joined_at) == (CLIENT, 3)
    assert [earlier.count for earlier in opened.continues] == [3]
    writer.act("OPENING", {**later, "continues": None})
    fails("opening", writer, match="record 4 opens again what is open")


def test_what_is_open_is_not_opened_again(suite):
    writer = Writer(suite)
    writer.act("OPENING", {"kind": "client", "opens": CLIENT, "continues": None})
    fails("opening", writer, match="record 2 opens again what is open")


def test_an_unsigned_client_s_history_is_nobody_s_to_act_in(suite):
    writer = Writer(suite, kind="unsigned-client")
    writer.act("LEVEL_CONFIRM", CONFIRMED)
    fails("client-signature", writer, match="whose history this is not")


@pytest.mark.parametrize("format_", [1, 2])
def test_a_history_continues_no_other_than_an_earlier_one(suite, format_):
    """A product lies under one pseudonym in both versions; within this one, nothing comes before record 1."""
    writer = Writer(suite, kind=None)
    continued = {"format": format_, "subject": SUBJECT.hex(), "count": 3, "head": "6" * 64}
    writer.act("OPENING", {"kind": "client", "opens": CLIENT, "continues": continued})
    if format_ == 1:
        assert checked(writer).opened.continues[0].format == 1
    else:
        fails("opening", writer, match="continues itself")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"kind": "person"}, "one-of"),
        ({"opens": None}, "text"),
        ({"opens": "FUND-1"}, "did-ethr"),
        ({"kind": "unsigned-client"}, "constant"),
        ({"kind": "product", "opens": None}, "text"),
        ({"kind": "product", "opens": "x" * 61}, "length"),
        ({"kind": "house", "opens": "sac-bands"}, "pattern"),
        ({"kind": "house", "opens": "Ruleset:sac-bands"}, "pattern"),
        ({"continues": {"format": 3, "subject": "5" * 64, "count": 1, "head": "6" * 64}}, "range"),
        ({"continues": {"format": "1", "subject": "5" * 64, "count": 1, "head": "6" * 64}}, "integer"),
        ({"continues": {"format": 1, "subject": "5" * 64, "count": 0, "head": "6" * 64}}, "range"),
        ({"more": 1}, "unknown-member"),
    ],
)
def test_malformed_openings_name_their_rule(change, rule):
    with pytest.raises(InvalidInput) as caught:
        read_opening({"kind": "client", "opens": CLIENT, "continues": None} | change)
    assert caught.value.rule == rule


# Erasures


def test_a_record_erased_by_a_record_is_a_stub(writer):
    writer.erase(2)
    held = checked(writer, 2)
    assert held.erased == (2,)
    assert held.put_back == ()
    assert held.labels == tuple(head.label for head in writer.heads[:-1])


def test_what_was_erased_and_is_shown_is_said(writer):
    writer.erase(2)
    assert checked(writer).put_back == (2,)


def test_a_stub_that_no_erase_names(writer):
    fails("subject-chain", writer, 2, match="record 2 is not shown, and no ERASE names it")
    writer.erase(3)
    fails("subject-chain", writer, 2, match="record 2 is not shown")


def test_an_erase_that_does_not_show_what_it_names_erases_nothing(writer):
    writer.erase(2)
    records = writer.shown(2)
    records[3] = open_redacted(redact(writer.records[3], []))
    with pytest.raises(VerificationFailed, match="record 2 is not shown"):
        check_history(BROKER, SUBJECT, records)


def test_an_erase_that_was_erased_takes_another_that_names_all_again(writer):
    writer.erase(2)
    writer.erase(4)
    fails("subject-chain", writer, 2, 4, match="record 2 is not shown")
    writer.erase(2, 4)
    assert checked(writer, 2, 4).erased == (2, 4)


@pytest.mark.parametrize("seq", [4, 5])
def test_an_erase_names_no_record_that_is_not_before_it(writer, seq):
    writer.write("ERASE", {"erases": [{"seq": seq, "fingerprint": "6" * 64, "rule": "retention-20-years"}]})
    fails("subject-chain", writer, match="record 4 erases what is not record")


def test_an_erase_of_another_record_than_stands_there(writer):
    writer.write("ERASE", {"erases": [{"seq": 2, "fingerprint": "6" * 64, "rule": "retention-20-years"}]})
    fails("subject-chain", writer, 2, match="record 4 erases what is not record 2")


def clocks(writer, anchored, *stubs, rules=CLOCKS):
    check_clocks(stubs, erasures_of(writer.shown()), anchored, rules)


def test_a_clock_runs_from_anchor_to_anchor(writer):
    writer.erase(2)
    anchored = {2: 1_000, 4: 1_000 + 20 * YEAR_MS}
    clocks(writer, anchored, 2)
    clocks(writer, {**anchored, 4: 2_000})  # shown all the same: nothing is lost
    with pytest.raises(VerificationFailed, match="record 2 was erased 1 ms before the clock") as caught:
        clocks(writer, {**anchored, 4: anchored[4] - 1}, 2)
    assert caught.value.check == "erasure"


def test_a_rule_that_has_no_clock_erases_nothing(writer):
    writer.erase(2, rule="because")
    with pytest.raises(VerificationFailed, match="because, which is no rule with a clock"):
        clocks(writer, {2: 0, 4: 30 * YEAR_MS}, 2)


def test_an_erase_that_came_too_early_is_not_mended_by_a_later_one(writer):
    writer.erase(2)
    writer.erase(2)
    with pytest.raises(VerificationFailed, match="erasure"):
        clocks(writer, {2: 0, 4: YEAR_MS, 5: 20 * YEAR_MS}, 2)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"seq": 0}, "range"),
        ({"fingerprint": "6" * 63}, "hex"),
        ({"rule": "By Law"}, "code"),
        ({"more": 1}, "unknown-member"),
    ],
)
def test_malformed_erasures_name_their_rule(suite, change, rule):
    writer = Writer(suite)
    writer.write("ERASE", {"erases": [{"seq": 1, "fingerprint": "6" * 64, "rule": "by-law"} | change]})
    with pytest.raises(InvalidInput) as caught:
        erasures_of(writer.shown())
    assert caught.value.rule == rule
    empty = Writer(suite)
    empty.write("ERASE", {"erases": []})
    with pytest.raises(InvalidInput):
        erasures_of(empty.shown())
