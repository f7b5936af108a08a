import copy
import hashlib

import pytest

from did.credentials import status_list
from did.credentials.consent import consent_credential, consent_id, read_consent
from did.credentials.eddsa import add_proof, single_proof, verify_proof
from did.credentials.identity import identity_credential, read_identity
from did.credentials.model import read_credential
from did.credentials.suitability import read_suitability, suitability_credential
from did.credentials.verify import verify_credential
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.timestamp import format_utc

SEED = hashlib.sha256(b"test seed: broker").digest()
CLIENT_SEED = hashlib.sha256(b"test seed: client").digest()
BROKER = "did:ethr:0x4f24:0x" + "aa" * 20
CLIENT = "did:ethr:0x4f24:0x" + "bb" * 20
OTHER = "did:ethr:0x4f24:0x" + "cc" * 20
ID = "urn:uuid:0191b3b0-0000-7000-8000-000000000001"
NOW = 1_800_000_000_000
YEAR = 365 * 86_400_000
LIST_URL = "http://127.0.0.1:8000/v1/status-lists/1"


def unsecured(**changes):
    values = {
        "credential_id": ID,
        "issuer": BROKER,
        "subject": CLIENT,
        "level": "C3",
        "ruleset": "suitability-cn@2:0123456789abcdef",
        "assessed_at": NOW - 5000,
        "valid_from": NOW,
        "valid_until": NOW + YEAR,
    }
    return suitability_credential(**{**values, **changes})


def issue(document=None, *, seed=SEED, method=f"{BROKER}#signing", **kwargs):
    return add_proof(
        unsecured() if document is None else document,
        seed=seed,
        verification_method=method,
        created=format_utc(NOW),
        **kwargs,
    )


def resolve(method):
    keys = {f"{BROKER}#signing": SEED, f"{CLIENT}#delegate-1": CLIENT_SEED, f"{OTHER}#signing": CLIENT_SEED}
    if method not in keys:
        raise VerificationFailed("key", f"{method} held no key then")
    return ed25519.public_key(keys[method])


def test_a_good_credential():
    verified = verify_credential(issue(), resolve, NOW + 1)
    assert verified.issuer == BROKER
    assert verified.subject["id"] == CLIENT
    assert verified.proof.created == NOW
    claims = read_suitability(verified.credential)
    assert (claims.subject, claims.level, claims.assessed_at) == (CLIENT, "C3", NOW - 5000)
    assert claims.ruleset.startswith("suitability-cn@2")


def test_a_list_of_one_proof_is_one_proof():
    document = issue()
    document["proof"] = [document["proof"]]
    verify_credential(document, resolve, NOW)


class TestProofs:
    """No verdict without exactly one required, expected proof."""

    @pytest.mark.parametrize("proof", [None, [], {}, "proof", [[]]])
    def test_missing_or_empty(self, proof):
        with pytest.raises(InvalidInput):
            verify_credential({**issue(), "proof": proof}, resolve, NOW)

    def test_absent(self):
        with pytest.raises(InvalidInput):
            verify_credential(unsecured(), resolve, NOW)

    def test_duplicate(self):
        document = issue()
        with pytest.raises(InvalidInput) as caught:
            verify_credential({**document, "proof": [document["proof"]] * 2}, resolve, NOW)
        assert caught.value.rule == "one-proof"

    def test_foreign_beside_ours(self):
        document, foreign = issue(), issue(seed=CLIENT_SEED, method=f"{OTHER}#signing")
        with pytest.raises(InvalidInput):
            verify_credential({**document, "proof": [document["proof"], foreign["proof"]]}, resolve, NOW)

    def test_foreign_alone(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(seed=CLIENT_SEED, method=f"{OTHER}#signing"), resolve, NOW)
        assert caught.value.check == "issuer"

    def test_by_another_key_under_our_name(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(seed=CLIENT_SEED), resolve, NOW)
        assert caught.value.check == "signature"

    def test_for_another_purpose(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(purpose="authentication"), resolve, NOW)
        assert caught.value.check == "proof-purpose"

    def test_moved_to_another_document(self):
        with pytest.raises(VerificationFailed):
            verify_credential({**unsecured(level="C5"), "proof": issue()["proof"]}, resolve, NOW)

    def test_context_swapped(self):
        document = issue()
        document["proof"]["@context"] = ["https://www.w3.org/ns/credentials/v2", "https://example.org/x"]
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(document, resolve, NOW)
        assert caught.value.check == "proof-context"

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("type", "Ed25519Signature2020"),
            ("cryptosuite", "eddsa-rdfc-2022"),
            ("verificationMethod", None),
            ("verificationMethod", ""),
            ("proofPurpose", ["assertionMethod"]),
            ("created", "2026-01-01"),
            ("created", None),
            ("expires", "soon"),
            ("proofValue", None),
            ("proofValue", "z111"),
            ("proofValue", "u" + "A" * 86),
        ],
    )
    def test_ill_formed_members(self, member, value):
        document = issue()
        document["proof"][member] = value
        with pytest.raises(InvalidInput):
            verify_credential(document, resolve, NOW)

    def test_each_member_of_the_proof_is_signed(self):
        for member, value in (("created", format_utc(NOW + 1000)), ("nonce", "added"), ("domain", "added")):
            document = issue()
            document["proof"][member] = value
            with pytest.raises(VerificationFailed):
                verify_credential(document, resolve, NOW)

    def test_each_member_of_the_document_is_signed(self):
        document = issue()
        for member in document:
            if member in ("@context", "proof"):
                continue
            changed = {key: value for key, value in document.items() if key != member}
            with pytest.raises((VerificationFailed, InvalidInput)):
                verify_credential(changed, resolve, NOW)
        with pytest.raises(VerificationFailed):
            verify_credential({**document, "name": "added"}, resolve, NOW)


