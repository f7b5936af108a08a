"""Replay of a client's history, for compliance."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from node_adapter.workflows.replay import replay


def replays_blueprint() -> Blueprint:
    """Return the route of replays."""
    blueprint = guarded("replays", "compliance")

    @blueprint.post("/v1/replays")
    def make() -> Response:
        return json_answer(replay(current_node(), read_object()), HTTPStatus.CREATED)

    return blueprint
