"""A regulator orders the replay of a client under a case number; the broker's compliance officer sees and answers it.

The order is a signed message from the regulator's node to the broker's: it names the client by the pairwise DID, and
says until when it is to be answered, and from which block of the chain on (docs/spec/report.md, section 8).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from domain.shapes import ORDER_BODY
from node_adapter.node import Node
from node_adapter.peers.messages import PeerMessage, sign_message
from node_adapter.store import replay_orders as store
from node_adapter.store import subjects
from node_adapter.store.chain import blocks
from node_adapter.store.replay_orders import OrderRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.replay.order_clock import order_json
from primitives.canonical import parse_json
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Fields, Named
from primitives.timestamp import format_time, parse_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from replay.wire.shapes import ADDRESS, CASE, PARSED_DID, TIME

KIND = "bonafides.replay-order/1"
DEFAULT_MS = 2 * 86_400_000
ORDER_REQUEST = Named(
    "ReplayOrderRequest",
    Fields(
        {"broker": ADDRESS, "did": PARSED_DID, "case": CASE},
        {"due_at": TIME.note("Until when it is to be answered; two days from now where it is not said.")},
    ),
)


def order_replay(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send an order ({"broker", "did", "case", "due_at"?}) to a broker and keep it.

    Raises:
        InvalidInput: malformed, due in the past, or the broker's node is not in our settings.
        Refused: the broker's node refuses it (`peer-refused`).
        CouldNotCheck: the broker's node cannot be reached; nothing is kept, order again. `index-empty`, this node has
            read no block yet.
    """
    asked = ORDER_REQUEST.read(request, "")
    broker, did, case = asked["broker"], asked["did"].text, asked["case"]
    url = node.settings.peers.get(broker)
    if url is None:
        raise InvalidInput("broker", "unknown", "its node's address is not in our settings")
    now = node.clock.now_ms()
    due = parse_time(asked["due_at"], "due_at") if "due_at" in asked else now + DEFAULT_MS
    if due <= now:
        raise InvalidInput("due_at", "past", "lies in the past")
    order = OrderRow(
        id=uuid7(now, node.entropy(ENTROPY_BYTES)),
        case_number=case,
        regulator=node.address,
        broker=broker,
        did=did,
        ordered_at=now,
        answered_at=None,
        due_at=due,
    )
    with node.store.read() as connection:
        block = blocks.tip(connection).number
    body = {
        "id": order.id,
        "did": did,
        "case": case,
        "ordered_at": format_time(now),
        "due_at": format_time(due),
        "block": block,
    }
    message = sign_message(node, broker, KIND, body)
    node.send(url, message)
    with node.store.write() as connection:
        kept = store.keep_order(connection, replace(order, message=json.dumps(message)))
    return order_json(kept, now)


def receive_order(node: Node, message: PeerMessage) -> dict[str, Any]:
    """Take a regulator's order.

    Raises:
        InvalidInput: malformed, or more than a look at originals can record of it: the case could never be answered.
        Refused: `peer-role`, the sender is no regulator; `subject-not-found`, the DID is no client of ours;
            `order-taken`, another order has this number, or another regulator's this case and client.
    """
    if message.sender_role != "regulator":
        raise Refused("peer-role", "only a regulator may order a replay")
    body = ORDER_BODY.read(message.body, "body")
    order = OrderRow(
        id=body["id"],
        case_number=CASE.read(body["case"], "body.case"),
        regulator=message.sender,
        broker=node.address,
        did=PARSED_DID.read(body["did"], "body.did").text,
        ordered_at=node.clock.now_ms(),
        answered_at=None,
        message=json.dumps(message.signed),
        due_at=parse_time(body["due_at"], "body.due_at") if "due_at" in body else None,
    )
    with node.store.write() as connection:
        if subjects.find_by_did(connection, order.did) is None:
            raise Refused("subject-not-found", "body.did: is no client of this broker")
        kept = store.keep_order(connection, order)
        if (kept.regulator, kept.case_number, kept.did) != (order.regulator, order.case_number, order.did):
            taken = "body.id: is" if kept.id == order.id else "body.case: about this client is"
            raise Refused("order-taken", f"{taken} that of another order")
    return {"status": "accepted", "id": kept.id}


def require_received(connection: Connection, subject: SubjectRow, payload: Mapping[str, Any]) -> None:
    """Check that an order which a record refers to is one that this node received, for this client and case.

    Raises:
        Refused: `order-unknown`.
    """
    found = None if subject.did is None else store.find_order(connection, payload["case"], subject.did)
    if found is None or found.message is None or parse_json(found.message.encode(), field="order") != payload["order"]:
        raise Refused("order-unknown", "payload.order: is no order that this node received about this client and case")
