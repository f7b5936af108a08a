"""Gates: may this act be done now? Nothing is stored.

{"subject", "act": record type, "details"?: what is known of the payload, "at"?: record time, default now}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from domain.domain import Surroundings
from domain.domains import Domains
from domain.gate import Gate, Reliance
from evidence.log.roster import Roster, StaffKey
from node_adapter.node import Node
from node_adapter.store import erasures, records, restored, subjects
from node_adapter.workflows.consent.standing import DATA_USE, EXPIRED, WITHDRAWN, known_consent
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.identity.verdicts import reasons_json
from node_adapter.workflows.intake.fold import IDENTITIES_BEFORE, finder, of_domain, states_of, told_erased
from node_adapter.workflows.intake.house import house_of
from node_adapter.workflows.intake.outcomes import Outcome, each
from node_adapter.workflows.intake.rulesets import rulebook
from node_adapter.workflows.replay.as_of import as_of
from primitives.errors import Refused
from primitives.shapes import Cases, Fields, Named, Object, Shape
from primitives.timestamp import format_time
from replay.installed import INSTALLED
from replay.wire.shapes import MOMENT, PID

_CODES = {WITHDRAWN: "CONSENT_WITHDRAWN", EXPIRED: "CONSENT_EXPIRED"}


@cache
def gate_request(domains: Domains) -> Shape[dict[str, Any]]:
    """Return the shape of a question about any act that these domains know."""
    return Named(
        "GateRequest",
        Cases(
            Fields(
                {"subject": PID, "act": domains.code.note("A record type.")},
                {
                    "details": Object().note("What is known of the payload; the more, the more rules can speak."),
                    "at": MOMENT,
                },
            ),
            "act",
            "details",
            {code: entry.details for code, entry in domains.types.items()},
        ),
    )


GATE_REQUEST = gate_request(INSTALLED)


def ask_gates(node: Node, questions: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Answer questions; each gets its own outcome, in order."""
    with node.store.read() as connection:
        restored.require_caught_up(connection)
        return each(questions, lambda question: _ask(node, connection, question))


def _ask(node: Node, connection: Connection, question: Mapping[str, Any]) -> dict[str, Any]:
    asked = gate_request(node.domains).read(question, "")
    act, details = asked["act"], asked.get("details", {})
    at_ms = asked.get("at", node.clock.now_ms())
    subject = subjects.find_by_pid(connection, asked["subject"])
    if subject is None:
        raise Refused("subject-not-found", "subject: this broker has no such subject")
    domain, state = node.domains.state(states_of(node, connection, subject), act)
    ruleset = rulebook(node, connection).of(domain).at(at_ms)
    log_size = records.log_size(connection)
    find = of_domain(finder(node, connection), domain)
    seen = Surroundings(house_of(node, connection, domain, log_size), node.did, find)
    roster = roster_of(node, connection, log_size)
    answer = domain.gate(state, act, at_ms, ruleset, details, seen)
    if answer.allowed and act == DATA_USE:
        answer = _in_force(node, connection, subject.pid, details, at_ms) or answer
    skipped = dict(as_of(node, connection).not_checked) if answer.allowed and act == DATA_USE else {}
    if answer.not_asked:
        skipped[IDENTITIES_BEFORE] = answer.not_asked
    skipped |= told_erased(erasures.done_of(connection, [subject.pid]).get(subject.pid, ()))
    return {
        "status": "answered",
        "subject": subject.pid,
        "act": act,
        "allowed": answer.allowed,
        "code": answer.code,
        "reason": answer.reason,
        "relied_on": [_reliance(entry, roster) for entry in answer.relied_on],
        "ruleset": ruleset.label,
        "at": format_time(at_ms),
        **({"not_checked": reasons_json(skipped)} if skipped else {}),
    }


def _reliance(entry: Reliance, roster: Roster) -> dict[str, Any]:
    """Return a rating or a decision that the act rests on, with who signed it; nobody where `signed_by` is empty."""
    persons = [person for key in entry.keys if isinstance(person := roster.find(key), StaffKey)]
    signed_by = [{"name": person.name, "role": person.role, "key": person.key} for person in persons]
    return {"type": entry.type, "ref": entry.ref, "signed_by": signed_by}


def _in_force(node: Node, connection: Connection, pid: str, details: Mapping[str, Any], at_ms: int) -> Gate | None:
    """Refuse a use of data that the records allow, where the row of the consent or the chain tells of its end."""
    if "consent_id" not in details:
        return None
    ended = known_consent(node, connection, pid, details["consent_id"]).ended(at_ms)
    return None if ended is None else Gate(allowed=False, code=_CODES[ended[0]], reason=ended[1])
