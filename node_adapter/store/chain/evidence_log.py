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
    connection: Connection, member: str, contracts: Sequence[str], *, after_block: int | None = None
) -> list[Leaf]:
    """Return the leaves of a broker's tree in their order: all, or those of the blocks after one.

    Args:
        connection: a connection inside a transaction.
        member: the broker's address.
        contracts: the contracts that the Directory named, oldest first: a tree goes on in a later one.
        after_block: of later blocks alone.
    """
    topic = address_topic(member)
    taken = []
    if after_block is not None:  # which contract held the tree so far: one event in each that ever did
        for name in (_OPENED, _CONTINUED):
            taken += event_log.events(
                connection, contract=EVIDENCE_LOG, name=name, topic1=topic, up_to_block=after_block
            )
    taken.sort(key=lambda event: event.block)
    found = event_log.events(connection, contract=EVIDENCE_LOG, topic1=topic, after_block=after_block)
    kept = event_log.of_successors([*taken, *found], contracts)
    return [_leaf(event) for event in kept[len(taken) :] if event.name != _CONTINUED]


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
