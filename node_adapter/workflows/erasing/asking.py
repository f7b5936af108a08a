"""An ERASE: stated, signed by two of the compliance staff, and recorded; what it names goes once it is anchored.

`draft_erasure` states the record, two officers sign it (`bonafides staff sign`), `order_erasure` records it through the
door of every fact, in one transaction with the note that it waits. Nothing is deleted before its anchor is final: until
then no ERASE of the anchored history names what is missing, and a bundle would be refuted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from domain.erasure import CLOCKS, ERASE, ERASES, ERASES_FORMER, MAX_ERASED, ROLE, SIGNERS
from domain.second_person import keys_of
from node_adapter.node import Node
from node_adapter.store import erasures, records, subjects
from node_adapter.store.erasures import ErasureRow
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.erasing.named import Erasable, require_client
from node_adapter.workflows.erasing.of_format_1 import FormerErasable, former_of
from node_adapter.workflows.intake.facts import record_facts
from node_adapter.workflows.replay.access import WAYS, named_subject
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Fields, Integer, ListOf, Named, Nullable, OneOf
from primitives.timestamp import format_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from replay.wire.fact import IntakeFact, read_node_fact
from replay.wire.shapes import REFERENCE

_RULES = tuple(CLOCKS)
_FIELDS = {ERASES, ERASES_FORMER}
_PLACES = ListOf(Integer(1), 1, MAX_ERASED, unique=True)
ERASURE_REQUEST = Named(
    "ErasureRequest",
    Fields(
        {},
        {
            **dict.fromkeys(WAYS, Nullable(REFERENCE)),
            "rule": OneOf(*_RULES).note(f"{_RULES[0]} unless told."),
            "records": _PLACES.note(f"Their places in the history; without any the first {MAX_ERASED} that may go."),
            "former_records": _PLACES.note("The same of the history of format 1 that it continues."),
        },
    ).note("The subject is named in exactly one way."),
)


def draft_erasure(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fact that two compliance officers are to sign.

    Args:
        node: a broker's node.
        request: {"subject" or "did" or "client_ref", "rule"?, "records"?: places in the history, "former_records"?: in
            the one of format 1 that it continues}; without any place the first ones of both that may go.

    Raises:
        InvalidInput: malformed, or a place is named that is not there.
        Refused: `subject-not-found`; `erase-nothing`, no record may go now; `former-not-found`, the database of format
            1 is not there; else as `Erasable.require`.
    """
    asked = ERASURE_REQUEST.read(request, "")
    rule, now = asked.get("rule", _RULES[0]), node.clock.now_ms()
    with node.store.read() as connection:
        subject = named_subject(connection, asked)
        require_client(subject)
        with _Doors.opened(node, connection, subject) as doors:
            named = doors.asked(asked, rule) if {"records", "former_records"} & asked.keys() else doors.first_ones(rule)
    if not named:
        raise Refused("erase-nothing", f"subject: no record may go by {rule} now")
    return {
        "source_ref": f"erase:{uuid7(now, node.entropy(ENTROPY_BYTES))}",
        "subject": subject.pid,
        "type": ERASE,
        "occurred_at": format_time(now),
        "channel": "branch",  # two people at a desk
        "actor": _actor(node),
        "payload": {
            field: [{"seq": row.seq, "fingerprint": row.fingerprint.hex(), "rule": rule} for row in rows]
            for field, rows in named.items()
        },
    }


