"""A client's journey, each breach with its finding, and beside it the same journey without the breach.

Longer than 400 lines: every test speaks in the steps of one `Journey`, which checks gate against findings at each step.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.entries import Entries
from domain.fact import Fact
from domain.finding import Finding
from primitives.digest import tagged_sha256
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.timestamp import format_time
from suitability.engine import level_result, match_opinion
from suitability.ratings import Ratings
from suitability.records import RECORD_TYPES, check_payload
from suitability.ruleset import RuleSet, packaged_rulesets
from suitability.states import gate
from suitability.subject import Rating, SubjectState
from suitability.subject_json import entries_to_json, reading, state_from_json, state_to_json, written
from tests.properties import examples
from tests.world.applied import apply
from tests.world.stored_state import StoredState

RULES = packaged_rulesets()["sac-bands@1"]
EQUAL_BANDS = packaged_rulesets()["sac-bands@2"]
TWO_PERSONS = packaged_rulesets()["sac-bands@3"]
SHORT = packaged_rulesets()["demo-short-validity@1"]
START = 1_790_000_000_000
SECOND = 1000
DAY = 86_400_000
BROKER = "did:ethr:0x1:0x" + "11" * 20
OTHER = "did:ethr:0x1:0x" + "22" * 20
STRANGER = "did:ethr:0x1:0x" + "33" * 20
CLIENT = "did:ethr:0x1:0x" + "44" * 20
MIDDLE = {f"Q{i}": ["B"] for i in range(1, 21)}  # 55 points: C4
LOW = MIDDLE | {f"Q{i}": ["A"] for i in (6, 7, 8, 9, 10, 11, 12, 13, 14, 15)} | {"Q5": ["D"]}
SHOWN = {"lang": "zh", "text_sha256": "ab" * 32}


def digest(name: str) -> str:
    return tagged_sha256("test", name.encode()).hex()


def rating(product_id: str = "P3", risk: str = "R3", *, at: int = START - DAY, ref: str | None = None) -> Rating:
    product = {"id": product_id, "risk": risk, "term": "1Y", "type": "T1"}
    payload = {
        "product": product,
        "name": "synthetic product",
        "factors": {"leverage": "none"},
        "method": "method-1",
        "committee": "rating committee",
        "effective_from": format_time(at),
    }
    return Rating(ref or digest(product_id + risk), check_payload("PRODUCT_RATE", payload))


RATINGS = {entry.payload["product"]["id"]: entry for entry in (rating("P1", "R1"), rating(), rating("P5", "R5"))}


@dataclass
class Journey:
    """A client's records in the making: each call adds a fact and keeps its findings."""

    ruleset: RuleSet = RULES
    answers: dict = field(default_factory=lambda: dict(MIDDLE))
    screen: dict = field(default_factory=lambda: {"age": 40, "incapacity": False, "no_loss": None})
    ratings: dict = field(default_factory=lambda: dict(RATINGS))
    state: SubjectState = field(default_factory=SubjectState)
    now: int = START
    facts: list = field(default_factory=list)
    findings: dict = field(default_factory=dict)

    def do(self, type_: str, payload: dict, *, label: str | None = None, delay: int = 0, channel="app") -> list[str]:
        self.now += SECOND
        ref = digest(f"{len(self.facts)} {type_}")
        shown = payload | SHOWN if RECORD_TYPES[type_].signer == "client" or type_ == "MISMATCH_WARN" else payload
        checked = check_payload(type_, shown)
        fact = Fact(type_, checked, self.now, self.now + delay, channel, ref, label or self.ruleset.label, BROKER)
        before = gate(
            self.state,
            type_,
            at_ms=self.now,
            ruleset=self.ruleset,
            details=checked,
            ratings=self.ratings,
            broker=BROKER,
        )
        self.state, found = apply(self.state, fact, self.ruleset, self.ratings)
        self.facts.append(fact)
        self.findings[ref] = found
        if before.allowed and label is None and not delay:
            assert found == ()  # what a gate allows carries no finding
        if found and label is None and not delay:
            assert not before.allowed
            assert before.code == found[0].code
        return [finding.code for finding in found]

    def last(self, type_: str) -> Fact:
        return next(fact for fact in reversed(self.facts) if fact.type == type_)

    def identify(self) -> list[str]:
        return self.do("ID_VERIFY", ID_VERIFY)

    def inform(self) -> list[str]:
        return [*self.do("INFO_COLLECT", INFO_COLLECT), *self.do("DUTY_NOTICE", DUTY_NOTICE)]

    def submit(self, **changes: object) -> list[str]:
        payload = {
            "form": "individual-20@1",
            "answers": self.answers,
            "screen": self.screen,
            "duration_ms": 300_000,
            "declaration": True,
        }
        return self.do("Q_SUBMIT", payload | changes)

    def result(self, **changes: object) -> list[str]:
        submitted = self.last("Q_SUBMIT")
        current = self.state.level_at(self.now)
        payload = level_result(
            self.ruleset,
            submitted.payload,
            answers_ref=submitted.ref,
            at_ms=submitted.occurred_at,
            supersedes=None if current is None else current.ref,
        )
        return self.do("LEVEL_RESULT", payload | changes)

    def confirm(self, **changes: object) -> list[str]:
        level = self.last("LEVEL_RESULT")
        return self.do("LEVEL_CONFIRM", {"level_ref": level.ref, "level": level.payload["level"]} | changes)

    def assess(self) -> list[str]:
        return [*self.submit(), *self.result(), *self.confirm()]

    def opine(self, product: str = "P3", *, label: str | None = None, **changes: object) -> list[str]:
        level = self.state.level_at(self.now + SECOND)
        payload = match_opinion(
            self.ruleset,
            None if level is None else level.payload,
            self.ratings[product].payload,
            level_ref=None if level is None else level.ref,
            rating_ref=self.ratings[product].ref,
            at_ms=self.now + SECOND,
        )
        return self.do("MATCH_OPINION", payload | changes, label=label)

    def warn(self, product: str = "P3", **changes: object) -> list[str]:
        payload = {
            "product_id": product,
            "opinion_ref": digest("no opinion"),
            "code": "RISK_MISMATCH",
            "gap": 1,
            "client_initiated": True,
            "read_ms": 20_000,
        }
        given = self.state.opinion_at(product, self.now)
        return self.do("MISMATCH_WARN", payload | ({"opinion_ref": given.ref} if given else {}) | changes)

    def insist(self, product: str = "P3", **changes: object) -> list[str]:
        given = self.state.opinion_at(product, self.now)
        payload = {
            "product_id": product,
            "opinion_ref": given.ref if given else digest("no opinion"),
            "warning_ref": digest("warning"),
            "second_confirm": True,
        }
        return self.do("MISMATCH_INSIST", payload | changes)

    def disclose(self, product: str = "P3") -> list[str]:
        payload = {"product_id": product, "book": "risk-book@1", "book_sha256": "cd" * 32, "pages": 4, "dwell_ms": 9000}
        return self.do("RISK_DISCLOSE", payload)

    def confirm_risk(self, product: str = "P3") -> list[str]:
        payload = {"product_id": product, "disclosure_ref": digest("disclosure"), "items": ["loss", "liquidity"]}
        return self.do("RISK_CONFIRM", payload)

    def apply_for(self, product: str | None = "P3", kind: str = "BUY") -> list[str]:
        payload = {"application_id": f"A-{product}", "kind": kind, "product_id": product, "amount_fen": 1_000_000}
        return self.do("BIZ_APPLY", payload)

    def decide(self, product: str | None = "P3", decision: str = "APPROVED", kind: str = "BUY") -> list[str]:
        payload = {
            "application_id": f"A-{product}",
            "kind": kind,
            "product_id": product,
            "decision": decision,
            "checks": ["level", "opinion"],
            "reviewer": "reviewer 7",
            "reason": None,
        }
        return self.do("BIZ_DECIDE", payload)

    def sign(self, product: str | None = "P3", **changes: object) -> list[str]:
        payload = {
            "application_id": f"A-{product}",
            "product_id": product,
            "contract_id": "K-1",
            "contract_version": "contract@1",
            "file_sha256": "ef" * 32,
            "signers": [CLIENT, BROKER],
            "sign_mode": "wallet",
        }
        return self.do("AGREEMENT_SIGN", payload | changes)

    def give(self, name: str = "consent", **changes: object) -> list[str]:
        payload = {
            "consent_id": digest(name),
            "purpose": "SUITABILITY_ASSESS",
            "receivers": [OTHER],
            "contact": "compliance desk",
            "method": "masked sum",
            "data_kinds": ["holdings", "debts"],
            "expires_at": format_time(self.now + DAY),
            "separate": True,
        }
        return self.do("CONSENT_GIVE", payload | changes)

    def withdraw(self, name: str = "consent") -> list[str]:
        return self.do(
            "CONSENT_WITHDRAW",
            {"consent_id": digest(name), "scope": "ALL", "effective_at": format_time(self.now + SECOND)},
        )

    def use(self, name: str = "consent", **changes: object) -> list[str]:
        payload = {
            "task_id": digest("task"),
            "purpose": "SUITABILITY_ASSESS",
            "consent_id": digest(name),
            "parties": [OTHER],
            "input_commitment": "12" * 48,
            "output_kind": "totals",
            "result_hash": digest("result"),
            "started_at": format_time(self.now + SECOND),
        }
        return self.do("DATA_USE", payload | changes)

    def all_findings(self) -> list[Finding]:
        return [finding for found in self.findings.values() for finding in found]


