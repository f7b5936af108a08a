"""The specification, the rules and the tests name the same codes and fields."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from suitability.records import CLIENT_ACTS, RECORD_TYPES

ROOT = Path(__file__).parents[3]
SPECIFICATION = (ROOT / "docs" / "spec" / "suitability.md").read_text(encoding="utf-8")
RULES = ("limits.py", "rules.py", "second_person_rules.py", "states.py")
SOURCES = "".join((ROOT / "suitability" / name).read_text(encoding="utf-8") for name in RULES)
TESTS = Path(__file__).with_name("test_states.py").read_text(encoding="utf-8")
CODES = set(re.findall(r'Finding\(\s*"([A-Z_]+)"', SOURCES)) | set(
    re.findall(r'"(?:warned|insisted|confirmed)", "([A-Z_]+)"', SOURCES)
)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_finding_is_specified_and_provoked(code: str) -> None:
    assert re.search(rf"\b{code}\b", SPECIFICATION)
    assert f'"{code}"' in TESTS


@pytest.mark.parametrize("code", sorted(RECORD_TYPES))
def test_every_field_of_a_record_is_specified(code: str) -> None:
    name = f"**{code}**" if code in CLIENT_ACTS else code
    row = next(line for line in SPECIFICATION.splitlines() if line.startswith(f"| {name} |"))
    shown = {"lang", "text_sha256"} if code in CLIENT_ACTS else set()
    for field in {*RECORD_TYPES[code].fields, *RECORD_TYPES[code].optional} - shown:
        assert re.search(rf"\b{field}\b", row), field
