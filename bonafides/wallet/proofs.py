"""Proving, in zero knowledge, that the client can open the commitment to a certificate number."""

from __future__ import annotations

from typing import Any

from bonafides.wallet.keys import Identities
from primitives.context import ProofContext
from primitives.encoding import decode_base64url
from primitives.errors import Refused
from primitives.relations import ENTROPY_BYTES, prove_opening
from primitives.shapes import Fields, Text
from primitives.timestamp import parse_time

_ANY_TEXT = Text(min=0, controls=True)
_CHALLENGE = Fields(dict.fromkeys(("audience", "holder", "nonce", "purpose", "expires_at"), _ANY_TEXT), open=True)


def prove(identities: Identities, challenge: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Answer a verifier's challenge with a proof that is bound to it, and signed by the identity's key.

    Args:
        identities: the wallet.
        challenge: {"audience", "holder", "nonce" (base64url), "purpose", "expires_at"}.
        now_ms: when the proof is made.

    Raises:
        InvalidInput: the challenge is malformed.
        Refused: `wallet-foreign`, `wallet-no-certificate` (the identity commits to none), `wallet-challenge-expired`.
    """
    challenge = _CHALLENGE.read(challenge, "")
    identity = identities.by_did(challenge["holder"])
    opening = identity.opening
    if opening is None:
        raise Refused("wallet-no-certificate", f"{identity.did} commits to no certificate number")
    expires_at = parse_time(challenge["expires_at"], "expires_at")
    if expires_at <= now_ms:
        raise Refused("wallet-challenge-expired", "the challenge has expired")
    context = ProofContext(
        chain_id=identity.network.chain_id,
        audience=challenge["audience"],
        holder=identity.did,
        verification_method=identity.key_id(identity.key),
        nonce=decode_base64url(challenge["nonce"], "nonce"),
        purpose=challenge["purpose"],
        issued_at=now_ms,
        expires_at=expires_at,
    )
    return prove_opening(
        context,
        opening.commitment,
        opening.message,
        opening.blinding,
        identities.store.entropy(ENTROPY_BYTES),
        identity.key.seed,
    )
