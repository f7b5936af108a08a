"""Looking at a client's originals: each look is itself a record, made before (ACCESS_LOG).

A second compliance officer approves a look by signing that record. `draft_access` states it, the officer signs it
(`bonafides staff sign`), and the replay or the export that comes with it stores it as it was signed. An approval serves
once. In place of a second person stands a regulator's order, whose signed message the record then holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from evidence.roster import Roster, StaffKey, person_name
from evidence.staff import FIELD
from node_adapter.node import Node
from node_adapter.store import records, subjects
from node_adapter.store.replay_orders import OrderRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.facts import submit_facts
from node_adapter.workflows.roster import roster_of
from primitives.canonical import parse_json
from primitives.errors import BonafidesError, InvalidInput, Refused
from primitives.text import check_line
from primitives.timestamp import format_time, parse_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from suitability.second_person import ORDER

TYPE, ROLE = "ACCESS_LOG", "compliance"
_MAX_CASE, _MAX_REASON, _MAX_APPROVALS = 120, 300, 10
_WAYS = ("subject", "did", "client_ref")
_DRAFT = frozenset({*_WAYS, "case", "reason", "reader", "approver"})

Approvals = Mapping[str, Mapping[str, Any]]  # signed facts by subject


def draft_access(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fact that a second compliance officer is to sign.

    Args:
        node: the node.
        request: {"subject" or "did" or "client_ref", "case", "reason", "reader": the did:key of who will look,
            "approver": the name of who signs}.

    Raises:
        InvalidInput: malformed, or `reader` or `approver` is nobody of the enrolled compliance staff.
        Refused: `subject-not-found`, `no-records`; `staff-same-person`, who looks does not approve it.
    """
    for name in sorted(set(request) - _DRAFT):
        raise InvalidInput(name, "unknown-member", "is not a member of this request")
    case = check_line(request.get("case"), "case", _MAX_CASE)
    reason = check_line(request.get("reason"), "reason", _MAX_REASON)
    now = node.clock.now_ms()
    with node.store.read() as connection:
        subject = _named(connection, request)
        types = sorted({row.type for row in records.of_subject(connection, subject.pid)})
        roster = roster_of(node, connection, records.log_size(connection))
    if not types:
        raise Refused("no-records", "subject: there is nothing to look at")
    reader = _officer(roster, "reader", request.get("reader"), now)
    approver = _officer(roster, "approver", request.get("approver"), now)
    if reader.person == approver.person:
        raise Refused("staff-same-person", f"approver: {reader.name} cannot approve the own look")
    return {
        "source_ref": f"access:{uuid7(now, node.entropy(ENTROPY_BYTES))}",
        "subject": subject.pid,
        "type": TYPE,
        "occurred_at": format_time(now),
        "channel": "branch",  # two people at a desk: it is recorded within the day
        "actor": {"did": reader.did, "role": ROLE},
        "payload": _payload(reader.did, case, reason, types, approver.name),
    }


def read_approvals(value: object) -> Approvals:
    """Return signed facts of a request's member `access`, by subject.

    Raises:
        InvalidInput: not a list of objects that each name a subject and bear a signature.
    """
    if not isinstance(value, list) or len(value) > _MAX_APPROVALS or not all(isinstance(one, dict) for one in value):
        raise InvalidInput("access", "list", f"must be a list of at most {_MAX_APPROVALS} signed facts")
    for number, fact in enumerate(value):
        payload = fact.get("payload")
        if fact.get("type") != TYPE or not isinstance(payload, dict) or FIELD not in payload:
            raise InvalidInput(f"access[{number}]", "approval", f"must be a {TYPE} that a second officer signed")
    return {str(fact.get("subject")): fact for fact in value}


def log_access(
    node: Node,
    subject: SubjectRow,
    *,
    case: str,
    reason: str,
    types: list[str],
    order: OrderRow | None = None,
    approvals: Approvals | None = None,
) -> None:
    """Record that a subject's originals are read, before they are.

    Raises:
        InvalidInput: `access`, what was approved is another look than this one.
        Refused: `access-used`, the approval served before.
        VerificationFailed: see `evidence.staff.check_countersigned`.
    """
    approved = (approvals or {}).get(subject.pid)
    fact = _own(node, subject, case, reason, types, order) if approved is None else approved
    if approved is not None:
        _require_of(approved["payload"], case, reason, types)
    [outcome] = submit_facts(node, [fact])
    if isinstance(outcome, BonafidesError):
        raise outcome
    if outcome.repeated:
        raise Refused("access-used", "access: this approval served before: a look is approved once")


def _own(
    node: Node, subject: SubjectRow, case: str, reason: str, types: list[str], order: OrderRow | None
) -> dict[str, Any]:
    now = node.clock.now_ms()
    payload = _payload(node.did, case, reason, types, None if order is None else f"regulator {order.regulator}")
    if order is not None and order.message is not None:
        payload[ORDER] = parse_json(order.message.encode(), field="order")
    return {
        "source_ref": f"replay:{uuid7(now, node.entropy(ENTROPY_BYTES))}",
        "subject": subject.pid,
        "type": TYPE,
        "occurred_at": format_time(now),
        "channel": "api",
        "actor": {"did": node.did, "role": ROLE},
        "payload": payload,
    }


def _payload(reader: str, case: str, reason: str, types: list[str], approved_by: str | None) -> dict[str, Any]:
    return {
        "reader": reader,
        "role": ROLE,
        "case": case,
        "reason": reason,
        "fields": types,
        "approved_by": approved_by,
    }


def _require_of(payload: Mapping[str, Any], case: str, reason: str, types: list[str]) -> None:
    for name, wanted in (("case", case), ("reason", reason)):
        if payload.get(name) != wanted:
            raise InvalidInput(f"access.payload.{name}", "approval", "is not what this request states")
    fields = payload.get("fields")
    if not isinstance(fields, list) or not set(types) <= {str(one) for one in fields}:
        raise InvalidInput("access.payload.fields", "approval", "does not name every kind of record there is now")


def _named(connection: Connection, request: Mapping[str, Any]) -> SubjectRow:
    named = [name for name in _WAYS if request.get(name) is not None]
    if len(named) != 1 or not isinstance(request[named[0]], str):
        raise InvalidInput("subject", "one-of", f"give one of {', '.join(_WAYS)}, as text")
    find = {"subject": subjects.find_by_pid, "did": subjects.find_by_did, "client_ref": subjects.find_by_client_ref}
    subject = find[named[0]](connection, request[named[0]])
    if subject is None:
        raise Refused("subject-not-found", f"{named[0]}: this broker has no such subject")
    return subject


def _officer(roster: Roster, field: str, wanted: object, now_ms: int) -> StaffKey:
    """Return the valid key of an enrolled compliance officer, by did:key or by name, however that is spelled."""
    for entry in roster.keys:
        valid = entry.ended_at is None and parse_time(entry.expires_at, "expires_at") > now_ms
        is_wanted = isinstance(wanted, str) and (wanted == entry.did or person_name(wanted) == entry.person)
        if is_wanted and entry.role == ROLE and valid:
            return entry
    raise InvalidInput(field, "staff", "is nobody of the enrolled compliance staff")
