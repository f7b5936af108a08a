"""Receipts: what a client needs to prove later that a record was promised, logged, anchored and counted.

All receipts are made against the newest final anchor: its tree and its map are kept in memory and only ever extended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import Connection

from evidence.documents.receipt import AnchorPlace, build_receipt
from evidence.documents.record import RedactedCopy, envelope_copy, redact, restore
from evidence.log.tree import Tree
from evidence.map.subject_map import SubjectMap
from node_adapter.node import Node
from node_adapter.store import anchors, records, subjects
from node_adapter.store.anchors import FinalAnchor
from node_adapter.store.chain import directory
from node_adapter.store.records import RecordRow
from node_adapter.workflows.anchoring.owed_promises import RECORD_REQUEST, promise_of
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed

MAX_PAGE = 500
_CONTRACT = "EvidenceAnchor"


@dataclass
class LogView:
    """The log and the subjects' map of this member, as far as they are anchored."""

    tree: Tree = field(default_factory=Tree)
    map: SubjectMap = field(default_factory=SubjectMap)
    map_size: int = 0
    lock: Lock = field(default_factory=Lock)

    def at(self, connection: Connection, anchor: FinalAnchor) -> tuple[Tree, SubjectMap]:
        """Return tree and map of an anchor, extended from what was read before.

        Raises:
            VerificationFailed: `local-log`, the store does not hold what was anchored.
        """
        with self.lock:
            if self.map_size > anchor.size:  # the index lost blocks: begin again
                self.tree, self.map, self.map_size = Tree(), SubjectMap(), 0
            self.tree.extend(records.fingerprints(connection, self.tree.size, anchor.size))
            heads = records.heads_at(connection, self.map_size, anchor.size)
            self.map = self.map.with_entries({bytes.fromhex(h.pid): (h.count, h.head) for h in heads})
            self.map_size = anchor.size
            if self.tree.root_at(anchor.size) != anchor.root or self.map.root != anchor.map_root:
                raise VerificationFailed("local-log", f"the store is not the log that anchor {anchor.seq} is of")
            return self.tree, self.map


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


def data_uses_of_client(node: Node, did: str) -> list[dict[str, Any]]:
    """Return every use of a client's data in a joint computation, and every reading of the originals."""
    with node.store.read() as connection:
        subject = subjects.find_by_did(connection, did)
        shown = [] if subject is None else records.of_types(connection, subject.pid, ("DATA_USE", "ACCESS_LOG"))
    return [
        {
            "record_id": row.record_id,
            "type": row.type,
            "seq": row.seq,
            "occurred_at": json.loads(row.envelope)["occurred_at"],
            "use": None if row.payload is None else json.loads(row.payload),  # null: erased
        }
        for row in shown
    ]


class ReceiptMaker:
    """Makes receipts against the newest final anchor, which covers `size` entries of the log."""

    def __init__(self, node: Node, connection: Connection) -> None:
        self._node = node
        self._anchor = anchors.last_final(connection)
        self.size = 0 if self._anchor is None else self._anchor.size
        if self._anchor is not None:
            view = node.views.holder("log", "", LogView)
            self._tree, self._map = view.at(connection, self._anchor)
            self._contract = directory.contract_address(connection, _CONTRACT)

    def receipt(self, row: RecordRow) -> dict[str, Any]:
        """Return the receipt of a record.

        Raises:
            Refused: `not-anchored`, or `record-erased` where not even the envelope can be shown.
            VerificationFailed: the store does not hold what was sealed.
        """
        anchor, node = self._anchor, self._node
        if anchor is None or row.log_index >= anchor.size:
            raise Refused("not-anchored", f"record_id: {row.record_id} is not anchored yet; see its promise")
        return build_receipt(
            promise=promise_of(row),
            record=copy_of(row),
            size=anchor.size,
            path=self._tree.inclusion(row.log_index, anchor.size),
            checkpoint=anchor.checkpoint,
            map_proof=self._map.prove(bytes.fromhex(row.pid)),
            anchor=AnchorPlace(
                chain_id=node.settings.chain.chain_id,
                contract=self._contract,
                member=node.address,
                seq=anchor.seq,
                map_root=anchor.map_root,
                block=anchor.block,
                block_hash="0x" + anchor.block_hash.hex(),
                tx="0x" + anchor.tx_hash.hex(),
                log_index=anchor.log_position,
            ),
        )


def copy_of(row: RecordRow) -> RedactedCopy:
    """Return the copy that shows everything; of an erased record, nothing but the envelope."""
    if row.payload is not None and row.root_salt is not None:
        return redact(restore(row.envelope, json.loads(row.payload), row.root_salt))
    return envelope_of(row)


def envelope_of(row: RecordRow) -> RedactedCopy:
    """Return what can be shown of an erased record: its envelope, opened by the salt that was kept for it.

    Raises:
        Refused: `record-erased`, that salt is not kept either.
    """
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
