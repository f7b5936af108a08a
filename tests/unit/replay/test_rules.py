"""Records executed again: which rule set judges them, and what is said where a rule cannot be asked."""

from __future__ import annotations

import pytest

from evidence.documents.product_subject import product_subject
from primitives.digest import tagged_sha256
from primitives.timestamp import format_time
from replay.claims import NOT_PROVABLE, REFUTED, judge
from replay.records import Record
from replay.rulebook import made_by_broker, read_rulesets, rulebook_of
from replay.rules import re_run
from suitability.engine import level_result, match_opinion
from suitability.ruleset import RuleSet, packaged_rulesets
from tests.world.payloads import PAYLOADS, rating

NOW = 1_790_000_000_000
DAY = 86_400_000
SUBJECT, BROKER = "5a" * 32, "did:ethr:0x7:0x" + "b1" * 20
PRODUCT = product_subject(BROKER, "P")
RULES = packaged_rulesets()["sac-bands@1"].effective(NOW - 100 * DAY)
LATER = packaged_rulesets()["sac-bands@2"].effective(NOW + 50 * DAY)
RATING = rating("P", "R2") | {"effective_from": format_time(NOW - DAY)}
TEXT = {"lang": "zh", "text_sha256": "cd" * 32}


class History:
    """Records of one client in log order, with a product's rating before them."""

    def __init__(self, product=PRODUCT):
        self.records = []
        self.rating = self.add("PRODUCT_RATE", RATING, subject=product)

    def add(self, type_, payload, *, subject=SUBJECT, label=RULES.label, at=NOW, hide=(), schema="1"):
        index = len(self.records)
        fingerprint = tagged_sha256("test", f"{index}".encode()).hex()
        envelope = {
            "type": type_, "schema": schema, "broker": BROKER, "ruleset": label, "channel": "app",
            "occurred_at": format_time(at + index), "recorded_at": format_time(at + index),
            "fields": dict.fromkeys(payload, "00"),
        }  # fmt: skip
        shown = {name: value for name, value in payload.items() if name not in hide}
        seq = 1 + sum(record.subject == subject for record in self.records)
        self.records.append(Record(subject, seq, f"r{index}", type_, fingerprint, index, envelope, shown))
        return fingerprint

    def assessed(self):
        for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE"):
            self.add(type_, PAYLOADS[type_])
        self.answers = self.add("Q_SUBMIT", PAYLOADS["Q_SUBMIT"])
        at = NOW + len(self.records) - 1
        self.payload = level_result(RULES, PAYLOADS["Q_SUBMIT"], answers_ref=self.answers, at_ms=at)
        self.level = self.add("LEVEL_RESULT", self.payload)
        confirmed = {"level_ref": self.level, "level": self.payload["level"], **TEXT}
        self.add("LEVEL_CONFIRM", confirmed, label=None)
        return self

    def opinion(self, rating_ref=None):
        made = match_opinion(
            RULES, self.payload, RATING, level_ref=self.level, rating_ref=rating_ref or self.rating,
            at_ms=NOW + len(self.records),
        )  # fmt: skip
        return self.add("MATCH_OPINION", made)

    def run(self, used=(RULES,), known=(), **more):
        own = [record for record in self.records if record.subject == SUBJECT]
        return re_run(reversed(self.records), SUBJECT, rulebook_of(own, used, known), **more)


def codes(run):
    return [finding.code for finding in run.findings]


def reasons(run):
    return {entry.seq: entry.reason for entry in run.not_asked}


def test_an_honest_history_is_asked_whole():
    history = History().assessed()
    history.opinion()
    run = history.run()
    assert (codes(run), reasons(run)) == ([], {})
    assert run.summary == "rules asked of 7 of 7 records"
    assert [seq for seq, _ in run.facts] == list(range(1, 8))
    assert {item.status for item in run.comparisons} == {"equal"}


TWO = packaged_rulesets()["sac-bands@3"].effective(NOW - 100 * DAY)
KEYS = ("aa" * 32, "cc" * 32)
SIGNED = [{"key": key, "value": "A" * 86} for key in KEYS]


def test_who_is_not_proven_to_have_signed_does_not_count_and_the_record_is_not_asked_whole():
    history = History()
    stated = {"application_id": "a-1", "kind": "BUY", "product_id": "P", "decision": "APPROVED", "checks": []}
    decision = {**stated, "reviewer": "Li Wei", "reason": None, "countersigned": SIGNED[:1]}
    history.add("BIZ_DECIDE", decision, label=TWO.label)
    missing = [
        ("SECOND_PERSON_MISSING" in codes(run), reasons(run))
        for run in (history.run(used=(TWO,), proven=proven) for proven in ({}, {"r1": {KEYS[0]}}, {"r1": ()}))
    ]
    untold = {1: "who signed it as the second person cannot be told"}
    assert missing == [(False, {}), (False, untold), (True, untold)]


