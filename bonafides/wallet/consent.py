"""Granting and withdrawing consent: three statements of the client about one thing, made together.

A grant is a credential (to what, by the client's Ed25519 key), the signed act CONSENT_GIVE (when, after which text),
and an EIP-712 signature of the controller that a member relays to ConsentRegistry under a salted id that says nothing.
A withdrawal is the act and the EIP-712 signature.
"""

from __future__ import annotations

from typing import Any

from bonafides.wallet.keys import DEADLINE_SECONDS, Identities, Identity
from bonafides.wallet.sign import Show, parse_draft, sign_draft
from did.credentials.proofs import add_proof
from did.credentials.types.consent import SALT_BYTES, consent_credential, consent_id
from primitives.canonical import canonical_json
from primitives.eip712 import grant_typed_data, sign_typed, withdraw_typed_data
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Anything, Fields
from primitives.timestamp import format_utc, parse_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7

_KIND = "consent"
_ID_BYTES = 32
_TERMS = Fields(
    dict.fromkeys(("purpose", "receivers", "contact", "method", "data_kinds", "expires_at"), Anything()), open=True
)


def grant(identities: Identities, value: object, *, now_ms: int, show: Show) -> dict[str, Any]:
    """Make a consent from a CONSENT_GIVE draft; call it inside `Identities.changing`.

    Returns:
        The signed act, with `consent` beside it: id, salt, credential and the relayed grant.

    Raises:
        InvalidInput: the draft is malformed, or brings a consent id of its own.
        Refused: as `sign_draft`.
    """
    draft = parse_draft(value)
    _require_type(draft.type, "CONSENT_GIVE")
    if draft.fields.get("consent_id") is not None:
        raise InvalidInput(
            "draft.fields.consent_id", "unknown-member", "the wallet makes the consent's id, not the broker"
        )
    identity = identities.by_subject(draft.broker, draft.subject)
    _TERMS.read(draft.fields, "draft.fields")
    unsigned = consent_credential(
        credential_id=f"urn:uuid:{uuid7(now_ms, identities.store.entropy(ENTROPY_BYTES))}",
        client=identity.did,
        purpose=draft.fields["purpose"],
        receivers=draft.fields["receivers"],
        contact=draft.fields["contact"],
        method=draft.fields["method"],
        data_kinds=draft.fields["data_kinds"],
        notice_sha256=decode_hex(draft.fields["text_sha256"], "draft.fields.text_sha256", 32),
        valid_from=now_ms,
        expires=parse_time(draft.fields["expires_at"], "draft.fields.expires_at"),
    )
    credential = add_proof(
        unsigned,
        seed=identity.key.seed,
        verification_method=identity.key_id(identity.key),
        created=format_utc(now_ms),
    )
    salt = identities.store.entropy(SALT_BYTES)
    identifier = consent_id(salt, canonical_json(credential))
    completed = {**_object(value), "fields": {**draft.fields, "consent_id": identifier.hex()}}
    signed = sign_draft(identities, completed, now_ms=now_ms, show=show)
    made = {
        "consent_id": identifier.hex(),
        "salt": salt.hex(),
        "credential": credential,
        **_relayed(identity, "grant", identifier, now_ms),
    }
    kept = {"did": identity.did, **made, "given_at": signed["occurred_at"], "withdrawn_at": None}
    identities.store.put(kept, _KIND, identifier.hex())
    return {**signed, "consent": made}


def withdraw(identities: Identities, value: object, *, now_ms: int, show: Show) -> dict[str, Any]:
    """Withdraw a consent by a CONSENT_WITHDRAW draft; call it inside `Identities.changing`.

    Raises:
        InvalidInput: the draft is malformed.
        Refused: `wallet-consent-unknown`, the id is of no consent that this client gave; or as `sign_draft`.
    """
    draft = parse_draft(value)
    _require_type(draft.type, "CONSENT_WITHDRAW")
    identity = identities.by_subject(draft.broker, draft.subject)
    identifier = decode_hex(draft.fields.get("consent_id"), "draft.fields.consent_id", _ID_BYTES)
    kept = identities.store.get(_KIND, identifier.hex())
    if kept is None or kept["did"] != identity.did:
        raise Refused("wallet-consent-unknown", f"{identifier.hex()} is no consent of this client")
    signed = sign_draft(identities, value, now_ms=now_ms, show=show)
    identities.store.put({**kept, "withdrawn_at": signed["occurred_at"]}, _KIND, identifier.hex())
    made = {"consent_id": identifier.hex(), **_relayed(identity, "withdraw", identifier, now_ms)}
    return {**signed, "consent": made}


def sign_again(identities: Identities, identifier: object, now_ms: int) -> dict[str, Any]:
    """Sign the relayed call of a consent again, whose deadline passed before a member relayed it.

    Returns:
        The grant, or the withdrawal when it was withdrawn, as `grant` and `withdraw` put it under `consent`.

    Raises:
        Refused: `wallet-consent-unknown`.
    """
    wanted = decode_hex(identifier, "consent_id", _ID_BYTES)
    kept = identities.store.get(_KIND, wanted.hex())
    if kept is None:
        raise Refused("wallet-consent-unknown", f"{wanted.hex()} is no consent of this wallet")
    identity = identities.by_did(kept["did"])
    if kept["withdrawn_at"] is not None:
        return {"consent_id": wanted.hex(), **_relayed(identity, "withdraw", wanted, now_ms)}
    shown = {name: kept[name] for name in ("consent_id", "salt", "credential")}
    return {**shown, **_relayed(identity, "grant", wanted, now_ms)}


def consents(identities: Identities) -> list[dict[str, Any]]:
    """Return every consent that was given, the earliest first."""
    return sorted(identities.store.all(_KIND), key=lambda kept: (kept["given_at"], kept["consent_id"]))


def _relayed(identity: Identity, call: str, identifier: bytes, now_ms: int) -> dict[str, Any]:
    make = grant_typed_data if call == "grant" else withdraw_typed_data
    deadline = now_ms // 1000 + DEADLINE_SECONDS
    network = identity.network
    typed = make(network.chain_id, network.consent_registry, identity.address, identifier, deadline)
    return {"deadline": deadline, "signature": "0x" + sign_typed(identity.controller, typed).hex()}


def _require_type(actual: str, expected: str) -> None:
    if actual != expected:
        raise InvalidInput("draft.type", "one-of", f"must be {expected}")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
