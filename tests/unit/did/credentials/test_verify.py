import copy
import hashlib
from dataclasses import replace

import pytest

from did.credentials import status_list
from did.credentials.issuers import ChainSnapshot
from did.credentials.model import read_credential
from did.credentials.proofs import add_proof, as_signed, single_proof, verify_proof
from did.credentials.registry import TYPES
from did.credentials.types.consent import consent_credential, consent_id, read_consent
from did.credentials.types.identity import identity_credential, read_identity
from did.credentials.types.suitability import read_suitability, suitability_credential
from did.credentials.verify import credential_digest, verify_credential
from did.member_log import MemberHistory, Term
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.timestamp import CLOCK_LEEWAY_MS, format_utc

SEED = hashlib.sha256(b"test seed: broker").digest()
CLIENT_SEED = hashlib.sha256(b"test seed: client").digest()
BROKER = "did:ethr:0x4f24:0x" + "aa" * 20
CLIENT = "did:ethr:0x4f24:0x" + "bb" * 20
OTHER = "did:ethr:0x4f24:0x" + "cc" * 20
ID = "urn:uuid:0191b3b0-0000-7000-8000-000000000001"
NOW = 1_800_000_000_000
YEAR = 365 * 86_400_000
LIST_URL = status_list.list_url(BROKER, 1)


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


def term(role="broker", *, seed=SEED, first=1, end=None):
    return Term(
        name="north",
        role=role,
        signing=ed25519.public_key(seed),
        agreement=bytes(32),
        first_block=first,
        first_time=NOW // 1000 + first - 100,
        end_block=end,
        end_time=None if end is None else NOW // 1000 + end - 100,
    )


def snapshot(*terms, **others):
    members = {"0x" + "aa" * 20: terms or (term(),), **{f"0x{name}": known for name, known in others.items()}}
    return ChainSnapshot(
        chain_id=0x4F24,
        block=500,
        block_time=NOW // 1000 + 400,
        members={address: MemberHistory(address, known) for address, known in members.items()},
        client_keys={CLIENT: {f"{CLIENT}#delegate-1": ed25519.public_key(CLIENT_SEED)}},
    )


CHAIN = snapshot()


def test_a_good_credential():
    verified = verify_credential(issue(), CHAIN, NOW + 1)
    assert verified.issuer == BROKER
    assert verified.subject["id"] == CLIENT
    assert verified.proof.created == NOW
    claims = read_suitability(verified.credential)
    assert (claims.subject, claims.level, claims.assessed_at) == (CLIENT, "C3", NOW - 5000)
    assert claims.ruleset.startswith("suitability-cn@2")


def test_a_list_of_one_proof_is_one_proof():
    document = issue()
    document["proof"] = [document["proof"]]
    verify_credential(document, CHAIN, NOW)