def test_add_proof_leaves_its_argument_alone_and_signs_once():
    document = unsecured()
    before = copy.deepcopy(document)
    signed = issue(document)
    assert document == before
    with pytest.raises(InvalidInput):
        issue(signed)
    with pytest.raises(InvalidInput):
        add_proof(document, seed=SEED, verification_method="x", created="now")


def test_proof_without_a_context():
    signed = add_proof({"a": 1}, seed=SEED, verification_method="urn:a:b", created=format_utc(NOW))
    assert "@context" not in signed["proof"]
    verify_proof(signed, ed25519.public_key(SEED))
    with pytest.raises(InvalidInput):
        single_proof([])


def test_key_that_did_not_hold_then():
    with pytest.raises(VerificationFailed) as caught:
        verify_credential(issue(method=f"{BROKER}#delegate-7"), resolve, NOW)
    assert caught.value.check == "key"


def test_key_that_cannot_be_resolved_is_no_verdict():
    def unreachable(_method):
        raise CouldNotCheck("chain-down", "the chain does not answer")

    with pytest.raises(CouldNotCheck):
        verify_credential(issue(), unreachable, NOW)


class TestPeriod:
    def test_not_yet(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(), resolve, NOW - 1)
        assert caught.value.check == "not-yet-valid"

    def test_expired(self):
        verify_credential(issue(), resolve, NOW + YEAR)
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(), resolve, NOW + YEAR + 1)
        assert caught.value.check == "expired"

    def test_issue_refuses_an_empty_period(self):
        with pytest.raises(InvalidInput):
            unsecured(valid_until=NOW - 1)

    def test_credential_without_period(self):
        document = {k: v for k, v in unsecured().items() if k not in ("validFrom", "validUntil")}
        verify_credential(issue(document), resolve, 0)


class TestStatus:
    document = issue(unsecured(status=status_list.status_entry(LIST_URL, 7)))

    def test_not_set(self):
        verify_credential(self.document, resolve, NOW, lambda _entry: False)

    def test_revoked(self):
        bits = status_list.set_bit(status_list.empty_list(), 7)
        published = status_list.status_list_credential(list_url=LIST_URL, issuer=BROKER, bits=bits, valid_from=NOW)
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(self.document, resolve, NOW, lambda entry: status_list.is_set(entry, published, BROKER))
        assert caught.value.check == "status"

    def test_unknown_is_not_valid(self):
        with pytest.raises(CouldNotCheck):
            verify_credential(self.document, resolve, NOW)


class TestSuitability:
    def test_another_type(self):
        with pytest.raises(InvalidInput):
            read_suitability(read_credential({**unsecured(), "type": ["VerifiableCredential"]}))

    @pytest.mark.parametrize(
        ("claim", "value"),
        [
            ("riskLevel", "C 3"),
            ("riskLevel", None),
            ("ruleSet", ""),
            ("assessedAt", "x"),
            ("id", "did:x:y"),
            ("extra", 1),
        ],
    )
    def test_ill_formed_claims(self, claim, value):
        document = unsecured()
        document["credentialSubject"] = {**document["credentialSubject"], claim: value}
        with pytest.raises(InvalidInput) as caught:
            read_suitability(read_credential(document))
        assert caught.value.field.startswith("credentialSubject")

    def test_two_subjects(self):
        document = unsecured()
        document["credentialSubject"] = [document["credentialSubject"]] * 2
        with pytest.raises(InvalidInput):
            read_suitability(read_credential(document))

    @pytest.mark.parametrize(
        "changes", [{"level": "c 3"}, {"subject": "client"}, {"issuer": "urn:a:b"}, {"ruleset": " "}]
    )
    def test_issue_refuses(self, changes):
        with pytest.raises(InvalidInput):
            unsecured(**changes)


