"""What this node has read of the chain, for those who trust it."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.context import current_node
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.replay.trust_file import trust_file


def chain_blueprint() -> Blueprint:
    """Return the route of the trust file."""
    blueprint = guarded("chain", *STAFF_ROLES)

    @blueprint.get("/v1/chain/trust")
    def trust() -> Response:
        return Response(trust_file(current_node()), content_type="application/json")

    return blueprint
