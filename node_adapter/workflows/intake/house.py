"""The broker's house records, such as product ratings: where they lie, and what rests on them (`domain.house`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from domain.domain import AnyDomain
from domain.house import House, NoHouse
from evidence.documents.product_subject import product_subject
from evidence.version2.record import SealedRecord
from node_adapter.node import Node
from node_adapter.store import house_records, records
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from primitives.errors import Refused


@dataclass(frozen=True)
class _HouseAsOf:
    """The house as of the first `size` entries of the log."""

    size: int
    house: House


def house_of(node: Node, connection: Connection, domain: AnyDomain, log_size: int) -> House:
    """Return the house records among the first `log_size` records; only what the log has grown by is read."""
    if domain.house_rules is None:
        return NoHouse()
    known = node.views.peek("house", domain.name)
    base = known if isinstance(known, _HouseAsOf) and known.size <= log_size else _HouseAsOf(0, domain.empty_house())
    read = node.views.get(
        connection, "house", domain.name, log_size, lambda: _extend(node.did, connection, domain, base, log_size)
    )
    return read.house


def _extend(broker: str, connection: Connection, domain: AnyDomain, base: _HouseAsOf, log_size: int) -> _HouseAsOf:
    house = base.house
    types = [] if domain.house_rules is None else sorted(domain.house_rules.types)
    for row in house_records.of_types(connection, types, base.size, log_size):
        if row.payload is not None:
            payload = domain.types[row.type].shape.read(json.loads(row.payload), "payload")
            derived = product_subject(broker, str(domain.thing_of(payload)))
            house = house.with_record(row.fingerprint.hex(), payload, in_place=row.pid == derived)
    return _HouseAsOf(log_size, house)


class Houses:
    """The house records as one transaction sees them: those in the log, and those that it adds."""

    def __init__(self, node: Node, connection: Connection, log_size: int) -> None:
        """Begin with what the log holds."""
        self._node = node
        self._connection = connection
        self._log_size = log_size
        self._houses: dict[str, House] = {}

    def of(self, type_: str) -> House:
        """Return the house records of the domain of a record type."""
        domain = self._node.domains.of(type_)
        if domain.name not in self._houses:
            self._houses[domain.name] = house_of(self._node, self._connection, domain, self._log_size)
        return self._houses[domain.name]

    def require_place(
        self, type_: str, payload: Mapping[str, Any], subject: SubjectRow, added: Sequence[RecordRow]
    ) -> None:
        """Take a house record at its thing's derived pseudonym; elsewhere only the first, and where the last one lies.

        In the history of a client it never lies: the bundle of every other client who relies on it would show that
        history, and no verifier takes a client's history beside that of another.

        Args:
            type_: the record's type; nothing is asked of what is no house record.
            payload: the record's payload.
            subject: on which it would lie.
            added: the records of this transaction.

        Raises:
            Refused: `product-subject`; it is neither there nor where the product's last rating lies.
        """
        if not self._is_house_record(type_):
            return
        pid = subject.pid
        if subject.did is not None:
            raise Refused("product-subject", "subject: is a client; what the house states has a subject of its own")
        thing = str(self._node.domains.of(type_).thing_of(payload))
        last = self.of(type_).last_of(thing)
        if pid != product_subject(self._node.did, thing) and last is not None and not self._lies_on(pid, last, added):
            raise Refused(
                "product-subject",
                f"subject: is not the pseudonym of {thing}; enrol it by its product_id and rate it there",
            )

    def is_ill_placed(self, sealed: SealedRecord, occurred_ms: int) -> bool:
        """Say whether a house record lies, or what rests on one has it lying, where it is not looked for."""
        type_ = sealed.envelope["type"]
        if self._is_house_record(type_):
            return not self._is_in_place(sealed)
        return not all(used.in_place for used in self.of(type_).relied_on(type_, sealed.values, occurred_ms))

    def keep(self, sealed: SealedRecord) -> None:
        """Keep a record that this transaction adds, if it is a house record."""
        type_ = sealed.envelope["type"]
        if self._is_house_record(type_):
            kept = self.of(type_).with_record(
                sealed.fingerprint.hex(), sealed.values, in_place=self._is_in_place(sealed)
            )
            self._houses[self._node.domains.of(type_).name] = kept

    def _is_house_record(self, type_: str) -> bool:
        rules = self._node.domains.of(type_).house_rules
        return rules is not None and type_ in rules.types

    def _is_in_place(self, sealed: SealedRecord) -> bool:
        thing = str(self._node.domains.of(sealed.envelope["type"]).thing_of(sealed.values))
        return bool(sealed.envelope["subject"] == product_subject(self._node.did, thing))

    def _lies_on(self, pid: str, ref: str, added: Sequence[RecordRow]) -> bool:
        wanted = bytes.fromhex(ref)
        if any(row.pid == pid and row.fingerprint == wanted for row in added):
            return True
        return records.find_by_fingerprint(self._connection, pid, wanted) is not None
