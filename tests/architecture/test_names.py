"""One name for one thing: no class of the product is called as another is."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests import tree

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (
    "primitives",
    "domain",
    "did",
    "evidence",
    "suitability",
    "mpc",
    "replay",
    "node_adapter",
    "api",
    "bonafides",
)
CLIENT = "bonafides/client/"  # its types are called as the description of the interface calls them
SHARED = {  # what still bears another's name, and why
    "Act": "an act as it came to a node, and as the rules of the domain read it",
    "Fact": "a fact as it came to a node, and as a domain reads it",
    "Line": "a line of the doctor's answer, and the shape of one line of text",
    "Prepared": "a computation, and a consent, that is prepared",
    "Rulebook": "what a node has in force, and what a bundle's records name",
}


def shared(names):
    """Return the classes whose name two modules give, each with the modules."""
    found = defaultdict(list)
    for name in names:
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(name)
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_class_is_called_as_another():
    modules = [name for name in tree.names(".py") if name.startswith(PRODUCT) and not name.startswith(CLIENT)]
    assert len(modules) > 300
    assert {name: places for name, places in shared(modules).items() if name not in SHARED} == {}
