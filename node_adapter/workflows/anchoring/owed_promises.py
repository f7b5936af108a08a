"""Promises that could not be given at acceptance: they follow as soon as a final anchor covers the record.

Such a promise states the time and the block of the acceptance, as every promise does, and is kept when it is made. A
caller fetches it by the record's id, sends the same fact again, or finds it in the receipt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from evidence.documents.promise import MAX_PROMISE_MS
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.promise import Promise, PromiseDocument, sign_promises
from node_adapter.node import Node
from node_adapter.store import anchor_tree, anchors, records, subjects
from node_adapter.store.anchors import FinalAnchor
from node_adapter.store.chain import member_registry
from node_adapter.store.records import RecordRow
from node_adapter.workflows.anchoring.settlement import raise_broken
from node_adapter.workflows.identity.keys_in_force import keys_in_force, signing_keys
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused
from primitives.shapes import Fields, Named, Text
from primitives.suite import SigningSuite
from primitives.suites import SUITES

BATCH = 500
_MS = 1000

Termed = tuple[RecordRow, int]
"""A record, and the time (ms) by which it is to be anchored."""


def make_promises(node: Node, suite: SigningSuite, seed: bytes, termed: Sequence[Termed]) -> list[PromiseDocument]:
    """Promise records of one suite and one block by one signature, whenever that is given.

    Args:
        node: the node.
        suite: of the records.
        seed: of the signing key in force at that block.
        termed: the records.
    """
    return sign_promises([_promise(node, suite, row, anchor_by) for row, anchor_by in termed], seed)


def _promise(node: Node, suite: SigningSuite, row: RecordRow, anchor_by: int) -> Promise:
    if row.block is None:
        raise ValueError(f"record {row.record_id} does not say at which block it was accepted")
    return Promise(
        suite=suite.name,
        broker=node.did,
        subject=bytes.fromhex(row.pid),
        seq=row.seq,
        label=row.label,
        record_id=row.record_id,
        fingerprint=row.fingerprint,
        entry=row.entry,
        log_index=row.log_index,
        recorded_at=row.accepted_at,
        anchor_by=anchor_by,
        block=row.block,
    )


def keep(node: Node) -> int:
    """Make a batch of the promises that are owed and whose record is anchored; return how many.

    It runs in the chain process. A promise is for a day at the most: where the anchor came later than that, it is
    broken as it is made, and says so.
    """
    with node.store.read() as connection:
        last = anchors.last_final(connection)
        rows = [] if last is None else records.owed(connection, last.size, BATCH)
        covering = _covering(connection, rows)
        seeds = _seeds(node, connection, rows, covering)
    if not rows:
        return 0
    anchored_ms = {place: anchor.block_time * _MS for place, anchor in covering.items()}
    made: list[tuple[Termed, PromiseDocument]] = []
    for suite, seed, some in _batches(rows, seeds):
        termed = [(row, _term(row, anchored_ms[row.log_index])) for row in some]
        made += zip(termed, make_promises(node, suite, seed, termed), strict=True)
    late = [row.record_id for (row, anchor_by), _ in made if anchor_by < anchored_ms[row.log_index]]
    with node.store.write() as connection:
        for (row, anchor_by), promise in made:
            records.put_promise(connection, row.log_index, json.dumps(promise), anchor_by)
        raise_broken(connection, late, node.clock.now_ms())
    return len(made)


def _term(row: RecordRow, anchored_ms: int) -> int:
    return min(max(anchored_ms, row.accepted_at), row.accepted_at + MAX_PROMISE_MS)


def _covering(connection: Connection, rows: Iterable[RecordRow]) -> dict[int, FinalAnchor]:
    """Return the first final anchors that cover records in the order of the log, by their places."""
    found: dict[int, FinalAnchor] = {}
    covering = None
    for row in rows:
        if covering is None or row.log_index >= covering.size:
            covering = anchors.first_covering(connection, row.log_index)
        if covering is not None:
            found[row.log_index] = covering
    return found


def _seeds(
    node: Node, connection: Connection, rows: Iterable[RecordRow], covering: Mapping[int, FinalAnchor]
) -> dict[int, bytes]:
    """Return the key to promise each record by, by its place.

    It is the one in force at its acceptance. Where that one is neither of the record's anchor nor of the one before, as
    of a record that was anchored again after a wrong anchor, no verifier takes it: then it is the anchor's own.

    Raises:
        CouldNotCheck: as `keys_in_force`.
    """
    at_block = {block: keys_in_force(node, connection, block) for block in {row.block for row in rows}}
    sets = member_registry.key_sets(connection, node.address)

    @cache
    def signing(seq: int) -> bytes | None:
        leaf = anchor_tree.find_leaf(connection, seq)
        return sets[leaf.keys_digest].signing if isinstance(leaf, AnchorLeaf) and leaf.keys_digest in sets else None

    found = {}
    for row in rows:
        seq, keys = covering[row.log_index].seq, at_block[row.block]
        if keys.signing_public not in (signing(seq), signing(seq - 1)):
            keys = signing_keys(node, connection, signing(seq)) or keys
        found[row.log_index] = keys.signing_seed
    return found


def _batches(
    rows: Iterable[RecordRow], seeds: Mapping[int, bytes]
) -> list[tuple[SigningSuite, bytes, list[RecordRow]]]:
    """Put together what one signature may promise: the records of one suite, one block and one key."""
    found: dict[tuple[str, int | None, bytes], list[RecordRow]] = {}
    for row in rows:
        seed = seeds[row.log_index]
        found.setdefault((json.loads(row.envelope)["suite"], row.block, seed), []).append(row)
    return [(SUITES[suite], seed, some) for (suite, _, seed), some in found.items()]


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