ID_VERIFY = {
    "id_kind": "ID_CARD",
    "id_commitment": "34" * 48,
    "face_score": 97,
    "liveness": True,
    "police_check_ref": None,
    "valid_to": None,
}
INFO_COLLECT = {
    "basics": {"source": "synthetic", "name": "张三（合成）", "age": 40, "synthetic": True},
    "finance": {
        "source": "synthetic",
        "assets_fen": 10**9,
        "debts_fen": 10**8,
        "income_fen": 10**7,
        "holdings_fen": {"R1": 1, "R2": 2, "R3": 3, "R4": 4, "R5": 5},
    },
    "education": {"source": "client", "values": {"level": "bachelor"}},
}
DUTY_NOTICE = {"documents": ["investor-notice@1"], "scroll_end": True, "dwell_ms": 12_000}


def opened(**settings_: object) -> Journey:
    journey = Journey(**settings_)
    assert journey.identify() + journey.inform() == []
    return journey


def assessed(**settings_: object) -> Journey:
    journey = opened(**settings_)
    assert journey.assess() == []
    return journey


def ready(product: str = "P3", **settings_: object) -> Journey:
    """A client who may buy a product that matches."""
    journey = assessed(**settings_)
    steps = journey.opine(product) + journey.disclose(product) + journey.confirm_risk(product)
    assert steps + journey.apply_for(product) == []
    return journey


