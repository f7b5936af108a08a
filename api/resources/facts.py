"""What brokers' systems send: facts, and the questions before them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from api.auth import guarded
from api.context import current_node
from api.ndjson import Outcome, one_or_many
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.act_drafts import draft_acts
from node_adapter.workflows.intake.facts import submit_facts
from node_adapter.workflows.intake.gates import ask_gates


def facts_blueprint() -> Blueprint:
    """Return the routes of facts, gates and drafts."""
    blueprint = guarded("facts", "broker-system")

    @blueprint.post("/v1/facts")
    def facts() -> Response:
        return one_or_many(_submit, _status_of)

    @blueprint.post("/v1/gates")
    def gates() -> Response:
        return one_or_many(lambda questions: ask_gates(current_node(), questions))

    @blueprint.post("/v1/acts/drafts")
    def drafts() -> Response:
        return one_or_many(lambda requests: draft_acts(current_node(), requests))

    return blueprint


def _status_of(answer: dict[str, Any]) -> HTTPStatus:
    """Say whether the promise comes with the answer, or follows."""
    return HTTPStatus.CREATED if answer["promise"] is not None else HTTPStatus.ACCEPTED


def _submit(facts: Sequence[dict[str, Any]]) -> Sequence[Outcome]:
    outcomes = submit_facts(current_node(), facts)
    return [outcome.to_json() if isinstance(outcome, Accepted) else outcome for outcome in outcomes]
