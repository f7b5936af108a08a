"""Promises that could not be given at acceptance: they follow as soon as a final anchor covers the record.

Such a promise states the time and the block of the acceptance, as every promise does, and is kept when it is made. A
caller fetches it by the record's id, sends the same fact again, or finds it in the receipt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evidence.documents.promise import MAX_PROMISE_MS, PromiseDocument, promise_body, sign_promise
from node_adapter.node import Node
from node_adapter.store import anchors, records, subjects
from node_adapter.store.records import RecordRow
from node_adapter.workflows.identity.keys_in_force import keys_in_force
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused
from primitives.shapes import Fields, Named, Text

BATCH = 500
_MS = 1000


def make_promise(node: Node, seed: bytes, row: RecordRow, anchor_by: int) -> PromiseDocument:
    """Sign the promise of an accepted record, whenever it is given, with the key in force at the record's block."""
    if row.block is None:
        raise ValueError(f"record {row.record_id} does not say at which block it was accepted")
    body = promise_body(
        broker=node.did,
        subject=row.pid,
        record_id=row.record_id,
        fingerprint=row.fingerprint,
        log_index=row.log_index,
        accepted_at=row.accepted_at,
        anchor_by=anchor_by,
        block=row.block,
    )
    return sign_promise(body, seed, node.signing_key_id)


def keep(node: Node) -> int:
    """Make a batch of the promises that are owed and whose record is anchored; return how many.

    It runs in the chain process.
    """
    with node.store.read() as connection:
        last = anchors.last_final(connection)
        rows = [] if last is None else records.owed(connection, last.size, BATCH)
        seeds = {block: keys_in_force(node, connection, block).signing_seed for block in {row.block for row in rows}}
    if last is None or not rows:
        return 0
    promise_ms = int(node.settings.anchoring.promise_seconds * _MS)
    made = []
    for row in rows:
        anchored_ms = max(last.block_time * _MS, row.accepted_at)
        anchor_by = max(anchored_ms, min(anchored_ms + promise_ms, row.accepted_at + MAX_PROMISE_MS))
        made.append((row.log_index, json.dumps(make_promise(node, seeds[row.block], row, anchor_by)), anchor_by))
    with node.store.write() as connection:
        for log_index, promise, anchor_by in made:
            records.put_promise(connection, log_index, promise, anchor_by)
    return len(made)


def promise_of(row: RecordRow) -> PromiseDocument:
    """Return a record's promise.

    Raises:
        CouldNotCheck: `promise-owed`, it is not made yet.
    """
    if row.promise is None:
        raise CouldNotCheck("promise-owed", f"record_id: the promise of {row.record_id} follows once it is anchored")
    promise: PromiseDocument = json.loads(row.promise)
    return promise


def promises_for(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | BonafidesError]:
    """Return the promises of records ({"record_id"}); each gets its own outcome, in order."""
    ids = [request.get("record_id") for request in requests]
    with node.store.read() as connection:
        found = records.by_record_ids(connection, [one for one in ids if isinstance(one, str)])
    return [_outcome(request, found) for request in requests]


def promises_of_client(node: Node, did: str, after: int, limit: int) -> dict[str, Any]:
    """Return a client's own promises in the order of the records, after a sequence number; `owed` counts the others."""
    with node.store.read() as connection:
        subject = subjects.find_by_did(connection, did)
        if subject is None:
            return {"promises": [], "next_after": None, "owed": 0}
        found = records.promised_page(connection, subject.pid, after, limit + 1)
        owed = records.owed_to(connection, subject.pid)
    page = found[:limit]
    return {
        "promises": [promise_of(row) for row in page],
        "next_after": page[-1].seq if len(found) > limit else None,
        "owed": owed,
    }


RECORD_REQUEST = Named("ReceiptRequest", Fields({"record_id": Text(min=0, controls=True)}))


def _outcome(request: Mapping[str, Any], found: Mapping[str, RecordRow]) -> dict[str, Any] | BonafidesError:
    try:
        record_id = RECORD_REQUEST.read(request, "")["record_id"]
    except InvalidInput as error:
        return error
    row = found.get(record_id)
    if row is None:
        return Refused("record-not-found", "record_id: this broker has no such record")
    try:
        return {"record_id": row.record_id, "promise": promise_of(row)}
    except CouldNotCheck as error:
        return error