def test_a_clean_purchase_has_no_finding_and_ends_confirmed() -> None:
    journey = ready()
    assert journey.decide() == []
    assert journey.sign() == []
    assert journey.state.stage(journey.now) == "CONFIRMED"
    assert journey.all_findings() == []


def test_a_mismatch_with_warning_and_insistence_has_no_finding() -> None:
    journey = assessed()
    assert journey.opine("P5") == []
    assert journey.state.opinion_at("P5", journey.now).code == "RISK_MISMATCH"
    assert journey.warn("P5") == journey.insist("P5") == journey.disclose("P5") == journey.confirm_risk("P5") == []
    assert journey.apply_for("P5") == journey.decide("P5") == journey.sign("P5") == []


def test_a_stopped_purchase_has_no_finding() -> None:
    journey = assessed()
    assert journey.opine("P5") + journey.warn("P5") + journey.apply_for("P5") + journey.decide("P5", "STOPPED") == []
    assert journey.sign("P5") == ["SIGNED_AFTER_REFUSAL"]


def test_order_of_opening() -> None:
    assert "NOT_IDENTIFIED" in Journey().inform()
    journey = Journey()
    journey.identify()
    assert journey.submit() == ["NOT_INFORMED"]
    assert opened().submit() == []
    assert Journey().apply_for() == ["NOT_IDENTIFIED"]


@pytest.mark.parametrize(
    ("end", "codes"),
    [
        (None, []),  # the long-term card of those over 46 has no end
        (1, []),
        (0, ["DOCUMENT_EXPIRED"]),
        (-6 * 365 * DAY, ["DOCUMENT_EXPIRED"]),
    ],
)
def test_an_expired_document_identifies_nobody(end: int | None, codes: list[str]) -> None:
    journey = Journey()
    then = journey.now + SECOND
    valid_to = None if end is None else format_time(then + end)
    details = {"id_kind": "ID_CARD", "valid_to": valid_to}
    asked = gate(journey.state, "ID_VERIFY", at_ms=then, ruleset=journey.ruleset, details=details)
    assert ([] if asked.allowed else [asked.code]) == codes
    assert journey.do("ID_VERIFY", {**ID_VERIFY, "valid_to": valid_to}) == codes
    assert journey.state.stage(journey.now) == ("PROSPECT" if codes else "IDENTIFIED")
    assert ("NOT_IDENTIFIED" in journey.inform()) == bool(codes)


def test_assessment_limits() -> None:
    assert opened().submit(duration_ms=59_999) == ["ANSWERED_TOO_FAST"]
    assert opened().submit(duration_ms=60_000) == []
    assert opened().submit(declaration=False) == ["DECLARATION_MISSING"]
    journey = opened()
    assert journey.submit() + journey.submit() == []
    assert journey.submit() == ["TOO_MANY_ASSESSMENTS"]
    journey.now += DAY
    assert journey.submit() == []


def test_a_questionnaire_that_the_rule_set_does_not_accept() -> None:
    document = dict(RULES.document) | {"questionnaires": {"individual-20@9": "00" * 32}}
    assert opened(ruleset=RuleSet.from_document(document)).submit() == ["QUESTIONNAIRE_NOT_ACCEPTED"]
    document = dict(RULES.document) | {"questionnaires": {"individual-20@1": "00" * 32}}
    journey = opened(ruleset=RuleSet.from_document(document))
    assert journey.submit() == ["QUESTIONNAIRE_NOT_ACCEPTED"]
    other = assessed()
    other.ruleset = journey.ruleset
    assert "LEVEL_DIFFERS" in other.do("LEVEL_RESULT", dict(other.last("LEVEL_RESULT").payload))


def test_a_level_must_come_from_its_answers() -> None:
    journey = opened()
    journey.submit()
    assert journey.result() == []
    forged = opened()
    forged.submit()
    assert forged.result(level="C5") == ["LEVEL_DIFFERS"]
    stranger = opened()
    stranger.submit()
    assert stranger.result(answers_ref=digest("others")) == ["NO_ANSWERS"]
    assert not gate(SubjectState(), "LEVEL_RESULT", at_ms=START, ruleset=RULES, details={}).allowed


def test_a_longer_validity_than_the_rule_set_gives_is_found() -> None:
    journey = opened()
    journey.submit()
    assert journey.result(valid_to=format_time(journey.now + 10 * 365 * DAY)) == ["LEVEL_DIFFERS"]


def test_a_result_under_another_rule_set_is_found() -> None:
    journey = opened()
    journey.submit()
    submitted = journey.last("Q_SUBMIT")
    payload = level_result(EQUAL_BANDS, submitted.payload, answers_ref=submitted.ref, at_ms=submitted.occurred_at)
    assert journey.do("LEVEL_RESULT", payload, label=EQUAL_BANDS.label) == ["RULESET_NOT_IN_FORCE", "LEVEL_DIFFERS"]


def test_two_levels_are_never_valid_at_once() -> None:
    journey = assessed()
    journey.now += 2 * DAY
    journey.answers = dict(LOW)
    journey.submit()
    assert journey.result(supersedes=None) == ["TWO_LEVELS_VALID"]
    clean = assessed()
    clean.now += 2 * DAY
    clean.answers = dict(LOW)
    assert clean.submit() + clean.result() == []
    clean.now += 2 * DAY
    clean.answers = dict(MIDDLE)
    assert clean.submit() + clean.result() == []  # the first level was replaced already


