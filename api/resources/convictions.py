"""Documents by which a member convicts itself: anybody brings one, the node's people and other members see them.

The signatures of whom it is against are the guard of what is brought. To everybody a document is its digest and how far
it is: it names a pseudonym's place and labels.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from api.auth import guarded
from api.bodies import accepted_answer, json_answer, read_body
from api.context import current_node
from evidence.version2.verify.conviction import MAX_CONVICTION_BYTES
from node_adapter.store.tokens import STAFF_ROLES
from node_adapter.workflows.convictions.shown import document_of, list_convictions, show_conviction
from node_adapter.workflows.convictions.taking import take_conviction
from replay.wire.shapes import ADDRESS


def convictions_blueprint() -> Blueprint:
    """Return the public routes of convictions."""
    blueprint = Blueprint("convictions", __name__)

    @blueprint.post("/v1/convictions")
    def take() -> Response:
        data = read_body()[: MAX_CONVICTION_BYTES + 1]
        return accepted_answer(take_conviction(current_node(), data), "digest")

    @blueprint.get("/v1/convictions/<digest>")
    def show(digest: str) -> Response:
        return json_answer(show_conviction(current_node(), digest))

    return blueprint


def conviction_documents_blueprint() -> Blueprint:
    """Return the routes of the node's people."""
    blueprint = guarded("conviction_documents", *STAFF_ROLES)

    @blueprint.get("/v1/convictions")
    def all_convictions() -> Response:
        against = request.args.get("member")
        member = None if against is None else ADDRESS.read(against, "member")
        return json_answer({"convictions": list_convictions(current_node(), member)})

    @blueprint.get("/v1/convictions/<digest>/document")
    def document(digest: str) -> Response:
        return json_answer(document_of(current_node(), digest))

    return blueprint