class TestProofs:
    """No verdict without exactly one required, expected proof."""

    @pytest.mark.parametrize("proof", [None, [], {}, "proof", [[]]])
    def test_missing_or_empty(self, proof):
        with pytest.raises(InvalidInput):
            verify_credential({**issue(), "proof": proof}, CHAIN, NOW)

    def test_absent(self):
        with pytest.raises(InvalidInput):
            verify_credential(unsecured(), CHAIN, NOW)

    def test_duplicate(self):
        document = issue()
        with pytest.raises(InvalidInput) as caught:
            verify_credential({**document, "proof": [document["proof"]] * 2}, CHAIN, NOW)
        assert caught.value.rule == "one-proof"

    def test_foreign_beside_ours(self):
        document, foreign = issue(), issue(seed=CLIENT_SEED, method=f"{OTHER}#signing")
        with pytest.raises(InvalidInput):
            verify_credential({**document, "proof": [document["proof"], foreign["proof"]]}, CHAIN, NOW)

    def test_foreign_alone(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(seed=CLIENT_SEED, method=f"{OTHER}#signing"), CHAIN, NOW)
        assert caught.value.check == "issuer"

    def test_by_another_key_under_our_name(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(seed=CLIENT_SEED), CHAIN, NOW)
        assert caught.value.check == "signature"

    def test_for_another_purpose(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(purpose="authentication"), CHAIN, NOW)
        assert caught.value.check == "proof-purpose"

    def test_moved_to_another_document(self):
        with pytest.raises(VerificationFailed):
            verify_credential({**unsecured(level="C5"), "proof": issue()["proof"]}, CHAIN, NOW)

    def test_context_swapped(self):
        document = issue()
        document["proof"]["@context"] = ["https://www.w3.org/ns/credentials/v2", "https://example.org/x"]
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(document, CHAIN, NOW)
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
            verify_credential(document, CHAIN, NOW)

    def test_each_member_of_the_proof_is_signed(self):
        for member, value in (("created", format_utc(NOW + 1000)), ("nonce", "added"), ("domain", "added")):
            document = issue()
            document["proof"][member] = value
            with pytest.raises(VerificationFailed):
                verify_credential(document, CHAIN, NOW)

    def test_each_member_of_the_document_is_signed(self):
        document = issue()
        for member in document:
            if member in ("@context", "proof"):
                continue
            changed = {key: value for key, value in document.items() if key != member}
            with pytest.raises((VerificationFailed, InvalidInput)):
                verify_credential(changed, CHAIN, NOW)
        with pytest.raises(VerificationFailed):
            verify_credential({**document, "name": "added"}, CHAIN, NOW)


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


def shown_otherwise(document):
    """What whoever shows a document can change without breaking its signature."""
    wider = {**document, "@context": [*document["@context"], document["@context"][-1]]}
    return [
        {**shown, "proof": proof} for shown in (document, wider) for proof in (document["proof"], [document["proof"]])
    ]


def test_a_document_is_one_however_it_is_shown():
    document = issue()
    assert as_signed(document) == document
    for shown in shown_otherwise(document):
        assert verify_credential(shown, CHAIN, NOW).document == as_signed(shown) == document


def test_key_that_did_not_hold_then():
    with pytest.raises(VerificationFailed) as caught:
        verify_credential(issue(method=f"{BROKER}#delegate-7"), CHAIN, NOW)
    assert caught.value.check == "key"


def test_a_member_of_another_suite_issues_by_its_checkpoint_key_and_names_it():
    own = replace(term(), signing=b"\4" * 65, algorithm=2, checkpoint=ed25519.public_key(SEED))
    chain = snapshot(own)
    assert verify_credential(issue(method=f"{BROKER}#checkpoint"), chain, NOW).right.key == f"{BROKER}#checkpoint"
    assert refused(issue(), chain) == "key"
    assert refused(issue(method=f"{BROKER}#checkpoint")) == "key"  # where the signing key is Ed25519 there is no other
    assert refused(issue(seed=CLIENT_SEED, method=f"{BROKER}#checkpoint"), chain) == "signature"


def refused(document, chain=CHAIN, **more):
    with pytest.raises(VerificationFailed) as caught:
        verify_credential(document, chain, NOW, **more)
    return caught.value.check


def self_issued(kind):
    """What a client signs about anybody, with its own valid key."""
    documents = {
        "SuitabilityCredential": unsecured(issuer=CLIENT, subject=OTHER),
        "IdentityCredential": identity_credential(**{**IDENTITY_VALUES, "issuer": CLIENT}),
        "BitstringStatusListCredential": status_list.status_list_credential(
            number=1, issuer=CLIENT, bits=status_list.list_with([]), valid_from=NOW, valid_until=NOW + YEAR
        ),
    }
    return issue(documents[kind], seed=CLIENT_SEED, method=f"{CLIENT}#delegate-1")


