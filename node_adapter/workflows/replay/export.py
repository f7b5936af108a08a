"""Everything that this node holds of one client, in one stream (docs/spec/export.md): the client's own copy.

1. The request names one subject; the reading of originals is itself recorded first, as for a replay.
2. One snapshot of the store is read: subject, records with findings, receipts, credentials, consents, tasks, replay
   orders, key events, and the bundle as of the last final anchor.
3. A line for each, and a last line by which a reader sees that none is missing.

The lines are written to a file without a name in the node's directory, some records at a time: what a long history
takes in memory does not grow with it, what fails fails before the first line is given, and no snapshot of the store is
held open for a reader that is slow. A bundle is one signed document: a history that is too long for one has none.

Tokens, sessions and nonces are keys to this node and no data of the client's; root salts stay here, since a copy of a
record carries the salts of what it shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Any

from sqlalchemy import Connection

from evidence.version2.links import ZERO_HASH
from node_adapter.node import Node
from node_adapter.store import consents, credentials, records, replay_orders, subjects, tasks
from node_adapter.store.records import FindingRow, RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.anchoring.receipts import ReceiptMaker
from node_adapter.workflows.former.export import consent_json, former_lines
from node_adapter.workflows.former.opened import look_at_former
from node_adapter.workflows.identity.succession import related
from node_adapter.workflows.replay.access import APPROVALS, WAYS, log_access, named_subject
from node_adapter.workflows.replay.bundle import ReplayedRecord, SubjectChain, collect, key_events, replayed, take_chain
from node_adapter.workflows.replay.bundle_lines import bundle_lines
from node_adapter.workflows.replay.order_clock import order_json
from primitives.errors import BonafidesError, CouldNotCheck, VerificationFailed
from primitives.shapes import Fields, Named, Nullable
from primitives.timestamp import format_time
from replay.succession import SUCCEED, SUCCEEDED
from replay.wire.shapes import CASE, REASON, REFERENCE

FORMAT = "bonafides.export/2"
ERASED = "erased: content not available"
EXPORT_REQUEST = Named(
    "ExportRequest",
    Fields(
        {"case": CASE, "reason": REASON},
        {**dict.fromkeys(WAYS, Nullable(REFERENCE)), "access": APPROVALS},
    ).note("The subject is named in exactly one way."),
)


def export_subject(node: Node, request: Mapping[str, Any]) -> IO[bytes]:
    """Return the lines of an export ({"subject" or "did" or "client_ref", "case", "reason", "access"?}).

    They are a file for the caller to read and close: all was read from the store before.

    Raises:
        InvalidInput: malformed request.
        Refused: `subject-not-found`.
        CouldNotCheck: `store-full`, the disk does not hold it.
    """
    asked = EXPORT_REQUEST.read(request, "")
    case, reason = asked["case"], asked["reason"]
    subject, types = _find(node, asked)  # (1)
    approvals = asked.get("access", {})
    with node.store.write() as connection:
        log_access(node, connection, subject, case=case, reason=reason, types=types or ["SUBJECT"], approvals=approvals)
    taken = _chain(node, subject)
    with node.store.read() as connection:  # (2)
        current = subjects.find_by_pid(connection, subject.pid) or subject
        head = {
            "kind": "export",
            "format": FORMAT,
            "broker": node.did,
            "subject": current.pid,
            "client_ref": current.client_ref,
            "did": current.did,
            "case": case,
            "reason": reason,
            "made_at": format_time(node.clock.now_ms()),
        }
        return _written(node, sealed_lines(chain([head], _lines(node, connection, current, case, taken))))  # (3)


def _written(node: Node, lines: Iterable[bytes]) -> IO[bytes]:
    try:
        file = TemporaryFile(dir=node.settings.home)  # noqa: SIM115 - the caller closes it
        try:
            file.writelines(lines)
            file.seek(0)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise CouldNotCheck("store-full", f"the export cannot be written: {error.strerror}") from error
    return file


def sealed_lines(values: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Give each value as a line of UTF-8 JSON, and a last line with the number and the SHA-256 of those before it."""
    digest, count = hashlib.sha256(), 0
    for value in values:
        line = _line(value)
        digest.update(line)
        count += 1
        yield line
    yield _line({"kind": "end", "lines": count, "sha256": digest.hexdigest()})


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _find(node: Node, request: Mapping[str, Any]) -> tuple[SubjectRow, list[str]]:
    with node.store.read() as connection:
        subject = named_subject(connection, request)
        types = {*look_at_former(node, subject).types, *records.types_of(connection, subject.pid)}
        return subject, sorted(types)


