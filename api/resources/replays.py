"""Replay of a client's history, for compliance."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from node_adapter.workflows.replay.access import draft_access
from node_adapter.workflows.replay.replay import replay


def replays_blueprint() -> Blueprint:
    """Return the routes of replays; no answer is kept under an idempotency key, since it holds originals."""
    blueprint = guarded("replays", "compliance")

    @blueprint.post("/v1/replays")
    def make() -> Response:
        return json_answer(replay(current_node(), read_object()), HTTPStatus.CREATED)

    @blueprint.post("/v1/replays/access")
    def draft() -> Response:
        return json_answer(draft_access(current_node(), read_object()))

    return blueprint
