"""The leaves of the log: what the chain's index says of them, their batch, their map, their nodes, their checkpoint."""

from __future__ import annotations

from sqlalchemy import Connection

from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import AnchorLeaf, Leaf, decode_leaf
from evidence.version2.log.checkpoint import open_anchor_checkpoint
from evidence.version2.log.growth import GrowthStep, check_step
from evidence.version2.map.append_proof import AppendProof
from evidence.version2.map.nodes import EMPTY
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.fsck.difference import StoreDifference, same, unreadable
from node_adapter.store import anchor_tree, anchors, log_growth, log_walk, records, wrong_anchors
from node_adapter.store.chain import member_registry
from node_adapter.store.chain.log_leaves import LogLeaves
from primitives.errors import BonafidesError

PAGE = 16  # each may have a batch of thousands


def check_leaves(connection: Connection, broker: str, member: str, reached: int) -> tuple[int | None, int]:
    """Check the leaves after a number, a page of them.

    Returns:
        The last number that was checked, None where there is none after; and how many leaves were looked at.

    Raises:
        StoreDifference: the first one.
    """
    stored = anchor_tree.leaves(connection, reached + 1, PAGE)
    leaves: list[Leaf] = []
    for number, data in enumerate(stored, reached + 1):
        try:
            leaves.append(decode_leaf(data))
        except BonafidesError as error:
            raise unreadable("leaf", f"leaf {number}", error) from error
        same("leaf-number", f"leaf {number}", number, leaves[-1].seq)
    if not leaves:
        _check_end(connection, reached)
        return None, 0
    _check_index(connection, member, leaves)
    keys = member_registry.key_sets(connection, member)
    peaks = anchor_tree.peaks_at(connection, reached)
    for leaf in leaves:
        peaks = _check_nodes(connection, peaks, leaf)
        if isinstance(leaf, AnchorLeaf):
            _check_anchor(connection, leaf)
            _check_checkpoint(connection, broker, leaf, peaks.root(), keys)
    return leaves[-1].seq, len(leaves)


def _check_index(connection: Connection, member: str, leaves: list[Leaf]) -> None:
    """Check that these are the leaves that the index of the chain has."""
    last = leaves[-1]
    told = LogLeaves.of(connection, member, last.block).leaves(leaves[0].block - 1, last.block)
    by_seq = {leaf.seq: leaf for leaf in told}
    for leaf in leaves:
        found = by_seq.get(leaf.seq)
        same("chain-leaf", f"leaf {leaf.seq}", "none" if found is None else found.encode(), leaf.encode())


def _check_nodes(connection: Connection, peaks: Peaks, leaf: Leaf) -> Peaks:
    """Check what is stored of the subtrees that a leaf makes complete; return the tree with it."""
    peaks, nodes = peaks.append(leaf.hash())
    for (level, position), value in nodes:
        found = anchor_tree.node_row(connection, level, position, 1)
        same("tree-node", f"level {level}, position {position}", value, found[0] if found else "none")
    return peaks


def _check_end(connection: Connection, size: int) -> None:
    """Check that no anchor is final without a leaf, and that nothing more is stored of the tree."""
    newest = anchors.last_final(connection)
    same("leaf", f"leaf {size + 1}", newest.seq if newest else size, size)
    same("tree-nodes", "the whole tree", 2 * size - size.bit_count(), log_walk.node_count(connection))


def _check_anchor(connection: Connection, leaf: AnchorLeaf) -> None:
    """Check that the row of an anchor is what its leaf says, and that batch and map lead to it."""
    where = f"anchor {leaf.seq}"
    row = anchors.by_seq(connection, leaf.seq)
    if row is None:
        raise StoreDifference("anchor", where, "a row", "none")
    if wrong_anchors.is_named(connection, leaf.seq):
        return  # named wrong: what it says is not counted
    if (told := row.difference(leaf)) is not None:
        raise StoreDifference("anchor", where, "what its leaf says", told)
    batch = records.labelled(connection, leaf.size_before, leaf.size_after)
    before = anchors.latest_counted(connection, leaf.seq)
    map_before = EMPTY if before is None else before.map_root
    kept = log_growth.at(connection, leaf.seq)
    proof = None
    if kept is not None:
        proof = AppendProof(map_before, leaf.map_root, tuple(sorted(batch)), kept.walk, kept.hashes)
    try:
        check_step(GrowthStep(leaf, [entry for _, entry in batch], proof), map_before)
    except BonafidesError as error:
        raise unreadable("batch-and-map", where, error) from error


def _check_checkpoint(
    connection: Connection, broker: str, leaf: AnchorLeaf, root: bytes, keys: dict[bytes, MemberKeySet]
) -> None:
    """Check the signature of a checkpoint, and that it states this leaf; one that was never signed is left alone."""
    where = f"checkpoint {leaf.seq}"
    row, held = anchors.by_seq(connection, leaf.seq), keys.get(leaf.keys_digest)
    if row is None or not row.checkpoint:
        return  # the keystore lacked the key
    if held is None:
        raise StoreDifference("checkpoint-keys", where, leaf.keys_digest, "no such keys in the index")
    try:
        stated = open_anchor_checkpoint(row.checkpoint, broker, held.checkpoint)
    except BonafidesError as error:
        raise unreadable("checkpoint", where, error) from error
    expected = (leaf.seq, root, leaf.map_root, leaf.size_after)
    found = (stated.seq, stated.root, stated.map_root, stated.size)
    names = ("checkpoint-seq", "checkpoint-root", "checkpoint-map-root", "checkpoint-size")
    for name, ours, theirs in zip(names, expected, found, strict=True):
        same(name, where, ours, theirs)
    if forgotten := {*stated.wrong} - {*wrong_anchors.named(connection)}:  # it would be taken back
        raise StoreDifference("checkpoint-wrong", where, "anchors that are named wrong", f"also {sorted(forgotten)}")
