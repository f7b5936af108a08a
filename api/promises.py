"""Promises of any broker, checked against this node's own copy of the chain."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.context import current_node
from api.ndjson import one_or_many
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.promises import check_promises


def promises_blueprint() -> Blueprint:
    """Return the route that checks promises."""
    blueprint = guarded("promises", *STAFF_ROLES)

    @blueprint.post("/v1/promises/check")
    def check() -> Response:
        return one_or_many(lambda requests: check_promises(current_node(), requests))

    return blueprint
