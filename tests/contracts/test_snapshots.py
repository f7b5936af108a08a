"""The checked-in storage layout and gas figures are those of the sources, and what differs is named."""

import json
import re
from copy import deepcopy

import pytest

from scripts.contracts import build, gas, layout, snapshots

ARTIFACTS = build.ARTIFACTS


def kept(file):
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compiler():
    return build.find_compiler()[0]


@pytest.fixture(scope="module")
def sources():
    return build.gather_sources()


def test_the_checked_in_layout_is_that_of_the_sources(compiler, sources):
    assert layout.differences(kept(layout.FILE), layout.layouts(build.compile_sources(compiler, sources))) == []


ROW = re.compile(r"^\| ([^|]+) \| `(\w+)` \| `(\S.*?)` \| (\d+)-(\d+) \| `([\w.]+)` \|$", re.MULTILINE)


def slot_and_variable(contract, slot, path, built):
    """Find a value of the page's table in the layout, and say it as the table does."""
    variable, _, member = path.partition(".")
    first, byte, kind = re.fullmatch(r"slot (\d+), byte (\d+): (.*) \(\d+ bytes\)", built[contract][variable]).groups()
    if member == "":
        return first, byte, built[contract][variable]
    mapped = re.fullmatch(r"mapping\(\w+ => struct (\S+)\)", kind)
    if not mapped:  # the tree of active members: nodes 0 and 1
        return str(int(first) + int(member)), byte, "(32 bytes)"
    place = built[f"{contract}: struct {mapped[1]}"][member]
    within, byte = re.match(r"slot (\d+), byte (\d+):", place).groups()
    return re.sub(r", \d+\)", f", {first})", slot.partition(" + ")[0]) + f" + {within}" * (within != "0"), byte, place


def test_the_pages_table_of_slots_is_the_layout():
    page = (build.ROOT / "docs" / "spec" / "evidence-2.md").read_text(encoding="utf-8")
    built = kept(layout.FILE)
    rows = ROW.findall(page)
    assert len(rows) == 25
    for _, contract, slot, low, high, path in rows:
        where, byte, place = slot_and_variable(contract, slot, path, built)
        assert (slot, low) == (where, byte), path
        assert place.endswith(f"({int(high) - int(low) + 1} bytes)"), path


CHANGES = (
    (
        "MemberRegistry",
        "    uint256 private _proposals;\n",
        "    bool private _another;\n    uint256 private _proposals;\n",
    ),
    ("DidRegistry", "uint120 versions;", "uint128 versions;"),
    ("interfaces/IConsentRegistry", "Granted,\n        Withdrawn\n", "Withdrawn,\n        Granted\n"),
)


@pytest.fixture(scope="module")
def said_after_the_changes(compiler, sources):
    changed = deepcopy(sources)
    for contract, old, new in CHANGES:
        source = changed[f"contracts/{contract}.sol"]
        assert source["content"].count(old) == 1
        source["content"] = source["content"].replace(old, new)
    return layout.differences(kept(layout.FILE), layout.layouts(build.compile_sources(compiler, changed)))


def of(contract, said):
    return [line for line in said if line.startswith(f"{contract}: ")]


def test_a_slot_that_moves_is_named(said_after_the_changes):
    called, proposal, tree = (
        "mapping(address => mapping(bytes32 => bool)) (32 bytes)",
        "mapping(uint256 => struct MemberRegistry.Proposal) (32 bytes)",
        "struct ActiveTree.Tree (65536 bytes)",
    )
    assert of("MemberRegistry", said_after_the_changes) == [
        f"MemberRegistry: _activeTree was at slot 5, byte 0: {tree} and is at slot 6, byte 0: {tree}",
        "MemberRegistry: _another is new, at slot 2, byte 0: bool (1 bytes)",
        f"MemberRegistry: _called was at slot 4, byte 0: {called} and is at slot 5, byte 0: {called}",
        f"MemberRegistry: _proposal was at slot 3, byte 0: {proposal} and is at slot 4, byte 0: {proposal}",
        "MemberRegistry: _proposals was at slot 2, byte 0: uint256 (32 bytes)"
        " and is at slot 3, byte 0: uint256 (32 bytes)",
    ]


def test_a_member_of_a_struct_that_changes_its_type_is_named(said_after_the_changes):
    assert of("DidRegistry", said_after_the_changes) == [
        "DidRegistry: struct DidRegistry.History: deactivated was at slot 0, byte 31: bool (1 bytes)"
        " and is at slot 1, byte 0: bool (1 bytes)",
        "DidRegistry: struct DidRegistry.History: head was at slot 1, byte 0: bytes32 (32 bytes)"
        " and is at slot 2, byte 0: bytes32 (32 bytes)",
        "DidRegistry: struct DidRegistry.History: versions was at slot 0, byte 16: uint120 (15 bytes)"
        " and is at slot 0, byte 16: uint128 (16 bytes)",
    ]


def test_an_enum_whose_numbers_mean_something_else_is_named(said_after_the_changes):
    assert of("ConsentRegistry", said_after_the_changes) == [
        "ConsentRegistry: enum IConsentRegistry.Status: Granted was at 1 and is at 2",
        "ConsentRegistry: enum IConsentRegistry.Status: Withdrawn was at 2 and is at 1",
    ]


def test_a_variable_that_is_gone_is_named():
    built = kept(layout.FILE)
    del built["Directory"]["_lastProposal"]
    said = layout.differences(kept(layout.FILE), built)
    assert said == [
        "Directory: _lastProposal is gone, it was at slot 3, byte 0: mapping(bytes32 => uint256) (32 bytes)"
    ]


@pytest.mark.chain
def test_the_checked_in_gas_is_what_the_calls_use():
    assert gas.differences(kept(gas.FILE), gas.measure()) == []


def test_each_difference_in_gas_is_named_with_its_size():
    built = kept(gas.FILE)
    before = built["MemberRegistry"]["veto"]
    built["MemberRegistry"]["veto"] += 1
    built["Directory"]["enact, twice"] = built["Directory"].pop("enact")
    said = gas.differences(kept(gas.FILE), built)
    assert said == [
        f"Directory.enact, twice: is new, {built['Directory']['enact, twice']:,}",
        f"Directory.enact: is gone, it was {built['Directory']['enact, twice']:,}",
        f"MemberRegistry.veto: was {before:,} and is {before + 1:,} (+1, +0.00%)",
    ]


def test_every_call_that_writes_has_its_gas():
    for name in build.NAMES:
        abi = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))["abi"]
        writing = {
            item["name"]
            for item in abi
            if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
        }
        assert writing | {"deploy"} == {call.partition(",")[0] for call in kept(gas.FILE)[name]}


def test_the_check_fails_until_the_snapshot_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(snapshots, "ROOT", tmp_path)
    file = tmp_path / "snapshots" / "gas.json"

    def run(*arguments, figure=7):
        return snapshots.write_or_check(list(arguments), "gas", file, {"C": {"f": figure}}, gas.differences)

    assert run("--check") == 1
    assert "snapshots/gas.json is missing" in capsys.readouterr().err
    assert run() == 0
    assert run("--check") == 0
    assert run("--check", figure=8) == 1
    assert "gas: C.f: was 7 and is 8 (+1, +14.29%)" in capsys.readouterr().err
    assert kept(file) == {"C": {"f": 7}}
