"""Whether the process lives, and whether the node can do its work."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.bodies import json_answer
from api.context import current_node
from node_adapter.workflows.status import readiness


def health_blueprint() -> Blueprint:
    """Return the public routes for whoever watches the process."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return json_answer({"status": "ok"})

    @blueprint.get("/readyz")
    def readyz() -> Response:
        checks = readiness(current_node())
        ready = all(check == "ok" for check in checks.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return json_answer({"status": "ready" if ready else "not-ready", "checks": checks}, status)

    return blueprint
