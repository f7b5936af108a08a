"""Signed messages of other members. The signature is the guard; the kind says which workflow takes the message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from flask import Blueprint, Response, g

from api.auth import guarded_by
from api.bodies import json_answer, read_object
from api.context import Caller, current_node, set_caller
from node_adapter.node import Node
from node_adapter.peers.messages import PeerMessage, verify_message
from node_adapter.workflows.anchoring import growth, log_evidence
from node_adapter.workflows.convictions import shown as convictions
from node_adapter.workflows.replay import orders as replay_orders
from node_adapter.workflows.tasks import tasks
from primitives.errors import InvalidInput

Handler = Callable[[Node, PeerMessage], dict[str, Any]]


def peers_blueprint() -> Blueprint:
    """Return the route between members."""
    blueprint = guarded_by("peers", _signed_by_member, "peer")

    @blueprint.post("/v1/peer/messages")
    def messages() -> Response:
        message = cast("PeerMessage", g.peer_message)
        return json_answer(_handler(message.kind)(current_node(), message))

    return blueprint


def _signed_by_member() -> None:
    message = verify_message(current_node(), read_object())
    set_caller(Caller(role="peer", name=message.sender, member=message.sender))
    g.peer_message = message


_HANDLERS: Mapping[str, Handler] = {
    convictions.MESSAGE: convictions.give_document,
    growth.KIND: growth.give_growth,
    log_evidence.KIND: log_evidence.show_evidence,
    replay_orders.KIND: replay_orders.receive_order,
}


def _handler(kind: str) -> Handler:
    handle = tasks.peer_handler(kind)
    if handle is not None:
        return lambda node, message: handle(node, message.sender, message.body)
    if kind in _HANDLERS:
        return _HANDLERS[kind]
    kinds = sorted((*_HANDLERS, *tasks.peer_kinds()))
    raise InvalidInput("kind", "one-of", f"must be one of {', '.join(kinds)}")
