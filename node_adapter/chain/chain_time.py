"""The chain's time, told by the monotonic clock: the machine's own time may have been set wrong.

Each block shows that the chain's time had come to the block's when this node saw it, so each gives a lower bound of how
far the chain is ahead of the monotonic clock. The largest of the last half hour is kept: the two clocks drift apart,
and a bound of last month would be worth nothing. A chain that makes a block only when there is something to put in it
shows its time in the pending block, where the engine gives one.
"""

from __future__ import annotations

from collections.abc import Mapping

from node_adapter.chain.errors import JsonRpcError
from node_adapter.ports import ChainRpc

ASK_EVERY_MS = 5_000
KEEP_MS = 30 * 60_000
_MS = 1000


class ChainTime:
    """How far the chain's time is ahead of the monotonic clock, in milliseconds."""

    def __init__(self, known: int | None = None, monotonic_ms: int = 0) -> None:
        """Know nothing yet, or what an earlier process of this machine's start had found out (`ahead`)."""
        self._newest = known  # the largest bound of this half hour
        self._before: int | None = None  # and of the one before
        self._since = monotonic_ms
        self._asked: int | None = None  # when, by the monotonic clock
        self._latest: int | None = None  # the newest block's time at that moment
        self.told: int | None = None  # when the chain last told its time to the second or so

    @property
    def ahead(self) -> int | None:
        """What to add to the monotonic clock to get the chain's time; None while nothing was seen."""
        return max((bound for bound in (self._newest, self._before) if bound is not None), default=None)

    def saw(self, timestamp: int, monotonic_ms: int) -> None:
        """A block of this time, in seconds, was there at that moment."""
        bound = timestamp * _MS - monotonic_ms
        if self._newest is None or monotonic_ms - self._since > KEEP_MS:
            self._before, self._newest, self._since = self._newest, bound, monotonic_ms
        self._newest = max(self._newest, bound)

    def ask(self, rpc: ChainRpc, monotonic_ms: int) -> None:
        """Ask the chain's node, unless it was asked lately.

        Raises:
            CouldNotCheck: `chain-unreachable`.
        """
        if self._asked is not None and monotonic_ms - self._asked < ASK_EVERY_MS:
            return
        latest, pending = _time_of(rpc, "latest"), _time_of(rpc, "pending")
        for timestamp in (latest, pending):
            if timestamp is not None:
                self.saw(timestamp, monotonic_ms)
        if (self._asked is not None and latest != self._latest) or (pending or 0) > (latest or 0):
            self.told = monotonic_ms
        self._asked, self._latest = monotonic_ms, latest


def _time_of(rpc: ChainRpc, tag: str) -> int | None:
    try:
        block = rpc.call("eth_getBlockByNumber", tag, False)
    except JsonRpcError:  # such as an engine that gives no pending block
        return None
    text = block.get("timestamp") if isinstance(block, Mapping) else None
    try:
        return int(text, 16) if isinstance(text, str) else None
    except ValueError:
        return None
