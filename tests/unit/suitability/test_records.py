"""Payloads: the types, the client's own acts, and malformed fields by name."""

from __future__ import annotations

import pytest

from domain.domain import Surroundings
from domain.domains import Domains
from domain.erasure import CLOCKS
from domain.fact import Fact
from domain.opening import OPENS
from evidence.version2.erasure import read_erasure
from evidence.version2.opening import read_opening
from primitives.errors import InvalidInput
from suitability.domain import SUITABILITY
from suitability.records import RECORD_TYPES, STAFF_ACTS, check_payload, check_type
from suitability.ruleset import packaged_rulesets

CODES = (
    "ID_VERIFY ID_SUCCEED ID_SUCCEEDED INFO_COLLECT DUTY_NOTICE Q_SUBMIT LEVEL_RESULT LEVEL_CONFIRM PRODUCT_RATE "
    "MATCH_OPINION MISMATCH_WARN MISMATCH_INSIST RISK_DISCLOSE RISK_CONFIRM BIZ_APPLY BIZ_DECIDE AGREEMENT_SIGN "
    "CONSENT_GIVE CONSENT_WITHDRAW DATA_USE ACCESS_LOG CREDENTIAL_ISSUE CREDENTIAL_REVOKE "
    "STAFF_ENROL STAFF_END OPENING ERASE REPORT_ISSUE"
)
D32, D48 = "ab" * 32, "cd" * 48
T0, T1 = "2026-11-21T09:16:38.123+08:00", "2028-11-21T09:16:38.123+08:00"
DID = "did:ethr:0x7a69:0x" + "11" * 20
SHOWN = {"lang": "en", "text_sha256": D32}
PRODUCT = {"id": "P1", "risk": "R2", "term": "5Y", "type": "T2"}
HOLDINGS = {"R1": 0, "R2": 1, "R3": 2, "R4": 3, "R5": 4}
FINANCE = {"source": "client", "assets_fen": 5, "debts_fen": 0, "income_fen": 3, "holdings_fen": HOLDINGS}
ANSWERS = {f"Q{number}": ["A"] for number in range(1, 21)}
PARTS = {"admission": "MATCH", "risk": "MATCH", "term": "MATCH", "type": "MATCH"}
VALID = {
    "ID_VERIFY": {
        "id_kind": "ID_CARD",
        "id_commitment": D48,
        "face_score": None,
        "liveness": True,
        "police_check_ref": "CHECK-1",
        "valid_to": T1,
    },
    "ID_SUCCEED": {"predecessor": D32, "predecessor_did": DID, "identity_ref": D32, "reason": "WALLET_LOST"} | SHOWN,
    "ID_SUCCEEDED": {
        "successor": D32,
        "successor_did": DID,
        "succession_ref": D32,
        "identity_ref": D32,
        "reason": "WALLET_STOLEN",
    },
    "INFO_COLLECT": {
        "basics": {"source": "client", "name": "李雷（合成）", "age": 33, "synthetic": True},
        "finance": FINANCE,
        "goals": {"source": "client", "values": {"horizon": "5Y", "years": 5, "sure": True}},
    },
    "DUTY_NOTICE": {"documents": ["notice@1"], "scroll_end": True, "dwell_ms": 10},
    "Q_SUBMIT": {
        "form": "individual-20@1",
        "answers": ANSWERS,
        "screen": {"age": 33, "incapacity": False, "no_loss": None},
        "duration_ms": 100_000,
        "declaration": True,
        "order_shown": ["Q2", "Q1"],
    },
    "LEVEL_RESULT": {
        "form": "individual-20@1",
        "answers_ref": D32,
        "dims": {"finance": 3},
        "total": 40,
        "level": "C3",
        "overrides": [],
        "checks": ["ANSWERED_TOO_FAST"],
        "horizon": "1Y",
        "types": ["T1"],
        "valid_from": T0,
        "valid_to": T1,
        "supersedes": None,
        "engine_digest": D32,
    },
    "LEVEL_CONFIRM": {"level_ref": D32, "level": "C1-min"} | SHOWN,
    "PRODUCT_RATE": {
        "product": PRODUCT,
        "name": "fund",
        "factors": {"leverage": "none", "months": 12},
        "method": "m-1",
        "committee": "c",
        "effective_from": T0,
    },
    "MATCH_OPINION": {
        "level_ref": D32,
        "rating_ref": D32,
        "level": "C3",
        "level_valid_to": T1,
        "horizon": "ANY",
        "types": ["T1", "T2"],
        "product": PRODUCT,
        "admitted": True,
        "parts": PARTS,
        "gap": 0,
        "special_care": False,
        "code": "MATCH",
        "engine_digest": D32,
    },
    "MISMATCH_WARN": {
        "product_id": "P1",
        "opinion_ref": D32,
        "code": "RISK_MISMATCH",
        "gap": 2,
        "client_initiated": True,
        "read_ms": 5,
    }
    | SHOWN,
    "MISMATCH_INSIST": {"product_id": "P1", "opinion_ref": D32, "warning_ref": D32, "second_confirm": True} | SHOWN,
    "RISK_DISCLOSE": {"product_id": "P1", "book": "book@1.2", "book_sha256": D32, "pages": 3, "dwell_ms": 7},
    "RISK_CONFIRM": {"product_id": "P1", "disclosure_ref": D32, "items": ["loss"]} | SHOWN,
    "BIZ_APPLY": {"application_id": "A1", "kind": "BUY", "product_id": "P1", "amount_fen": 100},
    "BIZ_DECIDE": {
        "application_id": "A1",
        "kind": "OPEN",
        "product_id": None,
        "decision": "REFUSED",
        "checks": [],
        "reviewer": "r",
        "reason": "no test",
    },
    "AGREEMENT_SIGN": {
        "application_id": "A1",
        "product_id": "P1",
        "contract_id": "K1",
        "contract_version": "contract@3",
        "file_sha256": D32,
        "signers": [DID],
        "sign_mode": "wallet",
    }
    | SHOWN,
    "CONSENT_GIVE": {
        "consent_id": D32,
        "purpose": "MARKET_RISK",
        "receivers": [DID],
        "contact": "desk",
        "method": "sum",
        "data_kinds": ["holdings"],
        "expires_at": T1,
        "separate": True,
    }
    | SHOWN,
    "CONSENT_WITHDRAW": {"consent_id": D32, "scope": "ALL", "effective_at": T0} | SHOWN,
    "DATA_USE": {
        "task_id": D32,
        "purpose": "MARKET_RISK",
        "consent_id": D32,
        "parties": [DID],
        "input_commitment": D48,
        "output_kind": "totals",
        "result_hash": D32,
        "started_at": T0,
    },
    "ACCESS_LOG": {
        "reader": DID,
        "role": "compliance",
        "case": "案件 2026-1",
        "reason": "dispute",
        "fields": ["payload"],
        "approved_by": None,
    },
    "REPORT_ISSUE": {
        "subject": D32,
        "replay": "0191b3b0-0000-7000-8000-000000000001",
        "identity": 0,
        "case": "案件 2026-1",
        "order_id": None,
        "document": "pdf",
        "report_form": "client",
        "language": "zh",
        "sha256": D32,
        "bytes": 1,
        "block": 0,
        "holds": True,
        "proven": ["NEVER_TESTED"],
        "refuted": [],
        "not_provable": ["WRONG_RESULT"],
        "issued_to": "Li Wei",
    },
    "CREDENTIAL_ISSUE": {
        "credential_sha256": D32,
        "credential_id": "urn:uuid:0191b3b0-0000-7000-8000-000000000001",
        "credential_type": "SuitabilityCredential",
    },
    "CREDENTIAL_REVOKE": {
        "credential_sha256": D32,
        "credential_id": "urn:uuid:0191b3b0-0000-7000-8000-000000000001",
        "credential_type": "SuitabilityCredential",
        "status_list": 1,
        "status_index": 0,
        "reason": None,
    },
    "STAFF_ENROL": {
        "name": "李伟",
        "role": "reviewer",
        "key": D32,
        "expires_at": "2027-11-21T00:00:00.000+08:00",
        "proof": "A" * 86,
    },
    "STAFF_END": {"key": D32, "enrolment_ref": D32, "reason": "LEFT"},
    "OPENING": {
        "kind": "client",
        "opens": DID,
        "continues": {"format": 1, "subject": D32, "count": 7, "head": D32},
    },
    "ERASE": {
        "erases": [{"seq": 2, "fingerprint": D32, "rule": "retention-20-years"}],
        "countersigned": [{"key": D32, "value": "A" * 86}, {"key": "cd" * 32, "value": "A" * 86}],
    },
}


