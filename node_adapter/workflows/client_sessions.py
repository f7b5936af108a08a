"""A client's session: a nonce of ours, signed with the DID's Ed25519 key, is traded for a token.

The client signs the RFC 8785 bytes of {"version": "bonafides.session/1", "broker", "did", "nonce"}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node_adapter.node import Node
from node_adapter.store import nonces, registry_index, subjects, tokens
from node_adapter.workflows.identities import history
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.timestamp import format_time

VERSION = "bonafides.session/1"
CHALLENGE_MS = 120_000
SESSION_MS = 30 * 60_000
_USE = "session"
_NONCE_BYTES = 32
_TOKEN_BYTES = 32
_MEMBERS = ("did", "nonce", "key", "signature")


def open_challenge(node: Node, did: object) -> dict[str, Any]:
    """Give a nonce to sign. An unknown DID gets one too: the answer does not tell who is a client here."""
    if not isinstance(did, str) or not did.startswith("did:") or len(did) > 200:  # noqa: PLR2004 (a DID, not a text)
        raise InvalidInput("did", "did-ethr", "must be a DID")
    nonce = encode_base64url(node.entropy(_NONCE_BYTES))
    now = node.clock.now_ms()
    with node.store.write() as connection:
        nonces.forget_expired(connection, now)
        if subjects.find_by_did(connection, did) is not None:  # a stranger's nonce is not worth a row
            nonces.insert_nonce(connection, nonces.NonceRow(nonce, _USE, did, _USE, now + CHALLENGE_MS, None))
    return {
        "version": VERSION,
        "broker": node.did,
        "did": did,
        "nonce": nonce,
        "expires_at": format_time(now + CHALLENGE_MS),
    }


def open_session(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Trade a signed nonce for a token.

    Raises:
        InvalidInput: the request is malformed.
        Refused: `unauthenticated`: the nonce is unknown, used or expired, or no valid key of the DID signed it.
    """
    for name in sorted(set(request) ^ set(_MEMBERS)):
        raise InvalidInput(name, "unknown-member" if name in request else "required", f"give {', '.join(_MEMBERS)}")
    did, nonce, key = (_text(request, name) for name in ("did", "nonce", "key"))
    signature = decode_base64url(request["signature"], "signature", ed25519.SIGNATURE_BYTES)
    now = node.clock.now_ms()
    token = encode_base64url(node.entropy(_TOKEN_BYTES))
    with node.store.write() as connection:
        row = nonces.find_nonce(connection, nonce, _USE)
        if row is None or row.holder != did or row.used_at is not None or row.expires_at <= now:
            raise Refused("unauthenticated", "nonce: is unknown, used or expired")
        block = registry_index.tip_block(connection)
        public = history(node, connection, did).ed25519_keys_at(block.number, block.timestamp).get(key)
        if public is None:
            raise Refused("unauthenticated", "key: is no valid key of the DID")
        message = {"version": VERSION, "broker": node.did, "did": did, "nonce": nonce}
        try:
            ed25519.verify(public, canonical_json(message), signature)
        except VerificationFailed as error:
            raise Refused("unauthenticated", "signature: is not by this key over this nonce") from error
        nonces.use_nonce(connection, nonce, _USE, now)
        tokens.forget_expired(connection, now)
        tokens.insert_token(connection, token, tokens.CLIENT_ROLE, did=did, expires_at=now + SESSION_MS)
    return {"token": token, "expires_at": format_time(now + SESSION_MS)}


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request[name]
    if not isinstance(value, str):
        raise InvalidInput(name, "text", "must be text")
    return value
