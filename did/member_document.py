"""The DID document of a consortium member: its registry entry joins the keys that MemberRegistry holds for it.

    #signing     of the member's suite, assertionMethod: promises, openings, bundles, trust files; where it is Ed25519,
                 credentials and status lists, too
    #checkpoint  Ed25519, assertionMethod, where the suite's key is another one: credentials, status lists
    #agreement   X25519, keyAgreement

So anybody can resolve an issuer. A suspended member has no key in its document: nothing that it signs counts.
"""

from __future__ import annotations

from typing import Any

from did.identifiers import AGREEMENT_FRAGMENT, SIGNING_FRAGMENT, Did
from did.keys import contexts_of, encode_x25519, verification_method
from did.member_log import ED25519, Term

_AGREEMENT_CONTEXT = "https://w3id.org/security/suites/x25519-2020/v1"


def with_member_keys(document: dict[str, Any], did: Did, term: Term | None) -> dict[str, Any]:
    """Return a member's document with the keys of a term; as it was, when no term holds."""
    if term is None:
        return document
    agreement = did.url(AGREEMENT_FRAGMENT)
    signing = {did.url(SIGNING_FRAGMENT): (term.algorithm, term.signing)}
    signing.setdefault(did.url(term.ed25519_fragment), (ED25519, term.ed25519))
    methods = [
        *(verification_method(name, did.text, algorithm, key) for name, (algorithm, key) in signing.items()),
        {
            "id": agreement,
            "type": "X25519KeyAgreementKey2020",
            "controller": did.text,
            "publicKeyMultibase": encode_x25519(term.agreement),
        },
    ]
    return {
        **document,
        "@context": list(dict.fromkeys([*document["@context"], *contexts_of(methods), _AGREEMENT_CONTEXT])),
        "verificationMethod": [*document["verificationMethod"], *methods],
        "assertionMethod": [*document["assertionMethod"], *signing],
        "keyAgreement": [agreement],
    }
