"""Subjects: enrol them, and find one by the caller's reference.

A reference may hold any character, a slash too, so the query names it; the path is for those that are plain.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, text_argument
from api.context import current_node
from api.ndjson import one_or_many
from node_adapter.workflows.intake.enrol_subject import enrol_subjects, find_subject


def subjects_blueprint() -> Blueprint:
    """Return the routes of subjects."""
    blueprint = guarded("subjects", "broker-system")

    @blueprint.post("/v1/subjects")
    def enrol() -> Response:
        return one_or_many(lambda requests: enrol_subjects(current_node(), requests), HTTPStatus.CREATED)

    @blueprint.get("/v1/subjects")
    def find_any() -> Response:
        return json_answer(find_subject(current_node(), text_argument("client_ref")))

    @blueprint.get("/v1/subjects/<client_ref>")
    def find(client_ref: str) -> Response:
        return json_answer(find_subject(current_node(), client_ref))

    return blueprint
