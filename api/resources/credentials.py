"""Credentials and zero-knowledge proofs, for brokers' systems; the status lists are public."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from api.ndjson import one_or_many
from did.credentials.contexts import Context
from did.credentials.registry import CONTEXTS
from node_adapter.workflows.identity.credentials import issue_credentials, revoke_credential, status_list_of
from node_adapter.workflows.identity.issue_witness import published_witness
from node_adapter.workflows.identity.proofs import check_proofs, open_challenges
from node_adapter.workflows.identity.verify_credentials import check_credentials


def credentials_blueprint() -> Blueprint:
    """Return the routes of credentials and proofs."""
    blueprint = guarded("credentials", "broker-system")

    @blueprint.post("/v1/credentials/issue")
    def issue() -> Response:
        return one_or_many(lambda requests: issue_credentials(current_node(), requests), HTTPStatus.CREATED)

    @blueprint.post("/v1/credentials/verify")
    def verify() -> Response:
        return one_or_many(lambda documents: check_credentials(current_node(), documents))

    @blueprint.post("/v1/credentials/<credential_id>/revoke")
    def revoke(credential_id: str) -> Response:
        return json_answer(revoke_credential(current_node(), credential_id, read_object()))

    @blueprint.post("/v1/proofs/challenges")
    def challenges() -> Response:
        return one_or_many(lambda requests: open_challenges(current_node(), requests), HTTPStatus.CREATED)

    @blueprint.post("/v1/proofs/verify")
    def verify_proofs() -> Response:
        return one_or_many(lambda requests: check_proofs(current_node(), requests))

    return blueprint


def status_lists_blueprint() -> Blueprint:
    """Return the public routes about credentials: our JSON-LD contexts, the status lists, the witnesses of issues."""
    blueprint = Blueprint("status_lists", __name__)

    for context in CONTEXTS.values():
        blueprint.add_url_rule(context.path, f"context-{context.name}", _serves(context))

    @blueprint.get("/v1/credentials/witnesses/<digest>")
    def witness(digest: str) -> Response:
        return json_answer(published_witness(current_node(), digest))

    @blueprint.get("/v1/status-lists/<list_id>")
    def status_list(list_id: str) -> Response:
        return json_answer(status_list_of(current_node(), list_id))

    return blueprint


def _serves(context: Context) -> Callable[[], Response]:
    return lambda: Response(context.content(), content_type="application/ld+json")
