"""How this member's map grows: kept with each batch, and shown to the other members that check it.

Specification: docs/spec/evidence-2.md, section 8.2. Batches and append proofs are for members alone, who ask by a
signed message: whoever holds one envelope would see in them when the client's next record came.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, cast

from sqlalchemy import Connection

from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf, decode_leaf
from evidence.version2.log.growth import GrowthStep, check_step
from evidence.version2.log.growth_document import GROWTH_FORMAT, MAX_GROWTH_STEPS, Growth
from evidence.version2.map.append_proof import AppendProof, make_append_proof
from evidence.version2.map.nodes import EMPTY
from node_adapter.node import Node
from node_adapter.peers.messages import PeerMessage
from node_adapter.store import anchor_tree, anchors, log_growth, records, wrong_anchors
from node_adapter.store.label_map import LabelMapStore
from primitives.errors import Refused, VerificationFailed
from primitives.shapes import Fields, Integer

KIND = GROWTH_FORMAT
"""The kind of the signed message by which a member asks."""

SHOWN_BYTES = 4 * 1024 * 1024  # about; a document ends with the anchor that goes beyond it
_STEP_BYTES, _RECORD_BYTES, _HASH_BYTES = 600, 130, 43  # of JSON, about
_REQUEST = Fields({"start": Integer(1)})


def insert_batch(connection: Connection, label_map: LabelMapStore, seq: int, entries: Mapping[bytes, bytes]) -> bytes:
    """Add {label: entry} to the map under an anchor, keep how it grew, and return its root.

    It is what a witness will check of this anchor, and is checked here in the same way: the walk over the map before
    leads to both roots.

    Raises:
        InvalidInput, VerificationFailed: as `LabelMapStore.insert`.
    """
    proof = _proof(connection, label_map, entries) if entries else None
    root = label_map.insert(connection, seq, entries)
    if proof is not None:
        if proof.new != root:
            raise VerificationFailed("local-map", f"the batch of anchor {seq} does not lead to the root of its map")
        log_growth.keep(connection, seq, proof)
    return root


def _proof(connection: Connection, label_map: LabelMapStore, entries: Mapping[bytes, bytes]) -> AppendProof:
    """Prove how the newest map grows by {label: entry}: of the map as it is before they are added."""
    if label_map.newest(connection) is None:
        return make_append_proof(None, entries)
    view = label_map.view(connection)
    view.read_ahead(entries)
    return make_append_proof(view.top, entries)


def give_growth(node: Node, message: PeerMessage) -> dict[str, Any]:
    """Show a member what came after an anchor: {"start"} of the body names it, from 1 on.

    Raises:
        InvalidInput: malformed.
        Refused: `growth-not-found`, the log has not grown so far.
    """
    start = _REQUEST.read(message.body, "body")["start"]
    with node.store.read() as connection:
        return shown_growth(connection, start).to_json()


def shown_growth(connection: Connection, start: int) -> Growth:
    """Return the final anchors after a number, as many as a document holds; none where it is the newest.

    Raises:
        Refused: `growth-not-found`, the log has not grown so far.
    """
    size = anchor_tree.tree_size(connection)
    if start > size:
        raise Refused("growth-not-found", f"the log has {size} leaves")
    steps, shown = [], 0
    leaves = anchor_tree.leaves(connection, start, min(MAX_GROWTH_STEPS, size - start) + 1)
    wrong = set(wrong_anchors.named(connection))
    map_root = _counted_map(connection, decode_leaf(leaves[0]), wrong)
    for data in leaves[1:]:
        leaf = cast("AnchorLeaf", decode_leaf(data))  # leaf 1 alone is an opening
        step = GrowthStep(leaf) if leaf.seq in wrong else _step(connection, leaf, map_root)
        steps.append(step)
        if leaf.seq not in wrong:
            map_root = leaf.map_root
        shown += _about_bytes(step)
        if shown > SHOWN_BYTES:
            break
    return Growth(start, anchor_tree.peaks_at(connection, start).hashes, tuple(steps))


def _counted_map(connection: Connection, leaf: AnchorLeaf | OpeningLeaf, wrong: Container[int]) -> bytes:
    """Return the root of the map that the anchor after a leaf goes on from: of the last one that is not named wrong."""
    if isinstance(leaf, AnchorLeaf) and leaf.seq not in wrong:
        return leaf.map_root
    counted = anchors.latest_counted(connection, leaf.seq)
    return EMPTY if counted is None else counted.map_root


def own_fault(connection: Connection, leaf: AnchorLeaf) -> str | None:
    """Go over an anchor of this member that stands on the chain as a witness will; say what does not hold, or None.

    Its checkpoint is signed if nothing fails (docs/spec/evidence-2.md, section 5.4).
    """
    counted = anchors.latest_counted(connection, leaf.seq)
    map_root = EMPTY if counted is None else counted.map_root
    try:
        check_step(_step(connection, leaf, map_root), map_root)
    except VerificationFailed as error:
        return str(error)
    return None


def _step(connection: Connection, leaf: AnchorLeaf, map_root: bytes) -> GrowthStep:
    kept = log_growth.at(connection, leaf.seq)
    if kept is None:
        return GrowthStep(leaf)
    batch = records.labelled(connection, leaf.size_before, leaf.size_after)
    proof = AppendProof(map_root, leaf.map_root, tuple(sorted(batch)), kept.walk, kept.hashes)
    return GrowthStep(leaf, [entry for _, entry in batch], proof)


def _about_bytes(step: GrowthStep) -> int:
    hashes = 0 if step.proof is None else len(step.proof.hashes)
    return _STEP_BYTES + _RECORD_BYTES * len(step.entries) + _HASH_BYTES * hashes
