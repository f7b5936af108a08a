"""A client's session: a nonce of ours, signed with the DID's Ed25519 key, is traded for a token.

The client signs the RFC 8785 bytes of {"version": "bonafides.session/1", "broker", "did", "nonce"}.
Giving out a nonce stores nothing, so that strangers cannot fill or block the database: the nonce carries its expiry and
our MAC over it and the DID. What is stored is that a nonce was used.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from did.identifiers import parse_did
from node_adapter.node import Node
from node_adapter.store import nonces, restored, subjects, tokens
from node_adapter.store.chain import blocks
from node_adapter.workflows.identity.dids import chain_state
from node_adapter.workflows.identity.identities import history
from node_adapter.workflows.intake.fold import state_of
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.digest import tagged_hmac
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.shapes import Base64Url, Fields, Named, Text
from primitives.timestamp import format_time

VERSION = "bonafides.session/1"
CHALLENGE_MS = 120_000
SESSION_MS = 30 * 60_000
_USE = "session"
_KEY_TAG = "bonafides/session/1/challenge-key"
_MAC_TAG = "bonafides/session/1/challenge"
_TIME_BYTES, _RANDOM_BYTES, _MAC_BYTES = 8, 16, 32
_TOKEN_BYTES = 32
_MAX_DID = 200
_ASCII = Text(pattern=r"[\x00-\x7f]*", rule="ascii", controls=True, min=0)
SESSION_CHALLENGE_REQUEST = Named(
    "SessionChallengeRequest",
    Fields({"did": Text(_MAX_DID, pattern=r"did:[\x00-\x7f]*", rule="did", controls=True)}, open=True),
)
SESSION_REQUEST = Named(
    "SessionRequest",
    Fields({"did": _ASCII, "nonce": _ASCII, "key": _ASCII, "signature": Base64Url(ed25519.SIGNATURE_BYTES)}),
)


def open_challenge(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Give a nonce to sign, and how the identity stands on the chain, so that the wallet signs with a key that holds.

    A stranger's DID gets both too: the answer does not tell who is a client here.
    """
    did = SESSION_CHALLENGE_REQUEST.read(request, "")["did"]
    expires_at = node.clock.now_ms() + CHALLENGE_MS
    body = expires_at.to_bytes(_TIME_BYTES) + node.entropy(_RANDOM_BYTES)
    return {
        "version": VERSION,
        "broker": node.did,
        "did": did,
        "nonce": encode_base64url(body + _mac(node, body, did)),
        "expires_at": format_time(expires_at),
        "identity": _on_chain(node, did),
    }


def _on_chain(node: Node, text: str) -> dict[str, Any] | None:
    """Return the identity's state in the index; None for a DID of another kind or chain, and before the first block."""
    try:
        did = parse_did(text)
        with node.store.read() as connection:
            return chain_state(node, connection, did) if did.chain_id == node.settings.chain.chain_id else None
    except (InvalidInput, CouldNotCheck):
        return None


def open_session(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Trade a signed nonce for a token.

    Raises:
        InvalidInput: the request is malformed.
        Refused: `unauthenticated`: the nonce is not ours, used or expired, or no valid key of the DID signed it.
    """
    asked = SESSION_REQUEST.read(request, "")
    did, nonce, key, signature = (asked[name] for name in ("did", "nonce", "key", "signature"))
    now = node.clock.now_ms()
    expires_at = _check_nonce(node, nonce, did, now)
    _check_signature(node, did, nonce, key, signature)
    token = encode_base64url(node.entropy(_TOKEN_BYTES))
    row = nonces.NonceRow(nonce, _USE, did, _USE, expires_at, used_at=now)
    with node.store.write() as connection:
        nonces.forget_expired(connection, now - CHALLENGE_MS)
        if not nonces.remember_foreign(connection, row):
            raise Refused("unauthenticated", "nonce: was used before")
        tokens.forget_ended_sessions(connection, now)
        tokens.insert_token(
            connection, token, tokens.CLIENT_ROLE, name=did, did=did, created_at=now, expires_at=now + SESSION_MS
        )
    return {"token": token, "expires_at": format_time(now + SESSION_MS)}


def _check_nonce(node: Node, nonce: str, did: str, now: int) -> int:
    data = decode_base64url(nonce, "nonce", _TIME_BYTES + _RANDOM_BYTES + _MAC_BYTES)
    body, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(node, body, did)):
        raise Refused("unauthenticated", "nonce: was not given out for this DID by this node")
    expires_at = int.from_bytes(body[:_TIME_BYTES])
    if expires_at <= now:
        raise Refused("unauthenticated", "nonce: has expired")
    return expires_at


def _check_signature(node: Node, did: str, nonce: str, key: str, signature: bytes) -> None:
    with node.store.read() as connection:
        restored.require_caught_up(connection)
        row = subjects.find_by_did(connection, did)
        if row is None:
            raise Refused("unauthenticated", "did: is no client of this broker")
        require_open(node, connection, did)
        block = blocks.tip(connection)
        public = history(node, connection, did).keys_at(block.number, block.timestamp).get(key)
    if public is None:
        raise Refused("unauthenticated", "key: is no valid key of the DID")
    message = {"version": VERSION, "broker": node.did, "did": did, "nonce": nonce}
    try:
        ed25519.verify(public, canonical_json(message), signature)
    except VerificationFailed as error:
        raise Refused("unauthenticated", "signature: is not by this key over this nonce") from error


def require_open(node: Node, connection: Connection, did: str) -> None:
    """Refuse an identity that has ended, when its session is opened and at each use: its wallet may be in other hands.

    Raises:
        Refused: `unauthenticated`.
    """
    row = subjects.find_by_did(connection, did)
    if row is None or state_of(node, connection, row).succeeded:
        raise Refused("unauthenticated", "did: another identity of this client took over")


def _mac(node: Node, body: bytes, did: str) -> bytes:
    return tagged_hmac(node.keys.derived_secret(_KEY_TAG), _MAC_TAG, body + did.encode("ascii"))
