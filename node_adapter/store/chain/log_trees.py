"""The tree of anchors of any broker, made of the index: with it this node proves a leaf without the broker's help.

The hash of every complete subtree is stored once. Rows are made when somebody asks for a proof, so many blocks at a
time, and kept; what the chain has replaced since is seen by the last leaf, and made anew.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, delete, func, insert, select

from evidence.version2.log.anchor_tree import NodeReader, Peaks, peaks_of
from node_adapter.store.anchor_tree import read_nodes
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.store.schema import member_log_node

BLOCKS_AT_ONCE = 100_000


def tree_size(connection: Connection, broker: str) -> int:
    """Return how many leaves of a broker's tree are stored."""
    newest = select(func.max(member_log_node.c.position)).where(
        member_log_node.c.broker == broker, member_log_node.c.level == 0
    )
    found = connection.execute(newest).scalar_one()
    return 0 if found is None else found + 1


def extend(log: LogLeaves) -> bool:
    """Store the leaves of some more blocks, in a write transaction; say whether that is the whole tree now.

    It may reach further than the log that is shown. It is begun anew where its last leaf is not the index's.
    """
    connection, broker = log.connection, log.member
    opening, last = log.opening, log.last()
    if opening is None or last is None:
        return True
    size = tree_size(connection, broker)
    known = min(size, last.seq)
    if known and node(connection, broker, 0, known - 1) != (opening if known == 1 else log.anchor(known)).hash():
        forget(connection, broker)
        size = 0
    if size >= last.seq:
        return True
    after = opening.block - 1 if size == 0 else log.block_of(size)
    peaks = peaks_at(connection, broker, size)
    stop = after + BLOCKS_AT_ONCE
    leaves = log.leaves(after, stop)
    while not leaves:  # the next one is not of these blocks: on to it
        stop = log.block_of(size + 1)
        leaves = log.leaves(stop - 1, stop)
    rows = []
    for leaf in leaves:
        peaks, nodes = peaks.append(leaf.hash())
        rows += [{"broker": broker, "level": level, "position": at, "hash": hash_} for (level, at), hash_ in nodes]
    connection.execute(insert(member_log_node), rows)
    return peaks.size == last.seq


def peaks_at(connection: Connection, broker: str, size: int) -> Peaks:
    """Return the peaks of the tree of a broker's first `size` leaves."""
    return peaks_of(size, node_reader(connection, broker, lambda node: peaks_of(size, node)))


def node(connection: Connection, broker: str, level: int, position: int) -> bytes:
    """Return the hash of one complete subtree of a broker's tree.

    Raises:
        InvalidInput: `index`; it is not stored.
    """
    return node_reader(connection, broker, lambda reader: reader(level, position))(level, position)


def node_reader(connection: Connection, broker: str, make: Callable[[NodeReader], object]) -> NodeReader:
    """Return a reader of the nodes that a maker of proofs about a broker's tree asks for.

    Raises:
        InvalidInput: `index`; one of them is not stored.
    """
    return read_nodes(connection, member_log_node, make, member_log_node.c.broker == broker)


def forget(connection: Connection, broker: str) -> None:
    """Take back what is stored of a broker's tree."""
    connection.execute(delete(member_log_node).where(member_log_node.c.broker == broker))