def test_the_types_of_this_job_and_the_acts_that_owe_a_signature() -> None:
    assert RECORD_TYPES.keys() == set(CODES.split()) == VALID.keys()
    acts = "ID_SUCCEED LEVEL_CONFIRM MISMATCH_INSIST RISK_CONFIRM AGREEMENT_SIGN CONSENT_GIVE CONSENT_WITHDRAW"
    assert set(acts.split()) == Domains(SUITABILITY).client_acts
    assert {document.type for document in Domains(SUITABILITY).documents.values()} >= set(acts.split())
    for code in ("LEVEL_EXPIRE", None, 5, ["ID_VERIFY"]):
        with pytest.raises(InvalidInput):
            check_type(code)


@pytest.mark.parametrize("code", sorted(VALID))
def test_a_valid_payload_comes_back_as_an_equal_copy(code: str) -> None:
    checked = check_payload(code, VALID[code])
    assert checked == VALID[code]
    assert checked is not VALID[code]


@pytest.mark.parametrize("code", sorted(VALID))
def test_every_field_is_needed_typed_and_known(code: str) -> None:
    for name in VALID[code]:
        if name not in RECORD_TYPES[code].optional:
            with pytest.raises(InvalidInput) as raised:
                check_payload(code, {key: value for key, value in VALID[code].items() if key != name})
            assert (raised.value.field, raised.value.rule) == (f"payload.{name}", "required")
        for junk in (1.5, {"x": 1.5}, [[]], "\x00", -1):
            with pytest.raises(InvalidInput) as raised:
                check_payload(code, VALID[code] | {name: junk})
            assert raised.value.field.startswith(f"payload.{name}")
    with pytest.raises(InvalidInput) as raised:
        check_payload(code, VALID[code] | {"extra": 1})
    assert (raised.value.field, raised.value.rule) == ("payload.extra", "unknown-member")