def test_answer_shopping() -> None:
    journey = assessed(answers=dict(LOW))
    assert journey.state.level_at(journey.now).name == "C2"
    journey.answers = dict(MIDDLE)
    journey.submit()
    assert journey.result() == ["ANSWER_SHOPPING"]
    patient = assessed(answers=dict(LOW))
    patient.now += DAY
    patient.answers = dict(MIDDLE)
    assert patient.submit() + patient.result() == []


def test_confirmation_of_the_level() -> None:
    assert "NO_ASSESSMENT" in opened().do("LEVEL_CONFIRM", {"level_ref": digest("x"), "level": "C3"})
    journey = opened()
    journey.submit()
    journey.result()
    assert journey.confirm(level="C5") == ["CONFIRMED_OTHER_LEVEL"]
    assert journey.state.stage(journey.now) == "ASSESSED"
    assert journey.confirm() == []
    late = opened(ruleset=SHORT)
    late.submit()
    late.result()
    late.now += 3 * SECOND
    assert late.confirm() == ["ASSESSMENT_EXPIRED"]


def test_opinions() -> None:
    assert "NO_ASSESSMENT" not in opened().opine()  # the opinion says so itself
    assert opened().opine(code="MATCH") == ["NO_ASSESSMENT", "OPINION_DIFFERS"]
    assert assessed().opine(rating_ref=digest("old rating")) == ["OPINION_STALE"]
    assert assessed().opine("P5", code="MATCH") == ["OPINION_DIFFERS"]
    assert "RULESET_NOT_IN_FORCE" in assessed().opine(label=EQUAL_BANDS.label)
    journey = assessed()
    assert journey.opine(level_ref=digest("another level")) == ["OPINION_STALE"]
    unrated = assessed()
    payload = rating("P9").payload
    level = unrated.last("LEVEL_RESULT")
    opinion = match_opinion(
        RULES, level.payload, payload, level_ref=level.ref, rating_ref=digest("P9"), at_ms=unrated.now + SECOND
    )
    assert unrated.do("MATCH_OPINION", opinion) == ["PRODUCT_NOT_RATED"]


def test_an_expired_test_at_handling_and_at_signing() -> None:
    journey = ready()
    journey.now += RULES.assessment.validity_ms
    assert journey.decide() == ["ASSESSMENT_EXPIRED"]
    assert journey.sign() == ["ASSESSMENT_EXPIRED"]
    journey.opine()
    assert journey.state.opinion_at("P3", journey.now).code == "EXPIRED"
    assert "SOLD_WITHOUT_MATCH" in journey.decide()


def test_a_client_can_always_sell() -> None:
    journey = ready()
    journey.now += RULES.assessment.validity_ms
    journey.apply_for("P1", "SELL")
    assert journey.decide("P1", kind="SELL") == []
    assert journey.sign("P1") == []


def test_handling_needs_its_steps() -> None:
    journey = assessed()
    assert journey.opine() + journey.apply_for() == []
    assert journey.decide() == ["RISK_NOT_CONFIRMED"]
    journey = assessed()
    journey.apply_for()
    assert journey.decide() == ["NO_OPINION"]
    journey = ready()
    journey.state = replace(journey.state, applications=Entries())
    assert journey.decide() == ["NOT_APPLIED"]
    journey = opened()
    journey.submit()
    journey.result()
    journey.apply_for(None, "OPEN")
    assert journey.decide(None, kind="OPEN") == ["LEVEL_NOT_CONFIRMED"]
    assert journey.confirm() == ["SIGNED_LATE"]
    journey = ready()
    assert "OTHER_BUSINESS" in journey.decide(kind="SELL")


def test_one_application_is_of_one_business() -> None:
    journey = opened()
    applied = {"application_id": "A", "kind": "BUY", "product_id": "P3", "amount_fen": 1}
    assert journey.do("BIZ_APPLY", applied) == []
    assert journey.do("BIZ_APPLY", applied | {"amount_fen": 2}) == []
    assert journey.do("BIZ_APPLY", applied | {"product_id": "P5"}) == ["OTHER_BUSINESS"]
    assert journey.do("BIZ_APPLY", applied | {"kind": "SELL"}) == ["OTHER_BUSINESS"]
    assert journey.do("BIZ_APPLY", applied | {"application_id": "B", "product_id": "P5"}) == []


def test_a_new_rating_makes_opinion_and_confirmation_stale() -> None:
    journey = ready()
    journey.ratings["P3"] = rating("P3", "R4", at=journey.now)
    assert journey.decide() == ["OPINION_STALE", "RISK_CONFIRM_STALE"]
    journey.ratings["P3"] = rating("P3", "R4", at=journey.now + SECOND)
    assert journey.confirm_risk() == ["NOT_DISCLOSED"]


def test_a_new_rule_set_makes_the_opinion_stale() -> None:
    journey = ready()
    journey.ruleset = EQUAL_BANDS
    assert journey.decide() == ["OPINION_STALE"]


