"""Receipts: what a client needs to prove later that a record was promised, logged, anchored and counted.

All receipts of one answer are made against the newest final anchor (docs/spec/evidence-2.md, section 11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from domain.erasure import ERASE, ERASES
from evidence.log.tree import inclusion_path
from evidence.version2.documents.assemble import LogMaterial
from evidence.version2.documents.receipt import Successor, build_receipt
from evidence.version2.map.label_map import Absence, Presence, prove_label
from evidence.version2.record import RedactedCopy, envelope_copy, redact, restore
from node_adapter.node import Node
from node_adapter.store import records, subjects
from node_adapter.store.records import RecordRow
from node_adapter.workflows.anchoring.log_material import newest_material
from node_adapter.workflows.anchoring.owed_promises import RECORD_REQUEST, promise_of
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed

MAX_PAGE = 500


def receipts_for(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | BonafidesError]:
    """Return the receipts of records ({"record_id"}); each gets its own outcome, in order."""
    ids = [request.get("record_id") for request in requests]
    with node.store.read() as connection:
        found = records.by_record_ids(connection, [one for one in ids if isinstance(one, str)])
        maker = ReceiptMaker(node, connection)
        return [_outcome(maker, request, found) for request in requests]


def receipts_of_client(node: Node, did: str, after: int, limit: int) -> dict[str, Any]:
    """Return a client's own receipts in the order of the records, after a sequence number.

    `pending` counts the client's records that no final anchor covers yet, or whose promise is owed; they come with a
    later call. `not_shown` names those of the page that this node cannot show, and why: the others follow all the same.
    """
    with node.store.read() as connection:
        subject = subjects.find_by_did(connection, did)
        if subject is None:
            return {"receipts": [], "next_after": None, "pending": 0, "not_shown": []}
        maker = ReceiptMaker(node, connection)
        found = records.promised_page(connection, subject.pid, after, limit + 1, maker.size)
        page = found[:limit]
        unanchored = records.count_from(connection, subject.pid, maker.size)
        made = [(row, _made(maker, row)) for row in page]
        return {
            "receipts": [receipt for _, receipt in made if not isinstance(receipt, BonafidesError)],
            "not_shown": [
                {"record_id": row.record_id, "seq": row.seq, "code": problem.code, "detail": problem.detail}
                for row, problem in made
                if isinstance(problem, BonafidesError)
            ],
            "next_after": page[-1].seq if len(found) > limit else None,
            "pending": unanchored + records.owed_to(connection, subject.pid, maker.size),
        }


def data_uses_of_client(node: Node, did: str) -> dict[str, Any]:
    """Return every use of a client's data in a joint computation, and every reading of the originals.

    `erased` names the records of this client that were erased, each with the ERASE that let it go: a use may be among
    them, since of an erased record nobody knows any more what it was.
    """
    with node.store.read() as connection:
        subject = subjects.find_by_did(connection, did)
        if subject is None:
            return {"data_uses": [], "erased": []}
        shown = records.of_types(connection, subject.pid, ("DATA_USE", "ACCESS_LOG"))
        erased = _erased(connection, subject.pid)
    uses = [
        {
            "record_id": row.record_id,
            "type": row.type,
            "seq": row.seq,
            "occurred_at": json.loads(row.envelope)["occurred_at"],
            "use": None if row.payload is None else json.loads(row.payload),  # null: erased
        }
        for row in shown
    ]
    return {"data_uses": uses, "erased": erased}


def _erased(connection: Connection, pid: str) -> list[dict[str, Any]]:
    """Return what is left of a subject's erased records, with what each of their ERASE records says, by place."""
    said: dict[int, tuple[RecordRow, str]] = {}
    for row in records.of_types(connection, pid, (ERASE,)):
        payload = {} if row.payload is None else json.loads(row.payload)
        for named in payload.get(ERASES, ()):
            said.setdefault(int(named["seq"]), (row, str(named["rule"])))
    found = []
    for seq, row in sorted(records.at_places(connection, pid, said).items()):
        erase, rule = said[seq]
        if row.is_stub:
            at = json.loads(erase.envelope)["occurred_at"]
            gone = {"record_id": row.record_id, "seq": seq, "rule": rule}
            found.append({**gone, "erased_by": erase.record_id, "erased_at": at})
    return found


