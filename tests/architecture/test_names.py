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
EVIDENCE, VERSION_2 = "evidence/", "evidence/version2/"  # one thing has one name in both versions of its format
CLIENT = "bonafides/client/"  # its types are called as the description of the interface calls them


def shared(names):
    """Return the classes whose name two modules give, each with the modules."""
    found = defaultdict(list)
    for name in names:
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(name)
    return {name: places for name, places in found.items() if len(places) > 1 and not of_both_versions(places)}


def of_both_versions(places):
    """Tell whether a name is that of one thing in each version of the evidence."""
    return sorted(place.startswith(VERSION_2) for place in places) == [False, True] and all(
        place.startswith(EVIDENCE) for place in places
    )


def test_no_class_is_called_as_another():
    modules = [name for name in tree.names(".py") if name.startswith(PRODUCT) and not name.startswith(CLIENT)]
    assert len(modules) > 300
    assert shared(modules) == {}


def test_a_thing_may_be_called_the_same_in_both_versions_of_the_evidence():
    one, two = "evidence/documents/record.py", "evidence/version2/record.py"
    assert of_both_versions([one, two])
    assert not of_both_versions([one, "evidence/map/record.py"])
    assert not of_both_versions([two, "evidence/version2/links.py"])
    assert not of_both_versions([two, "domain/record.py"])
    assert not of_both_versions([one, two, two])


def test_a_shared_name_is_found(tmp_path, monkeypatch):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(f"class Same: pass\nclass Of{name[0]}: pass\n", encoding="utf-8")
    monkeypatch.setattr("tests.architecture.test_names.ROOT", tmp_path)
    assert shared(["one.py", "two.py"]) == {"Same": ["one.py", "two.py"]}
