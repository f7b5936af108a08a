"""Tests that watch the project itself: layers, secrets, words, and what the two commands promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tree

ROOT = Path(__file__).resolve().parents[2]

# A run of 64 hex digits in the tree is a digest (in a lock file, a vector, an artifact or a specification) or a key.
_MAY_HOLD_LONG_HEX = (
    "requirements/",
    "package-lock.json",
    "tests/",
    "verifier/test/",
    "node_adapter/chain/artifacts/",
    "docs/spec/",
    "scripts/",
    "suitability/rulesets/",
    "did/credentials/contexts.py",
)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_link_is_in_the_tree():
    """A link leads to a place of one machine; and one in the place of what set-up made takes that away."""
    assert [str(path) for path in tree.paths() if path.is_symlink()] == []


def test_no_private_key_is_in_the_tree():
    key = re.compile(r"BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{40}")
    found = [str(path) for path in tree.files() if key.search(_text(path))]
    assert found == []


def test_long_hex_stands_only_where_digests_do():
    found = []
    for path in tree.files():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(_MAY_HOLD_LONG_HEX) and path.suffix in {".py", ".js", ".toml", ".json", ".yml", ".sh"}:
            digits = re.findall(r"\b(?:0x)?[0-9a-f]{64}\b", _text(path))
            found += [f"{name}: {match}" for match in digits if len(set(match) - {"x"}) > 1]
    assert found == []


def test_an_import_that_stands_late_says_why():
    late = re.compile("noqa: " + r"PLC0415(?! - \S)")
    found = [
        f"{name}: {line.strip()}"
        for name in tree.names(".py")
        for line in _text(ROOT / name).splitlines()
        if late.search(line)
    ]
    assert found == []


def test_no_file_names_a_path_of_one_machine():
    bad = re.compile(r"(?<![\w.$}])/(?:work|root|home/\w+)/")
    found = [str(path) for path in tree.files() if bad.search(_text(path))]
    assert found == []


def test_no_test_directory_is_a_package():
    assert [str(path) for path in (ROOT / "tests").rglob("__init__.py")] == []


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench"])
def test_make_has_the_target(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_layers_hold():
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_no_script_is_called_as_a_package():
    """A program's own folder is searched first: a script of that name hides the package from every script beside it."""
    scripts = {name for name in tree.names(".py") if name.startswith("scripts/") and Path(name).stem in tree.PACKAGES}
    assert scripts == {"scripts/vectors/evidence.py"}  # is run as a module: `python -m scripts.vectors.evidence`
