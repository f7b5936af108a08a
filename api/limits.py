"""How often one client, or one stranger, may ask: enough for a person and a wallet, not enough to keep the node busy.

Staff and brokers' systems are not limited: they send as much as the node takes. Callers on this machine are not either,
so that a proxy in front of the node is not taken for one stranger; it must limit strangers itself. Each process counts
for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from flask import current_app

from api.front import is_own_address
from primitives.errors import Refused

EXTENSION = "bonafides-rates"
PER_SECOND, BURST = 20.0, 200.0
_MOST_KEYS = 10_000


class Rates:
    """Buckets that fill by `PER_SECOND` up to `BURST`, one for each key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with full buckets; `clock` gives seconds and never goes back."""
        self._clock = clock
        self._lock = Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> None:
        """Take one from a key's bucket.

        Raises:
            Refused: `too-many-requests`, it is empty.
        """
        now = self._clock()
        with self._lock:
            left, then = self._left.get(key, (BURST, now))
            left = min(BURST, left + (now - then) * PER_SECOND)
            if left < 1:
                raise Refused("too-many-requests", f"more than {PER_SECOND:.0f} requests a second; wait a moment")
            if len(self._left) >= _MOST_KEYS and key not in self._left:
                self._forget(now)
            self._left[key] = (left - 1, now)

    def _forget(self, now: float) -> None:
        """Drop full buckets; where there are none, the oldest half."""
        full = [key for key, (left, then) in self._left.items() if left + (now - then) * PER_SECOND >= BURST]
        for key in full or list(self._left)[: _MOST_KEYS // 2]:
            del self._left[key]


def limit_client(token_id: str) -> None:
    """Count a request of a client's session.

    Raises:
        Refused: `too-many-requests`.
    """
    _rates().take(f"client {token_id}")


def limit_stranger(address: str | None) -> None:
    """Count a request that anybody may make and that writes.

    Raises:
        Refused: `too-many-requests`.
    """
    if address is not None and not is_own_address(address):
        _rates().take(f"address {address}")


def _rates() -> Rates:
    rates: Rates = current_app.extensions[EXTENSION]
    return rates
