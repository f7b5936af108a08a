"""`Any` in a signature is for the door alone: the files that may have it are listed in pyproject.toml, and need it."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from tests import tree

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("primitives", "did", "evidence", "suitability", "mpc", "replay", "node_adapter", "api", "bonafides")
CLOSED = (
    "did/",
    "evidence/",
    "mpc/",
    "node_adapter/workflows/tasks/",
)  # rooms behind the door: no file of theirs may be listed


def with_any():
    """Return the files that have a parameter or an answer of any type."""
    names = [name for name in tree.names(".py") if name.startswith(PACKAGES)]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "ANN401", "--output-format", "json"]
    told = subprocess.run([*command, *names], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return {str(Path(finding["filename"]).relative_to(ROOT)) for finding in json.loads(told.stdout)}


def listed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]["per-file-ignores"]
    return {name for name, rules in settings.items() if "ANN401" in rules and name != "scripts/**"}


def test_the_list_is_what_is_needed():
    assert listed() == with_any()


def test_rooms_behind_the_door_have_none():
    assert [name for name in listed() if name.startswith(CLOSED)] == []
