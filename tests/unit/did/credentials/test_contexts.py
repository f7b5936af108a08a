"""Our own context is a URL, pinned by its digest: it names every term that our credentials use."""

import hashlib
import json
from dataclasses import replace

import pytest

from did.credentials import contexts
from did.credentials.proofs import add_proof
from did.credentials.registry import CONTEXTS
from did.credentials.types import consent, identity, suitability
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
    for context in CONTEXTS.values():
        assert hashlib.sha256(context.content()).hexdigest() == context.sha256


def test_a_changed_file_is_refused():
    with pytest.raises(VerificationFailed) as caught:
        replace(contexts.CREDENTIALS_V1, sha256="ab" * 32).content()
    assert caught.value.check == "context-digest"


def test_every_context_of_a_credential_is_a_url():
    assert contexts.credential_contexts() == ["https://www.w3.org/ns/credentials/v2", contexts.CREDENTIALS_V1.url]
    assert all(isinstance(context, str) for context in issue()["proof"]["@context"])


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (suitability.NAME, unsecured()),
        (identity.NAME, identity.identity_credential(**IDENTITY_VALUES)),
        (consent.NAME, consent.consent_credential(**CONSENT_VALUES)),
    ],
)
def test_the_context_defines_the_type_and_each_claim(kind, document):
    terms = json.loads(contexts.CREDENTIALS_V1.content())["@context"]
    for term in {kind, *document["credentialSubject"]} - {"id"}:
        named = terms[term]["@id"] if isinstance(terms[term], dict) else terms[term]
        assert named == f"bonafides:{term}"


def test_a_credential_with_the_inline_object_of_before_still_verifies():
    document = {**unsecured(), "@context": [contexts.CREDENTIALS_V2, {"@vocab": "urn:bonafides:vocabulary:1#"}]}
    signed = add_proof(document, seed=SEED, verification_method=f"{BROKER}#signing", created=format_utc(NOW))
    assert verify_credential(signed, CHAIN, NOW).issuer == BROKER
