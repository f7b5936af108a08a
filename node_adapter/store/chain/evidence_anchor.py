"""What EvidenceAnchor says: which logs the brokers have anchored."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainEvent, address_topic, raw

EVIDENCE_ANCHOR = "EvidenceAnchor"
_ANCHORED = "Anchored"


@dataclass(frozen=True)
class AnchorEvent:
    """A broker's anchor on the chain.

    Attributes:
        member: the broker's address.
        seq: the anchor's number, from 1.
        size: how many entries the log had.
        root: of the log's tree.
        prev_root: of the anchor before.
        map_root: of the subjects' map.
        contract: address of the contract that took it.
        block: the block's number.
        tx_index: its transaction's index in the block.
        log_position: its index in the transaction's receipt.
        tx_hash: its transaction.
        timestamp: the block's time in seconds (0 where it was not asked for).
    """

    member: str
    seq: int
    size: int
    root: bytes
    prev_root: bytes
    map_root: bytes
    contract: str
    block: int
    tx_index: int
    log_position: int
    tx_hash: bytes
    timestamp: int


def anchored(
    connection: Connection, member: str, *, after_block: int | None = None, up_to_block: int | None = None
) -> list[AnchorEvent]:
    """Return a broker's anchors in chain order, of some blocks if told."""
    found = event_log.events(
        connection,
        contract=EVIDENCE_ANCHOR,
        name=_ANCHORED,
        topic1=address_topic(member),
        after_block=after_block,
        up_to_block=up_to_block,
    )
    return [_anchored(event) for event in found]


def last_anchored(connection: Connection, member: str) -> AnchorEvent | None:
    """Return a broker's newest anchor, or None."""
    topic = address_topic(member)
    found = event_log.last_event(connection, contract=EVIDENCE_ANCHOR, name=_ANCHORED, topic1=topic)
    return None if found is None else _anchored(found)


def _anchored(event: ChainEvent) -> AnchorEvent:
    args = event.args
    return AnchorEvent(
        member=args["member"],
        seq=int(args["seq"]),
        size=int(args["size"]),
        root=raw(args["root"]),
        prev_root=raw(args["prevRoot"]),
        map_root=raw(args["mapRoot"]),
        contract=event.address,
        block=event.block,
        tx_index=event.tx_index,
        log_position=event.log_position,
        tx_hash=event.tx_hash,
        timestamp=event.timestamp,
    )
