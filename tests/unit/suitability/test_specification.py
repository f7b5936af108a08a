"""The specification, the rules and the tests name the same codes and fields."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from suitability.records import CODES, RECORD_TYPES

ROOT = Path(__file__).parents[3]
SPECIFICATION = (ROOT / "docs" / "spec" / "suitability.md").read_text(encoding="utf-8")
UNIT = ROOT / "tests" / "unit"
TESTS = "".join(
    (UNIT / name).read_text(encoding="utf-8") for name in ("suitability/test_states.py", "replay/test_rules.py")
)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_finding_is_provoked(code: str) -> None:
    assert f'"{code}"' in TESTS


@pytest.mark.parametrize("code", sorted(RECORD_TYPES))
def test_every_field_of_a_record_is_specified(code: str) -> None:
    name = f"**{code}**" if RECORD_TYPES[code].signer == "client" else code
    row = next(line for line in SPECIFICATION.splitlines() if line.startswith(f"| {name} |"))
    shown = {"lang", "text_sha256"} if RECORD_TYPES[code].signer == "client" else set()
    for field in {*RECORD_TYPES[code].fields, *RECORD_TYPES[code].optional} - shown:
        assert re.search(rf"\b{field}\b", row), field
