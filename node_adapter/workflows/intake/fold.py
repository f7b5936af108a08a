"""What is known of subjects, folded from their records: kept with the subject, and in memory between two requests.

What lies under keys (`domain.entries`) is not in memory: it is read when a rule asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection

from domain.domain import AnyDomain, Find, Judgement, Surroundings
from domain.domains import States
from domain.entries import FindEntry
from domain.house import House
from domain.ruleset import AnyRuleSet
from evidence.version2.record import SealedRecord
from node_adapter.node import Node
from node_adapter.store import erasures, subject_entries, subjects
from node_adapter.store.subject_entries import SubjectEntryRow
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
    """Return what the domains know of a subject at its head; it reads in this transaction alone."""
    states = node.views.get(
        connection, "state", row.pid, _version(row), lambda: node.domains.states_from_json(json.loads(row.state))
    )
    return node.domains.reading(states, _entries_of(connection, row.pid))


def _entries_of(connection: Connection, pid: str) -> FindEntry:
    @cache
    def find(key: str) -> object:
        row = subject_entries.find(connection, pid, key)
        return None if row is None else json.loads(row.value)

    return find


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


def write_states(node: Node, connection: Connection, known: Iterable[tuple[SubjectRow, States]]) -> None:
    """Write subjects whose histories have grown, with what is known of them now; memory keeps that, too."""
    changed = [(replace(row, state=state_alone(node, states)), states) for row, states in known]
    subjects.update_heads(connection, [row for row, _ in changed])
    subject_entries.put(connection, [entry for row, states in changed for entry in _entries(node, row.pid, states)])
    for row, states in changed:
        node.views.get(connection, "state", row.pid, _version(row), partial(node.domains.written, states))


def write_states_anew(node: Node, connection: Connection, pid: str, states: States) -> None:
    """Write what is known of a subject in place of all that was; `states` was folded from its first record on."""
    erasures.put_state(connection, pid, state_alone(node, states))
    subject_entries.forget(connection, pid)
    subject_entries.put(connection, list(_entries(node, pid, states)))


def state_alone(node: Node, states: States) -> str:
    """Return what is known as it is stored with its subject, without what lies under keys."""
    return json_text(node.domains.states_to_json(states))


def _entries(node: Node, pid: str, states: States) -> Iterator[SubjectEntryRow]:
    for key, value in node.domains.entries_to_json(states).items():
        yield SubjectEntryRow(pid, key, json_text(value))


def told_erased(places: Sequence[int]) -> dict[str, str]:
    """Return what an answer says of the ERASE records of a history, at these places; nothing where there is none."""
    if not places:
        return {}
    shown = ", ".join(str(place) for place in places)
    return {ERASED_RECORDS: f"what the ERASE records at the places {shown} name is gone, and no rule saw it"}


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
