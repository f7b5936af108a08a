"""DIDs of the chain, sponsored calls of clients, and how far the chain writes are."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, optional_integer, text_argument
from api.context import current_node
from api.ndjson import one_or_many
from node_adapter.workflows.identity.dids import outbox_state, relay_calls, resolve, resolve_member


def dids_blueprint() -> Blueprint:
    """Return the routes of DIDs and of the outbox."""
    blueprint = guarded("dids", "broker-system")

    @blueprint.post("/v1/dids/sponsored")
    def sponsored() -> Response:
        return one_or_many(lambda calls: relay_calls(current_node(), calls))

    @blueprint.get("/v1/dids/<did>")
    def document(did: str) -> Response:
        return json_answer(resolve(current_node(), did))

    @blueprint.get("/v1/outbox")
    def outbox() -> Response:
        return json_answer(outbox_state(current_node(), text_argument("key")))

    return blueprint


def member_dids_blueprint() -> Blueprint:
    """Return the public route of members' DIDs: anybody may learn with which key an issuer signs."""
    blueprint = Blueprint("member_dids", __name__)

    @blueprint.get("/v1/members/<did>")
    def member_document(did: str) -> Response:
        return json_answer(resolve_member(current_node(), did, optional_integer("block", 0)))

    return blueprint
