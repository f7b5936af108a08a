"""The persons of a broker's staff who sign as the second person: enrolled and ended by records of the broker's own log.

There is no table of them. Who is enrolled is what the log says, in its order, so that a restored or a recovered node
knows no other colleagues than its bundles show (docs/spec/staff.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from domain.opening import HOUSE
from evidence.documents.staff_signature import ACTOR, check_enrolment
from evidence.log.roster import MAX_NAME, StaffKey, Unshown, check_name
from evidence.version2.links import first_label
from evidence.version2.opening import house_subject
from node_adapter.node import Node
from node_adapter.store import records, subjects
from node_adapter.store.chain import did_registry, member_registry
from node_adapter.store.subjects import EMPTY_HEAD, SubjectRow
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake.facts import record_facts
from node_adapter.workflows.intake.fold import EMPTY_STATE
from primitives import ed25519
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Fields, Hex, Line, Named, OneOf
from primitives.timestamp import format_time, parse_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from replay.wire.fact import IntakeFact, read_node_fact
from replay.wire.shapes import DID
from suitability.records import RECORD_TYPES
from suitability.records.staff import END, END_REASONS, ENROL

_ENROL_FIELDS = RECORD_TYPES[ENROL].fields
STAFF_REQUEST = Named("StaffRequest", Fields({"broker": DID, **_ENROL_FIELDS, "name": Line(MAX_NAME)}))
STAFF_END = Named("StaffEnd", Fields({"key": Hex(ed25519.PUBLIC_KEY_BYTES), "reason": OneOf(*END_REASONS)}))


def enrol_person(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Enrol a key of a person; the same enrolment again changes nothing.

    Args:
        node: a broker's node.
        request: what the person handed in ({"name", "role", "broker", "key", "proof"}), and "expires_at" (record time).

    Raises:
        InvalidInput: a member is missing, unknown or malformed, or it expires in the past.
        VerificationFailed: check `staff-signature`, the person has not shown to hold the key.
        Refused: `staff-other-broker`; `staff-key-known`, the key is enrolled already, or was; `staff-not-shown`, its
            enrolment came back from others without its fields; `staff-actor`, it is a member's own key, or in a DID.
    """
    asked = STAFF_REQUEST.read(request, "")
    if asked["broker"] != node.did:
        raise Refused("staff-other-broker", "broker: the person asks to be enrolled at another member")
    check_name(asked["name"])
    payload = {name: asked[name] for name in _ENROL_FIELDS}
    check_enrolment(node.did, payload)
    now = node.clock.now_ms()
    if parse_time(payload["expires_at"], "expires_at") <= now:
        raise InvalidInput("expires_at", "past", "lies in the past")
    with node.store.write() as connection:
        _require_nobodys(connection, payload["key"])
        known = roster_of(node, connection, records.log_size(connection)).find(payload["key"])
        if isinstance(known, Unshown):
            raise _not_shown()
        if known is not None and (known.ended_at is not None or not _same(known, payload)):
            until = f"{known.name}, {known.role}, until {known.expires_at}"
            raise Refused("staff-key-known", f"key: is enrolled, or was ({until}): a person makes a new one")
        if known is None:
            subject = _subject(node, connection, payload["key"], now)
            record_facts(node, connection, [_fact(node, subject, ENROL, payload, now)])
        return _shown(_enrolled(node, connection, payload["key"]), now)


def end_person(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """End a key ({"key", "reason"}): what it signs from now on counts for nothing; what it signed stays signed.

    Raises:
        InvalidInput: a member is missing, unknown or malformed.
        Refused: `staff-key-not-found`, `staff-key-ended`, `staff-not-shown`.
    """
    asked = STAFF_END.read(request, "")
    key = asked["key"]
    now = node.clock.now_ms()
    with node.store.write() as connection:
        known = roster_of(node, connection, records.log_size(connection)).find(key)
        if known is None:
            raise Refused("staff-key-not-found", "key: nobody is enrolled with it")
        if known.ended_at is not None:
            raise Refused("staff-key-ended", "key: was ended before")
        if isinstance(known, Unshown):
            raise _not_shown()
        payload = {"key": known.key, "enrolment_ref": known.enrolment, "reason": asked["reason"]}
        record_facts(node, connection, [_fact(node, known.subject, END, payload, now)])
        return _shown(_enrolled(node, connection, key), now)


def list_staff(node: Node) -> dict[str, Any]:
    """Return every key that was ever enrolled, in the log's order, and the DID that persons name to be enrolled."""
    now = node.clock.now_ms()
    with node.store.read() as connection:
        found = roster_of(node, connection, records.log_size(connection)).keys
    return {"broker": node.did, "staff": [_shown(entry, now) for entry in found]}


def _require_nobodys(connection: Connection, key: str) -> None:
    """Refuse a signing key that a member of the network has or had, and a key that any DID has or had."""
    if member_registry.is_signing_key(connection, bytes.fromhex(key)):
        raise Refused(ACTOR, "key: is the signing key of a member, and no person's")
    if did_registry.is_in_a_did(connection, key):
        raise Refused(ACTOR, "key: stands in a DID, such as a client's: a person makes one of the own for this")


def _not_shown() -> Refused:
    return Refused("staff-not-shown", "key: its enrolment came back without its fields: the person makes a new one")


def _enrolled(node: Node, connection: Connection, key: str) -> StaffKey:
    return next(entry for entry in roster_of(node, connection, records.log_size(connection)).keys if entry.key == key)


def _subject(node: Node, connection: Connection, key: str, now_ms: int) -> str:
    """Return the subject that stands for a key, made where it is not there."""
    opens = f"staff:{key}"
    pid = house_subject(node.did, opens)
    reference = f"staff {pid}"
    if subjects.find_by_pid(connection, pid) is None:
        if subjects.find_by_client_ref(connection, reference) is not None:
            raise Refused("duplicate", f"key: another subject has the reference {reference}")
        label = first_label(node.did, bytes.fromhex(pid))
        row = SubjectRow(pid, reference, None, now_ms, 0, EMPTY_HEAD, EMPTY_STATE, label, HOUSE, opens)
        subjects.insert_subjects(connection, [row])
    return pid


def _fact(node: Node, pid: str, type_: str, payload: Mapping[str, Any], now_ms: int) -> IntakeFact:
    return read_node_fact(
        {
            "source_ref": f"staff:{uuid7(now_ms, node.entropy(ENTROPY_BYTES))}",
            "subject": pid,
            "type": type_,
            "occurred_at": format_time(now_ms),
            "channel": "api",
            "actor": {"did": node.did, "role": "operator"},
            "payload": dict(payload),
        }
    )


def _same(known: StaffKey, payload: Mapping[str, Any]) -> bool:
    stated = (payload["name"], payload["role"], payload["expires_at"])
    return (known.name, known.role, known.expires_at) == stated


def _shown(entry: StaffKey, now_ms: int) -> dict[str, Any]:
    expired = parse_time(entry.expires_at, "expires_at") <= now_ms
    return {
        "name": entry.name,
        "role": entry.role,
        "key": entry.key,
        "did": entry.did,
        "subject": entry.subject,
        "expires_at": entry.expires_at,
        "state": "ended" if entry.ended_at is not None else "expired" if expired else "valid",
        "enrolment": entry.enrolment,
    }
