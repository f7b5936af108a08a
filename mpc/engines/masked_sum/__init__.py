"""`masked-sum/1`: totals over all owners that nobody computes alone (docs/spec/joint-statistics.md)."""

from __future__ import annotations

from mpc.engines.masked_sum.engine import MaskedSum

ENGINE = MaskedSum()