class TestIssuers:
    """A signature proves who, never that he may."""

    @pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "ConsentCredential"])
    def test_a_client_issues_nothing_but_its_consent(self, kind):
        assert refused(self_issued(kind)) == "issuer-right"

    @pytest.mark.parametrize("role", ["regulator", "operator"])
    def test_another_member_than_a_broker(self, role):
        assert refused(issue(), snapshot(term(role))) == "issuer-right"

    def test_a_stranger(self):
        document = issue(unsecured(issuer=OTHER), seed=CLIENT_SEED, method=f"{OTHER}#signing")
        assert refused(document) == "issuer-right"

    def test_a_suspended_broker(self):
        assert refused(issue(), snapshot(term(end=400))) == "issuer-right"

    def test_a_broker_that_was_suspended_when_it_issued_and_is_active_now(self):
        assert refused(issue(), snapshot(term(end=50), term(first=450))) == "issuer-right"

    def test_a_broker_that_was_a_regulator_when_it_issued(self):
        assert refused(issue(), snapshot(term("regulator", end=450), term(first=450))) == "issuer-right"

    def test_a_broker_readmitted_before_it_issued(self):
        verify_credential(issue(), snapshot(term(end=20), term(first=60)), NOW)

    def test_a_clock_behind_the_block_of_the_key(self):
        verify_credential(issue(), snapshot(term(first=100 + 300)), NOW)
        assert refused(issue(), snapshot(term(first=100 + 301))) == "issuer-right"

    @pytest.mark.parametrize("subject", [BROKER, OTHER])
    def test_about_a_member(self, subject):
        chain = snapshot(**{"cc" * 20: (term(seed=CLIENT_SEED),)})
        assert refused(issue(unsecured(subject=subject)), chain) == "issuer-right"

    @pytest.mark.parametrize("changed", ["issuer", "subject"])
    def test_of_another_chain(self, changed):
        elsewhere = {"issuer": BROKER, "subject": CLIENT}[changed].replace("0x4f24", "0x1")
        method = f"{elsewhere if changed == 'issuer' else BROKER}#signing"
        assert refused(issue(unsecured(**{changed: elsewhere}), method=method)) == "issuer-right"

    @pytest.mark.parametrize(
        "types",
        [[], ["EmployeeCredential"], ["SuitabilityCredential", "IdentityCredential"], ["ConsentCredential", "X"]],
    )
    def test_a_type_that_nobody_is_known_to_issue(self, types):
        assert refused(issue({**unsecured(), "type": ["VerifiableCredential", *types]})) == "issuer-right"

    def test_a_consent_by_another_client_or_by_a_member(self):
        for issuer in (OTHER, BROKER):
            document = {**consent_credential(**CONSENT_VALUES), "issuer": issuer}
            method = f"{issuer}#{'signing' if issuer == BROKER else 'delegate-1'}"
            assert refused(issue(document, method=method)) == "issuer-right"
        own = consent_credential(**{**CONSENT_VALUES, "client": BROKER})
        assert refused(issue(own)) == "issuer-right"

    def test_a_consent_by_a_key_of_the_client_that_does_not_hold(self):
        document = issue(consent_credential(**CONSENT_VALUES), seed=CLIENT_SEED, method=f"{CLIENT}#delegate-2")
        assert refused(document) == "key"

    def test_the_answer_says_by_what_right(self):
        right = verify_credential(issue(), CHAIN, NOW).right
        assert (right.kind, right.issuer, right.member) == ("SuitabilityCredential", BROKER, "north")
        assert (right.role_at_issue, right.role_now, right.block) == ("broker", "broker", 500)
        assert (right.key, right.key_in_force, right.witnessed_block) == (f"{BROKER}#signing", True, None)