@pytest.mark.parametrize(
    ("code", "changes", "field", "rule"),
    [
        ("Q_SUBMIT", {"form": "individual-20@7"}, "payload.form", "questionnaire-version"),
        ("Q_SUBMIT", {"answers": ANSWERS | {"Q3": ["Z"]}}, "payload.answers.Q3[0]", "one-of"),
        ("LEVEL_RESULT", {"valid_to": T0}, "payload.valid_to", "order"),
        ("LEVEL_RESULT", {"valid_to": "2028-11-21T01:16:38.123Z"}, "payload.valid_to", "record-time"),
        ("LEVEL_RESULT", {"answers_ref": D32.upper()}, "payload.answers_ref", "hex"),
        ("LEVEL_RESULT", {"answers_ref": "ab"}, "payload.answers_ref", "length"),
        ("MATCH_OPINION", {"level": None}, "payload.level_ref", "together"),
        ("MATCH_OPINION", {"horizon": None}, "payload.horizon", "together"),
        ("MATCH_OPINION", {"product": PRODUCT | {"risk": "R6"}}, "payload.product.risk", "one-of"),
        ("BIZ_APPLY", {"product_id": None}, "payload.product_id", "required"),
        ("BIZ_APPLY", {"amount_fen": -1}, "payload.amount_fen", "range"),
        ("BIZ_APPLY", {"amount_fen": 2**53}, "payload.amount_fen", "range"),
        ("BIZ_APPLY", {"amount_fen": True}, "payload.amount_fen", "integer"),
        ("CONSENT_GIVE", {"separate": False}, "payload.separate", "separate-consent"),
        ("CONSENT_GIVE", {"purpose": "MARKETING"}, "payload.purpose", "one-of"),
        ("CONSENT_GIVE", {"receivers": [DID, DID]}, "payload.receivers", "unique"),
        ("CONSENT_GIVE", {"receivers": []}, "payload.receivers", "length"),
        (
            "INFO_COLLECT",
            {"finance": FINANCE | {"holdings_fen": {"R1": 1}}},
            "payload.finance.holdings_fen.R2",
            "required",
        ),
        ("LEVEL_CONFIRM", {"lang": "fr"}, "payload.lang", "one-of"),
        ("OPENING", {"opens": None}, "payload.opens", "text"),
        ("OPENING", {"opens": "FUND-1"}, "payload.opens", "did-ethr"),
        ("OPENING", {"kind": "unsigned-client"}, "payload.opens", "constant"),
        ("OPENING", {"kind": "product", "opens": "P" * 61}, "payload.opens", "length"),
        ("OPENING", {"kind": "house", "opens": "sac-bands"}, "payload.opens", "pattern"),
        ("OPENING", {"kind": "person"}, "payload.kind", "one-of"),
        ("ERASE", {"erases": []}, "payload.erases", "length"),
        ("ERASE", {"erases": [{"seq": 2, "fingerprint": D32, "rule": "by-wish"}]}, "payload.erases[0].rule", "one-of"),
        ("ERASE", {"countersigned": []}, "payload.countersigned", "length"),
    ],
)
def test_malformed_fields_by_name(code: str, changes: dict, field: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_payload(code, VALID[code] | changes)
    assert (raised.value.field, raised.value.rule) == (field, rule)


def test_two_persons_erase_whatever_the_rule_set_says() -> None:
    ruleset = packaged_rulesets()["sac-bands@1"]  # which asks for no second person of anything
    erases = check_payload("ERASE", {"erases": VALID["ERASE"]["erases"]})
    one = erases | {"countersigned": VALID["ERASE"]["countersigned"][:1]}
    found = []
    for payload in (erases, one, VALID["ERASE"]):
        fact = Fact("ERASE", payload, 10**12, 10**12, "app", "ab" * 32, ruleset.label, DID)
        judged = SUITABILITY.judge(
            SUITABILITY.start(), fact, ruleset, Surroundings(SUITABILITY.empty_house(), DID, lambda _: None)
        )
        found.append([finding.code for finding in judged.findings])
    assert found == [["SECOND_PERSON_MISSING"], ["SECOND_PERSON_MISSING"], []]
    assert STAFF_ACTS["ERASE"].role == "compliance"


def test_the_node_alone_opens_and_erases() -> None:
    assert {"OPENING", "ERASE"} <= Domains(SUITABILITY).node_types


# What format 2 has of these is read there by other shapes: a payload that a domain takes is one that a verifier reads.


@pytest.mark.parametrize("kind", sorted(OPENS))
@pytest.mark.parametrize(
    "opens", [None, DID, "P1", "ruleset:sac-bands", "ruleset:", "P" * 61, "P" * 201, f"{DID}#key", "did:web:a.b", 5]
)
def test_domain_and_evidence_read_an_opening_alike(kind: str, opens: object) -> None:
    payload = {"kind": kind, "opens": opens, "continues": None}
    found = []
    for read in (read_opening, lambda value: check_payload("OPENING", value)):
        try:
            read(payload)
            found.append(True)
        except InvalidInput:
            found.append(False)
    assert found[0] == found[1]


def test_the_evidence_reads_what_the_domain_erases() -> None:
    [erased] = read_erasure(check_payload("ERASE", VALID["ERASE"]), 3).erases
    assert (erased.seq, erased.rule) == (2, "retention-20-years")
    assert CLOCKS[erased.rule] == 631_152_000_000


@pytest.mark.parametrize("payload", [None, [], "x", 5])
def test_a_payload_is_an_object(payload: object) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_payload("ID_VERIFY", payload)
    assert (raised.value.field, raised.value.rule) == ("payload", "object")
