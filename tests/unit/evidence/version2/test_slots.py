"""Slots: the arithmetic of Solidity, and the table of the page row by row."""

from __future__ import annotations

import re
from pathlib import Path

from eth_hash.auto import keccak

from evidence.version2.state import slots
from evidence.version2.state.slots import Variable, map_slot, word

ROOT = Path(__file__).resolve().parents[4]
ADDRESS = "0x" + "ab" * 20
PADDED = bytes(12) + b"\xab" * 20
_ROW = re.compile(r"\| [^|]+ \| `(\w+)` \| `([^`]+)` \| (\d+)-(\d+) \| `[\w.]+` \|")
_MAPPED = re.compile(r"map\(\w+, (\d+)\)(?: \+ (\d+))?")


def test_an_entry_of_a_mapping_lies_where_solidity_puts_it():
    """The layout of the Solidity documentation: keccak-256(key || slot), the members of a struct after it."""
    first = keccak(PADDED + (2).to_bytes(32))
    assert map_slot(ADDRESS, 2) == first
    assert map_slot(ADDRESS, 2, 3) == (int.from_bytes(first) + 3).to_bytes(32)
    assert map_slot(b"\7" * 32, 2049) == keccak(b"\7" * 32 + (2049).to_bytes(32))
    assert map_slot(5, 1) == keccak((5).to_bytes(32) + (1).to_bytes(32))
    assert word(ADDRESS) == PADDED


def row(contract, place, low, high):
    found = _MAPPED.fullmatch(place)
    if found is None:
        return Variable(contract, int(place), mapped=False, low=int(low), high=int(high))
    return Variable(contract, int(found[1]), member=int(found[2] or 0), low=int(low), high=int(high))


def test_the_variables_are_the_rows_of_the_page():
    """The page's own rows are held against the contracts' layout elsewhere."""
    page = (ROOT / "docs" / "spec" / "evidence-2.md").read_text("utf-8")
    section = page[page.index("### 9.2") : page.index("### 9.3")]
    rows = {row(*found) for found in _ROW.findall(section)}
    variables = [value for value in vars(slots).values() if isinstance(value, Variable)]
    assert len(rows) == len(_ROW.findall(section)) == len(variables) > 20
    assert rows == set(variables)


def test_a_variable_is_read_from_its_bytes_of_the_word():
    stored = bytes(range(32))  # byte 0 is the least significant one: 31
    assert slots.LOG_SIZE.number(stored) == int.from_bytes(bytes(range(24, 32)))
    assert slots.LOG_SEQ.number(stored) == int.from_bytes(bytes(range(16, 24)))
    assert slots.MEMBER_ACTIVE.number(stored) == 30
    assert slots.LOG_HEAD.number(stored) == int.from_bytes(stored)


def test_a_variable_s_slot_is_that_of_its_key():
    assert slots.MEMBER_HEAD.slot(ADDRESS) == map_slot(ADDRESS, 0, 2)
    assert slots.ACTIVE_ROOT.slot() == (6).to_bytes(32)
    assert slots.TASK_HEAD.slot(b"\1" * 32) == map_slot(b"\1" * 32, 3, 1)
