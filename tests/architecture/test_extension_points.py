"""What is to be added often is added by few files: each is added to a copy of the checkout and used there.

The copy's own tests do the work, so that the new part goes the whole way: through a node's routes to another node.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.docs import tables
from suitability.records import RECORD_TYPES
from tests import tree

ROOT = Path(__file__).resolve().parents[2]
PARTS = Path(__file__).with_name("extensions")
BUILT = (["scripts/openapi/build.py"], ["-m", "scripts.docs.tables"])  # what is built is no file that somebody changes
CHANGES_WHAT_IS_BUILT = ("credential_type", "engine", "suite")


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of the checkout's Python, with what it reads beside."""
    left_out = ("contracts/", "docs/adr/", "requirements/", "scripts/demo/data/")
    for name in tree.names():
        if not name.startswith(left_out):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


CHANGED = {  # in a file that is there: what stands in it, and what takes its place
    "proof_kind": {
        "evidence/chain/engines.py": ('PROOF_KINDS["ethereum-receipt-trie/1"]', 'PROOF_KINDS["all-receipts/1"]')
    }
}


def add(checkout, part):
    """Add the files of a part to a copy, change what must be changed, and return both but for the tests."""
    added = [path.relative_to(PARTS / part) for path in sorted((PARTS / part).rglob("*.txt"))]
    for name in added:
        target = checkout / name.with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PARTS / part / name, target)
    changed = CHANGED.get(part, {})
    for name, (before, after) in changed.items():
        text = (checkout / name).read_text(encoding="utf-8")
        assert text.count(before) == 1
        (checkout / name).write_text(text.replace(before, after), encoding="utf-8")
    return [*(name for name in added if name.parts[0] != "tests"), *changed]


@pytest.mark.parametrize(("part", "files"), [("credential_type", 1), ("suite", 1), ("engine", 1), ("proof_kind", 2)])
def test_a_part_is_added_by_so_many_files(checkout, part, files):
    assert len(add(checkout, part)) == files
    built = BUILT if part in CHANGES_WHAT_IS_BUILT else ()
    for command in (*built, ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/added/test_{part}.py"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},  # before the checkout that the environment installs
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_tables_of_the_pages_say_what_the_registries_hold():
    for page, text in tables.outputs().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name}: run python -m scripts.docs.tables"


def test_evidence_knows_no_record_type_by_its_name():
    """Who must sign, what enrols a key and what tells of an issue, the domain says: `evidence.verify.signing`."""
    codes = re.compile("|".join(sorted(RECORD_TYPES)))
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in tree.names(".py")
        if name.startswith("evidence/")
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
        if codes.search(line)
    ]
    assert found == []
