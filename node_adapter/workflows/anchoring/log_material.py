"""What proofs about this member's log are made of, as of one of its final anchors: receipts, bundles and claims.

Nothing here reads more than one batch and the logarithms of the rest: leaves and tree nodes are rows, the map is walked
from its top, and the tree of a batch is made of its entries when a proof asks for it, and kept for a while.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from sqlalchemy import Connection

from evidence.version2.batch_tree import BatchTree
from evidence.version2.documents.assemble import LogMaterial
from evidence.version2.log.anchors import AnchorLeaf, Leaf, OpeningLeaf
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.node import Node
from node_adapter.store import anchor_tree, anchors, records, wrong_anchors
from node_adapter.store.chain import member_registry
from primitives.errors import CouldNotCheck, Refused, VerificationFailed

CHECK = "local-log"
_KEPT_LEAVES = 1 << 18  # of batch trees: about 40 MB


class BatchTrees:
    """The trees of the batches that were asked for last, by their roots; threads may share them."""

    def __init__(self, room: int = _KEPT_LEAVES) -> None:
        """Start empty; `room` is in leaves."""
        self._room, self._taken = room, 0
        self._kept: OrderedDict[tuple[bytes, int], BatchTree] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, connection: Connection, leaf: AnchorLeaf) -> BatchTree:
        """Return the tree over the entries that an anchor adds.

        Raises:
            VerificationFailed: check `local-log`, the store does not hold what was anchored.
        """
        key = leaf.batch_root, leaf.added
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        made = BatchTree.of_entries(records.entries(connection, leaf.size_before, leaf.size_after))
        if (made.root, made.size) != key:
            raise VerificationFailed(CHECK, f"the store does not hold the records that anchor {leaf.seq} is of")
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._taken += made.size
            while self._taken > self._room and len(self._kept) > 1:
                self._taken -= self._kept.popitem(last=False)[1].size
        return made


def newest_material(node: Node, connection: Connection) -> LogMaterial | None:
    """Return what proofs are made of as of the newest final anchor with a checkpoint; None before there is one."""
    newest = anchors.last_signed(connection)
    return None if newest is None else log_material(node, connection, newest.seq)


def log_material(node: Node, connection: Connection, seq: int) -> LogMaterial:
    """Return what proofs are made of as of a final anchor; it lasts as long as the connection's transaction.

    Args:
        node: the member's node.
        connection: a connection inside a transaction.
        seq: the anchor's number, one of those whose maps are kept.

    Raises:
        Refused: `anchor-not-found`, it is not final; `map-not-kept`, it is longer ago than maps are kept.
        CouldNotCheck: `signing-key-not-held`, its checkpoint is not signed yet; `anchor-named-wrong`, it has none.
        VerificationFailed: check `local-log` or `local-map`; also whenever a function of the answer is called.
    """
    row = anchors.find_final(connection, seq)
    if row is None:
        raise Refused("anchor-not-found", f"this member has no final anchor {seq}")
    if wrong_anchors.is_named(connection, seq):
        raise CouldNotCheck(
            "anchor-named-wrong", f"anchor {seq} is named wrong: what it held follows with the next one"
        )
    if not row.checkpoint:
        raise CouldNotCheck(
            "signing-key-not-held",
            f"the checkpoint of anchor {seq} is not signed: the keystore lacks the key of its block",
        )
    return LogMaterial(
        seq=seq,
        opening=opening_leaf(connection),
        anchor=lambda number: anchor_leaf(connection, number),
        covering=lambda index: covering_leaf(connection, index),
        node=lambda level, position: anchor_tree.node(connection, level, position),
        batch_node=lambda leaf: batch_tree(node, connection, leaf).node,
        keys=lambda digest: key_set(node, connection, digest),
        checkpoint=row.checkpoint,
        map=node.label_map.view(connection, seq).top,
    )


def batch_tree(node: Node, connection: Connection, leaf: AnchorLeaf) -> BatchTree:
    """Return the tree over the entries that an anchor adds.

    Raises:
        VerificationFailed: check `local-log`.
    """
    return node.views.holder("batch trees", "", BatchTrees).of(connection, leaf)


def opening_leaf(connection: Connection) -> OpeningLeaf:
    """Return leaf 1 of this member's log.

    Raises:
        Refused: `anchor-not-found`, nothing is anchored.
    """
    leaf = _leaf(connection, OpeningLeaf.seq)
    if not isinstance(leaf, OpeningLeaf):
        raise VerificationFailed(CHECK, "leaf 1 is no opening")
    return leaf


def anchor_leaf(connection: Connection, seq: int) -> AnchorLeaf:
    """Return the leaf of a final anchor.

    Raises:
        Refused: `anchor-not-found`.
    """
    leaf = _leaf(connection, seq)
    if not isinstance(leaf, AnchorLeaf):
        raise Refused("anchor-not-found", f"leaf {seq} is no anchor")
    return leaf


def covering_leaf(connection: Connection, log_index: int) -> AnchorLeaf:
    """Return the leaf under which a place of the log lies.

    Raises:
        Refused: `not-anchored`.
    """
    found = anchors.first_covering(connection, log_index)
    if found is None:
        raise Refused("not-anchored", f"the log entry {log_index} is not anchored yet")
    return anchor_leaf(connection, found.seq)


def key_set(node: Node, connection: Connection, digest: bytes) -> MemberKeySet:
    """Return that of this member's key sets which a leaf names.

    Raises:
        VerificationFailed: check `local-log`, the registry never held one.
    """
    found = member_registry.key_sets(connection, node.address).get(digest)
    if found is None:
        raise VerificationFailed(CHECK, f"the registry never held the keys {digest.hex()} of this member")
    return found


def _leaf(connection: Connection, seq: int) -> Leaf:
    leaf = anchor_tree.find_leaf(connection, seq)
    if leaf is None:
        raise Refused("anchor-not-found", f"this member has no final anchor {seq}")
    return leaf