def test_an_opinion_on_a_rating_of_which_it_cannot_be_told_who_signed_is_not_asked_whole():
    history = History()
    history.records.clear()
    history.rating = history.add("PRODUCT_RATE", {**RATING, "countersigned": SIGNED}, subject=PRODUCT, label=TWO.label)
    history.assessed()
    history.opinion()
    assert "who signed the rating that it rests on cannot be told" not in reasons(history.run()).values()
    run = history.run(proven={"r0": {KEYS[0]}})
    assert reasons(run) == {7: "who signed the rating that it rests on cannot be told"}


def test_a_rule_set_that_nobody_has_is_named_for_each_record():
    run = History().assessed().run(used=())
    assert run.summary == "rules asked of 0 of 6 records"
    assert reasons(run)[1] == f"rule set {RULES.label} is not at hand"
    assert "may have been in force" in reasons(run)[6]
    assert codes(run) == []


def test_a_known_rule_set_counts_where_a_record_names_it_and_only_there():
    """The packaged rule sets are not what the broker had in force unless its records say so."""
    lax = packaged_rulesets()["sac-bands@1"].effective(NOW - DAY)
    assert History().assessed().run(used=(), known=(RULES, lax)).findings == ()


def test_a_rule_set_that_the_bundle_carries_and_no_record_names_judges_no_record_of_the_broker():
    lax = packaged_rulesets()["sac-bands@1"].effective(NOW - DAY)
    run = History().assessed().run(used=(RULES, lax))
    assert set(codes(run)) == {"RULESET_NOT_IN_FORCE"}
    assert len(run.findings) == 5  # each record of the broker names the other one; the client's act is judged by it
    assert run.not_asked == ()


def test_a_record_of_the_broker_that_names_no_rule_set_is_a_finding():
    history = History()
    history.add("ID_VERIFY", PAYLOADS["ID_VERIFY"], label=None)
    [finding] = history.run().findings
    assert (finding.code, finding.detail) == ("RULESET_NOT_IN_FORCE", f"names no rule set; {RULES.label} was in force")
    assert reasons(History().assessed().run(used=())) != {}
    bare = History()
    bare.add("ID_VERIFY", PAYLOADS["ID_VERIFY"], label=None)
    assert reasons(bare.run(used=())) == {1: "no rule set is at hand"}


def test_the_rule_set_of_the_day_judges_what_the_client_did():
    history = History().assessed()
    history.add("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"], label=LATER.label, at=NOW + 60 * DAY)
    run = history.run(used=(RULES, LATER))
    assert (codes(run), reasons(run)) == ([], {})


def test_a_record_that_is_folded_but_not_judged_makes_no_false_finding():
    history = History().assessed()
    record = history.records[4]
    record.envelope["ruleset"] = "other@1:0123456789abcdef"  # the answers: judged by a rule set that nobody has
    run = history.run()
    assert "NO_ANSWERS" not in codes(run)
    assert set(reasons(run)) == {4, 6}


