"""What EvidenceLog says: the leaves of each broker's tree of anchors, made from its events alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from evidence.version2.log.anchors import AnchorLeaf, Leaf, OpeningLeaf
from node_adapter.store.chain import directory, event_log
from node_adapter.store.chain.event_log import ChainEvent, address_topic, raw

EVIDENCE_LOG = "EvidenceLog"
_OPENED, _ANCHORED, _CONTINUED = "LogOpened", "Anchored", "LogContinued"


@dataclass(frozen=True)
class LeafEvent:
    """A leaf, and where the chain tells it.

    Attributes:
        leaf: as the contract made it, which names its block and time.
        contract: the contract's address.
        tx_hash: its transaction.
        log_position: the event's index in the transaction's receipt.
    """

    leaf: Leaf
    contract: str
    tx_hash: bytes
    log_position: int


def leaves(
    connection: Connection,
    member: str,
    contracts: Sequence[str],
    *,
    after_block: int | None = None,
    up_to_block: int | None = None,
) -> list[Leaf]:
    """Return the leaves of a broker's tree in their order, as `leaf_events`."""
    found = leaf_events(connection, member, contracts, after_block=after_block, up_to_block=up_to_block)
    return [event.leaf for event in found]


def leaf_events(
    connection: Connection,
    member: str,
    contracts: Sequence[str],
    *,
    after_block: int | None = None,
    up_to_block: int | None = None,
) -> list[LeafEvent]:
    """Return the leaves of a broker's tree in their order: all, or those of the blocks after one, and up to one.

    Args:
        connection: a connection inside a transaction.
        member: the broker's address.
        contracts: the contracts that the Directory named, oldest first: a tree goes on in a later one.
        after_block: of later blocks alone.
        up_to_block: of this block and earlier alone.
    """
    taken = [] if after_block is None else takeovers(connection, member, contracts, after_block)
    found = event_log.events(
        connection,
        contract=EVIDENCE_LOG,
        topic1=address_topic(member),
        after_block=after_block,
        up_to_block=up_to_block,
    )
    kept = event_log.of_successors([*taken, *found], contracts)
    return [_told(event) for event in kept[len(taken) :] if event.name != _CONTINUED]


def leaves_in(connection: Connection, events: Iterable[ChainEvent], member: str) -> list[LeafEvent]:
    """Return the leaves of a broker's tree that new blocks tell, whose events are stored already."""
    topic = address_topic(member)
    new = [event.block for event in events if (event.contract, event.topic1) == (EVIDENCE_LOG, topic)]
    return leaf_events(connection, member, contracts(connection), after_block=min(new) - 1) if new else []


def last_anchored(connection: Connection, member: str) -> LeafEvent | None:
    """Return the newest anchor that any of these contracts took of a broker, or None."""
    topic = address_topic(member)
    found = event_log.last_event(connection, contract=EVIDENCE_LOG, name=_ANCHORED, topic1=topic)
    return None if found is None else _told(found)


def contracts(connection: Connection, up_to_block: int | None = None) -> list[str]:
    """Return the contracts of this name that the Directory named up to a block, oldest first."""
    named = directory.named_contracts(connection, up_to_block)
    return [entry.target for entry in named if entry.name == EVIDENCE_LOG]


def _told(event: ChainEvent) -> LeafEvent:
    return LeafEvent(_leaf(event), event.address, event.tx_hash, event.log_position)


def takeovers(
    connection: Connection, member: str, contracts: Sequence[str], up_to_block: int | None = None
) -> list[ChainEvent]:
    """Return the events by which contracts took a broker's tree, in their order: one in each that ever held it."""
    topic = address_topic(member)
    found = []
    for name in (_OPENED, _CONTINUED):
        found += event_log.events(connection, contract=EVIDENCE_LOG, name=name, topic1=topic, up_to_block=up_to_block)
    return event_log.of_successors(sorted(found, key=lambda event: (event.block, event.log_index)), contracts)


def opening_leaf(taken: Sequence[ChainEvent]) -> OpeningLeaf | None:
    """Return leaf 1 from what `takeovers` gave; None where the tree has not begun."""
    leaf = _leaf(taken[0]) if taken and taken[0].name == _OPENED else None
    return leaf if isinstance(leaf, OpeningLeaf) else None


def last_anchor(connection: Connection, member: str, address: str, up_to_block: int | None = None) -> AnchorLeaf | None:
    """Return the last anchor of a broker in one contract (its address), up to a block; None where there is none."""
    event = event_log.last_event(
        connection,
        contract=EVIDENCE_LOG,
        name=_ANCHORED,
        topic1=address_topic(member),
        address=address,
        up_to_block=up_to_block,
    )
    leaf = None if event is None else _leaf(event)
    return leaf if isinstance(leaf, AnchorLeaf) else None


def _leaf(event: ChainEvent) -> Leaf:
    args = event.args
    if event.name == _OPENED:
        return OpeningLeaf(
            former=args["former"],
            former_seq=int(args["formerSeq"]),
            former_root=raw(args["formerRoot"]),
            former_size=int(args["formerSize"]),
            former_map_root=raw(args["formerMapRoot"]),
            block=event.block,
            time=int(args["time"]),
        )
    return AnchorLeaf(
        seq=int(args["seq"]),
        batch_root=raw(args["batchRoot"]),
        size_before=int(args["sizeBefore"]),
        size_after=int(args["sizeAfter"]),
        map_root=raw(args["mapRoot"]),
        block=event.block,
        time=int(args["time"]),
        keys_digest=raw(args["keysDigest"]),
        key_version=int(args["keyVersion"]),
    )
