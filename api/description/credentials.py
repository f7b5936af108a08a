"""Credentials, proofs, status lists and witnesses."""

from __future__ import annotations

from api.description.common import CHECKS, CHECKS_NOT_MADE, TEXT
from api.description.operation import Operation
from did.credentials.credential_type import Basis
from did.credentials.registry import CONTEXTS, SUITES
from node_adapter.workflows.identity.credentials import CREDENTIAL_REQUEST, REVOCATION_REQUEST
from node_adapter.workflows.identity.proofs import CHALLENGE_REQUEST, PROOF
from node_adapter.workflows.identity.verify_credentials import CREDENTIAL_TO_VERIFY
from primitives.shapes import (
    MAX_SAFE_INTEGER,
    AnyOf,
    Boolean,
    Constant,
    Fields,
    Integer,
    Named,
    Nullable,
    Object,
    OneOf,
    Text,
)
from replay.wire.shapes import DID, DIGEST, TIME

_SUITES = " or ".join(suite.name for suite in SUITES.values())
CREDENTIAL = Named("Credential", Object().note(f"VC Data Model 2.0 with one {_SUITES} proof."))
AS_OF = Named(
    "AsOf",
    Fields({"block": Integer(-MAX_SAFE_INTEGER).note("Its number."), "time": TEXT.note("Its time.")}).note(
        "The newest block of the chain that this node had read when it answered."
    ),
)
ISSUER_RIGHT = Named(
    "IssuerRight",
    Fields(
        {
            "basis": OneOf(*(basis.value for basis in Basis)),
            "member": Nullable(TEXT),
            "role_at_issue": Nullable(TEXT),
            "role_now": Nullable(TEXT),
            "key": TEXT.note("The verification method."),
            "key_in_force": Boolean().note("Whether the key that signed holds at `block`."),
            "witnessed_block": Nullable(
                Integer(-MAX_SAFE_INTEGER).note("Where the issue was anchored, when the key has ended since.")
            ),
            "block": Integer(-MAX_SAFE_INTEGER).note("The block of the decision."),
        }
    ).note("By what right the issuer issued, decided from one block of the chain."),
)
CREDENTIAL_VERDICT = Named(
    "CredentialVerdict",
    Fields(
        {
            "status": Constant("verified"),
            "id": Nullable(TEXT),
            "type": Nullable(TEXT),
            "issuer": TEXT,
            "subject": Object(),
            "valid_until": Nullable(TEXT),
            "issuer_right": ISSUER_RIGHT,
            "as_of": AS_OF,
            "checked": CHECKS,
            "not_checked": CHECKS_NOT_MADE,
        }
    ),
)
ISSUE_WITNESS = Named("IssueWitness", Object().note("bonafides.issue-witness/2 (docs/spec/credentials.md)."))
ISSUE_WITNESS_ANSWER = Named(
    "IssueWitnessAnswer",
    Fields(
        {
            "credential_sha256": DIGEST,
            "state": OneOf("anchored", "pending", "erased", "none"),
            "witness": Nullable(ISSUE_WITNESS),
        }
    ),
)
REVOCATION = Named("Revocation", Fields({"status": Constant("revoked"), "id": TEXT, "revoked_at": TEXT}))
CHALLENGE = Named(
    "Challenge", Fields({"audience": DID, "holder": DID, "nonce": TEXT, "purpose": TEXT, "expires_at": TIME})
)
PROOF_ATTESTATION = Named(
    "ProofAttestation",
    AnyOf(
        Fields({"status": Constant("unattested"), "detail": TEXT}),
        Fields(
            {
                "status": Constant("attested"),
                "issuer": DID,
                "issuer_right": ISSUER_RIGHT,
                "credential_status": OneOf("valid", "no-status-list"),
            }
        ),
    ).note("Who attests the commitment; or, plainly, that nobody does."),
)
PROOF_VERDICT = Named(
    "ProofVerdict",
    Fields(
        {
            "status": Constant("verified"),
            "holder": DID,
            "purpose": TEXT,
            "commitment": Text(min=0, pattern="[0-9a-f]{96}").note("The opened commitment."),
            "credential": Nullable(TEXT),
            "attestation": PROOF_ATTESTATION,
            "as_of": AS_OF,
            "checked": CHECKS,
            "not_checked": CHECKS_NOT_MADE,
        }
    ),
)

OPERATIONS = (
    *(
        Operation(
            "GET",
            context.path,
            "credentials",
            f"The JSON-LD context of our credentials, {context.url}.",
            answers={200: Object()},
            media="application/ld+json",
        )
        for context in CONTEXTS.values()
    ),
    Operation(
        "GET",
        "/v1/status-lists/{list_id}",
        "credentials",
        "A Bitstring Status List credential.",
        answers={200: CREDENTIAL},
    ),
    Operation(
        "GET",
        "/v1/credentials/witnesses/{digest}",
        "credentials",
        "Evidence of when a credential was issued, by SHA-256 of the credential.",
        answers={200: ISSUE_WITNESS_ANSWER},
    ),
    Operation(
        "POST",
        "/v1/credentials/issue",
        "credentials",
        "Issue credentials of clients' current level or verified identity.",
        request=CREDENTIAL_REQUEST,
        answers={201: CREDENTIAL},
        bulk=True,
    ),
    Operation(
        "POST",
        "/v1/credentials/verify",
        "credentials",
        "Verify credentials: proof, the issuer's right and key, period, status.",
        request=CREDENTIAL_TO_VERIFY,
        answers={200: CREDENTIAL_VERDICT},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "POST",
        "/v1/credentials/{credential_id}/revoke",
        "credentials",
        "Revoke a credential.",
        request=REVOCATION_REQUEST,
        required=False,
        answers={200: REVOCATION},
    ),
    Operation(
        "POST",
        "/v1/proofs/challenges",
        "proofs",
        "Give out nonces for zero-knowledge proofs.",
        request=CHALLENGE_REQUEST,
        answers={201: CHALLENGE},
        bulk=True,
    ),
    Operation(
        "POST",
        "/v1/proofs/verify",
        "proofs",
        "Check proofs; each nonce has one try.",
        request=PROOF,
        answers={200: PROOF_VERDICT},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
)
