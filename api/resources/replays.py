"""Replay of a client's history, for compliance: asked for, and fetched once it is made."""

from __future__ import annotations

from flask import Blueprint, Response, request

from api.auth import guarded
from api.bodies import accepted_answer, json_answer, read_object
from api.context import current_caller, current_node
from api.packed_answers import packed
from domain.issue import BUNDLE, CONTENT, FULL, PAGE, PDF
from node_adapter.workflows.replay.access import draft_access
from node_adapter.workflows.replay.asked import LANGUAGE, ask_replay, show_replay
from node_adapter.workflows.replay.issuing import issue_document
from node_adapter.workflows.replay.reading import FORM
from primitives.errors import Refused

_MAX_DIGITS = 6
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def replays_blueprint() -> Blueprint:
    """Return the routes of replays; what is kept under an idempotency key holds no originals."""
    blueprint = guarded("replays", "compliance")

    @blueprint.post("/v1/replays")
    def ask() -> Response:
        return accepted_answer(ask_replay(current_node(), read_object()))

    @blueprint.get("/v1/replays/<replay_id>")
    def show(replay_id: str) -> Response:
        return json_answer(show_replay(current_node(), replay_id))

    @blueprint.post("/v1/replays/access")
    def draft() -> Response:
        return json_answer(draft_access(current_node(), read_object()))

    _add_own(blueprint)
    _add_related(blueprint)
    return blueprint


def _add_own(blueprint: Blueprint) -> None:
    """Add the texts of the identity that was asked for."""

    @blueprint.get("/v1/replays/<replay_id>/bundle")
    def bundle(replay_id: str) -> Response:
        return _bundle(replay_id)

    @blueprint.get("/v1/replays/<replay_id>/replay.json")
    def summary(replay_id: str) -> Response:
        return _summary(replay_id)

    @blueprint.get("/v1/replays/<replay_id>/report")
    def report(replay_id: str) -> Response:
        return _report(replay_id)

    @blueprint.get("/v1/replays/<replay_id>/report.pdf")
    def pdf(replay_id: str) -> Response:
        return _pdf(replay_id)


def _add_related(blueprint: Blueprint) -> None:
    """Add the texts of each other identity."""

    @blueprint.get("/v1/replays/<replay_id>/related/<number>/bundle")
    def related_bundle(replay_id: str, number: str) -> Response:
        return _bundle(replay_id, _place(number))

    @blueprint.get("/v1/replays/<replay_id>/related/<number>/replay.json")
    def related_summary(replay_id: str, number: str) -> Response:
        return _summary(replay_id, _place(number))

    @blueprint.get("/v1/replays/<replay_id>/related/<number>/report")
    def related_report(replay_id: str, number: str) -> Response:
        return _report(replay_id, _place(number))

    @blueprint.get("/v1/replays/<replay_id>/related/<number>/report.pdf")
    def related_pdf(replay_id: str, number: str) -> Response:
        return _pdf(replay_id, _place(number))


def _place(number: str) -> int:
    """Read the number of another identity; 0 is the one that was asked for, which has routes of its own.

    Raises:
        Refused: `replay-not-found`.
    """
    if not number.isascii() or not number.isdigit() or len(number) > _MAX_DIGITS or number.startswith("0"):
        raise Refused("replay-not-found", "number: is no number of another identity")
    return int(number)


def _bundle(replay_id: str, number: int = 0) -> Response:
    return _original(_issued(replay_id, BUNDLE, number), "application/json")


def _summary(replay_id: str, number: int = 0) -> Response:
    return _original(_issued(replay_id, CONTENT, number), "application/json")


def _report(replay_id: str, number: int = 0) -> Response:
    data = _issued(replay_id, PAGE, number, _language(), _form())
    page = _original(data, "text/html; charset=utf-8")
    page.headers["Content-Security-Policy"] = _PAGE_POLICY
    return page


def _pdf(replay_id: str, number: int = 0) -> Response:
    return _original(_issued(replay_id, PDF, number, _language(), _form()), "application/pdf")


def _issued(replay_id: str, kind: str, number: int, lang: str | None = None, form: str = FULL) -> bytes:
    """Return a document, of which it is recorded that it was given to the caller."""
    to = current_caller().name
    return issue_document(current_node(), replay_id, kind, to=to, number=number, lang=lang, form=form)


def _language() -> str | None:
    """Return the language that is asked for, or None."""
    asked = request.args.get("language")
    return None if asked is None else LANGUAGE.read(asked, "language")


def _form() -> str:
    """Return the form that is asked for: whole, unless it is the client's."""
    return FORM.read(request.args.get("form", FULL), "form")


def _original(data: bytes, content_type: str) -> Response:
    """Answer with what holds a client's originals: it is stored nowhere on the way."""
    answer = packed(data, content_type)
    answer.headers["Cache-Control"] = "no-store"
    return answer
