"""What the product itself never uses is no part of it, tests of it or not."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests import tree
from tests.architecture.test_names import PRODUCT

ROOT = Path(__file__).resolve().parents[2]
WATCHED = tuple(f"{name}/" for name in PRODUCT)
UNWATCHED = ("bonafides/client/", "evidence/version2/", "primitives/suite")  # outside uses the one; the others grow
REGISTERING = ("get", "post", "command", "group", "before_request", "after_request", "teardown_request")
_HOOK = "a library calls it by this name"
_PROOFS = "the specification has both forms of a proof and both ways through a transcript; the vectors hold them"
KEPT = {
    "identity_credential": "beside suitability_credential and consent_credential: how a type is made by hand",
    "address_of_public": "beside address_of: the account of a key that is not ours, held to a known one",
    "main_claim": "the command `bonafides-verify-claim`: its distribution names it",
    "release_ports": "ends what reserve_port begins, for who takes a node's directory away",
    **dict.fromkeys(("channel_class", "error_task_class"), _HOOK),  # waitress
    **dict.fromkeys(("format_commands", "get_command", "list_commands"), _HOOK),  # click
    "handleError": _HOOK,  # logging
    "_traverse_internals": _HOOK,  # sqlalchemy
    **dict.fromkeys(("BATCHABLE", "prove_batchable", "verify_batchable"), _PROOFS),
    **dict.fromkeys(("serialize_field", "serialize_varlen", "deserialize_field", "deserialize_varlen"), _PROOFS),
}


def defined(source: str) -> set[str]:
    """Return the functions, classes, methods and constants that a module defines, but for those it registers."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if not _is_registered(node):
                found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("__")}


def _is_registered(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Tell whether a decorator hands it to a framework: a route, a command, a spelling of SQL."""
    called = [entry.func if isinstance(entry, ast.Call) else entry for entry in node.decorator_list]
    return any(
        entry.attr in REGISTERING
        if isinstance(entry, ast.Attribute)
        else isinstance(entry, ast.Name) and entry.id == "compiles"
        for entry in called
    )


def unused(sources: dict[str, str]) -> dict[str, str]:
    """Return what the watched packages define and no module names a second time, each with its module."""
    words = Counter(word for source in sources.values() for word in re.findall(r"\w+", source))
    watched = {
        name: source for name, source in sources.items() if name.startswith(WATCHED) and not name.startswith(UNWATCHED)
    }
    return {entry: name for name, source in watched.items() for entry in defined(source) if words[entry] == 1}


def test_nothing_is_there_that_nothing_uses_but_what_is_kept():
    names = [name for name in tree.names(".py") if not name.startswith("tests/")]
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    found = unused(sources)
    assert {entry: name for entry, name in found.items() if entry not in KEPT} == {}
    assert KEPT.keys() - found.keys() == set()  # what is used by now needs no reason


def test_what_is_named_once_is_found():
    sources = {"did/a.py": "def used(): pass\ndef dead(): return used()\nLONELY = 1\n", "scripts/b.py": "LOST = 2\n"}
    sources["api/c.py"] = "@app.get()\ndef route(): pass\n\n@cache\ndef lost(): pass\n"
    assert unused(sources) == {"dead": "did/a.py", "LONELY": "did/a.py", "lost": "api/c.py"}