class ReceiptMaker:
    """Makes receipts against the newest final anchor, which covers `size` records of the log."""

    def __init__(self, node: Node, connection: Connection) -> None:
        """Take that anchor, in the connection's transaction."""
        self._connection = connection
        self._log = newest_material(node, connection)
        self.size = 0 if self._log is None else self._log.anchor(self._log.seq).size_after

    def receipt(self, row: RecordRow) -> dict[str, Any]:
        """Return the receipt of a record.

        Raises:
            Refused: `not-anchored`, or `record-erased` where not even the envelope can be shown.
            CouldNotCheck: `promise-owed`.
            VerificationFailed: the store does not hold what was sealed, or anchored.
        """
        log = self._log
        if log is None or row.log_index >= self.size:
            raise Refused("not-anchored", f"record_id: {row.record_id} is not anchored yet; see its promise")
        record, leaf = copy_of(row), log.covering(row.log_index)
        presence = prove_label(log.map, row.label)
        if not isinstance(presence, Presence):
            raise VerificationFailed("local-map", f"the map of anchor {log.seq} does not count record {row.record_id}")
        return build_receipt(
            promise=promise_of(row),
            record=record,
            anchor=leaf,
            batch=inclusion_path(row.log_index - leaf.size_before, leaf.added, log.batch_node(leaf)),
            size=log.seq,
            path=inclusion_path(leaf.seq - 1, log.seq, log.node),
            checkpoint=log.checkpoint,
            presence=presence,
            following=self._following(row, log),
        )

    def _following(self, row: RecordRow, log: LogMaterial) -> Absence | Successor:
        """Return what the map holds under the label that a record names: nothing, or the record after."""
        proof = prove_label(log.map, row.next)
        if isinstance(proof, Absence):
            return proof
        link = records.link(self._connection, row.pid, row.seq + 1)
        if link is None:
            raise VerificationFailed("local-map", f"the map counts a record after {row.record_id} that the store lacks")
        return Successor(link, proof.path)


def copy_of(row: RecordRow) -> RedactedCopy:
    """Return the copy that shows everything; of an erased record, nothing but the envelope."""
    if row.payload is not None and row.root_salt is not None:
        sealed = restore(row.envelope, json.loads(row.payload), row.root_salt)
        if sealed.fingerprint != row.fingerprint:
            raise VerificationFailed("local-log", f"record {row.record_id} is not the one of its fingerprint")
        return redact(sealed)
    return envelope_of(row)


def envelope_of(row: RecordRow) -> RedactedCopy:
    """Return what can be shown of an erased record: its envelope, opened by the salt that was kept for it.

    Raises:
        Refused: `record-erased`, that salt is not kept either, or nothing but the link.
    """
    if row.is_stub:
        raise Refused("record-erased", f"record {row.record_id} was erased: an ERASE of its history says by which rule")
    if row.envelope_salt is None:
        raise Refused("record-erased", f"record {row.record_id}: the originals are erased, and its envelope's salt too")
    return envelope_copy(row.envelope, row.envelope_salt)


def _outcome(
    maker: ReceiptMaker, request: Mapping[str, Any], found: Mapping[str, RecordRow]
) -> dict[str, Any] | BonafidesError:
    try:
        record_id = RECORD_REQUEST.read(request, "")["record_id"]
    except InvalidInput as error:
        return error
    row = found.get(record_id)
    if row is None:
        return Refused("record-not-found", "record_id: this broker has no such record")
    return _made(maker, row)


def _made(maker: ReceiptMaker, row: RecordRow) -> dict[str, Any] | BonafidesError:
    try:
        return maker.receipt(row)
    except (Refused, VerificationFailed, CouldNotCheck) as error:
        return error
