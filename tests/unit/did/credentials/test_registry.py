"""Suites and types come from their own files; nobody else names one."""

import pytest

from did.credentials.proofs import add_proof, derive
from did.credentials.registry import CONTEXTS, ISSUING, ON_REQUEST, SUITES, TYPES
from primitives.errors import InvalidInput, Refused
from primitives.timestamp import format_utc
from tests.unit.did.credentials.test_verify import NOW, SEED, issue


def test_what_this_version_knows():
    assert list(SUITES) == [("DataIntegrityProof", "eddsa-jcs-2022")]
    assert set(TYPES) == {
        "BitstringStatusListCredential",
        "ConsentCredential",
        "IdentityCredential",
        "SuitabilityCredential",
    }
    assert list(ON_REQUEST) == ["SuitabilityCredential", "IdentityCredential"]  # the first is meant by no name
    assert list(CONTEXTS) == ["urn:bonafides:context:credentials:1"]


def test_a_signature_over_the_whole_shows_no_part():
    with pytest.raises(Refused) as caught:
        derive(issue(), ["/credentialSubject/riskLevel"])
    assert caught.value.code == "suite-cannot-derive"


def test_a_proof_finds_its_suite_by_type_and_cryptosuite():
    signed = add_proof({"a": 1}, seed=SEED, verification_method="urn:a:b", created=format_utc(NOW), suite=ISSUING)
    for changes in ({"cryptosuite": "bbs-2023"}, {"type": "Ed25519Signature2020"}, {"cryptosuite": None}):
        with pytest.raises(InvalidInput) as caught:
            derive({**signed, "proof": {**signed["proof"], **changes}}, [])
        assert (caught.value.rule, caught.value.detail) == (
            "cryptosuite",
            "must be a DataIntegrityProof with eddsa-jcs-2022",
        )
