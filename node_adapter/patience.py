"""How long to wait for our own processes: until they end, or else by the seconds of a machine that is free.

A start that takes two seconds on a free machine takes half a minute where fifteen others want the processor. So time
counts less the more want it: with `n` that could run on each processor, a second counts as 1/n. And a look that comes
late, because whoever looks got no processor or was stopped, counts as one second at most.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_LOAD = Path("/proc/loadavg")
_MOST_SECONDS_OF_A_LOOK = 1.0


def slowness() -> float:
    """Return how many want each processor of this machine, over the last minute or now; at least 1."""
    try:
        average, _, _, now, _ = _LOAD.read_text("ascii").split()
        wanting = max(float(average), float(now.partition("/")[0]))
    except (OSError, ValueError):
        return 1.0
    return max(1.0, wanting / len(os.sched_getaffinity(0)))


class Patience:
    """A deadline that moves away while the machine is busy. Ask `is_over` once in every round of a wait."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        slowness: Callable[[], float] = slowness,
    ) -> None:
        """Begin to wait.

        Args:
            seconds: how long, on a machine that is free.
            clock: the seconds of a clock that never goes back.
            slowness: how many want each processor.
        """
        self._left = seconds
        self._clock, self._slowness = clock, slowness
        self._looked = clock()

    def is_over(self) -> bool:
        """Count the time since the last look; say whether the wait has lasted long enough."""
        now = self._clock()
        self._left -= min(now - self._looked, _MOST_SECONDS_OF_A_LOOK) / self._slowness()
        self._looked = now
        return self._left <= 0
