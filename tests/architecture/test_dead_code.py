"""What the product itself never uses is no part of it, tests of it or not."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests import tree

ROOT = Path(__file__).resolve().parents[2]
WATCHED = ("did/", "evidence/")
KEPT = {"identity_credential": "beside suitability_credential and consent_credential: how a type is made by hand"}


def defined(source: str) -> set[str]:
    """Return the functions, classes, methods and constants that a module defines."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("__")}


def unused(sources: dict[str, str]) -> dict[str, str]:
    """Return what the watched packages define and no module names a second time, each with its module."""
    words = Counter(word for source in sources.values() for word in re.findall(r"\w+", source))
    watched = {name: source for name, source in sources.items() if name.startswith(WATCHED)}
    return {entry: name for name, source in watched.items() for entry in defined(source) if words[entry] == 1}


def test_nothing_is_there_that_nothing_uses():
    names = [name for name in tree.names(".py") if not name.startswith("tests/")]
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    assert {entry: name for entry, name in unused(sources).items() if entry not in KEPT} == {}


def test_what_is_named_once_is_found():
    sources = {"did/a.py": "def used(): pass\ndef dead(): return used()\nLONELY = 1\n", "api/b.py": "LOST = 2\n"}
    assert unused(sources) == {"dead": "did/a.py", "LONELY": "did/a.py"}
