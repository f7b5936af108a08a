"""The state of subjects, folded from their records: kept with the subject, and in memory between two requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from domain.finding import Finding
from evidence.documents.record import SealedRecord
from node_adapter.node import Node
from node_adapter.store import subjects
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.intake.fact_input import Fact
from primitives.errors import Refused
from replay.records import to_fact
from suitability import states
from suitability.engine import level_result, match_opinion
from suitability.line import Find, identities_before
from suitability.ruleset import RuleSet
from suitability.subject import Rating, SubjectState
from suitability.subject_json import state_from_json, state_to_json

IDENTITIES_BEFORE = "identities-before"  # what answers call the limits over time where they did not see them
EMPTY_STATE = json.dumps(state_to_json(SubjectState()))


def state_of(node: Node, connection: Connection, row: SubjectRow) -> SubjectState:
    """Return a subject's state at its head."""
    return node.views.get(connection, "state", row.pid, row.head, lambda: state_from_json(json.loads(row.state)))


def remember_state(node: Node, connection: Connection, row: SubjectRow, state: SubjectState) -> None:
    """Keep a state in memory under its subject's new head."""
    node.views.get(connection, "state", row.pid, row.head, lambda: state)


def dump_state(state: SubjectState) -> str:
    """Return a state as it is stored."""
    return json.dumps(state_to_json(state), ensure_ascii=False, separators=(",", ":"))


def states_of(node: Node, connection: Connection) -> Find:
    """Return how the states of a client's identities before are found, each at its head."""

    def find(pid: str) -> SubjectState | None:
        row = subjects.find_by_pid(connection, pid)
        return None if row is None else state_of(node, connection, row)

    return find


def apply_record(
    state: SubjectState, sealed: SealedRecord, ruleset: RuleSet, ratings: Mapping[str, Rating], find: Find
) -> tuple[SubjectState, tuple[Finding, ...], str]:
    """Fold a sealed record into a state.

    Returns:
        The state, the rules that the record breaks, and what the limits over time did not see; empty where all.
    """
    fact = to_fact(sealed.envelope, sealed.values, sealed.fingerprint.hex())
    before = identities_before(state, fact.type, fact.payload, ruleset, find)
    return *states.apply(state, fact, ruleset, ratings, before), before.reason


def compute_payload(state: SubjectState, fact: Fact, ruleset: RuleSet, ratings: Mapping[str, Rating]) -> dict[str, Any]:
    """Let the engine state the payload that a fact asks for, from what is recorded.

    Raises:
        Refused: `compute-inputs-not-found`, what it must be computed from is not recorded.
    """
    if fact.type == "LEVEL_RESULT":
        if not state.submissions:
            raise Refused("compute-inputs-not-found", "compute: the subject has submitted no questionnaire")
        submitted = state.submissions[-1]
        return level_result(
            ruleset,
            submitted.payload,
            answers_ref=submitted.ref,
            at_ms=submitted.at,
            supersedes=state.levels[-1].ref if state.levels else None,
        )
    asked = fact.compute or {}
    rating = ratings.get(str(asked["product_id"]))
    if rating is None:
        raise Refused("compute-inputs-not-found", "compute.product_id: no rating of this product is in force")
    level = state.level_at(fact.occurred_ms)
    return match_opinion(
        ruleset,
        None if level is None else level.payload,
        rating.payload,
        level_ref=None if level is None else level.ref,
        rating_ref=rating.ref,
        at_ms=fact.occurred_ms,
        admitted=bool(asked.get("admitted", True)),
    )
