"""Joint computations: data sets and proposals by the operator, approval by compliance, reading by any staff."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.tasks import tasks
from primitives.shapes import Fields, ListOf, Named, Nullable, Object, Text

DATASET_REQUEST = Named("DatasetRequest", Fields({"name": Text(1000, controls=True), "schema": Object()}, open=True))
RUN_REQUEST = Named(
    "RunRequest",
    Fields({}, {"clients": Nullable(ListOf(Text(min=0, controls=True), 0, 1_000_000))}, open=True).note(
        "Without clients: every client who consents."
    ),
)


def task_operations_blueprint() -> Blueprint:
    """Return the operator's routes."""
    blueprint = guarded("task_operations", "operator")

    @blueprint.post("/v1/datasets")
    def register() -> Response:
        asked = DATASET_REQUEST.read(read_object(), "")
        return json_answer(tasks.register_dataset(current_node(), asked["name"], asked["schema"]), HTTPStatus.CREATED)

    @blueprint.post("/v1/tasks")
    def propose() -> Response:
        return json_answer(tasks.propose(current_node(), read_object()), HTTPStatus.CREATED)

    @blueprint.post("/v1/tasks/<task_id>/runs")
    def run(task_id: str) -> Response:
        return json_answer(tasks.run(current_node(), task_id, _clients()), HTTPStatus.ACCEPTED)

    return blueprint


def task_approvals_blueprint() -> Blueprint:
    """Return the compliance officer's route."""
    blueprint = guarded("task_approvals", "compliance")

    @blueprint.post("/v1/tasks/<task_id>/approvals")
    def approve(task_id: str) -> Response:
        return json_answer(tasks.approve(current_node(), task_id), HTTPStatus.CREATED)

    return blueprint


def task_views_blueprint() -> Blueprint:
    """Return the routes that any staff may read."""
    blueprint = guarded("task_views", *STAFF_ROLES)

    @blueprint.get("/v1/tasks")
    def every() -> Response:
        return json_answer({"tasks": tasks.list_all(current_node())})

    @blueprint.get("/v1/tasks/<task_id>")
    def one(task_id: str) -> Response:
        return json_answer(tasks.show(current_node(), task_id))

    return blueprint


def _clients() -> list[str] | None:
    clients: list[str] | None = RUN_REQUEST.read(read_object(), "").get("clients")
    return clients
