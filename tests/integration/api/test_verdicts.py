"""What `/v1/credentials/verify` and `/v1/proofs/verify` say that they checked, and what they refuse for its claims."""

import pytest

from did.credentials.proofs import add_proof
from did.credentials.types.consent import consent_id
from primitives.canonical import canonical_json
from primitives.timestamp import format_time, format_utc, parse_utc
from tests.integration.api.test_clients import consent_of, withdrawal_of
from tests.integration.api.test_credentials import challenge, issue, north, prove, south, verify
from tests.integration.api.test_issuers import level_of, member, refused
from tests.world.clock import START

__all__ = ["north", "south"]


def told(answer):
    assert answer["status"] == "verified", answer
    return answer["checked"], [entry["check"] for entry in answer["not_checked"]]


@pytest.mark.parametrize(
    ("claim", "value", "field"),
    [
        ("riskLevel", 5, "credentialSubject.riskLevel"),
        ("assessedAt", "yesterday", "credentialSubject.assessedAt"),
        ("isRich", True, "credentialSubject.isRich"),
    ],
)
def test_claims_that_their_reader_refuses_are_not_verified(south, client, claim, value, field):
    """A good signature of a broker over claims that nobody may read."""
    _did, seed, method = member("north")
    document = {name: part for name, part in level_of(client.did, "north").items() if name != "proof"}
    changed = {**document, "credentialSubject": {**document["credentialSubject"], claim: value}}
    forged = add_proof(changed, seed=seed, verification_method=method, created=format_utc(START))
    problem = verify(south, forged)
    assert (problem["code"], problem["field"]) == ("invalid-input", field)


def test_an_identity_of_an_unknown_scheme_attests_nothing(north, south, client):
    _did, seed, method = member("north")
    issued = issue(north, client, type="IdentityCredential")
    document = {name: part for name, part in issued.items() if name not in ("proof", "credentialStatus")}
    changed = {**document, "credentialSubject": {**document["credentialSubject"], "commitmentScheme": "own"}}
    forged = add_proof(changed, seed=seed, verification_method=method, created=format_utc(START))
    assert verify(south, forged)["field"] == "credentialSubject.commitmentScheme"
    shown = {"proof": prove(client, challenge(south, client), south.clock.now), "credential": forged}
    assert south.post("/v1/proofs/verify", shown).get_json()["field"] == "credentialSubject.commitmentScheme"


def test_the_answer_about_a_level_says_what_it_rests_on(north, south, client):
    issued = issue(north, client)
    assert told(verify(south, issued)) == (
        ["issuer-right", "signature", "claims", "period", "status"],
        ["holder", "own-client"],
    )
    assert told(verify(north, issued)) == (
        ["issuer-right", "signature", "claims", "period", "status", "own-issue"],
        ["holder"],
    )
    north.anchor()
    north.rotate()
    assert "issue-witness" in told(verify(south, issued))[0]


def test_the_answer_about_a_proof_says_what_it_rests_on(north, south, client):
    shown = prove(client, challenge(south, client), south.clock.now)
    alone = south.post("/v1/proofs/verify", shown).get_json()
    assert told(alone) == (["challenge", "holder", "opening"], ["attestation"])
    issued = issue(north, client, type="IdentityCredential")
    shown = {"proof": prove(client, challenge(south, client), south.clock.now), "credential": issued}
    checked, skipped = told(south.post("/v1/proofs/verify", shown).get_json())
    assert checked[:4] == ["challenge", "holder", "opening", "attestation"]
    assert {"claims", "status"} <= set(checked)
    assert skipped == ["own-client"]


def now_of(broker):
    return format_time(broker.clock.now)


def give_fields(given):
    subject = given["credential"]["credentialSubject"]
    return {
        "consent_id": given["consent_id"],
        "purpose": subject["purpose"],
        "receivers": subject["receivers"],
        "contact": subject["contact"],
        "method": subject["method"],
        "data_kinds": subject["dataKinds"],
        "expires_at": format_time(parse_utc(given["credential"]["validUntil"], "validUntil")),
        "separate": True,
    }


