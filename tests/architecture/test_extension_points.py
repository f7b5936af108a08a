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

from domain.erasure import ERASE
from domain.opening import OPENING
from scripts.docs import tables
from suitability.records import RECORD_TYPES
from tests import tree

ROOT = Path(__file__).resolve().parents[2]
PARTS = Path(__file__).with_name("extensions")
BUILT = (["scripts/openapi/build.py"], ["-m", "scripts.docs.tables"])  # what is built is no file that somebody changes
CHANGES_WHAT_IS_BUILT = ("credential_type", "domain", "engine", "record_type", "rule", "suite")


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
        "evidence/chain/engines.py": [('PROOF_KINDS["ethereum-receipt-trie/1"]', 'PROOF_KINDS["all-receipts/1"]')]
    },
    "rule": {
        "suitability/records/agreement.py": [
            (
                "CODES = {\n",
                'CODES = {\n    "SIGNED_BY_SEAL": Code(\n        Words("以印章签署", "signed by seal"), '
                '"an agreement bears a seal", proves="SIGNED_LATE"\n    ),\n',
            ),
            (
                "def _fold(",
                "def _seal(_: SubjectState, act: Act) -> Iterator[Finding]:\n"
                '    if act.details.get("sign_mode") == "seal":\n'
                '        yield Finding("SIGNED_BY_SEAL", "agreement.no-seal", "it bears a seal")\n\n\ndef _fold(',
            ),
            ("rules=(not_ended, _sign)", "rules=(not_ended, _seal, _sign)"),
        ]
    },
}
ENTRY_POINT = "[bonafides.domains]\ndesk = lost_property.domain:LOST_PROPERTY\n"


def add(checkout, part):
    """Add the files of a part to a copy, change what must be changed, and return both but for the tests."""
    added = [path.relative_to(PARTS / part) for path in sorted((PARTS / part).rglob("*.txt"))]
    for name in added:
        target = checkout / name.with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PARTS / part / name, target)
    changed = CHANGED.get(part, {})
    for name, replaced in changed.items():
        text = (checkout / name).read_text(encoding="utf-8")
        for before, after in replaced:
            assert text.count(before) == 1
            text = text.replace(before, after)
        (checkout / name).write_text(text, encoding="utf-8")
    return [*(name for name in added if name.parts[0] != "tests"), *changed]


def use(checkout, part):
    """Build what is built, and run the part's own tests, in a copy."""
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


@pytest.mark.parametrize(
    ("part", "files"),
    [("record_type", 1), ("rule", 1), ("credential_type", 1), ("suite", 1), ("engine", 1), ("proof_kind", 2)],
)
def test_a_part_is_added_by_so_many_files(checkout, part, files):
    assert len(add(checkout, part)) == files
    use(checkout, part)


def test_a_domain_is_a_package_of_its_own(checkout):
    assert add(checkout, "domain") == []
    own, offered = checkout / "lost_property", checkout / "lost_property-1.dist-info"
    for folder in (own, offered):
        folder.mkdir()
    shutil.copyfile(ROOT / "tests" / "world" / "lost_property.py", own / "domain.py")
    (own / "__init__.py").touch()
    (offered / "METADATA").write_text("Metadata-Version: 2.1\nName: lost-property\nVersion: 1\n", encoding="utf-8")
    (offered / "entry_points.txt").write_text(ENTRY_POINT, encoding="utf-8")
    use(checkout, "domain")


def test_the_tables_of_the_pages_say_what_the_registries_hold():
    for page, text in tables.outputs().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name}: run python -m scripts.docs.tables"


def test_evidence_knows_no_record_type_by_its_name():
    """Who must sign, what enrols a key and what tells of an issue, the domain says: `evidence.verify.signing`."""
    of_the_format = {OPENING, ERASE}  # docs/spec/evidence-2.md, sections 2.2 and 4: types of the histories themselves
    codes = re.compile(rf"\b(?:{'|'.join(sorted(RECORD_TYPES.keys() - of_the_format))})\b")
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in tree.names(".py")
        if name.startswith("evidence/")
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
        if codes.search(line)
    ]
    assert found == []
