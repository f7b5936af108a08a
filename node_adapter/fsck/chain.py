"""What the contract on the chain says of the log now, against the tree that the store holds: one question.

The contract keeps a digest over the tree of a member's anchors, and size and map root of the last one. So the answer
holds for every leaf, whatever the index says; leaf by leaf the tree was held against the index before.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from evidence.version2.log.anchors import FIRST_ANCHOR, AnchorLeaf, head_digest
from node_adapter.fsck.difference import StoreDifference, same
from node_adapter.ports import MemberHead
from node_adapter.store import anchor_tree
from node_adapter.store.chain import blocks

AskHead = Callable[[int | None], MemberHead]
"""Tells what the contract says of the member's log at the end of a block; of None there is no index, now."""


def check_chain(connection: Connection, ask: AskHead) -> int:
    """Hold the tree of the store against what the contract says at the newest block of the index; return 1, the head.

    Raises:
        StoreDifference: they differ.
        CouldNotCheck: the chain does not answer, or not of that block any more.
    """
    tip = blocks.find_tip(connection)
    told = ask(None if tip is None else tip.number)
    size = anchor_tree.tree_size(connection)
    where = f"the log's head at block {'none' if tip is None else tip.number}"
    if told.seq < FIRST_ANCHOR and size < FIRST_ANCHOR:
        return 1
    same("chain-head-seq", where, told.seq, size)
    last = anchor_tree.find_leaf(connection, size)
    if not isinstance(last, AnchorLeaf):
        raise StoreDifference("chain-head", where, f"anchor {told.seq}", "none")
    same("chain-head", where, told.head, head_digest(size, anchor_tree.peaks_at(connection, size).root()))
    same("chain-head-size", where, told.size, last.size_after)
    same("chain-head-map-root", where, told.map_root, last.map_root)
    return 1