class TestEndedKeys:
    """Whoever holds a key that has ended writes `created` as he likes: only a witness says when it signed."""

    NEW = hashlib.sha256(b"test seed: the broker's next key").digest()
    rotated = snapshot(term(end=300), term(seed=NEW, first=300))

    def test_without_a_witness(self):
        assert refused(issue(), self.rotated) == "issue-unwitnessed"

    def test_anchored_before_the_end(self):
        asked = []
        document = issue()
        verified = verify_credential(document, self.rotated, NOW, witness=lambda digest: asked.append(digest) or 299)
        assert asked == [credential_digest(document)]
        assert (verified.right.key_in_force, verified.right.witnessed_block) == (False, 299)

    @pytest.mark.parametrize("block", [0, 300, 301])
    def test_anchored_outside_the_time_of_the_key(self, block):
        assert refused(issue(), self.rotated, witness=lambda _digest: block) == "issuer-right"

    def test_nobody_asks_for_a_witness_of_the_key_in_force(self):
        verify_credential(issue(seed=self.NEW), snapshot(term(end=20), term(seed=self.NEW, first=20)), NOW)

    def test_a_key_in_force_cannot_sign_into_the_time_of_another(self):
        assert refused(issue(seed=self.NEW), snapshot(term(end=500), term(seed=self.NEW, first=500))) == "issuer-right"

    def test_the_digest_is_of_what_was_signed_however_it_is_shown(self):
        document = issue()
        for shown in shown_otherwise(document):
            assert credential_digest(shown) == credential_digest(document)


class TestPeriod:
    def test_not_yet(self):
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(), CHAIN, NOW - CLOCK_LEEWAY_MS - 1)
        assert caught.value.check == "not-yet-valid"

    @pytest.mark.parametrize("behind", [0, 1, 1500, CLOCK_LEEWAY_MS])
    def test_a_clock_that_is_a_little_behind_is_no_reason(self, behind):
        verify_credential(issue(), CHAIN, NOW - behind)

    def test_expired(self):
        verify_credential(issue(), CHAIN, NOW + YEAR)
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(issue(), CHAIN, NOW + YEAR + 1)
        assert caught.value.check == "expired"

    def test_issue_refuses_an_empty_period(self):
        with pytest.raises(InvalidInput):
            unsecured(valid_until=NOW - 1)

    def test_credential_without_period(self):
        document = {k: v for k, v in unsecured().items() if k not in ("validFrom", "validUntil")}
        verify_credential(issue(document), CHAIN, NOW)


class TestStatus:
    document = issue(unsecured(status=status_list.status_entry(LIST_URL, 7)))

    def test_not_set(self):
        verify_credential(self.document, CHAIN, NOW, status=lambda _entry: False)

    def test_revoked(self):
        bits = status_list.list_with([7])
        published = status_list.status_list_credential(
            number=1, issuer=BROKER, bits=bits, valid_from=NOW, valid_until=NOW + 1
        )
        with pytest.raises(VerificationFailed) as caught:
            verify_credential(
                self.document, CHAIN, NOW, status=lambda entry: status_list.is_set(entry, published, BROKER)
            )
        assert caught.value.check == "status"

    def test_unknown_is_not_valid(self):
        with pytest.raises(CouldNotCheck):
            verify_credential(self.document, CHAIN, NOW)


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
        verified = verify_credential(issue(identity_credential(**IDENTITY_VALUES)), CHAIN, NOW)
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
        terms = read_consent(verify_credential(self.signed(), CHAIN, NOW).credential)
        assert terms.client == CLIENT
        assert terms.receivers == (BROKER, OTHER)
        assert terms.data_kinds == ("holdings", "debts")
        terms.require("MARKET_RISK", OTHER, NOW)

    @pytest.mark.parametrize(
        ("arguments", "check"),
        [
            (("AML_JOINT", OTHER, NOW), "consent-purpose"),
            (("MARKET_RISK", CLIENT, NOW), "consent-receiver"),
            (("MARKET_RISK", OTHER, NOW - CLOCK_LEEWAY_MS - 1), "consent-period"),
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
            read_consent(read_credential(issue(document)))
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