class TestConsents:
    """A consent's signature holds for ever; whether it was withdrawn is another question."""

    BASE = ("issuer-right", "signature", "claims", "period")

    @pytest.fixture
    def given(self, north, client):
        granted = consent_of(north, client)
        assert north.post("/v1/consents/grant", granted).status_code == 200
        return granted

    def test_a_consent_that_was_withdrawn_here_is_not_verified(self, north, client, given):
        assert told(verify(north, given["credential"])) == (
            [*self.BASE, "withdrawal-here"],
            ["holder", "withdrawal-on-chain"],
        )
        north.chain.consent("ConsentGranted", given["consent_id"])
        assert told(verify(north, given["credential"])) == (
            [*self.BASE, "withdrawal-here", "withdrawal-on-chain"],
            ["holder"],
        )
        answer = north.post("/v1/consents/withdraw", withdrawal_of(client, given["consent_id"]))
        assert answer.status_code == 200, answer.get_json()
        assert refused(north, given["credential"]) == "consent-withdrawn"

    def test_a_consent_that_was_withdrawn_is_so_however_it_is_shown(self, north, client, given):
        """A proof in a list of one and a repeated context leave the signature whole, and change the bytes."""
        north.chain.consent("ConsentGranted", given["consent_id"])
        assert north.post("/v1/consents/withdraw", withdrawal_of(client, given["consent_id"])).status_code == 200
        signed = given["credential"]
        contexts = signed["@context"]
        for changed in ({"proof": [signed["proof"]]}, {"@context": [*contexts, contexts[-1]]}):
            shown = {**signed, **changed}
            assert canonical_json(shown) != canonical_json(signed)
            assert refused(north, shown) == "consent-withdrawn"
            assert refused(north, {"credential": shown, "salt": given["salt"]}) == "consent-withdrawn"

    def test_a_consent_is_kept_as_it_was_signed(self, north, given):
        """The same grant again, shown otherwise, is the same grant; its id is of what was signed."""
        signed = given["credential"]
        wrapped = {**signed, "proof": [signed["proof"]]}
        assert north.post("/v1/consents/grant", {**given, "credential": wrapped}).status_code == 200
        salt = "cd" * 32
        other = consent_id(bytes.fromhex(salt), canonical_json(wrapped)).hex()
        answer = north.post("/v1/consents/grant", {**given, "credential": wrapped, "salt": salt, "consent_id": other})
        assert answer.get_json()["code"] == "consent-id"

    def test_a_consent_whose_withdrawal_is_a_recorded_act_is_not_verified(self, north, client, given):
        """The act came as a fact; the call for the chain did not."""
        for type_, fields in (
            ("CONSENT_GIVE", give_fields(given)),
            ("CONSENT_WITHDRAW", {"consent_id": given["consent_id"], "scope": "ALL", "effective_at": now_of(north)}),
        ):
            shown = {"lang": "zh", "text_sha256": "ab" * 32}
            draft = {"type": type_, "broker": north.did, "subject": client.subject, "fields": fields | shown}
            draft |= {"document": None, "ruleset": None}
            answer = north.post("/v1/facts", client.act(draft, north.clock.now))
            assert answer.status_code == 201, answer.get_json()
        assert refused(north, given["credential"]) == "consent-withdrawn"

    def test_a_consent_that_was_withdrawn_on_the_chain_is_not_verified(self, north, given):
        north.chain.consent("ConsentGranted", given["consent_id"])
        north.chain.consent("ConsentWithdrawn", given["consent_id"])
        assert refused(north, given["credential"]) == "consent-withdrawn"

    def test_of_another_brokers_client_the_chain_is_asked_by_the_salt(self, north, south, given):
        shown = {"credential": given["credential"], "salt": given["salt"]}
        assert told(verify(south, given["credential"])) == (
            list(self.BASE),
            ["holder", "withdrawal-here", "withdrawal-on-chain"],
        )
        assert refused(south, shown) == "consent-unregistered"
        north.chain.consent("ConsentGranted", given["consent_id"])
        assert told(verify(south, shown)) == ([*self.BASE, "withdrawal-on-chain"], ["holder", "withdrawal-here"])
        assert refused(south, {**shown, "salt": "ab" * 32}) == "consent-unregistered"
        problem = verify(south, {**shown, "salt": "ab"})
        assert (problem["code"], problem["field"]) == ("invalid-input", "salt")
        north.chain.consent("ConsentWithdrawn", given["consent_id"])
        assert refused(south, shown) == "consent-withdrawn"

    def test_the_row_of_a_consent_is_found_by_its_signed_bytes(self, north, client, given):
        """Another consent of the same client, never given here, is not taken for the one that is."""
        other = consent_of(north, client, salt="cd" * 32)["credential"]
        changed = {name: part for name, part in other.items() if name != "proof"} | {
            "validUntil": "2030-01-01T00:00:00Z"
        }
        signed = add_proof(
            changed, seed=client.key_seed, verification_method=client.key, created=format_utc(north.clock.now)
        )
        assert canonical_json(signed) != canonical_json(given["credential"])
        checked, skipped = told(verify(north, signed))
        assert (checked, skipped) == (list(self.BASE), ["holder", "withdrawal-here", "withdrawal-on-chain"])
