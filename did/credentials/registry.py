"""Every cryptosuite and every credential type that this version knows, and what follows from them.

Each is one file of `did.credentials.suites` or `did.credentials.types`, found by walking the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from did.credentials import suites, types
from did.credentials.contexts import Context
from did.credentials.credential_type import Attestation, CredentialType
from did.credentials.suite import Suite
from primitives.registry import by_key, offered

SUITES: Mapping[tuple[str, str | None], Suite] = by_key(
    offered(suites, "SUITE", Suite), lambda suite: (suite.proof_type, suite.cryptosuite)
)
"""Every suite, by `type` and `cryptosuite` of its proofs."""

ISSUING = SUITES["DataIntegrityProof", "eddsa-jcs-2022"]
"""The suite of what this version signs; it verifies those of all."""

TYPES: Mapping[str, CredentialType[Any]] = by_key(offered(types, "TYPE", CredentialType), lambda type_: type_.name)
"""Every type of credential, by its name."""

CONTEXTS: Mapping[str, Context] = by_key(
    dict.fromkeys(type_.context for type_ in TYPES.values()), lambda context: context.url
)
"""Every context of ours that a credential may name, by its URL."""


def _on_request() -> Mapping[str, Attestation]:
    found = {name: type_.attestation for name, type_ in TYPES.items() if type_.attestation is not None}
    if sum(attestation.by_default for attestation in found.values()) != 1:
        raise ValueError("exactly one type must be what a request means that names none")
    return dict(sorted(found.items(), key=lambda item: not item[1].by_default))


ON_REQUEST = _on_request()
"""How a broker issues the types that it is asked for, first the one that a request means that names none."""
