"""A chain that was set back behind blocks in which we accepted records, as an embedded one is that was killed.

A record states the chain's head at its acceptance for ever, and a verifier takes none that states a later block than
its anchor's, or than the record after it (docs/spec/evidence-2.md, section 13, check 13). So until the chain is as long
again nothing is accepted, and an anchor waits that covers such records.
"""

from __future__ import annotations

from sqlalchemy import Connection

from node_adapter.store import anchors, records
from node_adapter.store.chain import blocks
from node_adapter.store.chain.blocks import Block
from node_adapter.store.outbox import KIND_ANCHOR, OutboxRow
from primitives.errors import CouldNotCheck

CODE = "chain-set-back"


def missing(connection: Connection, size: int | None = None) -> int:
    """Return how many blocks the index lacks until the head at which the last of the first `size` records was accepted.

    Without `size` the newest record counts. 0 where there is none, or nothing is lacking.
    """
    return _lacking(records.accepted_at_block(connection, size), blocks.find_tip(connection))


def _lacking(stated: int | None, tip: Block | None) -> int:
    return 0 if stated is None or tip is None else max(0, stated - tip.number)


def require_grown_back(connection: Connection, tip: Block) -> None:
    """Refuse to accept anything while the chain is shorter than it was for the newest record; `tip` is where it ends.

    Raises:
        CouldNotCheck: `chain-set-back`.
    """
    lacking = _lacking(records.accepted_at_block(connection), tip)
    if lacking:
        detail = f"the chain was set back; {lacking} blocks are lacking until the one of our newest record"
        raise CouldNotCheck(CODE, detail)


def missing_for(connection: Connection, row: OutboxRow) -> int:
    """Return how many blocks are lacking before a chain write may be sent: of an anchor, those of its records."""
    if row.kind != KIND_ANCHOR:
        return 0
    anchor = anchors.by_seq(connection, anchors.seq_of_key(row.key))
    return 0 if anchor is None or anchor.size == 0 else missing(connection, anchor.size)
