"""What a broker shows a member of its log's growth: `bonafides.growth/2` (docs/spec/evidence-2.md, section 8.2).

One document holds as many anchors as its maker likes: a member that is far behind asks again from where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.log.tree import MAX_PATH
from evidence.version2.log.anchors import ANCHOR_LEAF
from evidence.version2.log.growth import GrowthStep
from evidence.version2.map.append_proof import APPEND_PROOF, MAX_LEAVES
from evidence.version2.shapes import hashes, hashes_text
from primitives.canonical import canonical_json, parse_json
from primitives.errors import InvalidInput
from primitives.shapes import Constant, Fields, Nullable

GROWTH_FORMAT = "bonafides.growth/2"
MAX_GROWTH_BYTES = 64 * 1024 * 1024
MAX_GROWTH_STEPS = 10_000


@dataclass(frozen=True)
class Growth:
    """Anchors that follow one another, with what shows that each only added.

    Attributes:
        start: the number of the anchor after which they begin.
        peaks: the peaks of the tree of that many, left to right.
        steps: the anchors.
    """

    start: int
    peaks: tuple[bytes, ...]
    steps: tuple[GrowthStep, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "format": GROWTH_FORMAT,
            "start": self.start,
            "peaks": hashes_text(self.peaks),
            "steps": [_step_to_json(step) for step in self.steps],
        }

    def to_bytes(self) -> bytes:
        """Return the document's one spelling.

        Raises:
            InvalidInput: no reader would take it.
        """
        data = canonical_json(self.to_json())
        if len(data) > MAX_GROWTH_BYTES or len(self.steps) > MAX_GROWTH_STEPS:
            raise InvalidInput("growth", "max-bytes", f"must be at most {MAX_GROWTH_BYTES} bytes and so many anchors")
        return data


def parse_growth(data: bytes) -> Growth:
    """Read the document.

    Raises:
        InvalidInput: it is none.
    """
    members = GROWTH.read(parse_json(data, field="growth", max_bytes=MAX_GROWTH_BYTES), "growth")
    return Growth(members["start"], members["peaks"], members["steps"])


def _step_to_json(step: GrowthStep) -> dict[str, Any]:
    return {
        "anchor": step.leaf.to_json(),
        "entries": hashes_text(step.entries),
        "proof": None if step.proof is None else step.proof.to_json(),
    }


_STEP = Fields(
    {"anchor": ANCHOR_LEAF, "entries": hashes(MAX_LEAVES), "proof": Nullable(APPEND_PROOF)},
).then(lambda step, _: GrowthStep(step["anchor"], step["entries"], step["proof"]))
GROWTH = Fields(
    {
        "format": Constant(GROWTH_FORMAT),
        "start": shapes.POSITIVE,
        "peaks": hashes(MAX_PATH),
        "steps": shapes.tuple_of(_STEP, MAX_GROWTH_STEPS),
    }
)
"""The document, read as its members; `parse_growth` makes a `Growth` of its bytes."""
