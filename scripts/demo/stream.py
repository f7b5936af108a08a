"""A seeded stream of numbers: SHA-256 in counter mode, the same on every machine and Python version.

For made-up data only. Nothing secret may come from here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

from primitives.digest import tagged_sha256

_TAG = "bonafides/demo/stream/1"
_NORMAL = NormalDist()
_RESOLUTION = 2**53

T = TypeVar("T")


class Stream:
    """Numbers that depend on a seed and a purpose only."""

    def __init__(self, seed: int, purpose: str) -> None:
        """Begin the stream of this seed and purpose."""
        self._prefix = f"{seed}/{purpose}".encode()
        self._counter = 0

    def uniform(self) -> float:
        """Return a number strictly between 0 and 1."""
        digest = tagged_sha256(_TAG, self._prefix, self._counter.to_bytes(8))
        self._counter += 1
        return (int.from_bytes(digest[:8]) % (_RESOLUTION - 1) + 1) / _RESOLUTION

    def below(self, limit: int) -> int:
        """Return an integer from 0 to `limit` - 1."""
        return int(self.uniform() * limit)

    def normal(self) -> float:
        """Return a standard normal number."""
        return _NORMAL.inv_cdf(self.uniform())

    def choose(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """Return one of the options with the given weights."""
        point = self.uniform() * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            point -= weight
            if point < 0:
                return option
        return options[-1]

    def beta(self, a: float, b: float) -> float:
        """Return a Beta(a, b) number (Joehnk's method)."""
        while True:
            x = math.pow(self.uniform(), 1 / a)
            y = math.pow(self.uniform(), 1 / b)
            if x + y <= 1:
                return x / (x + y)
