"""Zero-knowledge proofs of clients, checked by a broker that has never seen the certificate number.

    challenge  {"holder", "purpose"} -> {"audience", "holder", "nonce", "purpose", "expires_at"}
    verify     the proof itself, or {"proof", "credential"}: the identity credential whose commitment it must open

A proof alone says that its holder knows what a commitment hides; that the commitment is a certificate's, only an issuer
can say. So the answer states who attests it, or that nobody does.

A nonce is given to one holder for one purpose and serves once: it is used up before the answer, in one UPDATE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from did.credentials.types.identity import read_identity
from did.credentials.verify import VerifiedCredential
from node_adapter.node import Node
from node_adapter.store import nonces
from node_adapter.workflows.consent.standing import Standing
from node_adapter.workflows.identity.verdicts import checks, reasons_json, right_json
from node_adapter.workflows.identity.verify_credentials import CredentialVerifier
from node_adapter.workflows.intake.outcomes import outcome_of
from node_adapter.workflows.replay.as_of import AsOf
from primitives.context import ExpectedContext, ProofContext
from primitives.encoding import encode_base64url
from primitives.errors import BonafidesError, InvalidInput, Refused, VerificationFailed
from primitives.relations import proof_context, verify_opening
from primitives.shapes import AnyOf, Fields, Named, Nullable, Object, Text
from primitives.timestamp import format_time
from replay.wire.shapes import PARSED_DID

CHALLENGE_MS = 300_000
_USE = "proof"
_NONCE_BYTES = 32
_MAX_PURPOSE = 100


def open_challenges(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | BonafidesError]:
    """Give out nonces in one transaction; each request gets its own outcome, in order."""
    outcomes: list[dict[str, Any] | BonafidesError] = []
    now = node.clock.now_ms()
    with node.store.write() as connection:
        nonces.forget_expired(connection, now - CHALLENGE_MS)
        for request in requests:
            try:
                holder, purpose = _challenge(request)
            except InvalidInput as error:
                outcomes.append(error)
                continue
            nonce = encode_base64url(node.entropy(_NONCE_BYTES))
            nonces.insert_nonce(connection, nonces.NonceRow(nonce, _USE, holder, purpose, now + CHALLENGE_MS, None))
            outcomes.append(
                {
                    "audience": node.did,
                    "holder": holder,
                    "nonce": nonce,
                    "purpose": purpose,
                    "expires_at": format_time(now + CHALLENGE_MS),
                }
            )
    return outcomes


def check_proofs(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | BonafidesError]:
    """Check proofs; each gets its own outcome, in order. Keys, issuers and status are read from one snapshot."""
    parsed = [outcome_of(_read, request) for request in requests]
    wellformed = [one for one in parsed if isinstance(one, _Presented)]
    with node.store.read() as connection:
        verifier = CredentialVerifier(
            node,
            connection,
            [one.credential for one in wellformed if one.credential is not None],
            clients=[one.context.verification_method.partition("#")[0] for one in wellformed],
        )
    return [
        outcome_of(lambda shown: _check(node, verifier, shown), one) if isinstance(one, _Presented) else one
        for one in parsed
    ]


@dataclass(frozen=True)
class _Presented:
    """A proof that was read but not verified, and the credential that came beside it."""

    proof: Mapping[str, Any]
    context: ProofContext
    credential: Mapping[str, Any] | None


CHALLENGE_REQUEST = Named(
    "ChallengeRequest", Fields({"holder": PARSED_DID, "purpose": Text(_MAX_PURPOSE, controls=True)})
)


def _challenge(request: Mapping[str, Any]) -> tuple[str, str]:
    asked = CHALLENGE_REQUEST.read(request, "")
    return asked["holder"].text, asked["purpose"]


def _check(node: Node, verifier: CredentialVerifier, shown: _Presented) -> dict[str, Any]:
    row = _use_nonce(node, shown.context)
    verified = claims = None
    if shown.credential is not None:
        verified = verifier.verify(shown.credential)
        claims = read_identity(verified.credential)
        if claims.subject != shown.context.holder:
            raise VerificationFailed("holder", "credential: is about somebody else than the proof's holder")
    expected = ExpectedContext(
        chain_id=node.settings.chain.chain_id,
        audience=node.did,
        holder=row.holder,
        nonce=shown.context.nonce,
        purpose=row.purpose,
        now=node.clock.now_ms(),
    )
    key = verifier.client_key(shown.context.verification_method)
    statement = verify_opening(shown.proof, expected=expected, holder_key=key)
    if claims is not None and statement.commitment != claims.commitment:
        raise VerificationFailed("commitment", "the proof opens another commitment than the credential attests")
    return {
        "status": "verified",
        "holder": row.holder,
        "purpose": row.purpose,
        "commitment": statement.commitment.hex(),
        "credential": None if verified is None else verified.credential.id,
        "attestation": _attestation(verified),
        "as_of": verifier.moment.to_json(),
        **_checks(verified, node.did, verifier.moment),
    }


def _checks(verified: VerifiedCredential | None, verifier: str, moment: AsOf) -> dict[str, Any]:
    held = ["challenge", "holder", "opening"]
    if verified is None:
        skipped = reasons_json({"attestation": "no credential was shown", **moment.not_checked})
    else:
        of_credential, others = checks(verified, Standing((), {}), verifier, moment)
        held = [*held, "attestation", *of_credential]
        skipped = [entry for entry in others if entry["check"] != "holder"]  # the proof is by the credential's subject
    return {"checked": held, "not_checked": skipped}


def _attestation(verified: VerifiedCredential | None) -> dict[str, Any]:
    if verified is None:
        return {
            "status": "unattested",
            "detail": "nobody attests this commitment: the holder knows what it hides, and may have made that up",
        }
    return {
        "status": "attested",
        "issuer": verified.issuer,
        "issuer_right": right_json(verified.right),
        "credential_status": "valid" if verified.credential.statuses else "no-status-list",
    }


PROOF_AND_CREDENTIAL = Fields({"proof": Object()}, {"credential": Nullable(Object())})


PROOF = Named("Proof", AnyOf(PROOF_AND_CREDENTIAL, Object().note("The proof itself.")))


def _read(request: Mapping[str, Any]) -> _Presented:
    if "proof" not in request or request.get("type") == "ZkProof":
        return _Presented(request, proof_context(request), None)
    shown = PROOF_AND_CREDENTIAL.read(request, "")
    return _Presented(shown["proof"], proof_context(shown["proof"]), shown.get("credential"))


def _use_nonce(node: Node, context: ProofContext) -> nonces.NonceRow:
    """Use up the nonce of a proof, whatever the proof is worth: a nonce has one try.

    Raises:
        Refused: `proof-replayed`, `proof-expired`, `proof-nonce-unknown`.
    """
    nonce, now = encode_base64url(context.nonce), node.clock.now_ms()
    with node.store.write() as connection:
        row = nonces.find_nonce(connection, nonce, _USE)
        if row is None:
            raise Refused("proof-nonce-unknown", "ctx.nonce: was not given out by this verifier")
        if not nonces.use_nonce(connection, nonce, _USE, now):
            raise Refused("proof-replayed", "ctx.nonce: a proof under this nonce was checked before")
    if row.expires_at <= now:
        raise Refused("proof-expired", "ctx.nonce: the challenge has expired")
    return row
