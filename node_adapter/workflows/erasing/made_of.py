"""What a node made of a record, in other tables than that of the records; it goes with the record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from domain.domains import States
from domain.second_person import ORDER
from node_adapter.node import Node
from node_adapter.store import credentials, erasures, records
from node_adapter.store.records import RecordRow
from node_adapter.workflows.intake.fold import fold_again
from primitives.canonical import parse_json
from replay.records import Record
from replay.wire.consent_call import GIVE
from suitability.records.credential import ISSUE

_TASK_REFERENCE, _USE = "task_id", "DATA_USE"


def forget_what_was_made_of(connection: Connection, row: RecordRow) -> None:
    """Delete the credential's and the consent's text, the part in a task, a regulator's message."""
    payload: Mapping[str, Any] = {} if row.payload is None else json.loads(row.payload)
    if row.type == ISSUE and "credential_id" in payload:
        erasures.forget_credential(connection, payload["credential_id"], credentials.LOST_BODY)
    if row.type == GIVE and "consent_id" in payload:
        erasures.forget_consent(connection, row.pid, payload["consent_id"])
    if row.type == _USE and _TASK_REFERENCE in payload:
        erasures.forget_use(connection, row.pid, payload[_TASK_REFERENCE])
    if ORDER in payload:
        erasures.forget_order(connection, str(payload[ORDER]["body"]["id"]))


def rows_of(connection: Connection, pid: str) -> Iterator[RecordRow]:
    """Yield a subject's records in their order, page by page."""
    for page in records.pages_of(connection, pid):
        yield from page


def folded_again(node: Node, connection: Connection, rows: Iterable[RecordRow]) -> States:
    """Return what is known from the records that are left; one whose hidden fields decide that changes nothing."""
    states: States = {}
    for row in rows:
        if row.is_stub:
            continue
        values = {} if row.payload is None else json.loads(row.payload)
        envelope = parse_json(row.envelope, field="envelope")
        record = Record(
            row.pid, row.seq, row.record_id, row.type, row.fingerprint.hex(), row.log_index, envelope, values
        )
        after = fold_again(node, connection, states, record)
        states = states if after is None else after
    return states
