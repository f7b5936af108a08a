"""Rule sets: which hold when, and installing one ahead of its time."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.intake.rulesets import install_ruleset, list_rulesets


def rulesets_blueprint() -> Blueprint:
    """Return the route that any staff may read."""
    blueprint = guarded("rulesets", *STAFF_ROLES)

    @blueprint.get("/v1/rulesets")
    def rulesets() -> Response:
        return json_answer(list_rulesets(current_node(), request.args.get("at")))

    return blueprint


def ruleset_changes_blueprint() -> Blueprint:
    """Return the operator's route."""
    blueprint = guarded("ruleset_changes", "operator")

    @blueprint.post("/v1/rulesets")
    def install() -> Response:
        return json_answer(install_ruleset(current_node(), read_object()), HTTPStatus.CREATED)

    return blueprint