def test_sold_with_no_warning() -> None:
    journey = assessed()
    assert journey.opine("P5") == []
    assert journey.disclose("P5") == ["MISMATCH_UNRESOLVED"]
    journey.confirm_risk("P5")
    journey.apply_for("P5")
    assert journey.decide("P5") == ["SOLD_WITHOUT_WARNING", "SOLD_WITHOUT_INSISTENCE"]
    assert journey.warn("P5") == ["WARNED_LATE"]
    assert journey.insist("P5") == ["SIGNED_LATE"]


def test_a_forged_match_does_not_hide_the_missing_warning() -> None:
    journey = assessed()
    assert journey.opine("P5", code="MATCH") == ["OPINION_DIFFERS"]
    journey.disclose("P5")
    journey.confirm_risk("P5")
    journey.apply_for("P5")
    assert journey.decide("P5") == ["SOLD_WITHOUT_WARNING", "SOLD_WITHOUT_INSISTENCE"]


def test_a_warning_for_an_earlier_opinion_does_not_count() -> None:
    journey = assessed()
    assert journey.opine("P5") + journey.warn("P5") + journey.opine("P5") == []
    assert journey.insist("P5") == ["INSISTED_WITHOUT_WARNING"]
    assert journey.warn("P5") + journey.insist("P5") == []


def test_insisted_without_a_warning() -> None:
    journey = assessed()
    journey.opine("P5")
    assert journey.insist("P5") == ["INSISTED_WITHOUT_WARNING"]
    assert assessed().insist("P5") == ["NO_OPINION"]
    assert journey.warn("P5", client_initiated=False) == ["PROMOTED_MISMATCH"]
    assert journey.warn("P5", opinion_ref=digest("another")) == ["OPINION_STALE"]


def test_the_minimum_class_cannot_insist_and_holds_r1_only() -> None:
    screen = {"age": 40, "incapacity": True, "no_loss": None}
    journey = assessed(screen=screen)
    assert journey.opine("P3") == []
    assert journey.state.opinion_at("P3", journey.now).code == "FORBIDDEN_MIN"
    journey.warn("P3")
    assert journey.insist("P3") == ["MIN_CLASS_INSISTED"]
    journey.disclose("P3")
    journey.confirm_risk("P3")
    journey.apply_for("P3")
    assert journey.decide("P3") == ["SOLD_TO_MIN_CLASS"]
    clean = ready("P1", screen=screen)
    assert clean.decide("P1") == []


@pytest.mark.parametrize(("limits", "code"), [({"max_gap": 1}, "GAP_TOO_WIDE"), ({"max_age": 40}, "TOO_OLD_TO_INSIST")])
def test_policy_limits_of_insistence(limits: dict, code: str) -> None:
    document = dict(RULES.document) | {"mismatch": {"max_gap": None, "max_age": None} | limits}
    journey = assessed(ruleset=RuleSet.from_document(document))
    journey.opine("P5")
    journey.warn("P5")
    assert journey.insist("P5") == [code]


def test_who_is_not_admitted_cannot_insist() -> None:
    journey = assessed()
    level = journey.last("LEVEL_RESULT")
    payload = match_opinion(
        RULES,
        level.payload,
        RATINGS["P3"].payload,
        level_ref=level.ref,
        rating_ref=RATINGS["P3"].ref,
        at_ms=journey.now + SECOND,
        admitted=False,
    )
    assert journey.do("MATCH_OPINION", payload) == []
    journey.warn("P3")
    assert journey.insist("P3") == ["NOT_ADMITTED"]
    journey.disclose()
    journey.confirm_risk()
    journey.apply_for()
    assert journey.decide() == ["SOLD_WITHOUT_MATCH"]


def test_risk_confirmed_without_disclosure_or_after_the_sale() -> None:
    journey = assessed()
    journey.opine()
    assert journey.confirm_risk() == ["NOT_DISCLOSED"]
    late = assessed()
    late.opine()
    late.disclose()
    late.apply_for()
    assert late.decide() == ["RISK_NOT_CONFIRMED"]
    assert late.confirm_risk() == ["SIGNED_LATE"]


def test_the_agreement_is_signed_after_handling_and_in_time() -> None:
    journey = ready()
    assert journey.sign() == ["SIGNED_BEFORE_HANDLING"]
    assert journey.decide() == ["HANDLED_AFTER_SIGNING"]
    late = ready()
    late.decide()
    late.now += RULES.max_sign_delay_ms
    assert late.sign() == ["SIGNED_LATE"]


@pytest.mark.parametrize("signed", ["P5", None])
def test_an_agreement_on_another_product_than_applied_for(signed: str | None) -> None:
    journey = ready("P1")
    assert journey.decide("P1") == []
    assert journey.sign("P1", product_id=signed) == ["OTHER_BUSINESS"]
    opening = assessed()
    assert opening.apply_for(None, "OPEN") + opening.decide(None, kind="OPEN") == []
    assert opening.sign(None, product_id="P5") == ["OTHER_BUSINESS"]
    selling = assessed()
    assert selling.apply_for("P1", "SELL") + selling.decide("P1", kind="SELL") == []
    assert selling.sign("P1", product_id="P5") == ["OTHER_BUSINESS"]


def test_an_agreement_that_does_not_say_yet_on_which_product() -> None:
    journey = ready()
    journey.decide()
    ask = {"at_ms": journey.now, "ruleset": RULES, "ratings": RATINGS}
    assert gate(journey.state, "AGREEMENT_SIGN", details={"application_id": "A-P3"}, **ask).allowed


