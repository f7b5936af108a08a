"""What lies at one place of a broker's log, and what its map counts there: asked and shown between members.

The broker's node shows the path of the place in its batch, what the anchor's map holds under a label, and its newest
checkpoint; of an anchor that was named wrong the checkpoint alone. It shows them to members only: who holds one
envelope would learn when the record after it came. Whoever asks checks all of it against the leaf that the chain made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.log import note as notes
from evidence.log.tree import inclusion_path, verify_inclusion
from evidence.version2.documents.claim import COUNTED, PLACE, PlacedEntry, counted_under
from evidence.version2.log.anchors import FIRST_ANCHOR, AnchorLeaf
from evidence.version2.log.convict import PresentEntry
from evidence.version2.map.label_map import Absence, verify_absence, verify_presence
from evidence.version2.promise import Promise
from node_adapter.node import Node
from node_adapter.peers.messages import PeerMessage, sign_message
from node_adapter.store import anchors, records, wrong_anchors
from node_adapter.workflows.anchoring.log_material import anchor_leaf, batch_tree
from primitives.errors import CouldNotCheck, Refused
from primitives.shapes import Fields, Integer, Nullable, Text

KIND = "bonafides.log-evidence/1"
_QUESTION = Fields({"seq": Integer(FIRST_ANCHOR), "log_index": shapes.NUMBER, "label": shapes.HASH})


@dataclass(frozen=True)
class LogEvidence:
    """What a broker shows of a place under one of its anchors; what it does not show is None.

    Attributes:
        place: the entry that lies there.
        counted: what the anchor's map holds under the label.
        checkpoint: the newest note.
    """

    place: PlacedEntry | None
    counted: PresentEntry | Absence | None
    checkpoint: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "place": None if self.place is None else self.place.to_json(),
            "map": None if self.counted is None else self.counted.to_json(),
            "checkpoint": self.checkpoint,
        }

    def check(self, promise: Promise, leaf: AnchorLeaf) -> None:
        """Check it against the leaf of the anchor that covers a promised place.

        Raises:
            VerificationFailed: checks `inclusion`, `label-map`; it is not what was anchored.
        """
        if self.place is not None:
            at = promise.log_index - leaf.size_before
            verify_inclusion(self.place.entry, at, leaf.added, self.place.path, leaf.batch_root)
        if isinstance(self.counted, Absence):
            verify_absence(leaf.map_root, promise.label, self.counted)
        elif self.counted is not None:
            verify_presence(leaf.map_root, promise.label, self.counted.entry, self.counted.path)


LOG_EVIDENCE = Fields(
    {
        "place": Nullable(PLACE),
        "map": Nullable(COUNTED),
        "checkpoint": Nullable(Text(notes.MAX_NOTE_BYTES, controls=True)),
    }
).then(lambda shown, _: LogEvidence(shown["place"], shown["map"], shown["checkpoint"]))


def show_evidence(node: Node, message: PeerMessage) -> dict[str, Any]:
    """Answer another member's question ({"seq", "log_index", "label"}).

    Raises:
        InvalidInput: malformed; `log-index`, the anchor does not cover the place.
        Refused: `anchor-not-found`.
        VerificationFailed: check `local-log` or `local-map`.
    """
    asked = _QUESTION.read(message.body, "body")
    return _own_evidence(node, asked["seq"], asked["log_index"], asked["label"]).to_json()


def evidence_of(node: Node, broker: str, promise: Promise, leaf: AnchorLeaf) -> LogEvidence:
    """Return what a broker, by its address, shows of a promised place under the anchor that covers it.

    Raises:
        CouldNotCheck: `peer-unknown`; peer errors; `node-restored`.
        Refused: the broker's node refuses.
        InvalidInput: its answer is none.
    """
    if broker == node.address:
        return _own_evidence(node, leaf.seq, promise.log_index, promise.label)
    base = node.settings.peers.get(broker)
    if base is None:
        raise CouldNotCheck("peer-unknown", f"this node's settings name no URL of {broker}")
    body: Mapping[str, Any] = {"seq": leaf.seq, "log_index": promise.log_index, "label": promise.label.hex()}
    evidence: LogEvidence = LOG_EVIDENCE.read(node.send(base, sign_message(node, broker, KIND, body)), "answer")
    return evidence


def _own_evidence(node: Node, seq: int, log_index: int, label: bytes) -> LogEvidence:
    with node.store.read() as connection:
        leaf, newest = anchor_leaf(connection, seq), anchors.last_signed(connection)
        checkpoint = None if newest is None else newest.checkpoint
        if wrong_anchors.is_named(connection, seq):
            return LogEvidence(None, None, checkpoint)
        path = inclusion_path(log_index - leaf.size_before, leaf.added, batch_tree(node, connection, leaf).node)
        [entry] = records.entries(connection, log_index, log_index + 1)
        try:
            counted = counted_under(node.label_map.view(connection, seq).top, label)
        except Refused:  # longer ago than maps are kept
            counted = None
    return LogEvidence(PlacedEntry(entry, tuple(path)), counted, checkpoint)
