"""Of which moment an answer is that was read from the index: its newest block, and whether the chain may be further.

A quiet chain makes no block for hours, so the age of the newest one says little. What says that the index is level with
the chain is the chain process's sign of life; where that is missing, a suspension or a withdrawal may be unknown here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from node_adapter.node import Node
from node_adapter.store.chain import blocks
from node_adapter.workflows.anchoring.outlook import process_trouble
from primitives.timestamp import format_time
from replay.report_material import AS_OF_NOW

STALE_MS = 120_000  # a restart of the chain process takes less
_MS = 1000


@dataclass(frozen=True)
class AsOf:
    """The block that an answer was read from.

    Attributes:
        block: its number.
        time_ms: its time.
        stale: why the chain may be further by now; None when the index was level with it a moment ago.
    """

    block: int
    time_ms: int
    stale: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the block as answers show it."""
        return {"block": self.block, "time": format_time(self.time_ms)}

    @property
    def not_checked(self) -> dict[str, str]:
        """By name, what could not be checked because of it."""
        return {} if self.stale is None else {AS_OF_NOW: self.stale}


def as_of(node: Node, connection: Connection) -> AsOf:
    """Return of which moment the index is.

    Raises:
        CouldNotCheck: `index-empty`.
    """
    tip = blocks.tip(connection)
    told = AsOf(tip.number, tip.timestamp * _MS, None)
    trouble = process_trouble(node, node.sign_of_life(), STALE_MS)
    if trouble is None:
        return told
    reason = f"what the chain says after block {tip.number} of {format_time(told.time_ms)} is unknown: {trouble[1]}"
    return AsOf(told.block, told.time_ms, reason)
