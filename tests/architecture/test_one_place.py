"""One truth in one place: a closed list of words is written in one module, and whoever needs it imports it."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests import tree
from tests.architecture.test_names import PRODUCT

ROOT = Path(__file__).resolve().parents[2]
GENERATED = "bonafides/client/types.py"
KEPT = {
    ("DataIntegrityProof", "eddsa-jcs-2022"): "the name under which the registry finds what this version signs by",
    ("MemberAdmitted", "MemberKeysChanged", "MemberSuspended"): "the contract's own words, read by did and by evidence",
}


def lists_of_words(source: str) -> set[frozenset[str]]:
    """Return the tuples, lists and sets of words that a module's own constants are."""
    found = set()
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign):
            continue
        for part in ast.walk(node.value):
            if isinstance(part, ast.Tuple | ast.List | ast.Set):
                words = [entry.value for entry in part.elts if isinstance(entry, ast.Constant)]
                if len(words) == len(part.elts) > 1 and all(isinstance(word, str) for word in words):
                    found.add(frozenset(words))
    return found


def written_twice(sources: dict[str, str]) -> dict[tuple[str, ...], list[str]]:
    """Return the lists that two modules write, each with the modules."""
    places = defaultdict(list)
    for name, source in sources.items():
        for words in lists_of_words(source):
            places[tuple(sorted(words))].append(name)
    return {words: names for words, names in places.items() if len(names) > 1}


def test_no_list_of_words_is_written_twice():
    names = [name for name in tree.names(".py") if name.startswith(PRODUCT) and name != GENERATED]
    assert len(names) > 300
    found = written_twice({name: (ROOT / name).read_text(encoding="utf-8") for name in names})
    assert found.keys() == KEPT.keys()


def test_a_list_that_is_written_twice_is_found():
    sources = {"a.py": "A = ('x', 'y')\nB = ('z',)\n", "b.py": "C = frozenset({'y', 'x'})\nD = ('z',)\n"}
    assert written_twice(sources) == {("x", "y"): ["a.py", "b.py"]}
