"""The staff that signs as the second person: who is enrolled, and the operator's changes."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.identity.staff import end_person, enrol_person, list_staff


def staff_blueprint() -> Blueprint:
    """Return the route that any staff may read."""
    blueprint = guarded("staff", *STAFF_ROLES)

    @blueprint.get("/v1/staff")
    def listed() -> Response:
        return json_answer(list_staff(current_node()))

    return blueprint


def staff_changes_blueprint() -> Blueprint:
    """Return the operator's routes."""
    blueprint = guarded("staff_changes", "operator")

    @blueprint.post("/v1/staff")
    def enrol() -> Response:
        return json_answer(enrol_person(current_node(), read_object()), HTTPStatus.CREATED)

    @blueprint.post("/v1/staff/end")
    def end() -> Response:
        return json_answer(end_person(current_node(), read_object()))

    return blueprint
