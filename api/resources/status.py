"""The operator's view: the node's state, and its numbers for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer
from api.context import current_node
from api.resources.metrics import CONTENT_TYPE, render_metrics
from node_adapter.workflows.operation.status import status_of


def status_blueprint() -> Blueprint:
    """Return the routes of the operator."""
    blueprint = guarded("status", "operator")

    @blueprint.get("/v1/status")
    def status() -> Response:
        return json_answer(status_of(current_node()))

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(render_metrics(status_of(current_node())), content_type=CONTENT_TYPE)

    return blueprint
