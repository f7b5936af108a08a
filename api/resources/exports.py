"""A client's whole data at this node, for compliance."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import read_object
from api.context import current_node
from api.ndjson import CONTENT_TYPE
from node_adapter.workflows.replay.export import export_subject


def exports_blueprint() -> Blueprint:
    """Return the route of exports."""
    blueprint = guarded("exports", "compliance")

    @blueprint.post("/v1/exports")
    def export() -> Response:
        return Response(export_subject(current_node(), read_object()), content_type=CONTENT_TYPE)

    return blueprint
