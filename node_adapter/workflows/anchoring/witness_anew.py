"""Beginning anew with a log as its witness, where the chain has lost what was cosigned: as this member's operator says.

A witness that kept a tree refuses every other one for good, which is what holds a broker and the chain's operators that
fork the chain together. A chain that was set back looks the same. So no node forgets by itself: a person looks, says
why, and what was kept, with the note that was cosigned, stays on record and is named in the node's status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from did.identifiers import parse_did
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.growth import GrowthState
from node_adapter.store import witnessed
from node_adapter.store.chain import blocks
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.workflows.anchoring.other_logs import leaves_after
from primitives.digest import tagged_sha256
from primitives.errors import CouldNotCheck, InvalidInput, Refused

MAX_REASON = 500
_CODE_TAG, _CODE_CHARACTERS = "bonafides/witness-anew/1", 12


@dataclass(frozen=True)
class LostTree:
    """What was kept of a broker's log, and the root of the chain's tree of as many anchors now."""

    broker: str
    kept: GrowthState
    chain_root: bytes

    @property
    def code(self) -> str:
        """What the operator repeats, who has looked at this very difference."""
        parts = (self.broker.encode(), self.kept.seq.to_bytes(8), self.kept.root, self.chain_root)
        return tagged_sha256(_CODE_TAG, *parts).hex()[:_CODE_CHARACTERS]

    def to_json(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "broker": self.broker,
            "seq": self.kept.seq,
            "kept": {"root": self.kept.root.hex(), "map_root": self.kept.map_root.hex(), "size": self.kept.size},
            "chain": {"root": self.chain_root.hex()},
            "confirm": self.code,
        }


def find_difference(connection: Connection, broker: str) -> LostTree:
    """Return how what is kept of a broker's log differs from the chain; every leaf up to there is read, once.

    Raises:
        InvalidInput: no DID.
        Refused: `witness-not-kept`, nothing is kept of this log; `witness-agrees`, the chain holds the kept tree.
        CouldNotCheck: `index-empty`; `index-behind`, the chain is not as long yet as what was kept.
    """
    address = parse_did(broker, "broker").address
    kept = witnessed.kept_state(connection, broker)
    if kept is None:
        raise Refused("witness-not-kept", f"broker: nothing is kept of the log of {broker}")
    opening = LogLeaves.of(connection, address, blocks.tip(connection).number).opening
    peaks = Peaks()
    if opening is not None:
        peaks, _ = peaks.append(opening.hash())
        for leaf in leaves_after(connection, address, opening.seq, kept.seq):
            peaks, _ = peaks.append(leaf.hash())
    if peaks.size != kept.seq:
        detail = f"the chain has {peaks.size} leaves of this log yet, {kept.seq} were gone over"
        raise CouldNotCheck("index-behind", detail)
    if peaks.root() == kept.root:
        raise Refused("witness-agrees", "broker: the chain holds the very tree that is kept; nothing was lost")
    return LostTree(broker, kept, peaks.root())


def begin_anew(connection: Connection, broker: str, *, reason: str, confirm: str, now_ms: int) -> dict[str, Any]:
    """Forget what is kept of a log, and keep on record that, why, and what it was; return what `LostTree` shows.

    The next checkpoint of the broker is gone over from the opening leaf.

    Args:
        connection: in a write transaction.
        broker: its DID.
        reason: why, for whoever asks.
        confirm: the code that was shown with the difference.
        now_ms: the time.

    Raises:
        InvalidInput, Refused, CouldNotCheck: as `find_difference`; `not-confirmed`, the code is of another difference.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise InvalidInput("reason", "length", f"must be 1 to {MAX_REASON} characters")
    found = find_difference(connection, broker)
    if confirm != found.code:
        raise Refused("not-confirmed", f"confirm: this difference has the code {found.code}: look at it first")
    witnessed.begin_anew(connection, broker, reason, now_ms)
    return found.to_json()
