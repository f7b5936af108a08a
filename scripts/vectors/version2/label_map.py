"""The map from label to entry: a small map, a label that is there, one that is not, and how it grew."""

from __future__ import annotations

from evidence.version2.map.append_proof import make_append_proof
from evidence.version2.map.label_map import LabelMap
from scripts.vectors.evidence import seeded
from scripts.vectors.output import Vector

OLD, ADDED = range(6), range(6, 9)


def worked(numbers: range) -> dict[bytes, bytes]:
    """Return {label: entry} of the worked map; the map only asks that both are hashes."""
    return {seeded(f"map label {number}"): seeded(f"map entry {number}") for number in numbers}


def vectors() -> dict[str, Vector]:
    """Return the map's worked values by name."""
    old, added = worked(OLD), worked(ADDED)
    first, absent = next(iter(old)), seeded("a label of nobody")
    before = LabelMap().insert(old)
    after = before.insert(added)
    return {
        "label-map": {
            "leaves": [[label.hex(), entry.hex()] for label, entry in old.items()],
            "root_of_the_first": LabelMap().insert({first: old[first]}).root.hex(),
            "root": before.root.hex(),
            "presence_of_the_first": before.prove(first).to_json(),
            "absent_label": absent.hex(),
            "absence": before.prove(absent).to_json(),
        },
        "append-proof": {
            "proof": make_append_proof(before.top, added).to_json(),
            "absence_after": after.prove(absent).to_json(),
        },
    }
