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
from node_adapter.store import nonces, restored
from node_adapter.store.chain import member_registry
from node_adapter.workflows.identity.keys_in_force import keys_in_force
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import Refused
from primitives.shapes import MAX_SAFE_INTEGER, Anything, Constant, Fields, Hex, Integer, Named, Object, Text
from replay.wire.shapes import ADDRESS

FORMAT = "bonafides.peer/1"
NONCE_BYTES = 16
FRESH_MS = 120_000  # how far the clocks of two members may be apart, travel included
_NONCE_USE = "peer"
PEER_MESSAGE = Named(
    "PeerMessage",
    Fields(
        {
            "format": Constant(FORMAT),
            "sender": ADDRESS,
            "receiver": ADDRESS,
            "kind": Text(min=0, controls=True),
            "nonce": Hex(NONCE_BYTES),
            "sent_at": Integer(-MAX_SAFE_INTEGER).note("Unix time in milliseconds."),
            "body": Object(),
            "signature": Anything().note("base64url Ed25519 over the RFC 8785 bytes of the other members."),
        }
    ),
)


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
    return {**unsigned, "signature": encode_base64url(keys.sign_ed25519(canonical_json(unsigned)))}


def verify_message(node: Node, message: object) -> PeerMessage:
    """Check a message and use up its nonce.

    Raises:
        InvalidInput: it has not the form above.
        Refused: `member-unknown`, `member-suspended`, `peer-not-fresh`, `peer-replayed`, `peer-receiver`.
        VerificationFailed: check `signature`.
        CouldNotCheck: `node-restored`; the sender tries again.
    """
    fields = PEER_MESSAGE.read(message, "")
    now = node.clock.now_ms()
    if fields["receiver"] != node.address:
        raise Refused("peer-receiver", "the message is for another member")
    if abs(now - fields["sent_at"]) > FRESH_MS:
        raise Refused("peer-not-fresh", "the message is too old, or from a clock ahead of ours")
    with node.store.read() as connection:
        restored.require_caught_up(connection)  # a nonce may have been used since the copy
        member = member_registry.require_active_member(connection, fields["sender"])
    unsigned = {name: value for name, value in fields.items() if name != "signature"}
    signature = decode_base64url(fields["signature"], "signature", ed25519.SIGNATURE_BYTES)
    ed25519.verify(member.held.key_set().ed25519, canonical_json(unsigned), signature)
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