def test_an_application_is_signed_once() -> None:
    journey = ready()
    assert journey.decide() + journey.sign() == []
    assert journey.sign() == ["SIGNED_AGAIN"]
    assert journey.sign(product_id="P5", contract_id="K-2") == ["OTHER_BUSINESS", "SIGNED_AGAIN"]


def test_a_product_is_a_purchase_whatever_the_business_is_called() -> None:
    journey = assessed()
    assert journey.apply_for("P5", "OPEN") == []
    assert journey.decide("P5", kind="OPEN") == ["NO_OPINION"]
    mismatch = assessed()
    assert mismatch.opine("P5") + mismatch.apply_for("P5", "OPEN") == []
    assert mismatch.decide("P5", kind="OPEN") == [
        "SOLD_WITHOUT_WARNING",
        "SOLD_WITHOUT_INSISTENCE",
        "RISK_NOT_CONFIRMED",
    ]
    assert mismatch.warn("P5") == ["WARNED_LATE"]
    assert mismatch.insist("P5") == ["SIGNED_LATE"]
    clean = assessed()
    assert clean.opine() + clean.disclose() + clean.confirm_risk() + clean.apply_for("P3", "OPEN") == []
    assert clean.decide("P3", kind="OPEN") + clean.sign("P3") == []
    selling = assessed()
    assert selling.apply_for("P5", "SELL") + selling.decide("P5", kind="SELL") + selling.sign("P5") == []


def test_of_two_ratings_from_the_same_instant_the_last_recorded_counts() -> None:
    earlier, low, high = (
        rating("P3", risk, at=at) for risk, at in (("R2", START - 2 * DAY), ("R1", START), ("R5", START))
    )
    for first, last in ((low, high), (high, low)):
        ratings = Ratings()
        for each in (first, last, earlier):
            ratings = ratings.with_record(each.ref, each.payload, in_place=True)
        assert ratings.at("P3", START) == {"P3": last}


def test_once_a_product_is_rated_at_its_place_a_rating_elsewhere_counts_for_nothing() -> None:
    elsewhere, placed = rating("P3", "R5", at=START), rating("P3", "R1", at=START - 2 * DAY)
    alone = Ratings().with_record(elsewhere.ref, elsewhere.payload, in_place=False)
    assert alone.at("P3", START) == {"P3": elsewhere}
    for both in (
        alone.with_record(placed.ref, placed.payload, in_place=True),
        Ratings()
        .with_record(placed.ref, placed.payload, in_place=True)
        .with_record(elsewhere.ref, elsewhere.payload, in_place=False),
    ):
        assert both.at("P3", START) == {"P3": placed}
        assert both.at("P3", START - 3 * DAY) == {}
        relied = {
            entry.ref: entry.in_place
            for each in (placed, elsewhere)
            for entry in both.relied_on("MATCH_OPINION", {"product_id": "P3", "rating_ref": each.ref}, START)
        }
        assert relied == {placed.ref: True, elsewhere.ref: False}
        assert {each.ref for each in both.of("P3")} == {elsewhere.ref, placed.ref}


def test_recording_in_time() -> None:
    assert Journey().do("ID_VERIFY", ID_VERIFY, delay=60_000) == []
    assert Journey().do("ID_VERIFY", ID_VERIFY, delay=60_001) == ["RECORDED_LATE"]
    assert Journey().do("ID_VERIFY", ID_VERIFY, delay=60_001, channel="branch") == []
    assert Journey().do("ID_VERIFY", ID_VERIFY, delay=-5_000) == []
    assert Journey().do("ID_VERIFY", ID_VERIFY, delay=-5_001) == ["RECORDED_EARLY"]


def test_a_late_record_is_judged_by_when_it_happened() -> None:
    journey = ready()
    journey.decide()
    earlier = replace(journey.last("BIZ_APPLY"), type="RISK_CONFIRM")
    assert journey.state.track("P3").confirmed[0] < earlier.occurred_at < journey.last("BIZ_DECIDE").occurred_at


SUCCEEDED = {
    "successor": digest("another pseudonym"),
    "successor_did": CLIENT,
    "succession_ref": digest("succession"),
    "identity_ref": digest("identity"),
    "reason": "WALLET_LOST",
}


def test_after_another_identity_took_over_nothing_may_be_done_and_no_consent_holds() -> None:
    journey = opened()
    assert journey.give() == []
    assert journey.do("ID_SUCCEEDED", SUCCEEDED) == []
    assert journey.use() == ["CONSENT_WITHDRAWN"]
    assert journey.use(started_at=format_time(journey.now - 2 * SECOND)) == []
    assert journey.do("ID_VERIFY", ID_VERIFY) == ["IDENTITY_ENDED"]
    assert "IDENTITY_ENDED" in journey.give("another consent")
    assert state_from_json(state_to_json(journey.state)) == written(journey.state)


def test_a_successor_is_identified_first() -> None:
    tie = {
        "predecessor": digest("old"),
        "predecessor_did": CLIENT,
        "identity_ref": digest("id"),
        "reason": "WALLET_LOST",
    }
    assert Journey().do("ID_SUCCEED", tie) == ["NOT_IDENTIFIED"]
    journey = Journey()
    journey.identify()
    assert journey.do("ID_SUCCEED", tie) == []


