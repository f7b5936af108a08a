"""The public log of this member: checkpoint and entries."""

from __future__ import annotations

from flask import Blueprint, Response

from api.bodies import integer_argument, json_answer
from api.context import current_node
from node_adapter.workflows.anchoring.public_log import MAX_ENTRIES, published_checkpoint, published_entries

_MAX_INDEX = 2**53 - 1


def log_blueprint() -> Blueprint:
    """Return the public routes of the log."""
    blueprint = Blueprint("log", __name__)

    @blueprint.get("/v1/log/checkpoint")
    def checkpoint() -> Response:
        return Response(published_checkpoint(current_node()), content_type="text/plain; charset=utf-8")

    @blueprint.get("/v1/log/entries")
    def entries() -> Response:
        start = integer_argument("start", 0, 0, _MAX_INDEX)
        count = integer_argument("count", MAX_ENTRIES, 1, MAX_ENTRIES)
        found = published_entries(current_node(), start, count)
        return json_answer({"start": start, "entries": [entry.hex() for entry in found]})

    return blueprint
