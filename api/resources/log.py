"""The public log of this member: its checkpoint, its tree of anchors as C2SP tlog-tiles, and time-stamp tokens."""

from __future__ import annotations

from flask import Blueprint, Response

from api.bodies import integer_argument, json_answer
from api.context import current_node
from node_adapter.workflows.anchoring.public_log import published_checkpoint, tile_of_log
from node_adapter.workflows.anchoring.timestamping import MAX_PAGE, shown_tokens


def log_blueprint() -> Blueprint:
    """Return the public routes of the log."""
    blueprint = Blueprint("log", __name__)

    @blueprint.get("/v1/log/checkpoint")
    def checkpoint() -> Response:
        return Response(published_checkpoint(current_node()), content_type="text/plain; charset=utf-8")

    @blueprint.get("/v1/log/tile/<path:place>")
    def tile(place: str) -> Response:
        return Response(tile_of_log(current_node(), f"tile/{place}"), content_type="application/octet-stream")

    @blueprint.get("/v1/log/timestamps")
    def timestamps() -> Response:
        after, limit = integer_argument("after", 0, 0), integer_argument("limit", MAX_PAGE, 1, MAX_PAGE)
        return json_answer(shown_tokens(current_node(), after, limit))

    return blueprint
