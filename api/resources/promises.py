"""Promises: this broker's own, and any broker's checked against this node's own copy of the chain."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.context import current_node
from api.ndjson import one_or_many
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.anchoring.owed_promises import promises_for
from node_adapter.workflows.anchoring.promises import check_promises


def promises_blueprint() -> Blueprint:
    """Return the route that checks promises of any broker."""
    blueprint = guarded("promises", *STAFF_ROLES)

    @blueprint.post("/v1/promises/check")
    def check() -> Response:
        return one_or_many(lambda requests: check_promises(current_node(), requests))

    return blueprint


def own_promises_blueprint() -> Blueprint:
    """Return the route that gives the promises of records, for those whose facts were taken without one."""
    blueprint = guarded("own_promises", "broker-system")

    @blueprint.post("/v1/promises")
    def own() -> Response:
        return one_or_many(lambda requests: promises_for(current_node(), requests))

    return blueprint
