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
MAY = ("node_adapter/store/", "node_adapter/migrations/", "bonafides/wallet/store.py")
TABLES = "node_adapter.store.schema"


def builders(source: str) -> list[str]:
    """Return what a module takes to ask a database by itself: SQLAlchemy's words, our tables, SQL as text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module, names = node.module or "", [alias.name for alias in node.names]
            if module.split(".")[0] == "sqlalchemy":
                found += [name for name in names if name in BUILDERS]
            elif module.split(".")[0] == "sqlite3" or module == TABLES or (TABLES in [f"{module}.{n}" for n in names]):
                found.append(module)
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in ("sqlalchemy", "sqlite3")]
        elif isinstance(node, ast.Attribute) and node.attr == "exec_driver_sql":
            found.append(node.attr)
    return sorted(found)


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
    assert builders("import sqlite3\nimport sqlalchemy as sa") == ["sqlalchemy", "sqlite3"]
    assert builders("from node_adapter.store import schema") == ["node_adapter.store"]
    assert builders("from node_adapter.store.schema import record") == [TABLES]
    assert builders("connection.exec_driver_sql('pragma x')") == ["exec_driver_sql"]


def test_no_gateway_names_a_dialect():
    """A new database is taught to `spelling` and a module of its own, and to nobody else."""
    named = {
        name
        for name in tree.names(".py")
        if name.startswith("node_adapter/store/") and "sqlalchemy.dialects" in (ROOT / name).read_text("utf-8")
    }
    assert named == {"node_adapter/store/spelling.py"}
