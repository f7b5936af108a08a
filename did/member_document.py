"""The DID document of a consortium member: its registry entry joins the keys that MemberRegistry holds for it.

    #signing     Ed25519, assertionMethod: credentials, status lists, checkpoints, promises
    #agreement   X25519, keyAgreement

So anybody can resolve an issuer. A suspended member has neither key in its document: nothing that it signs counts.
"""

from __future__ import annotations

from typing import Any

from did.identifiers import AGREEMENT_FRAGMENT, SIGNING_FRAGMENT, Did
from did.keys import encode_ed25519, encode_x25519
from did.member_log import Term

_AGREEMENT_CONTEXT = "https://w3id.org/security/suites/x25519-2020/v1"


def with_member_keys(document: dict[str, Any], did: Did, term: Term | None) -> dict[str, Any]:
    """Return a member's document with the keys of a term; as it was, when no term holds."""
    if term is None:
        return document
    signing, agreement = did.url(SIGNING_FRAGMENT), did.url(AGREEMENT_FRAGMENT)
    methods = [
        {
            "id": signing,
            "type": "Ed25519VerificationKey2020",
            "controller": did.text,
            "publicKeyMultibase": encode_ed25519(term.signing),
        },
        {
            "id": agreement,
            "type": "X25519KeyAgreementKey2020",
            "controller": did.text,
            "publicKeyMultibase": encode_x25519(term.agreement),
        },
    ]
    return {
        **document,
        "@context": [*document["@context"], _AGREEMENT_CONTEXT],
        "verificationMethod": [*document["verificationMethod"], *methods],
        "assertionMethod": [*document["assertionMethod"], signing],
        "keyAgreement": [agreement],
    }
