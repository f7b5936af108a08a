"""A client's whole way through a purchase that does not match: drafts, signatures, gates, facts, and what is broken."""

import pytest

from bonafides.wallet.texts import check_text
from replay.installed import INSTALLED
from tests.world.payloads import PAYLOADS, rating

AMOUNT = 1_000_000


class Journey:
    """A broker's system and a client's wallet, a second between two steps."""

    def __init__(self, broker, client):
        self.broker, self.client, self.refs = broker, client, {}
        product = broker.post("/v1/subjects", {"client_ref": "product", "product_id": "fund-1"}).get_json()["subject"]
        broker.post("/v1/facts", broker.fact(product, "PRODUCT_RATE", rating()))

    def fact(self, type_, payload=None, **more):
        self.broker.clock.now += 1000
        return self.keep(type_, self.broker.fact(self.client.subject, type_, payload, **more))

    def keep(self, type_, fact):
        answer = self.broker.post("/v1/facts", fact)
        assert answer.status_code == 201, answer.get_json()
        self.refs[type_] = answer.get_json()["fingerprint"]
        return answer.get_json()

    def draft(self, type_, fields=None, values=None, lang="zh"):
        self.broker.clock.now += 1000
        body = {"subject": self.client.subject, "type": type_, "lang": lang, "fields": fields or {}}
        answer = self.broker.post("/v1/acts/drafts", {**body, "values": values or {}})
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()

    def sign(self, type_, fields=None, values=None, lang="zh"):
        draft = self.draft(type_, fields, values, lang)
        check_text(type_, draft["document"], lang, draft["text"]["body"], draft["fields"])
        return self.keep(type_, self.client.act(draft, self.broker.clock.now))

    def gate(self, act, **details):
        body = {"subject": self.client.subject, "act": act, "details": details}
        return self.broker.post("/v1/gates", body).get_json()

    def assess(self):
        for type_, payload in PAYLOADS.items():
            assert self.fact(type_, payload)["findings"] == []
        assert self.fact("LEVEL_RESULT", compute={})["findings"] == []
        assert self.sign("LEVEL_CONFIRM")["findings"] == []

    def opinion(self):
        opinion = self.fact("MATCH_OPINION", compute={"product_id": "fund-1"})
        assert opinion["findings"] == []
        return opinion["payload"]

    def warn(self, opinion, lang="en"):
        draft = self.draft(
            "MISMATCH_WARN", {"product_id": "fund-1", "opinion_ref": self.refs["MATCH_OPINION"]}, lang=lang
        )
        payload = {**draft["fields"], "code": opinion["code"], "gap": opinion["gap"]}
        return self.fact("MISMATCH_WARN", {**payload, "client_initiated": True, "read_ms": 30_000})

    def insist(self, lang="en"):
        fields = {
            "product_id": "fund-1",
            "opinion_ref": self.refs["MATCH_OPINION"],
            "warning_ref": self.refs["MISMATCH_WARN"],
            "second_confirm": True,
        }
        return self.sign("MISMATCH_INSIST", fields, lang=lang)

    def confirm_risk(self, lang="zh"):
        book = {"product_id": "fund-1", "book": "book@2", "book_sha256": "ab" * 32, "pages": 3, "dwell_ms": 60_000}
        assert self.fact("RISK_DISCLOSE", book)["findings"] == []
        fields = {"product_id": "fund-1", "disclosure_ref": self.refs["RISK_DISCLOSE"], "items": ["loss"]}
        return self.sign("RISK_CONFIRM", fields, lang=lang)

    def apply(self):
        body = {"application_id": "app-1", "kind": "BUY", "product_id": "fund-1", "amount_fen": AMOUNT}
        return self.fact("BIZ_APPLY", body)

    def decide(self):
        business = {"application_id": "app-1", "kind": "BUY", "product_id": "fund-1", "decision": "APPROVED"}
        return self.fact("BIZ_DECIDE", {**business, "checks": ["SUITABILITY"], "reviewer": "reviewer", "reason": None})

    def agree(self):
        fields = {
            "application_id": "app-1",
            "product_id": "fund-1",
            "contract_id": "contract-1",
            "contract_version": "agreement@1",
            "file_sha256": "cd" * 32,
            "signers": [self.client.did, self.broker.did],
            "sign_mode": "wallet",
        }
        return self.sign("AGREEMENT_SIGN", fields, {"amount_fen": AMOUNT})


@pytest.fixture
def journey(broker, client):
    return Journey(broker, client)


