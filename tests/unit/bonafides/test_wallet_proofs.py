import pytest

from bonafides.wallet.keys import new_identity
from bonafides.wallet.proofs import prove
from primitives.context import ExpectedContext
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.relations import verify_opening
from primitives.timestamp import format_time
from tests.unit.bonafides.conftest import BROKER, CHAIN, NETWORK, NOW

VERIFIER = BROKER[:-2] + "00"
NONCE = bytes(range(32))


def challenge(identity, **changes):
    return {
        "audience": VERIFIER,
        "holder": identity.did,
        "nonce": encode_base64url(NONCE),
        "purpose": "onboarding",
        "expires_at": format_time(NOW + 60_000),
        **changes,
    }


def expected(identity, **changes):
    values = {
        "chain_id": CHAIN,
        "audience": VERIFIER,
        "holder": identity.did,
        "nonce": NONCE,
        "purpose": "onboarding",
        "now": NOW + 1,
        **changes,
    }
    return ExpectedContext(**values)


def test_a_proof_verifies_for_its_challenge_only(identities, identity):
    proof = prove(identities, challenge(identity), NOW)
    statement = verify_opening(proof, expected=expected(identity), holder_key=identity.key.public)
    assert statement.commitment == identity.opening.commitment
    assert "TEST00001" not in str(proof)
    for changes in ({"audience": BROKER}, {"nonce": bytes(32)}, {"purpose": "x"}, {"now": NOW + 60_001}):
        with pytest.raises(VerificationFailed):
            verify_opening(proof, expected=expected(identity, **changes), holder_key=identity.key.public)


def test_what_cannot_be_proved_is_refused(identities, identity):
    with identities.changing():
        bare = new_identity(identities, client_ref="c-9", broker=BROKER, network=NETWORK)
    for value, code in (
        (challenge(bare), "wallet-no-certificate"),
        (challenge(identity, holder=VERIFIER), "wallet-foreign"),
        (challenge(identity, expires_at=format_time(NOW)), "wallet-challenge-expired"),
    ):
        with pytest.raises(Refused) as caught:
            prove(identities, value, NOW)
        assert caught.value.code == code


@pytest.mark.parametrize("change", [{"nonce": 5}, {"nonce": "AA"}, {"expires_at": "soon"}, {"purpose": ""}])
def test_a_malformed_challenge_is_refused(identities, identity, change):
    with pytest.raises(InvalidInput):
        prove(identities, challenge(identity, **change), NOW)
