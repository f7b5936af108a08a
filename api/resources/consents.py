"""Consents that clients give and withdraw, relayed by their broker."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.context import current_node
from api.ndjson import one_or_many
from node_adapter.workflows.consent.consents import grant_consents, withdraw_consents


def consents_blueprint() -> Blueprint:
    """Return the routes of consents."""
    blueprint = guarded("consents", "broker-system")

    @blueprint.post("/v1/consents/grant")
    def grant() -> Response:
        return one_or_many(lambda requests: grant_consents(current_node(), requests))

    @blueprint.post("/v1/consents/withdraw")
    def withdraw() -> Response:
        return one_or_many(lambda requests: withdraw_consents(current_node(), requests))

    return blueprint
