"""What an export holds of a client's history of format 1: each record, the consents, and the bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from node_adapter.node import Node
from node_adapter.store import consents, records
from node_adapter.store.consents import ConsentRow
from node_adapter.store.records import FindingRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.former.bundle import KeptRecord, former_bundle
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.replay.bundle_lines import bundle_lines
from primitives.errors import BonafidesError
from primitives.timestamp import format_time

RECORD, CONSENT, BUNDLE = "former_record", "former_consent", "former_bundle"


def former_lines(node: Node, subject: SubjectRow, case: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a subject's history of format 1; none where it has none.

    Raises:
        BonafidesError: as `former_node`.
    """
    if subject.continues is None:
        return
    with former_node(node) as former, former.store.read() as connection:
        for page in records.pages_of(connection, subject.pid):
            findings = records.findings_of(connection, [row.record_id for row in page])
            for row in page:
                yield _record(KeptRecord.read(row), findings.get(row.record_id, []))
        yield from ({"kind": CONSENT, **consent_json(row)} for row in consents.of_subject(connection, subject.pid))
        make = partial(former_bundle, former, connection, subject.pid, case)
        yield from bundle_lines(BUNDLE, connection, subject.pid, make)


def consent_json(row: ConsentRow) -> dict[str, Any]:
    """Return a consent as an export shows it."""
    return {
        "consent_id": row.consent_id,
        "purpose": row.purpose,
        "receivers": json.loads(row.receivers),
        "salt": None if row.salt is None else row.salt.hex(),
        "given_at": format_time(row.given_at),
        "expires_at": format_time(row.expires_at),
        "withdrawn_at": None if row.withdrawn_at is None else format_time(row.withdrawn_at),
        "credential": json.loads(row.credential),
    }


def _record(kept: KeptRecord, findings: list[FindingRow]) -> dict[str, Any]:
    row = kept.row
    line = {
        "kind": RECORD,
        "seq": row.seq,
        "type": row.type,
        "record_id": row.record_id,
        "occurred_at": kept.envelope["occurred_at"],
        "fingerprint": row.fingerprint.hex(),
        "log_index": row.log_index,
        "source_ref": row.source_ref,
        "accepted_at": format_time(row.accepted_at),
        "findings": [{"code": item.code, "rule": item.rule, "detail": item.detail} for item in findings],
        "promise": kept.promise,
    }
    try:
        return {**line, "record": kept.copy()}
    except BonafidesError as error:  # one record that cannot be shown must not hide the others
        return {**line, "record": None, "problem": {"code": error.code, "detail": error.detail}}
