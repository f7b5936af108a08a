"""What this node has read of the chain, for those who trust it."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import optional_integer
from api.context import current_node
from api.packed_answers import packed
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.former.trust_file import former_trust_file
from node_adapter.workflows.replay.trust_file import trust_file


def chain_blueprint() -> Blueprint:
    """Return the routes of the trust files."""
    blueprint = guarded("chain", *STAFF_ROLES)

    @blueprint.get("/v1/chain/trust")
    def trust() -> Response:
        return packed(trust_file(current_node(), optional_integer("block", 0)), "application/json")

    @blueprint.get("/v1/chain/trust/format-1")
    def former_trust() -> Response:
        return packed(former_trust_file(current_node()), "application/json")

    return blueprint
