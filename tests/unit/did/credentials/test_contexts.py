"""Our own context is a URL, pinned by its digest: it names every term that our credentials use."""

import hashlib
import json

import pytest

from did.credentials import consent, contexts, identity, suitability
from did.credentials.eddsa import add_proof
from did.credentials.verify import verify_credential
from primitives.errors import VerificationFailed
from primitives.timestamp import format_utc
from tests.unit.did.credentials.test_verify import (
    BROKER,
    CHAIN,
    CONSENT_VALUES,
    IDENTITY_VALUES,
    NOW,
    SEED,
    issue,
    unsecured,
)


def test_the_packaged_file_is_the_pinned_one():
    assert hashlib.sha256(contexts.bonafides_context()).hexdigest() == contexts.BONAFIDES_V1_SHA256


def test_a_changed_file_is_refused(monkeypatch):
    monkeypatch.setattr(contexts, "BONAFIDES_V1_SHA256", "ab" * 32)
    contexts.bonafides_context.cache_clear()
    with pytest.raises(VerificationFailed) as caught:
        contexts.bonafides_context()
    assert caught.value.check == "context-digest"
    contexts.bonafides_context.cache_clear()


def test_every_context_of_a_credential_is_a_url():
    assert contexts.credential_contexts() == ["https://www.w3.org/ns/credentials/v2", contexts.BONAFIDES_V1]
    assert all(isinstance(context, str) for context in issue()["proof"]["@context"])


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (suitability.TYPE, unsecured()),
        (identity.TYPE, identity.identity_credential(**IDENTITY_VALUES)),
        (consent.TYPE, consent.consent_credential(**CONSENT_VALUES)),
    ],
)
def test_the_context_defines_the_type_and_each_claim(kind, document):
    terms = json.loads(contexts.bonafides_context())["@context"]
    for term in {kind, *document["credentialSubject"]} - {"id"}:
        named = terms[term]["@id"] if isinstance(terms[term], dict) else terms[term]
        assert named == f"bonafides:{term}"


def test_a_credential_with_the_inline_object_of_before_still_verifies():
    document = {**unsecured(), "@context": [contexts.CREDENTIALS_V2, {"@vocab": "urn:bonafides:vocabulary:1#"}]}
    signed = add_proof(document, seed=SEED, verification_method=f"{BROKER}#signing", created=format_utc(NOW))
    assert verify_credential(signed, CHAIN, NOW).issuer == BROKER
