"""What is known of subjects, folded from their records: kept with the subject, and in memory between two requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from domain.domain import AnyDomain, Find, Judgement, Surroundings
from domain.domains import States
from domain.house import House
from domain.ruleset import AnyRuleSet
from evidence.version2.record import SealedRecord
from node_adapter.node import Node
from node_adapter.store import subjects
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.intake.rulesets import rulebook
from primitives.json_text import json_text
from replay.folding import fold_shown
from replay.records import Record, to_fact
from suitability.domain import SUITABILITY
from suitability.subject import SubjectState

IDENTITIES_BEFORE = "identities-before"  # what answers call the limits over time where they did not see them
ERASED_RECORDS = "erased-records"  # what answers call the rules where a record of the client was erased
EMPTY_STATE = "{}"
FindStates = Callable[[str], States | None]
"""What is known of a pseudonym as of now in the order of the log; None where its history is not at hand."""


def states_of(node: Node, connection: Connection, row: SubjectRow) -> States:
    """Return what the domains know of a subject at its head."""
    return node.views.get(
        connection, "state", row.pid, _version(row), lambda: node.domains.states_from_json(json.loads(row.state))
    )


def _version(row: SubjectRow) -> tuple[bytes, int]:
    """Name what a state was folded from: an erasure changes it under the same head."""
    return row.head, hash(row.state)


def state_of(node: Node, connection: Connection, row: SubjectRow) -> SubjectState:
    """Return what the suitability domain knows of a subject at its head."""
    return suitability_in(states_of(node, connection, row))


def suitability_in(states: States) -> SubjectState:
    """Return what the suitability domain knows, among what all domains do."""
    state = states.get(SUITABILITY.name, SUITABILITY.start())
    if not isinstance(state, SubjectState):
        raise TypeError("the state of the suitability domain is another's")
    return state


def remember_states(node: Node, connection: Connection, row: SubjectRow, states: States) -> None:
    """Keep what is known in memory under its subject's new head."""
    node.views.get(connection, "state", row.pid, _version(row), lambda: states)


def told_erased(places: Sequence[int]) -> dict[str, str]:
    """Return what an answer says of the ERASE records of a history, at these places; nothing where there is none."""
    if not places:
        return {}
    shown = ", ".join(str(place) for place in places)
    return {ERASED_RECORDS: f"what the ERASE records at the places {shown} name is gone, and no rule saw it"}


def dump_states(node: Node, states: States) -> str:
    """Return what is known as it is stored."""
    return json_text(node.domains.states_to_json(states))


def finder(node: Node, connection: Connection) -> FindStates:
    """Return how what is known of a client's identities before is found, each at its head."""

    def find(pid: str) -> States | None:
        row = subjects.find_by_pid(connection, pid)
        return None if row is None else states_of(node, connection, row)

    return find


def of_domain(find: FindStates, domain: AnyDomain) -> Find[Any]:
    """Return how one domain finds its state of an identity before."""

    def state(pid: str) -> object:
        found = find(pid)
        return None if found is None else found.get(domain.name, domain.start())

    return state


def fold_again(node: Node, connection: Connection, states: States, record: Record) -> States | None:
    """Return what is known after a stored record, from what is left of it; None where what is gone decides that."""
    label = rulebook(node, connection).own_label(record.envelope["ruleset"])
    return fold_shown(states, replace(record, envelope={**record.envelope, "ruleset": label}), node.domains)


def apply_record(
    node: Node,
    states: States,
    sealed: SealedRecord,
    label: str | None,
    ruleset: AnyRuleSet,
    house: House,
    find: FindStates,
) -> tuple[States, Judgement]:
    """Fold a sealed record into what is known; return that, and what the rules say of the record.

    `label` is that of the rule set which the record names, as its domain calls it.
    """
    fact = to_fact({**sealed.envelope, "ruleset": label}, sealed.values, sealed.fingerprint.hex())
    domain, state = node.domains.state(states, fact.type)
    judged = domain.judge(state, fact, ruleset, Surroundings(house, fact.broker, of_domain(find, domain)))
    return node.domains.fold(states, fact), judged
