"""What was issued in format 1: the witness of it, and the anchors by which a verifier holds one."""

from __future__ import annotations

import json
from typing import Any

from evidence.documents.issue_witness import build_witness
from evidence.documents.record import restore
from evidence.log.tree import Tree
from node_adapter.node import Node
from node_adapter.store import former_records, records
from node_adapter.store.chain import blocks, evidence_anchor
from node_adapter.store.chain.evidence_anchor import AnchorEvent
from node_adapter.workflows.former.opened import former_node
from primitives.errors import CouldNotCheck, Refused, VerificationFailed

_UNKNOWN = "witness-unknown"


def former_witness(node: Node, reference: str) -> dict[str, Any]:
    """Return {"state", "witness"} of an issue that this node recorded in format 1, by the reference of its record.

    Raises:
        CouldNotCheck: `witness-unknown`, the database of that format is not there; `node-restored`.
    """
    try:
        with former_node(node) as former, former.store.read() as connection:
            row = records.by_source_refs(connection, [reference]).get(reference)
            anchor = None if row is None else former_records.first_covering(connection, row.log_index)
            if row is None or anchor is None or anchor.block is None:
                raise CouldNotCheck(_UNKNOWN, "the database of format 1 does not hold the record of the issue")
            if row.payload is None or row.root_salt is None:
                return {"state": "erased", "witness": None}
            tree = Tree()
            tree.extend(former_records.fingerprints(connection, 0, anchor.size))
    except (Refused, VerificationFailed) as error:
        raise CouldNotCheck(_UNKNOWN, f"it was issued in format 1: {error.detail}") from error
    witness = build_witness(
        restore(row.envelope, json.loads(row.payload), row.root_salt),
        index=row.log_index,
        size=anchor.size,
        path=tree.inclusion(row.log_index, anchor.size),
        block=anchor.block,
        seq=anchor.seq,
    )
    return {"state": "anchored", "witness": witness}


def former_anchors(node: Node, address: str, block: int) -> list[AnchorEvent]:
    """Return a broker's anchors of format 1 in one block, as this node had read them.

    Raises:
        CouldNotCheck: `witness-unknown`, this node was not migrated, or had not read so far; `node-restored`.
    """
    try:
        with former_node(node) as former, former.store.read() as connection:
            tip = blocks.tip(connection)
            if block > tip.number:
                raise CouldNotCheck(_UNKNOWN, f"this node's index of format 1 ends with block {tip.number}")
            return evidence_anchor.anchored(connection, address, after_block=block - 1, up_to_block=block)
    except (Refused, VerificationFailed) as error:
        raise CouldNotCheck(_UNKNOWN, f"the witness is of format 1: {error.detail}") from error