IDENTITY_VALUES = {
    "credential_id": ID,
    "issuer": BROKER,
    "subject": CLIENT,
    "commitment": b"\x97" + bytes(47),
    "verified_at": NOW,
    "valid_from": NOW,
    "valid_until": NOW + YEAR,
}


class TestIdentity:
    def test_round_trip(self):
        verified = verify_credential(issue(identity_credential(**IDENTITY_VALUES)), resolve, NOW)
        claims = read_identity(verified.credential)
        assert (claims.subject, claims.commitment, claims.verified_at) == (CLIENT, IDENTITY_VALUES["commitment"], NOW)

    def test_status_is_carried(self):
        entry = status_list.status_entry(LIST_URL, 9)
        assert identity_credential(**IDENTITY_VALUES, status=entry)["credentialStatus"] == entry

    def test_commitment_length(self):
        with pytest.raises(InvalidInput):
            identity_credential(**{**IDENTITY_VALUES, "commitment": bytes(47)})

    @pytest.mark.parametrize(
        ("claim", "value"),
        [
            ("certificateCommitment", "zabc"),
            ("certificateCommitment", "uAAAA"),
            ("certificateCommitment", None),
            ("commitmentScheme", "other"),
            ("certificateNumber", "never here"),
            ("verifiedAt", None),
        ],
    )
    def test_ill_formed_claims(self, claim, value):
        document = identity_credential(**IDENTITY_VALUES)
        document["credentialSubject"] = {**document["credentialSubject"], claim: value}
        with pytest.raises(InvalidInput):
            read_identity(read_credential(document))

    def test_another_type(self):
        with pytest.raises(InvalidInput):
            read_identity(read_credential(unsecured()))


CONSENT_VALUES = {
    "credential_id": ID,
    "client": CLIENT,
    "purpose": "MARKET_RISK",
    "receivers": [BROKER, OTHER],
    "contact": "compliance@broker.example",
    "method": "masked sum; members see totals only",
    "data_kinds": ["holdings", "debts"],
    "notice_sha256": hashlib.sha256(b"notice").digest(),
    "valid_from": NOW,
    "expires": NOW + YEAR,
}


class TestConsent:
    def signed(self):
        return issue(consent_credential(**CONSENT_VALUES), seed=CLIENT_SEED, method=f"{CLIENT}#delegate-1")

    def test_round_trip(self):
        terms = read_consent(verify_credential(self.signed(), resolve, NOW).credential)
        assert terms.client == CLIENT
        assert terms.receivers == (BROKER, OTHER)
        assert terms.data_kinds == ("holdings", "debts")
        terms.require("MARKET_RISK", OTHER, NOW)

    @pytest.mark.parametrize(
        ("arguments", "check"),
        [
            (("AML_JOINT", OTHER, NOW), "consent-purpose"),
            (("MARKET_RISK", CLIENT, NOW), "consent-receiver"),
            (("MARKET_RISK", OTHER, NOW - 1), "consent-period"),
            (("MARKET_RISK", OTHER, NOW + YEAR + 1), "consent-period"),
        ],
    )
    def test_uses_that_are_not_covered(self, arguments, check):
        terms = read_consent(read_credential(self.signed()))
        with pytest.raises(VerificationFailed) as caught:
            terms.require(*arguments)
        assert caught.value.check == check

    def test_a_broker_cannot_consent_for_its_client(self):
        document = {**consent_credential(**CONSENT_VALUES), "issuer": BROKER}
        with pytest.raises(InvalidInput) as caught:
            read_consent(verify_credential(issue(document), resolve, NOW).credential)
        assert caught.value.rule == "self-issued"

    def test_id_binds_salt_and_credential(self):
        data = canonical_json(self.signed())
        first = consent_id(bytes(32), data)
        assert len(first) == 32
        assert first != consent_id(b"\x01" * 32, data)
        assert first != consent_id(bytes(32), data + b" ")
        with pytest.raises(InvalidInput):
            consent_id(bytes(31), data)

    @pytest.mark.parametrize("name", ["validFrom", "validUntil"])
    def test_period_is_required(self, name):
        document = {k: v for k, v in consent_credential(**CONSENT_VALUES).items() if k != name}
        with pytest.raises(InvalidInput):
            read_consent(read_credential(document))

    @pytest.mark.parametrize(
        "changes",
        [
            {"purpose": ""},
            {"receivers": []},
            {"receivers": [BROKER, BROKER]},
            {"receivers": ["everybody"]},
            {"contact": "x" * 513},
            {"data_kinds": [""]},
            {"notice_sha256": b"short"},
        ],
    )
    def test_issue_refuses(self, changes):
        with pytest.raises(InvalidInput):
            consent_credential(**{**CONSENT_VALUES, **changes})

    def test_another_type(self):
        with pytest.raises(InvalidInput):
            read_consent(read_credential(unsecured()))
