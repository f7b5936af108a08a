"""Replay orders: a regulator gives them and takes the answers, compliance sees them."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

from api.auth import guarded
from api.bodies import json_answer, read_evidence, read_object
from api.context import current_node
from node_adapter.workflows.replay.order_answers import take_answer
from node_adapter.workflows.replay.order_clock import list_orders
from node_adapter.workflows.replay.orders import order_replay
from primitives.shapes import OneOf

LATE = OneOf("late")


def replay_orders_blueprint() -> Blueprint:
    """Return the regulator's routes."""
    blueprint = guarded("replay_orders", "regulator")

    @blueprint.post("/v1/replay-orders")
    def order() -> Response:
        return json_answer(order_replay(current_node(), read_object()), HTTPStatus.CREATED)

    @blueprint.post("/v1/replay-orders/<order_id>/answer")
    def answer(order_id: str) -> Response:
        return json_answer(take_answer(current_node(), order_id, read_evidence()))

    return blueprint


def replay_order_list_blueprint() -> Blueprint:
    """Return the route that compliance and the regulator read."""
    blueprint = guarded("replay_order_list", "compliance", "regulator")

    @blueprint.get("/v1/replay-orders")
    def orders() -> Response:
        asked = request.args.get("state")
        late = asked is not None and LATE.read(asked, "state") == "late"
        return json_answer({"orders": list_orders(current_node(), late=late)})

    return blueprint
