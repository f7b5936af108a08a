"""Every place that checks a signature stands in docs/signatures.md, with tests that let the wrong party sign."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests import tree

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "signatures.md"
CHECKS = frozenset(
    {
        "check_countersigned",
        "check_enrolment",
        "cosigned_by",
        "open_anchor_checkpoint",
        "open_checkpoint",
        "recover_typed",
        "verify_act",
        "verify_credential",
        "verify_message",
        "verify_opening",
        "verify_promise",
        "verify_proof",
        "verify_receipt",
    }
)
_CODE = re.compile(r"`([^`]+)`")


def rows():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


ROWS = rows()


def checks_in(path):
    """Name the signature checks that a file calls."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in CHECKS:
            found.add(function.id)
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = f"{function.value.id}.{function.attr}"
            if name in ("ed25519.verify", "eip712.recover_typed"):
                found.add(name)
    return found


def test_every_file_that_checks_a_signature_stands_in_a_row():
    named = {file for row in ROWS for file in _CODE.findall(row[3])}
    checking = {
        str(path.relative_to(ROOT)): found
        for package in set(tree.PACKAGES) - {"primitives"}
        for path in (ROOT / package).rglob("*.py")
        if (found := checks_in(path))
    }
    assert checking.keys() >= {"node_adapter/workflows/intake/acts.py", "did/credentials/verify.py"}, (
        "the search finds nothing"
    )
    missing = {file: found for file, found in checking.items() if file not in named and not _is_primitive(file)}
    assert missing == {}
    assert [file for file in named if not (ROOT / file).is_file()] == []


def _is_primitive(file):
    return file.startswith("did/credentials/suites/")  # the suites themselves: who may sign is asked by their callers


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_who_may_and_lets_the_wrong_party_sign(row):
    assert len(row) == 6
    assert all(row)
    for cell in row[4:]:
        tests = _CODE.findall(cell)
        assert tests, f"{row[0]}: no test stands in {cell!r}"
        for test in tests:
            file, _, name = test.partition("::")
            text = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"\b(def|function) {re.escape(name)}\(", text), f"{test} does not exist"
