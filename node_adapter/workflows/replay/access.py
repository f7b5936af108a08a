"""Looking at a client's originals: each look is itself a record, made before (ACCESS_LOG).

A second compliance officer approves a look by signing that record. `draft_access` states it, the officer signs it
(`bonafides staff sign`), and the replay or the export that comes with it stores it as it was signed. An approval serves
once. In place of a second person stands a regulator's order, whose signed message the record then holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from domain.second_person import FIELD, ORDER
from evidence.log.roster import Roster, StaffKey, person_name
from node_adapter.node import Node
from node_adapter.store import records, subjects
from node_adapter.store.replay_orders import OrderRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.former.opened import look_at_former
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake.facts import record_facts
from primitives.canonical import parse_json
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Fields, Line, ListOf, Named, Nullable, Object
from primitives.timestamp import format_time, parse_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from replay.wire.fact import read_fact
from replay.wire.shapes import CASE, REASON, REFERENCE, exactly_one

TYPE, ROLE = "ACCESS_LOG", "compliance"
_MAX_APPROVALS = 10
WAYS = ("subject", "did", "client_ref")
ACCESS_REQUEST = Named(
    "AccessRequest",
    Fields(
        {
            "case": CASE,
            "reason": REASON,
            "reader": Line(200).note("The did:key of who will look, or the name."),
            "approver": Line(200).note("The name of who signs, or the did:key."),
        },
        dict.fromkeys(WAYS, Nullable(REFERENCE)),
    ).note("The subject is named in exactly one way."),
)

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
    asked = ACCESS_REQUEST.read(request, "")
    case, reason = asked["case"], asked["reason"]
    now = node.clock.now_ms()
    with node.store.read() as connection:
        subject = named_subject(connection, asked)
        types = sorted({*look_at_former(node, subject).types, *records.types_of(connection, subject.pid)})
        roster = roster_of(node, connection, records.log_size(connection))
    if not types:
        raise Refused("no-records", "subject: there is nothing to look at")
    reader = _officer(roster, "reader", asked["reader"], now)
    approver = _officer(roster, "approver", asked["approver"], now)
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


def _approved(fact: dict[str, Any], where: str) -> dict[str, Any]:
    payload = fact.get("payload")
    if fact.get("type") != TYPE or not isinstance(payload, dict) or FIELD not in payload:
        raise InvalidInput(where, "approval", f"must be a {TYPE} that a second officer signed")
    return fact


APPROVALS = (
    ListOf(Object().then(_approved), 0, _MAX_APPROVALS)
    .note("Signed facts, each an approval of this look.")
    .then(lambda facts, _: {str(fact.get("subject")): fact for fact in facts})
)
"""The member `access` of a request, read as `Approvals`."""


def log_access(
    node: Node,
    connection: Connection,
    subject: SubjectRow,
    *,
    case: str,
    reason: str,
    types: list[str],
    order: OrderRow | None = None,
    approvals: Approvals | None = None,
) -> None:
    """Record that a subject's originals are read, before they are, in a transaction of the caller.

    Raises:
        InvalidInput: `access`, what was approved is another look than this one.
        Refused: `access-used`, the approval served before.
        VerificationFailed: see `evidence.documents.staff_signature.check_countersigned`.
    """
    approved = (approvals or {}).get(subject.pid)
    fact = _own(node, subject, case, reason, types, order) if approved is None else approved
    if approved is not None:
        _require_of(approved["payload"], case, reason, types)
    [accepted] = record_facts(node, connection, [read_fact(fact, node.domains)])
    if accepted.repeated:
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


def named_subject(connection: Connection, request: Mapping[str, Any]) -> SubjectRow:
    """Return the subject that a request names by "subject", "did" or "client_ref".

    Raises:
        InvalidInput: `one-of`, not in exactly one way.
        Refused: `subject-not-found`.
    """
    way = exactly_one(request, WAYS)
    find = {"subject": subjects.find_by_pid, "did": subjects.find_by_did, "client_ref": subjects.find_by_client_ref}
    subject = find[way](connection, request[way])
    if subject is None:
        raise Refused("subject-not-found", f"{way}: this broker has no such subject")
    return subject


def _officer(roster: Roster, field: str, wanted: object, now_ms: int) -> StaffKey:
    """Return the valid key of an enrolled compliance officer, by did:key or by name, however that is spelled."""
    for entry in roster.keys:
        valid = entry.ended_at is None and parse_time(entry.expires_at, "expires_at") > now_ms
        is_wanted = isinstance(wanted, str) and (wanted == entry.did or person_name(wanted) == entry.person)
        if is_wanted and entry.role == ROLE and valid:
            return entry
    raise InvalidInput(field, "staff", "is nobody of the enrolled compliance staff")
