"""What brokers' systems send: facts, and the questions before them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from api.auth import guarded
from api.bodies import json_answer, read_object
from api.context import current_node
from api.idempotency import FACTS, answer_again, answered, kept_answer, key_of_fact
from api.ndjson import Outcome, one_or_many
from api.slots import while_waiting
from node_adapter.store.idempotency import StoredAnswer
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.act_drafts import draft_acts
from node_adapter.workflows.intake.gates import ask_gates
from node_adapter.workflows.intake.submitting import Key, submit_facts, submit_under_key


def facts_blueprint() -> Blueprint:
    """Return the routes of facts, gates and drafts."""
    blueprint = guarded("facts", "broker-system")

    @blueprint.post(FACTS)
    def facts() -> Response:
        key = key_of_fact()
        return one_or_many(_submit, _status_of) if key is None else _submit_under(key)

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


def _submit_under(key: StoredAnswer) -> Response:
    fact = read_object()
    with while_waiting():
        kept, repeated = submit_under_key(current_node(), fact, Key(key, partial(_kept, key)))
    return answer_again(kept) if repeated else kept_answer(kept)


def _kept(key: StoredAnswer, accepted: Accepted) -> StoredAnswer:
    """Return what is kept under a key of the answer to its fact."""
    answer = accepted.to_json()
    return answered(key, json_answer(answer, _status_of(answer)))


def _submit(facts: Sequence[dict[str, Any]]) -> Sequence[Outcome]:
    with while_waiting():
        outcomes = submit_facts(current_node(), facts)
    return [outcome.to_json() if isinstance(outcome, Accepted) else outcome for outcome in outcomes]