def test_consent_use() -> None:
    journey = opened()
    assert journey.use() == ["USED_WITHOUT_CONSENT"]
    assert journey.give() + journey.use() == []
    assert journey.use(purpose="MARKET_RISK") == ["CONSENT_OTHER_PURPOSE"]
    assert journey.use(parties=[OTHER, STRANGER]) == ["CONSENT_OTHER_RECEIVER"]
    assert journey.use(parties=[BROKER, OTHER]) == []  # a client's own broker is no receiver
    assert journey.withdraw() == []
    assert journey.use() == ["CONSENT_WITHDRAWN"]
    assert journey.use(started_at=format_time(journey.now - 2 * SECOND)) == []  # it began before the withdrawal
    assert journey.withdraw() == ["CONSENT_ALREADY_WITHDRAWN"]
    assert journey.give() == ["CONSENT_REUSED"]
    assert journey.use() == ["CONSENT_WITHDRAWN"]  # a reused id revives nothing
    assert opened().withdraw() == ["CONSENT_UNKNOWN"]
    assert opened().give(expires_at=format_time(START)) == ["CONSENT_EXPIRED"]
    old = opened()
    old.give()
    old.now += DAY
    assert old.use() == ["CONSENT_EXPIRED"]


def test_gates_know_only_part_of_the_payload() -> None:
    journey = ready()
    ask = {"at_ms": journey.now, "ruleset": RULES, "ratings": RATINGS}
    assert gate(journey.state, "BIZ_DECIDE", details={"application_id": "A-P3"}, **ask).allowed
    assert gate(journey.state, "MATCH_OPINION", details={"product_id": "P5"}, **ask).allowed
    answer = gate(journey.state, "BIZ_DECIDE", details={"application_id": "A-P4"}, **ask)
    assert (answer.allowed, answer.code) == (False, "NOT_APPLIED")
    with pytest.raises(InvalidInput) as raised:
        gate(journey.state, "BIZ_DECIDE", details={"product": 1}, **ask)
    assert (raised.value.field, raised.value.rule) == ("details.product", "unknown-member")
    with pytest.raises(InvalidInput):
        gate(journey.state, "NOTHING", details={}, **ask)


@pytest.mark.parametrize("code", sorted(RECORD_TYPES))
def test_a_gate_call_with_no_details_answers(code: str) -> None:
    for journey in (Journey(), ready()):
        gate(journey.state, code, at_ms=journey.now, ruleset=RULES, details={}, ratings=RATINGS)


STEPS = (
    *("identify", "inform", "submit", "result", "confirm", "opine", "warn", "insist", "disclose", "confirm_risk"),
    *("apply_for", "decide", "sign", "give", "withdraw", "use"),
)
NEEDS = {"result": "Q_SUBMIT", "confirm": "LEVEL_RESULT"}


@examples(40)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3 * DAY)), max_size=25))
def test_folding_is_deterministic_survives_json_and_gates_foretell_findings(steps: list[tuple[str, int]]) -> None:
    journey = Journey()
    for name, wait in steps:
        needed = NEEDS.get(name)
        if needed and not any(fact.type == needed for fact in journey.facts):
            continue
        journey.now += wait
        getattr(journey, name)()  # asserts inside that the gate and the findings agree
    stored = StoredState()
    for fact in journey.facts:
        state, found = apply(stored.read(), fact, RULES, RATINGS)
        assert found == journey.findings[fact.ref]
        stored.write(state)
    assert stored.holds(journey.state)


def test_of_a_long_life_a_state_holds_names_and_instants_and_a_fact_changes_what_it_names():
    """Purchases of a month, year after year: the state itself stays small, and so does what one fact writes."""
    journey, stored, sizes = ready(), StoredState(), []
    for fact in journey.facts:
        stored.write(apply(stored.read(), fact, RULES, RATINGS)[0])
    for month in range(120):
        begun = len(journey.facts)
        journey.now += 30 * DAY
        if month % 6 == 0:
            journey.submit()
            journey.result()
            journey.confirm()
        journey.opine()
        journey.do("BIZ_APPLY", {"application_id": f"A-{month}", "kind": "BUY", "product_id": "P3", "amount_fen": 1})
        decision = {"application_id": f"A-{month}", "kind": "BUY", "product_id": "P3", "decision": "APPROVED"}
        journey.do("BIZ_DECIDE", {**decision, "checks": [], "reviewer": "r-1", "reason": None})
        for fact in journey.facts[begun:]:
            state, found = apply(stored.read(), fact, RULES, RATINGS)
            assert found == journey.findings[fact.ref]
            stored.write(state)
            sizes.append(len(json.dumps(state_to_json(state))) + len(json.dumps(entries_to_json(state))))
    assert stored.holds(journey.state)
    whole = sum(len(entry) for entry in stored.entries.values())
    assert max(sizes[-10:]) < whole / 5


def test_who_bought_twice_by_one_application_bought_at_the_last_decision_on_it():
    journey = ready()
    assert journey.apply_for() + journey.decide() == []
    first = journey.now
    assert journey.state.first_bought(first) == first
    journey.decide(decision="REFUSED")
    assert journey.state.first_bought(0) is None
    assert journey.state.track("P3").bought == ()
    journey.now += 90 * DAY
    journey.decide()
    assert journey.state.first_bought(0) == journey.now
    assert journey.state.first_bought(journey.now + 1) is None
    assert journey.state.track("P3").bought == (journey.now,)


