"""Python imports this as it starts, where the demo says so: the process then lives so many seconds from now.

It is how the demo lives a day of twenty years ago. The product has no such switch, and what measures a duration (the
monotonic clock) is left alone.
"""

import os
import time

_SHIFT = int(os.environ.get("BONAFIDES_DEMO_SHIFT_SECONDS", "0"))
_now, _now_ns = time.time, time.time_ns


def _shifted() -> float:
    return _now() + _SHIFT


def _shifted_ns() -> int:
    return _now_ns() + _SHIFT * 1_000_000_000


time.time, time.time_ns = _shifted, _shifted_ns
