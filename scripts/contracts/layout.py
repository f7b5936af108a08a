"""The storage of the contracts, slot by slot: contracts/snapshots/storage-layout.json.

scripts/contracts/layout.py            write it
scripts/contracts/layout.py --check    exit 1, naming contract, variable and slot, when the sources lay out another

Who reads a slot of a deployed contract (`eth_getProof`, a block explorer) relies on these places. The compiler says
them in its standard JSON (`storageLayout`); its names hold numbers of syntax-tree nodes, so only its labels are kept.
An enum is stored as a number: what each number stands for is part of the layout, though the compiler leaves it out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from scripts.contracts import build
from scripts.contracts.snapshots import SNAPSHOTS, write_or_check

FILE = SNAPSHOTS / "storage-layout.json"
Layout = dict[str, dict[str, str]]  # by contract, or by struct or enum of it: member -> where it lies and what it is


def layouts(output: dict[str, Any]) -> Layout:
    """Read the storage of each contract, and each struct and enum that lies in it, out of what the compiler said.

    Args:
        output: the compiler's standard JSON.

    Returns:
        `{"MemberRegistry": {"_members": "slot 0, byte 0: address[] (32 bytes)"}, ...}`. A struct stands under
        `MemberRegistry: struct MemberRegistry.Member`, its slots counted from where it starts; an enum under
        `MemberRegistry: enum IMemberRegistry.Role`, with the number that stands for each of its values.
    """
    enums = {node["id"]: node for source in output["sources"].values() for node in _enums(source["ast"])}
    found: Layout = {}
    for name in build.NAMES:
        layout = output["contracts"][f"contracts/{name}.sol"][name]["storageLayout"]
        types = layout["types"] or {}
        found[name] = _places(layout["storage"], types)
        for key, kind in types.items():
            if "members" in kind:
                found[f"{name}: {kind['label']}"] = _places(kind["members"], types)
            elif kind["label"].startswith("enum "):
                values = enums[int(key.rpartition(")")[2])]["members"]
                found[f"{name}: {kind['label']}"] = {item["name"]: str(number) for number, item in enumerate(values)}
    return found


def differences(kept: Layout, built: Layout) -> list[str]:
    """Say what of the storage moved, changed its type, came or went: one sentence each."""
    said = []
    for where in sorted(kept.keys() | built.keys()):
        before, now = kept.get(where, {}), built.get(where, {})
        for member in sorted(before.keys() | now.keys()):
            old, new = before.get(member), now.get(member)
            if old is None:
                said.append(f"{where}: {member} is new, at {new}")
            elif new is None:
                said.append(f"{where}: {member} is gone, it was at {old}")
            elif old != new:
                said.append(f"{where}: {member} was at {old} and is at {new}")
    return said


def _places(items: list[dict[str, Any]], types: dict[str, Any]) -> dict[str, str]:
    places = {}
    for item in items:
        kind = types[item["type"]]
        what = f"{kind['label']} ({kind['numberOfBytes']} bytes)"
        places[item["label"]] = f"slot {item['slot']}, byte {item['offset']}: {what}"
    return places


def _enums(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for child in node:
            yield from _enums(child)
    elif isinstance(node, dict):
        if node.get("nodeType") == "EnumDefinition":
            yield node
        for child in node.values():
            yield from _enums(child)


def main(arguments: list[str]) -> int:
    """Write the snapshot, or compare it; return the exit status."""
    try:
        compiler, _ = build.find_compiler()
        built = layouts(build.compile_sources(compiler, build.gather_sources()))
    except build.BuildError as error:
        print(f"storage layout: {error}", file=sys.stderr)
        return 2
    return write_or_check(arguments, "storage layout", FILE, built, differences)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