def _chain(node: Node, subject: SubjectRow) -> SubjectChain | BonafidesError:
    try:
        [taken] = take_chain(node, [subject])
    except (CouldNotCheck, VerificationFailed) as error:  # the bundle has a problem then; the lines come all the same
        return error
    return taken


def _lines(
    node: Node, connection: Connection, subject: SubjectRow, case: str, chain: SubjectChain | BonafidesError
) -> Iterator[dict[str, Any]]:
    yield {
        "kind": "subject",
        "created_at": format_time(subject.created_at),
        "count": subject.count,
        "head": subject.head.hex(),
    }
    prev = ZERO_HASH
    for page in records.pages_of(connection, subject.pid):
        findings = records.findings_of(connection, [row.record_id for row in page])
        for row in page:
            yield _record(replayed(row, prev), findings.get(row.record_id, []))
            prev = row.fingerprint
    yield from _receipts(node, connection, subject)
    for issued in credentials.every_of_subject(connection, subject.pid):
        revoked = None if issued.revoked_at is None else format_time(issued.revoked_at)
        times = {"issued_at": format_time(issued.issued_at), "revoked_at": revoked}
        yield {"kind": "credential", "type": issued.type, **times, "credential": json.loads(issued.body)}
    yield from _consents(connection, subject)
    for tie in related(records.of_types(connection, subject.pid, (SUCCEED, SUCCEEDED))):
        yield {"kind": "related", "relation": tie.relation, "subject": tie.subject}
    for task_id, consent_id in tasks.of_client(connection, subject.pid):
        yield {"kind": "task", "task_id": task_id, "consent_id": consent_id}
    for order in replay_orders.about(connection, subject.did) if subject.did is not None else ():
        yield {"kind": "replay_order", **order_json(order, node.clock.now_ms())}
    if subject.did is not None:
        yield from _key_events(node, connection, subject)
    yield from _bundle(node, connection, subject, case, chain)
    yield from former_lines(node, subject, case)


def _record(record: ReplayedRecord, findings: Iterable[FindingRow]) -> dict[str, Any]:
    row = record.row
    line = {
        "kind": "record",
        "seq": row.seq,
        "type": row.type or None,
        "record_id": row.record_id,
        "occurred_at": record.envelope.get("occurred_at"),
        "fingerprint": row.fingerprint.hex(),
        "log_index": row.log_index,
        "source_ref": row.source_ref,
        "accepted_at": format_time(row.accepted_at),
        "findings": [{"code": item.code, "rule": item.rule, "detail": item.detail} for item in findings],
        "promise": None if row.promise is None else json.loads(row.promise),
        "altered": list(record.altered),
    }
    if row.erased:
        line["erased"] = ERASED
        if row.envelope_salt is None and not row.is_stub:
            return {**line, "record": None, "envelope": record.envelope}
    return {**line, "record": record.shown()}


def _receipts(node: Node, connection: Connection, subject: SubjectRow) -> Iterator[dict[str, Any]]:
    maker = ReceiptMaker(node, connection)
    for page in records.pages_of(connection, subject.pid):
        for row in page:
            if row.log_index < maker.size:
                yield {"kind": "receipt", "record_id": row.record_id, **_receipt(maker, row)}


def _receipt(maker: ReceiptMaker, row: RecordRow) -> dict[str, Any]:
    try:
        return {"receipt": maker.receipt(row)}
    except BonafidesError as error:  # one record that cannot be shown must not hide the others
        return {"receipt": None, "problem": {"code": error.code, "detail": error.detail}}


def _consents(connection: Connection, subject: SubjectRow) -> Iterator[dict[str, Any]]:
    for row in consents.of_subject(connection, subject.pid):
        yield {"kind": "consent", **consent_json(row)}


def _key_events(node: Node, connection: Connection, subject: SubjectRow) -> Iterator[dict[str, Any]]:
    for event in key_events(node, connection, subject, None):
        if event.contract == "DidRegistry":
            yield {"kind": "key_event", "event": event.name, "block": event.block, "args": dict(event.args)}


def _bundle(
    node: Node, connection: Connection, subject: SubjectRow, case: str, chain: SubjectChain | BonafidesError
) -> Iterator[dict[str, Any]]:
    def make() -> bytes:
        if isinstance(chain, BonafidesError):
            raise chain
        return collect(node, connection, subject, case, chain).bundle

    yield from bundle_lines("bundle", connection, subject.pid, make)
