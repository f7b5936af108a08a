"""Single leaves of a broker's log in the index, found without reading the others: one of 10 million costs a few looks.

Numbers, sizes and blocks all ascend from leaf to leaf, so the block of a leaf is found by halving.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from evidence.version2.log.anchors import AnchorLeaf, Leaf, OpeningLeaf
from node_adapter.store.chain import evidence_log
from node_adapter.store.chain.event_log import ChainEvent


@dataclass(frozen=True)
class LogLeaves:
    """A broker's log up to a block.

    Attributes:
        connection: a connection inside a transaction.
        member: the broker's address.
        contracts: the `EvidenceLog` contracts that the Directory named, oldest first.
        up_to_block: later leaves are not there.
    """

    connection: Connection
    member: str
    contracts: Sequence[str]
    up_to_block: int

    def last(self, block: int | None = None) -> AnchorLeaf | None:
        """Return the last anchor, or the one that was it after a block; None where there was none."""
        end = self.up_to_block if block is None else min(block, self.up_to_block)
        for event in reversed(self._taken):
            if event.block <= end:
                found = evidence_log.last_anchor(self.connection, self.member, event.address, end)
                if found is not None:
                    return found
        return None

    @classmethod
    def of(cls, connection: Connection, member: str, up_to_block: int) -> LogLeaves:
        """Return a broker's log, by its address, in the contracts that the Directory had named up to a block."""
        return cls(connection, member, evidence_log.contracts(connection, up_to_block), up_to_block)

    @cached_property
    def opening(self) -> OpeningLeaf | None:
        """Leaf 1; None where the log has not begun."""
        return evidence_log.opening_leaf(self._taken)

    def covering(self, log_index: int) -> AnchorLeaf | None:
        """Return the anchor under which a place of the log lies; None where it is not anchored, or was before."""
        found = self._first(lambda leaf: leaf.size_after > log_index)
        return found if found is not None and found.size_before <= log_index else None

    def anchor(self, seq: int) -> AnchorLeaf:
        """Return the anchor of a number.

        Raises:
            LookupError: there is none.
        """
        found = self._first(lambda leaf: leaf.seq >= seq)
        if found is None or found.seq != seq:
            raise LookupError(f"no anchor {seq} of {self.member} up to block {self.up_to_block}")
        return found

    def before(self, leaf: AnchorLeaf) -> AnchorLeaf | None:
        """Return the anchor before one of these; None before the first."""
        of_block = [one for one in self.leaves(leaf.block - 1, leaf.block) if one.seq == leaf.seq - 1]
        found = of_block[0] if of_block else self.last(leaf.block - 1)
        return found if isinstance(found, AnchorLeaf) else None

    def block_of(self, seq: int) -> int:
        """Return the block of a leaf, of the opening too.

        Raises:
            LookupError: there is none.
        """
        return self.opening.block if seq == 1 and self.opening is not None else self.anchor(seq).block

    def after(self, block: int) -> AnchorLeaf | None:
        """Return the first anchor after a block, or None."""
        return self._first(lambda leaf: leaf.block > block)

    def leaves(self, after_block: int, up_to_block: int) -> list[Leaf]:
        """Return the leaves of some blocks, in their order."""
        end = min(up_to_block, self.up_to_block)
        return evidence_log.leaves(
            self.connection, self.member, self.contracts, after_block=after_block, up_to_block=end
        )

    @cached_property
    def _taken(self) -> list[ChainEvent]:
        return evidence_log.takeovers(self.connection, self.member, self.contracts, self.up_to_block)

    def _first(self, holds: Callable[[AnchorLeaf], bool]) -> AnchorLeaf | None:
        """Return the first anchor of which something holds that holds of every later one too."""
        opening, last = self.opening, self.last()
        if opening is None or last is None or not holds(last):
            return None
        low, high = opening.block, last.block  # the one that is looked for is in low .. high
        while low < high:
            middle = (low + high) // 2
            found = self.last(middle)
            if found is not None and holds(found):
                high = found.block
            else:
                low = middle + 1
        of_block = self.leaves(low - 1, low)
        return next(leaf for leaf in of_block if isinstance(leaf, AnchorLeaf) and holds(leaf))
