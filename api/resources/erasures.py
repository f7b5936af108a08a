"""Erasing records whose clock is over, for compliance: stated, signed by two, done once the record is anchored."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import accepted_answer, json_answer, read_object
from api.context import current_node
from node_adapter.workflows.erasing.asking import draft_erasure, order_erasure, shown_erasure


def erasures_blueprint() -> Blueprint:
    """Return the routes of erasures."""
    blueprint = guarded("erasures", "compliance")

    @blueprint.post("/v1/erasures/draft")
    def draft() -> Response:
        return json_answer(draft_erasure(current_node(), read_object()))

    @blueprint.post("/v1/erasures")
    def order() -> Response:
        return accepted_answer(order_erasure(current_node(), read_object()))

    @blueprint.get("/v1/erasures/<record_id>")
    def show(record_id: str) -> Response:
        return json_answer(shown_erasure(current_node(), record_id))

    return blueprint
