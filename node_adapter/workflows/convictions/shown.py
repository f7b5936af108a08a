"""What this node shows of documents that convict members: to its people, to other members, and to everybody.

A document names a pseudonym's place and labels, so it is for members; its digest and its state are for everybody.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from did.identifiers import member_did
from evidence.version2.verify.conviction import KINDS, TELLS
from node_adapter.node import Node
from node_adapter.peers.messages import PeerMessage
from node_adapter.store import alarms, convictions, outbox
from node_adapter.store.chain import member_registry
from node_adapter.store.chain.conviction_registry import Statement, statements_against
from node_adapter.store.convictions import REFUTED, UNSEEN, VERIFIED, ConvictionRow
from primitives.errors import Refused
from primitives.shapes import Fields, Hex
from primitives.timestamp import format_time

KIND = "conviction"
"""Of the outbox: its key is this and the digest."""
MESSAGE = "bonafides.conviction/1"
"""The kind of the signed message by which a member asks for a document."""

_FORMATS = {number: name for name, number in KINDS.items()}
_REQUEST = Fields({"digest": Hex(32)})
_MS = 1000


def list_convictions(node: Node, convicted: str | None) -> list[dict[str, Any]]:
    """Return the newest documents and digests, against one member (its account) or all, without what they say."""
    with node.store.read() as connection:
        rows = convictions.newest(connection, convicted)
        recorded = {address: statements_against(connection, address) for address in {row.convicted for row in rows}}
        return [_shown(node, connection, row, recorded[row.convicted]) for row in rows]


def show_conviction(node: Node, digest: str) -> dict[str, Any]:
    """Return how far a document is, without what it says.

    Raises:
        Refused: `conviction-not-found`.
    """
    with node.store.read() as connection:
        return shown(node, connection, _find(connection, digest))


def document_of(node: Node, digest: str) -> dict[str, Any]:
    """Return a document that was verified here.

    Raises:
        Refused: `conviction-not-found`.
    """
    with node.store.read() as connection:
        row = _find(connection, digest)
    if row.document is None:
        raise Refused("conviction-not-found", "digest: nobody has shown this node the document")
    document: dict[str, Any] = json.loads(row.document)
    return document


def give_document(node: Node, message: PeerMessage) -> dict[str, Any]:
    """Give a member a document ({"digest"}) that was verified here.

    Raises:
        InvalidInput: malformed.
        Refused: `conviction-not-found`.
    """
    return {"document": document_of(node, _REQUEST.read(message.body, "body")["digest"])}


def shown(node: Node, connection: Connection, row: ConvictionRow) -> dict[str, Any]:
    """Return a row as everybody may see it, with who recorded it and how far this node's own call is."""
    return _shown(node, connection, row, statements_against(connection, row.convicted, row.digest))


def _shown(node: Node, connection: Connection, row: ConvictionRow, recorded: list[Statement]) -> dict[str, Any]:
    chain_id = node.settings.chain.chain_id
    relay = outbox.by_key(connection, f"{KIND}:{row.digest}")
    return {
        "digest": row.digest,
        "broker": member_did(chain_id, row.convicted),
        "format": _FORMATS.get(row.kind),
        "tells": TELLS.get(_FORMATS.get(row.kind, "")),
        "state": row.state,
        "problem": row.problem,
        "noted_at": format_time(row.noted_at),
        "recorded": [
            {"member": member_did(chain_id, one.member), "block": one.block, "time": format_time(one.time * _MS)}
            for one in recorded
            if (one.digest, one.kind) == (row.digest, row.kind)
        ],
        "relay": None if relay is None else relay.state,
    }


def convicted_members(connection: Connection) -> list[dict[str, Any]]:
    """Return each member against which something was recorded or is kept, with how much of it is what."""
    members = member_registry.members(connection)
    return [
        {"member": address, "name": members[address].name if address in members else "", **found}
        for address, found in convictions.counts(connection).items()
    ]


def raise_convicted(connection: Connection, convicted: str, now_ms: int, *, count: int) -> None:
    """Raise the alarm about a convicted member, with what is known of the documents by now."""
    found = convictions.counts(connection, convicted)[convicted]
    words = {VERIFIED: "verified here", UNSEEN: "not seen yet", REFUTED: "convict it of nothing"}
    detail = ", ".join(f"{found[state]} {said}" for state, said in words.items())
    alarms.raise_alarm(
        connection, alarms.MEMBER_CONVICTED, convicted, f"documents against it: {detail}", now_ms, count=count
    )


def _find(connection: Connection, digest: str) -> ConvictionRow:
    row = convictions.by_digest(connection, digest)
    if row is None:
        raise Refused("conviction-not-found", "digest: no such document is known here")
    return row
