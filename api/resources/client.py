"""What a client may see: the own receipts, every use of the own data, the own consents; and how to get in."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

from api.auth import guarded, guarded_by
from api.bodies import integer_argument, json_answer, read_object
from api.context import Caller, current_caller, current_node, set_caller
from api.limits import limit_stranger
from node_adapter.store.tokens import CLIENT_ROLE
from node_adapter.workflows.anchoring.owed_promises import promises_of_client
from node_adapter.workflows.anchoring.receipts import MAX_PAGE, data_uses_of_client, receipts_of_client
from node_adapter.workflows.consent.consents import consents_of
from node_adapter.workflows.identity.client_sessions import open_challenge, open_session
from primitives.errors import Refused


def client_blueprint() -> Blueprint:
    """Return the routes that a client's token opens. The DID is the token's: nobody can ask for another."""
    blueprint = guarded("client", CLIENT_ROLE)

    @blueprint.get("/v1/client/receipts")
    def receipts() -> Response:
        after = integer_argument("after", 0, 0)
        limit = integer_argument("limit", MAX_PAGE, 1, MAX_PAGE)
        return json_answer(receipts_of_client(current_node(), _own_did(), after, limit))

    @blueprint.get("/v1/client/promises")
    def promises() -> Response:
        after = integer_argument("after", 0, 0)
        limit = integer_argument("limit", MAX_PAGE, 1, MAX_PAGE)
        return json_answer(promises_of_client(current_node(), _own_did(), after, limit))

    @blueprint.get("/v1/client/data-uses")
    def data_uses() -> Response:
        return json_answer(data_uses_of_client(current_node(), _own_did()))

    @blueprint.get("/v1/client/consents")
    def consents() -> Response:
        return json_answer({"consents": consents_of(current_node(), _own_did())})

    return blueprint


def challenge_blueprint() -> Blueprint:
    """Return the public route that gives a nonce to sign."""
    blueprint = Blueprint("challenge", __name__)

    @blueprint.post("/v1/client/sessions/challenge")
    def challenge() -> Response:
        return json_answer(open_challenge(current_node(), read_object()), HTTPStatus.CREATED)

    return blueprint


def sessions_blueprint() -> Blueprint:
    """Return the route that trades a signed nonce for a token; the signature is its guard."""
    blueprint = guarded_by("sessions", _signed_nonce, "signed-nonce")

    @blueprint.post("/v1/client/sessions")
    def session() -> Response:
        return json_answer(open_session(current_node(), read_object()), HTTPStatus.CREATED)

    return blueprint


def _signed_nonce() -> None:
    """Let nobody past without a nonce and a signature to check; `open_session` checks them and uses the nonce up."""
    body = read_object()
    if not isinstance(body.get("nonce"), str) or not isinstance(body.get("signature"), str):
        raise Refused("unauthenticated", "nonce and signature: a session needs a signed nonce")
    limit_stranger(request.remote_addr)
    set_caller(Caller(role="applicant", name="applicant"))


def _own_did() -> str:
    did = current_caller().did
    if did is None:
        raise Refused("wrong-role", "the token stands for no client")
    return did
