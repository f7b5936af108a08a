"""Members' logs for who audits one with this member's node: its view of the chain, and what the broker shows it."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import integer_argument, json_answer, optional_integer
from api.context import current_node
from evidence.version2.log.anchors import FIRST_ANCHOR
from node_adapter.workflows.anchoring.audited_logs import MAX_LEAVES, show_growth, show_leaves, show_log


def audited_logs_blueprint() -> Blueprint:
    """Return the routes of an audit."""
    blueprint = guarded("audited_logs", "operator", "compliance", "regulator")

    @blueprint.get("/v1/logs/<did>")
    def log(did: str) -> Response:
        return json_answer(show_log(current_node(), did, optional_integer("seq", FIRST_ANCHOR)))

    @blueprint.get("/v1/logs/<did>/leaves")
    def leaves(did: str) -> Response:
        start = integer_argument("start", 0, 0)
        count = integer_argument("count", MAX_LEAVES, 1, MAX_LEAVES)
        return json_answer(show_leaves(current_node(), did, start, count))

    @blueprint.get("/v1/logs/<did>/growth")
    def growth(did: str) -> Response:
        return json_answer(show_growth(current_node(), did, integer_argument("start", 1, 1)))

    return blueprint
