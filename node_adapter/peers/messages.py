"""The signed message between two members.

    {"format": "bonafides.peer/1", "sender", "receiver", "kind", "nonce" (32 hex), "sent_at" (ms), "body", "signature"}

`signature` is base64url Ed25519 over the RFC 8785 bytes of all the other members of the object, with the key that
MemberRegistry holds for the sender. A message is accepted once, by the member it names, while it is fresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node_adapter.node import Node
from node_adapter.store import chain_index, nonces, restored
from node_adapter.workflows.keys_in_force import keys_in_force
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, decode_hex, encode_base64url
from primitives.errors import InvalidInput, Refused
from primitives.secp256k1 import check_address

FORMAT = "bonafides.peer/1"
NONCE_BYTES = 16
FRESH_MS = 120_000  # how far the clocks of two members may be apart, travel included
_NONCE_USE = "peer"
_MEMBERS = {"format", "sender", "receiver", "kind", "nonce", "sent_at", "body", "signature"}


@dataclass(frozen=True)
class PeerMessage:
    """A message that was verified: its sender is an active member and signed it for us, just now, once."""

    sender: str
    sender_role: str
    kind: str
    body: dict[str, Any]
    sent_at: int
    signed: dict[str, Any]  # the whole message, with its signature


def sign_message(node: Node, receiver: str, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a signed message to another member.

    Raises:
        CouldNotCheck: `node-restored`; `signing-key-not-held`.
    """
    unsigned: dict[str, Any] = {
        "format": FORMAT,
        "sender": node.address,
        "receiver": receiver,
        "kind": kind,
        "nonce": node.entropy(NONCE_BYTES).hex(),
        "sent_at": node.clock.now_ms(),
        "body": dict(body),
    }
    with node.store.read() as connection:
        keys = keys_in_force(node, connection)
    return {**unsigned, "signature": encode_base64url(keys.sign(canonical_json(unsigned)))}


def verify_message(node: Node, message: object) -> PeerMessage:
    """Check a message and use up its nonce.

    Raises:
        InvalidInput: it has not the form above.
        Refused: `member-unknown`, `member-suspended`, `peer-not-fresh`, `peer-replayed`, `peer-receiver`.
        VerificationFailed: check `signature`.
        CouldNotCheck: `node-restored`; the sender tries again.
    """
    fields = _checked(message)
    now = node.clock.now_ms()
    if fields["receiver"] != node.address:
        raise Refused("peer-receiver", "the message is for another member")
    if abs(now - fields["sent_at"]) > FRESH_MS:
        raise Refused("peer-not-fresh", "the message is too old, or from a clock ahead of ours")
    with node.store.read() as connection:
        restored.require_caught_up(connection)  # a nonce may have been used since the copy
        member = chain_index.require_active_member(connection, fields["sender"])
    unsigned = {name: value for name, value in fields.items() if name != "signature"}
    signature = decode_base64url(fields["signature"], "signature", ed25519.SIGNATURE_BYTES)
    ed25519.verify(member.signing, canonical_json(unsigned), signature)
    row = nonces.NonceRow(
        nonce=f"{fields['sender']}:{fields['nonce']}",
        use=_NONCE_USE,
        holder=fields["sender"],
        purpose=fields["kind"],
        expires_at=fields["sent_at"] + FRESH_MS,
        used_at=now,
    )
    with node.store.write() as connection:
        nonces.forget_expired(connection, now)  # an expired one is not fresh, whoever sends it again
        if not nonces.remember_foreign(connection, row):
            raise Refused("peer-replayed", "the message was received before")
    return PeerMessage(fields["sender"], member.role, fields["kind"], fields["body"], fields["sent_at"], fields)


def _checked(message: object) -> dict[str, Any]:
    if not isinstance(message, dict) or set(message) != _MEMBERS:
        raise InvalidInput("message", "shape", f"must be an object of {', '.join(sorted(_MEMBERS))}")
    if message["format"] != FORMAT:
        raise InvalidInput("format", "unknown", f"must be {FORMAT}")
    for name in ("sender", "receiver"):
        check_address(message[name], name)
    decode_hex(message["nonce"], "nonce", NONCE_BYTES)
    if not isinstance(message["kind"], str):
        raise InvalidInput("kind", "type", "must be a string")
    if not isinstance(message["sent_at"], int) or isinstance(message["sent_at"], bool):
        raise InvalidInput("sent_at", "type", "must be an integer")
    if not isinstance(message["body"], dict):
        raise InvalidInput("body", "type", "must be an object")
    return message
