import copy

import pytest

from did.credentials.contexts import CREDENTIALS_V2, credential_contexts
from did.credentials.model import read_credential
from primitives.errors import InvalidInput

GOOD = {
    "@context": credential_contexts(),
    "id": "urn:uuid:0191b3b0-0000-7000-8000-000000000001",
    "type": ["VerifiableCredential", "SuitabilityCredential"],
    "issuer": "did:ethr:0x1:0x" + "aa" * 20,
    "validFrom": "2026-01-01T00:00:00Z",
    "validUntil": "2027-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:ethr:0x1:0x" + "bb" * 20, "riskLevel": "C3"},
}


def test_reads_what_the_model_fixes():
    credential = read_credential(GOOD)
    assert credential.issuer == GOOD["issuer"]
    assert credential.types == {"VerifiableCredential", "SuitabilityCredential"}
    assert credential.valid_until > credential.valid_from
    assert credential.subjects == (GOOD["credentialSubject"],)
    assert credential.statuses == ()


def test_optional_parts():
    document = copy.deepcopy(GOOD)
    for name in ("id", "validFrom", "validUntil"):
        del document[name]
    document["type"] = "VerifiableCredential"
    document["issuer"] = {"id": GOOD["issuer"], "name": "Broker"}
    document["credentialSubject"] = [{"riskLevel": "C3"}, {"riskLevel": "C4"}]
    document["credentialStatus"] = {"type": "BitstringStatusListEntry"}
    credential = read_credential(document)
    assert credential.id is None
    assert credential.issuer == GOOD["issuer"]
    assert len(credential.subjects) == 2
    assert credential.statuses == ({"type": "BitstringStatusListEntry"},)


BAD = [
    ("@context", None, "first-context"),
    ("@context", CREDENTIALS_V2, "first-context"),
    ("@context", [], "first-context"),
    ("@context", ["https://www.w3.org/2018/credentials/v1"], "first-context"),
    ("@context", [CREDENTIALS_V2, "https://example.org/unknown"], "known-context"),
    ("@context", [CREDENTIALS_V2, {"@vocab": "https://example.org/other#"}], "known-context"),
    ("id", "not a url", "url"),
    ("id", None, "url"),
    ("id", ["urn:a:b"], "url"),
    ("type", None, "strings"),
    ("type", [], "strings"),
    ("type", ["SuitabilityCredential"], "base-type"),
    ("type", ["VerifiableCredential", 7], "strings"),
    ("type", ["VerifiableCredential", "VerifiableCredential"], "strings"),
    ("issuer", None, "url"),
    ("issuer", {}, "url"),
    ("issuer", "broker one", "url"),
    ("validFrom", "2026-01-01", "date-time"),
    ("validFrom", 1767225600, "date-time"),
    ("validUntil", "2025-01-01T00:00:00Z", "period"),
    ("credentialSubject", None, "objects"),
    ("credentialSubject", {}, "objects"),
    ("credentialSubject", [], "objects"),
    ("credentialSubject", ["did:x:y"], "objects"),
    ("credentialSubject", {"id": "no url"}, "url"),
    ("credentialStatus", {"id": "urn:a:b"}, "strings"),
    ("credentialStatus", [], "objects"),
    ("credentialSchema", {"id": "urn:a:b"}, "strings"),
    ("evidence", "seen", "objects"),
    ("termsOfUse", [{}], "objects"),
    ("refreshService", {"type": ""}, "strings"),
]


@pytest.mark.parametrize(("name", "value", "rule"), BAD)
def test_each_rule(name, value, rule):
    with pytest.raises(InvalidInput) as caught:
        read_credential({**GOOD, name: value})
    assert caught.value.rule == rule


@pytest.mark.parametrize("value", [None, [], "credential", 5])
def test_not_an_object(value):
    with pytest.raises(InvalidInput):
        read_credential(value)


@pytest.mark.parametrize("name", ["@context", "type", "issuer", "credentialSubject"])
def test_required_properties(name):
    with pytest.raises(InvalidInput):
        read_credential({key: value for key, value in GOOD.items() if key != name})
