"""No `repr` shows a secret: an object lands in a log, a traceback or a debugger sooner or later."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests import tree

ROOT = Path(__file__).resolve().parents[2]
SECRET = re.compile(
    r"seed|salt|password|secret|private|blinding|controller|(^|_)tokens?$|^payload$|^response$|^key_bytes$"
)


def shown_secrets(source: str) -> list[str]:
    """Return the fields of dataclasses that hold a secret or a client's data, and stand in the `repr`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        if not any("dataclass" in text for text in decorators) or any("repr=False" in text for text in decorators):
            continue
        if any(isinstance(entry, ast.FunctionDef) and entry.name == "__repr__" for entry in node.body):
            continue
        for entry in node.body:
            if not isinstance(entry, ast.AnnAssign) or not isinstance(entry.target, ast.Name):
                continue
            hidden = entry.value is not None and "repr=False" in ast.unparse(entry.value)
            kind = ast.unparse(entry.annotation)
            if SECRET.search(entry.target.id) and not hidden and ("bytes" in kind or "str" in kind or "Any" in kind):
                found.append(f"{node.name}.{entry.target.id}")
    return found


def test_no_repr_of_the_product_shows_a_secret():
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for package in tree.PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        for name in shown_secrets(file.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("root_salt: bytes", ["Row.root_salt"]),
        ("payload: str | None", ["Row.payload"]),
        ("salt: bytes | None = None", ["Row.salt"]),
        ("root_salt: bytes = field(repr=False)", []),
        ("salts: int", []),
        ("name: str", []),
    ],
)
def test_the_search_finds(body, found):
    assert shown_secrets(f"@dataclass(frozen=True)\nclass Row:\n    {body}\n") == found