def order_erasure(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Record an ERASE that was signed; the same one again changes nothing. Returns what `shown_erasure` shows.

    Raises:
        InvalidInput: no well-formed ERASE, one by another actor, or it names a record that is not there.
        VerificationFailed: see `evidence.documents.staff_signature.check_countersigned`.
        Refused: `subject-not-found`; `second-person-missing`, fewer than two have signed; `erase-house`;
            `erase-other-record`, a record has another fingerprint; else as `Erasable.require`.
    """
    if request.get("type") != ERASE:
        raise InvalidInput("type", "one-of", f"must be {ERASE}")
    fact = read_node_fact(request, node.domains)
    if fact.actor != _actor(node):
        raise InvalidInput("actor", "constant", f"must be {node.did} as {ROLE}: nobody else erases its records")
    payload = fact.payload or {}
    if len(keys_of(payload)) < SIGNERS:
        raise Refused("second-person-missing", f"payload.countersigned: {SIGNERS} of the staff sign an erasure")
    with node.store.write() as connection:
        known = records.by_source_refs(connection, [fact.source_ref]).get(fact.source_ref)
        if known is None:
            _require_erasable(node, connection, fact, payload)
        record_facts(node, connection, [fact])  # a known one is compared: another fact has another reference
        row = records.by_source_refs(connection, [fact.source_ref])[fact.source_ref]
        if known is None:
            erasures.add(connection, ErasureRow(row.log_index, row.pid))
        return _shown(node, connection, row)


def shown_erasure(node: Node, record_id: str) -> dict[str, Any]:
    """Return how far an erasure is, by the id of its record.

    Raises:
        Refused: `erasure-not-found`; `former-not-found`, the database of format 1 is not there.
    """
    with node.store.read() as connection:
        row = records.by_record_ids(connection, [record_id]).get(record_id)
        if row is None or row.type != ERASE:
            raise Refused("erasure-not-found", "id: no ERASE of this broker has it")
        return _shown(node, connection, row)


def _actor(node: Node) -> dict[str, str]:
    return {"did": node.did, "role": ROLE}


def _require_erasable(node: Node, connection: Connection, fact: IntakeFact, payload: Mapping[str, Any]) -> None:
    subject = subjects.find_by_pid(connection, fact.subject)
    if subject is None:
        raise Refused("subject-not-found", "subject: this broker has no such subject")
    require_client(subject)
    with _Doors.opened(node, connection, subject) as doors:
        for field in _FIELDS & payload.keys():
            entries = payload[field]
            found = doors.rows(field, {entry["seq"] for entry in entries}, f"payload.{field}")
            for entry, row in zip(sorted(entries, key=lambda entry: int(entry["seq"])), found, strict=True):
                if row.fingerprint.hex() != entry["fingerprint"]:
                    raise Refused("erase-other-record", f"payload.{field}: record {row.seq} has another fingerprint")
                doors.door(field, entry["rule"]).require(row)


@dataclass(frozen=True)
class _Doors:
    """The histories of a subject whose records an ERASE may name, by the field that names them."""

    node: Node
    subject: SubjectRow
    connections: Mapping[str, Connection]

    @classmethod
    @contextmanager
    def opened(cls, node: Node, connection: Connection, subject: SubjectRow) -> Iterator[_Doors]:
        with former_of(node, subject) as former:
            if former is None:
                yield cls(node, subject, {ERASES: connection})
            else:
                with former.store.read() as before:
                    yield cls(node, subject, {ERASES: connection, ERASES_FORMER: before})

    def door(self, field: str, rule: str) -> Erasable | FormerErasable:
        own = Erasable(self.node, self.connections[ERASES], self.subject, rule)
        return own if field == ERASES else FormerErasable(own, self.connections[field])

    def rows(self, field: str, places: Iterable[int], where: str) -> list[RecordRow]:
        """Return the records at some places, in their order."""
        wanted, connection = sorted(places), self.connections.get(field)
        found = {} if connection is None else records.at_places(connection, self.subject.pid, wanted)
        missing = [seq for seq in wanted if seq not in found]
        if missing:
            raise InvalidInput(where, "range", f"the history has no record {missing[0]}")
        return [found[seq] for seq in wanted]

    def asked(self, request: Mapping[str, Any], rule: str) -> dict[str, list[RecordRow]]:
        named = {}
        for field, name in ((ERASES, "records"), (ERASES_FORMER, "former_records")):
            if name in request:
                named[field] = self.rows(field, request[name], name)
                for row in named[field]:
                    self.door(field, rule).require(row)
        return named

    def first_ones(self, rule: str) -> dict[str, list[RecordRow]]:
        found = {field: self.door(field, rule).first_ones() for field in self.connections}
        return {field: rows for field, rows in found.items() if rows}


def _shown(node: Node, connection: Connection, row: RecordRow) -> dict[str, Any]:
    waiting = erasures.find(connection, row.log_index)
    done_at = None if waiting is None else waiting.done_at
    named = {} if row.payload is None else json.loads(row.payload)
    own, former = named.get(ERASES, []), named.get(ERASES_FORMER, [])
    left = records.at_places(connection, row.pid, [entry["seq"] for entry in own])
    return {
        "id": row.record_id,
        "subject": row.pid,
        "state": "waiting" if done_at is None else "done",
        "recorded_at": format_time(row.accepted_at),
        "done_at": None if done_at is None else format_time(done_at),
        ERASES: [{**entry, "erased": left[entry["seq"]].is_stub} for entry in own],
        ERASES_FORMER: _shown_of_format_1(node, connection, row.pid, former),
    }


def _shown_of_format_1(
    node: Node, connection: Connection, pid: str, named: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    if not named:
        return []
    with former_of(node, subjects.find_by_pid(connection, pid)) as former:
        if former is None:
            return []
        with former.store.read() as before:
            left = records.at_places(before, pid, [entry["seq"] for entry in named])
    return [{**entry, "erased": left[entry["seq"]].erased} for entry in named]