def test_a_state_whose_part_is_gone_does_not_read_as_one_without_it():
    stored = StoredState()
    stored.write(ready().state)
    stored.entries = {key: entry for key, entry in stored.entries.items() if not key.startswith("opinions/")}
    with pytest.raises(CouldNotCheck, match="lacks a part") as refused:
        stored.read().opinion_at("P3", START + 365 * DAY)
    assert refused.value.code == "store-unreadable"


def test_a_stored_state_is_read_strictly() -> None:
    document = state_to_json(ready().state)
    for name, value in itertools.product(document, (False, 5, "x")):
        with pytest.raises(InvalidInput):
            state_from_json(document | {name: value})
    entries = entries_to_json(ready().state)
    for key in entries:
        name, entry = key.split("/", 1)
        state = reading(SubjectState(), lambda _: "x")
        with pytest.raises(InvalidInput, match=f"{name}/"):
            getattr(state, name).get(entry)
    assert {key.split("/")[0] for key in entries} == {"submissions", "results", "tracks", "opinions", "applications"}


def test_a_state_as_it_was_kept_before_is_read_as_what_it_knew():
    """`state-1.json` was written of this journey by the release before."""
    journey = ready()
    for step in (journey.decide, journey.sign, journey.give):
        step()
    journey.give("another")
    journey.withdraw()
    journey.opine("P5")
    journey.warn("P5")
    journey.now += 400 * DAY
    for step in (journey.submit, journey.result, journey.confirm, journey.opine):
        step()
    document = json.loads(Path(__file__).with_name("state-1.json").read_bytes())
    read = state_from_json(document)
    assert entries_to_json(read) == entries_to_json(journey.state)
    assert read == journey.state
    older = {name: value for name, value in document.items() if name not in ("succeeded", "succeeds")}
    assert state_from_json(older) == read
    for name, value in itertools.product(document, (None, 5, "x")):
        with pytest.raises(InvalidInput):
            state_from_json(document | {name: value})


# -- two persons


def signatures(count):
    return [{"key": digest(f"person {number}"), "value": "A" * 86} for number in range(count)]


ORDER = {
    **dict.fromkeys(("format", "sender", "receiver", "kind", "nonce", "signature"), "x"),
    "sent_at": START,
    "body": {"id": "1", "did": BROKER, "case": "1", "ordered_at": format_time(START)},
}


def countersigned(entry, count):
    return Rating(entry.ref, {**entry.payload, "countersigned": signatures(count)})


def under_two_persons(rating_signers):
    signed = {key: countersigned(entry, rating_signers) for key, entry in RATINGS.items()}
    journey = Journey(ruleset=TWO_PERSONS, ratings=signed if rating_signers else dict(RATINGS))
    journey.identify()
    journey.inform()
    journey.assess()
    return journey


@pytest.mark.parametrize(("signers", "found"), [(0, ["SECOND_PERSON_MISSING"]), (1, []), (2, [])])
def test_a_decision_asks_for_a_reviewer(signers, found):
    journey = under_two_persons(2)
    journey.apply_for()
    journey.decide()
    decision = dict(journey.last("BIZ_DECIDE").payload)
    if signers:
        decision["countersigned"] = signatures(signers)
    codes = journey.do("BIZ_DECIDE", decision)
    assert [code for code in codes if code == "SECOND_PERSON_MISSING"] == found


@pytest.mark.parametrize(("signers", "found"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_rating_asks_for_two_of_the_committee_and_so_does_an_opinion_on_it(signers, found):
    journey = under_two_persons(signers)
    payload = dict(journey.ratings["P3"].payload)
    assert (journey.do("PRODUCT_RATE", payload) == ["SECOND_PERSON_MISSING"]) == found
    assert (journey.opine() == ["SECOND_PERSON_MISSING"]) == found


def test_a_look_at_originals_asks_for_a_second_person():
    journey = Journey(ruleset=TWO_PERSONS)
    look = {
        "reader": BROKER,
        "role": "compliance",
        "case": "1",
        "reason": "r",
        "fields": ["payload"],
        "approved_by": None,
    }
    assert journey.do("ACCESS_LOG", look) == ["SECOND_PERSON_MISSING"]
    assert journey.do("ACCESS_LOG", {**look, "countersigned": signatures(1)}) == []
    assert journey.do("ACCESS_LOG", {**look, "order": ORDER}) == []


def test_a_gate_that_does_not_know_the_whole_decision_asks_nobody():
    journey = under_two_persons(2)
    journey.apply_for()
    ask = {"at_ms": journey.now, "ruleset": TWO_PERSONS, "ratings": journey.ratings}
    known = {"application_id": "A-P3", "decision": "APPROVED"}
    assert gate(journey.state, "BIZ_DECIDE", details=known, **ask).code != "SECOND_PERSON_MISSING"


def test_who_signed_changes_no_state():
    enrolment = {
        "name": "Li Wei",
        "role": "reviewer",
        "key": digest("key"),
        "expires_at": format_time(START),
        "proof": "A" * 86,
    }
    journey = Journey()
    assert journey.do("STAFF_ENROL", enrolment) == []
    assert journey.do("STAFF_END", {"key": digest("key"), "enrolment_ref": digest("ref"), "reason": "LEFT"}) == []
    assert journey.state == SubjectState()


def test_a_state_from_before_decisions_were_signed_is_read():
    document = json.loads(Path(__file__).with_name("state-1.json").read_bytes())
    for entry in document["applications"].values():
        del entry["decision_ref"], entry["decision_keys"]
    assert state_from_json(document).applications.get("A-P3").decision == "APPROVED"
