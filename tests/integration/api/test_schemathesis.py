"""Requests made from the description, as Schemathesis makes them: each gets an answer that is described, and no 5xx.

The requests go to a node with a real store that has lived a little (`tests.world.lived`), as each role in turn: some
for each limit of each schema, and so many at random for each operation. Where the description only says "a pseudonym"
or "a time", half of the well-formed ones are given what is there: else nearly all would end at the first lookup. They
are derandomised; `make schemathesis` makes other ones, and more.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.errors import NoLinksFound
from schemathesis.engine import events, from_schema

from api.resources.openapi import read_description
from node_adapter.store.tokens import CLIENT_ROLE, STAFF_ROLES
from tests.world.lived import is_unknown_yet, lived

FACTOR = int(os.environ.get("BONAFIDES_SCHEMATHESIS_FACTOR", "1"))
EXAMPLES = 15 * FACTOR
PHASES = ("examples", "coverage", "fuzzing", "stateful")
HEAVY = "facts"  # each limit of each payload of each record type: minutes, and so by hand
DESCRIPTION = json.loads(read_description())
OPERATIONS = {
    (path, method.upper()): operation
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
}
ROLES = (*STAFF_ROLES, CLIENT_ROLE)
CHECKS = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "no_crash",
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00")


@schemathesis.check
def no_crash(_context, response, _case):
    """No answer of 5xx, but for the one that says that what is asked is not known now."""
    problem = response.json() if response.status_code == 503 else {}
    assert response.status_code < 500 or is_unknown_yet(response.status_code, problem, response.headers), problem


@dataclass
class Ran:
    """What came of a run: how often each operation answered with which status, and each fault once."""

    statuses: dict = field(default_factory=dict)
    faults: dict = field(default_factory=dict)

    def take(self, event):
        """Note what an event of the engine says."""
        if isinstance(event, events.FatalError):
            self.faults[repr(event.exception)] = ""
        elif isinstance(event, events.NonFatalError) and not isinstance(event.value, NoLinksFound):
            self.faults[f"{event.label}: {event.value!r}"] = ""
        elif isinstance(event, events.ScenarioFinished):
            for case_id, interaction in event.recorder.interactions.items():
                label = event.recorder.cases[case_id].value.operation.label
                if interaction.response is not None:
                    self.statuses.setdefault(label, Counter())[interaction.response.status_code] += 1
            for case_id, checks in event.recorder.checks.items():
                label = event.recorder.cases[case_id].value.operation.label
                for failed in (check.failure_info for check in checks if check.failure_info is not None):
                    said = f"{label}: {failed.failure.title}: {failed.failure.message}"
                    self.faults.setdefault(said, failed.code_sample)


def run(node, token, wanted, phases, *, examples=EXAMPLES):
    """Ask some operations of the description for whatever Schemathesis finds, with a token or none."""
    config = SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {token}"} if token else {},
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "generation": {
                "max-examples": examples,
                "deterministic": FACTOR == 1,
                "database": "none",
                "with-security-parameters": False,
            },
            "phases": {name: {"enabled": name in phases} for name in PHASES},
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
        }
    )
    schema = schemathesis.openapi.from_dict(DESCRIPTION, config=config)
    schema.app = node.app
    schema.hook("map_case")(lambda _context, case: at_home(node.places, case))
    ran = Ran()
    for event in from_schema(schema.include(lambda found: key_of(found.operation) in wanted)).execute():
        ran.take(event)
    return ran


def key_of(operation):
    return operation.path, operation.method.upper()


def at_home(places, case):
    """Give half of the well-formed requests names of what is there, and times that are some, chosen by the rest."""
    parts = (case.path_parameters, case.query, case.body)
    chosen = hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).digest()
    if case.meta is not None and not case.meta.generation.mode.is_negative and chosen[0] % 2:
        for part in parts:
            _settle(part, places, chosen[1])
    return case


def _settle(value, places, chosen):
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in list(entries):
        if name in places:
            value[name] = places[name][chosen % len(places[name])]
        elif isinstance(inner, str) and _TIME.fullmatch(inner):
            value[name] = places["at"][0]
        else:
            _settle(inner, places, chosen)


@pytest.fixture
def node(tmp_path):
    node = lived(tmp_path / "north")
    yield node
    node.broker.store.dispose()


def runs():
    """Every tag with every role that one of its operations is for."""
    found = {}
    for key, operation in OPERATIONS.items():
        for role in operation["x-roles"]:
            found.setdefault((operation["tags"][0], role), set()).add(key)
    return [pytest.param(tag, role, wanted, id=f"{tag}-{role}") for (tag, role), wanted in sorted(found.items())]


@pytest.mark.parametrize(("tag", "role", "wanted"), runs())
def test_every_answer_is_described(node, tag, role, wanted):
    phases = ("fuzzing",) if tag == HEAVY and FACTOR == 1 else ("coverage", "fuzzing")
    ran = run(node, node.tokens.get(role), wanted, phases)
    assert ran.faults == {}
    assert ran.statuses.keys() == {f"{method} {path}" for path, method in wanted}


@pytest.mark.parametrize("role", ROLES)
def test_what_goes_on_from_an_answer_is_described_too(node, role):
    wanted = {key for key, operation in OPERATIONS.items() if role in operation["x-roles"]}
    assert run(node, node.tokens[role], wanted, ("stateful",)).faults == {}


@pytest.mark.parametrize("token", [None, "unknown", *ROLES])
def test_nothing_that_is_sent_opens_a_route_to_who_may_not_call_it(node, token):
    wanted = {
        key
        for key, operation in OPERATIONS.items()
        if operation["security"] and (token is None or token not in operation["x-roles"])
    }
    ran = run(node, node.tokens.get(token, token), wanted, ("fuzzing",), examples=3 * FACTOR)
    assert ran.faults == {}
    assert set().union(*ran.statuses.values()) == {403 if token in ROLES else 401}
    assert ran.statuses.keys() == {f"{method} {path}" for path, method in wanted}
