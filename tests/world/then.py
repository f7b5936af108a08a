"""A test that lives at another time: what was made on a day is tried as of that day, on whatever day the test runs."""

from __future__ import annotations

import time
from pathlib import Path

_ANOTHER_CLOCK = Path(__file__).parents[2] / "scripts" / "demo" / "another_clock"


class Then:
    """This process's wall clock set to a time; it goes on from there until `end`. Durations stay as they are."""

    def __init__(self, seconds: int) -> None:
        """Set the clock to so many seconds since the Unix epoch."""
        self._own = time.time, time.time_ns
        self._shift = seconds - int(time.time())
        time.time, time.time_ns = self._seconds, self._nanoseconds

    def _seconds(self) -> float:
        return self._own[0]() + self._shift

    def _nanoseconds(self) -> int:
        return self._own[1]() + self._shift * 1_000_000_000

    def environment(self, python_path: Path) -> dict[str, str]:
        """What a process needs that lives at the same time and finds its modules under `python_path`."""
        return {"BONAFIDES_DEMO_SHIFT_SECONDS": str(self._shift), "PYTHONPATH": f"{_ANOTHER_CLOCK}:{python_path}"}

    def end(self) -> None:
        """Set the clock back to the machine's."""
        time.time, time.time_ns = self._own
