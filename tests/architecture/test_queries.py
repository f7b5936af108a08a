"""Whatever asks the database stands in the store, where the cost of every question is measured at two ages.

`tests/unit/node_adapter/test_growth.py` measures the functions of `node_adapter.store`; a query that is built elsewhere
would escape it.
"""

from __future__ import annotations

import ast
from pathlib import Path

from tests import tree

ROOT = Path(__file__).resolve().parents[2]
BUILDERS = {"select", "insert", "update", "delete", "text", "table", "func", "union", "union_all", "exists"}
MAY = ("node_adapter/store/", "node_adapter/migrations/")


def builders(source: str) -> list[str]:
    """Return what a module takes from SQLAlchemy to build a query."""
    return sorted(
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy"
        for alias in node.names
        if alias.name in BUILDERS
    )


def test_queries_are_built_in_the_store_only():
    found = {}
    for package in tree.PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(MAY) and (taken := builders(path.read_text("utf-8"))):
                found[name] = taken
    assert found == {}


def test_a_query_of_a_workflow_is_found():
    assert builders("from sqlalchemy import Connection, func, select") == ["func", "select"]
    assert builders("from sqlalchemy.dialects.sqlite import insert") == ["insert"]
