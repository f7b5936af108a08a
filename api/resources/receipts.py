"""Receipts of anchored records, for brokers' systems."""

from __future__ import annotations

from flask import Blueprint, Response

from api.auth import guarded
from api.context import current_node
from api.ndjson import one_or_many
from api.packed_answers import packed_stream
from node_adapter.workflows.anchoring.receipts import receipts_for


def receipts_blueprint() -> Blueprint:
    """Return the route of receipts."""
    blueprint = guarded("receipts", "broker-system")

    @blueprint.post("/v1/receipts")
    def receipts() -> Response:
        return packed_stream(one_or_many(lambda requests: receipts_for(current_node(), requests)))

    return blueprint