def test_a_mismatch_that_is_warned_insisted_and_confirmed_breaks_no_rule(journey):
    journey.assess()
    opinion = journey.opinion()
    assert opinion["code"] == "RISK_MISMATCH"
    refused = journey.gate("BIZ_DECIDE", application_id="app-1", kind="BUY", product_id="fund-1", decision="APPROVED")
    assert refused["allowed"] is False
    assert journey.warn(opinion)["findings"] == []
    assert journey.insist()["findings"] == []
    assert journey.confirm_risk()["findings"] == []
    assert journey.apply()["findings"] == []
    allowed = journey.gate("BIZ_DECIDE", application_id="app-1", kind="BUY", product_id="fund-1", decision="APPROVED")
    assert allowed["allowed"] is True, allowed
    assert journey.decide()["findings"] == []
    assert journey.agree()["findings"] == []


def test_a_sale_without_warning_is_kept_with_its_findings(journey):
    journey.assess()
    journey.opinion()
    journey.apply()
    findings = journey.decide()["findings"]
    assert findings
    assert all(finding["rule"] and finding["detail"] for finding in findings)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_draft_of_a_clients_act_shows_what_is_signed(journey, lang):
    journey.assess()
    opinion = journey.opinion()
    journey.warn(opinion, lang)
    journey.insist(lang)
    journey.confirm_risk(lang)
    consent = {
        "purpose": "MARKET_RISK",
        "receivers": [journey.broker.did],
        "contact": "office",
        "method": "masked sum",
        "data_kinds": ["holdings", "debts"],
        "expires_at": "2027-11-21T09:16:38.123+08:00",
        "separate": True,
    }
    draft = journey.draft("CONSENT_GIVE", consent, lang=lang)
    check_text("CONSENT_GIVE", draft["document"], lang, draft["text"]["body"], draft["fields"])
    given = {**draft, "fields": {**draft["fields"], "consent_id": "ee" * 32}}
    journey.keep("CONSENT_GIVE", journey.client.act(given, journey.broker.clock.now))
    withdrawal = {"consent_id": "ee" * 32, "scope": "ALL", "effective_at": "2026-11-21T09:16:38.123+08:00"}
    assert "MARKET_RISK" in journey.draft("CONSENT_WITHDRAW", withdrawal, lang=lang)["text"]["body"]
    journey.sign("CONSENT_WITHDRAW", withdrawal, lang=lang)
    assert set(journey.refs) >= INSTALLED.client_acts - {"AGREEMENT_SIGN", "ID_SUCCEED"}


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"type": "ID_VERIFY"}, "type", "document-type"),
        ({"type": "X"}, "type", "record-type"),
        ({"type": "LEVEL_CONFIRM", "lang": "fr"}, "lang", "one-of"),
        ({"type": "LEVEL_CONFIRM", "lang": 1}, "lang", "one-of"),
        ({"type": "LEVEL_CONFIRM", "fields": []}, "fields", "object"),
        ({"type": "LEVEL_CONFIRM", "fields": {"colour": "red"}}, "payload.colour", "unknown-member"),
        ({"type": "CONSENT_GIVE", "fields": {"consent_id": "ee" * 32}}, "values.purpose", "required"),
        ({"type": "RISK_CONFIRM", "fields": {"disclosure_ref": "ee" * 32}}, "fields.disclosure_ref", "unknown"),
        ({"type": "RISK_CONFIRM", "fields": {"disclosure_ref": "zz"}}, "fields.disclosure_ref", "hex"),
        ({"type": "LEVEL_CONFIRM", "colour": 1}, "colour", "unknown-member"),
    ],
)
def test_a_draft_that_cannot_be_made(journey, body, field, rule):
    journey.assess()
    problem = journey.broker.post("/v1/acts/drafts", {"subject": journey.client.subject, **body}).get_json()
    assert (problem["field"], problem["rule"]) == (field, rule)


def test_a_draft_of_a_consent_brings_no_id_of_its_own(journey):
    fields = {
        "consent_id": "ee" * 32,
        "purpose": "MARKET_RISK",
        "receivers": [journey.broker.did],
        "contact": "office",
        "method": "masked sum",
        "data_kinds": ["holdings"],
        "expires_at": "2027-11-21T09:16:38.123+08:00",
        "separate": True,
    }
    body = {"subject": journey.client.subject, "type": "CONSENT_GIVE", "fields": fields}
    assert journey.broker.post("/v1/acts/drafts", body).get_json()["field"] == "fields.consent_id"
    assert journey.broker.post("/v1/acts/drafts", {**body, "subject": "00" * 32}).status_code == 404
