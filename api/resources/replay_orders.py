"""Replay orders: a regulator gives them, compliance sees them."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from node_adapter.workflows.replay.orders import list_orders, order_replay


def replay_orders_blueprint() -> Blueprint:
    """Return the regulator's route."""
    blueprint = guarded("replay_orders", "regulator")

    @blueprint.post("/v1/replay-orders")
    def order() -> Response:
        return json_answer(order_replay(current_node(), read_object()), HTTPStatus.CREATED)

    return blueprint


def replay_order_list_blueprint() -> Blueprint:
    """Return the route that compliance and the regulator read."""
    blueprint = guarded("replay_order_list", "compliance", "regulator")

    @blueprint.get("/v1/replay-orders")
    def orders() -> Response:
        return json_answer({"orders": list_orders(current_node())})

    return blueprint