def test_what_is_redacted_is_named_and_so_is_what_follows_it():
    history = History()
    history.add("ID_VERIFY", PAYLOADS["ID_VERIFY"], hide=("id_kind",))
    history.add("INFO_COLLECT", PAYLOADS["INFO_COLLECT"])
    history.add("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    history.add("Q_SUBMIT", PAYLOADS["Q_SUBMIT"], hide=("answers",))
    history.add("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    run = history.run()
    assert reasons(run) == {
        1: "it is not shown whole",
        4: "it is not shown whole",
        5: "record 4 (Q_SUBMIT) before it cannot be read",
    }
    assert codes(run) == []  # the end of the document is shown, and the time of the verification is in the envelope


def test_without_the_end_of_the_document_nobody_knows_whether_the_client_was_identified():
    history = History()
    history.add("ID_VERIFY", PAYLOADS["ID_VERIFY"], hide=("valid_to",))
    history.add("INFO_COLLECT", PAYLOADS["INFO_COLLECT"])
    assert reasons(history.run())[2] == "record 1 (ID_VERIFY) before it cannot be read"


@pytest.mark.parametrize(
    ("type_", "more", "reason"),
    [
        ("LATER_TYPE", {}, "its type is not known to this version"),
        ("DUTY_NOTICE", {"schema": "2"}, "schema 2 of its payload is not known to this version"),
        ("DUTY_NOTICE", {}, "its payload is malformed"),
    ],
)
def test_what_cannot_be_read_says_why(type_, more, reason):
    history = History()
    history.add(type_, {"dwell_ms": "long"}, **more)
    [entry] = history.run().not_asked
    assert entry.reason.startswith(reason)


def test_a_rating_that_is_referred_to_and_not_shown_is_a_finding():
    history = History().assessed()
    history.opinion(rating_ref="77" * 32)
    run = history.run()
    assert "RATING_NOT_SHOWN" in codes(run)
    assert "that record 7 (MATCH_OPINION) rests on is not shown" in reasons(run)[7]
    hidden = History().assessed()
    hidden.opinion()
    hidden.records = [record for record in hidden.records if record.subject == SUBJECT]
    assert codes(hidden.run())[0] == "RATING_NOT_SHOWN"


def test_a_redacted_rating_is_named_where_it_would_have_counted():
    history = History().assessed()
    history.records[0].values.pop("product")
    history.opinion()
    run = history.run()
    assert "(r0) cannot be read" in reasons(run)[7]
    assert set(codes(run)) == {"RATING_NOT_SHOWN"}


def test_nothing_is_refuted_where_a_rule_could_not_be_asked():
    def results(run):
        return {claim.claim: claim.result for claim in judge(run, evidence_holds=True)}

    history = History().assessed()
    assert results(history.run())["NEVER_TESTED"] == results(history.run())["WRONG_RESULT"] == REFUTED
    history.add("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"], hide=("documents",))
    assert results(history.run())["NEVER_TESTED"] == results(history.run())["WRONG_RESULT"] == NOT_PROVABLE


def test_a_rule_set_that_cannot_be_read_is_noted():
    found, notes = read_rulesets([RULES.document, {"format": "bonafides.ruleset/1"}])
    assert [ruleset.label for ruleset in found] == [RULES.label]
    assert [note.split(":")[0] for note in notes] == ["rule set 1 of the bundle cannot be read"]


def test_the_verifiers_own_rule_set_comes_before_the_bundles():
    """One label names one rule set, unless its maker searched for two with one digest: then ours counts."""
    ours = RuleSet.from_document(RULES.document)
    book = rulebook_of(History().assessed().records, [ours, RULES])
    assert book.by_label[RULES.label] is ours


def test_a_rule_set_of_the_brokers_own_making_is_named():
    """A broker may seal rules that nothing breaks: that there is no finding then says nothing."""
    lax = RuleSet.from_document({**RULES.document, "agreement": {"max_sign_delay_ms": 10**12}})
    packaged = list(packaged_rulesets().values())
    records = History().assessed().records
    assert made_by_broker(rulebook_of(records, [RULES], packaged), packaged) == []  # but for its date, a packaged one
    assert made_by_broker(rulebook_of(records, [RULES, lax], packaged), packaged) == [lax.label]
    assert made_by_broker(rulebook_of(records, [RULES, lax], packaged), [*packaged, lax]) == []


class TestWhereRatingsLie:
    """The pseudonym of a product is derived: a rating elsewhere may be one of several, and the bundle shows which."""

    def judged(self, subject):
        history = History(product=subject).assessed()
        history.opinion()
        history.add("BIZ_APPLY", {"application_id": "a", "kind": "BUY", "product_id": "P", "amount_fen": 1})
        return history.run()

    def test_on_the_derived_pseudonym_nothing_is_said(self):
        assert "RATING_NOT_DERIVED" not in codes(self.judged(PRODUCT))

    def test_elsewhere_the_opinion_and_the_application_that_rely_on_it_are_named(self):
        found = [finding.seq for finding in self.judged("6b" * 32).findings if finding.code == "RATING_NOT_DERIVED"]
        assert found == [7, 8]

    def test_a_rating_elsewhere_that_is_left_out_changes_nothing_once_the_product_is_rated_in_its_place(self):
        history = History(product="6b" * 32)  # the later effective one
        earlier = {"effective_from": format_time(NOW - 30 * DAY)}
        history.rating = history.add("PRODUCT_RATE", RATING | earlier, subject=PRODUCT)
        history.assessed().opinion()
        history.add("BIZ_APPLY", {"application_id": "a", "kind": "BUY", "product_id": "P", "amount_fen": 1})
        whole = history.run()
        history.records = [record for record in history.records if record.subject != "6b" * 32]
        assert codes(whole) == codes(history.run()) == []

    def test_another_brokers_product_of_the_same_id_lies_elsewhere(self):
        other = product_subject("did:ethr:0x7:0x" + "b2" * 20, "P")
        assert "RATING_NOT_DERIVED" in codes(self.judged(other))
