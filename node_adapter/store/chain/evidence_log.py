"""What EvidenceLog says: the leaves of each broker's tree of anchors, made from its events alone."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from evidence.version2.log.anchors import AnchorLeaf, Leaf, OpeningLeaf
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainEvent, address_topic, raw

EVIDENCE_LOG = "EvidenceLog"
_OPENED, _ANCHORED, _CONTINUED = "LogOpened", "Anchored", "LogContinued"


def leaves(
    connection: Connection,
    member: str,
    contracts: Sequence[str],
    *,
    after_block: int | None = None,
    up_to_block: int | None = None,
) -> list[Leaf]:
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
    return [_leaf(event) for event in kept[len(taken) :] if event.name != _CONTINUED]


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
