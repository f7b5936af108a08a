"""What this node has read of the chain, for those who trust it."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import optional_integer
from api.context import current_node
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.former.trust_file import former_trust_file
from node_adapter.workflows.replay.trust_file import trust_file


def chain_blueprint() -> Blueprint:
    """Return the routes of the trust files."""
    blueprint = guarded("chain", *STAFF_ROLES)

    @blueprint.get("/v1/chain/trust")
    def trust() -> Response:
        return Response(trust_file(current_node(), optional_integer("block", 0)), content_type="application/json")

    @blueprint.get("/v1/chain/trust/format-1")
    def former_trust() -> Response:
        return Response(former_trust_file(current_node()), content_type="application/json")

    return blueprint
