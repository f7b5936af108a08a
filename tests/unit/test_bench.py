"""What benchmarks measure without a node, in its smallest size: each part runs, and each rate stands by its limit."""

from __future__ import annotations

import pytest

from scripts.bench.evidence_rates import PROOFS, map_rows, tree_rows


@pytest.mark.parametrize("measure", [tree_rows, map_rows])
def test_log_and_map_are_measured_beside_their_native_limits(measure):
    rows = measure(PROOFS)
    assert [name for name, _, _ in rows].count("ratio") == sum("(native limit)" in name for name, _, _ in rows) > 0
    assert all(value > 0 for _, value, _ in rows)
