"""JSON that somebody else wrote is read by one reader, which bounds size and depth and refuses a member named twice.

`json.loads` is for what this node wrote itself: rows of its own database, and the files of the modules below. A new use
of it fails here, so that whoever adds one says whose words it reads.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import tree

ROOT = Path(__file__).resolve().parents[2]
OWN_FILES = {
    "primitives/canonical.py": "it is the reader",
    "node_adapter/chain/abi.py": "contract artifacts of this package",
    "replay/rendering/speech.py": "words of this package",
    "replay/reasons.py": "sentences of this package",
    "node_adapter/life.py": "the processes' own sign of life",
    "node_adapter/chain/embedded.py": "a network's own directory",
    "node_adapter/chain/embedded_control.py": "a chain that this machine started",
    "node_adapter/chain/embedded_state.py": "the same chain's state, which has no upper size",
    "node_adapter/chain/providers.py": "finds where an answer of a socket ends; the reader reads it then",
    "node_adapter/store/chain/evidence.py": "the node's own index",
    "node_adapter/store/former.py": "rows of the node's own database",
    "node_adapter/store/retention.py": "rows of the node's own database",
    "node_adapter/store/replays.py": "rows of the node's own database",
    "node_adapter/store/state_requests.py": "rows of the node's own database",
    "node_adapter/workflows/tasks/input.py": "rows of the node's own database",
}
ROWS = ("row", "known", "issued", "erase")  # what a function calls a row of the node's own database
READERS = {"loads", "load", "get_json", "json", "JSONDecoder", "raw_decode"}


def readers(source: str) -> list[tuple[int, str]]:
    """Return line and text of each call that parses JSON other than by `parse_json`, rows of the database aside."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in READERS and _reads_json(call, name) and not _is_row(call):
            found.append((call.lineno, ast.unparse(call)))
    return found


def _reads_json(call: ast.Call, name: str) -> bool:
    if name in ("loads", "load") and isinstance(call.func, ast.Attribute):
        return ast.unparse(call.func.value) == "json"
    return name != "load"


def _is_row(call: ast.Call) -> bool:
    if not call.args:
        return False
    argument = call.args[0].values[0] if isinstance(call.args[0], ast.BoolOp) else call.args[0]
    return isinstance(argument, ast.Attribute) and isinstance(argument.value, ast.Name) and argument.value.id in ROWS


def test_what_others_wrote_is_read_by_one_reader():
    files = [name for name in tree.names(".py") if name.startswith(tree.PACKAGES)]
    found = [
        f"{name}:{line}: {text}"
        for name in files
        if name not in OWN_FILES
        for line, text in readers((ROOT / name).read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("name", OWN_FILES)
def test_an_exception_is_still_needed(name):
    assert readers((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize(
    ("source", "is_told"),
    [
        ("json.loads(data)", True),
        ("loads(body)", True),
        ("response.json()", True),
        ("request.get_json()", True),
        ("json.load(file)", True),
        ("json.loads(row.payload)", False),
        ('json.loads(row.payload or "{}")', False),
        ("parse_json(data)", False),
        ("tomllib.loads(text)", False),
    ],
)
def test_the_search_finds_what_it_looks_for(source, is_told):
    assert bool(readers(source)) == is_told
