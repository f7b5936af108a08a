"""Whatever is left out on PostgreSQL is a test that there is, and has its reason."""

from __future__ import annotations

import ast

from tests.tree import ROOT
from tests.world.databases import NOT_ON_POSTGRESQL, not_on_postgresql


def functions_of(name: str) -> set[str]:
    """Return the functions of a file, by the ids that they have as tests."""
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    return {f"{name}::{one.name}" for one in tree.body if isinstance(one, ast.FunctionDef)}


def test_each_test_that_is_left_out_is_there() -> None:
    left_out = set(not_on_postgresql())
    assert left_out <= {test for name in {one.partition("::")[0] for one in left_out} for test in functions_of(name)}


def test_each_has_one_reason() -> None:
    lines = [line for line in NOT_ON_POSTGRESQL.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert [line for line in lines if len(line.split("\t")) != 2 or not line.split("\t")[1].strip()] == []
    ids = [line.split("\t")[0] for line in lines]
    assert ids == sorted(set(ids))
