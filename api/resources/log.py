"""The public log of this member: its checkpoint, and its tree of anchors as C2SP tlog-tiles."""

from __future__ import annotations

from flask import Blueprint, Response

from api.context import current_node
from node_adapter.workflows.anchoring.public_log import published_checkpoint, tile_of_log


def log_blueprint() -> Blueprint:
    """Return the public routes of the log."""
    blueprint = Blueprint("log", __name__)

    @blueprint.get("/v1/log/checkpoint")
    def checkpoint() -> Response:
        return Response(published_checkpoint(current_node()), content_type="text/plain; charset=utf-8")

    @blueprint.get("/v1/log/tile/<path:place>")
    def tile(place: str) -> Response:
        return Response(tile_of_log(current_node(), f"tile/{place}"), content_type="application/octet-stream")

    return blueprint
