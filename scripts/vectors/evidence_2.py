"""Write the worked values of docs/spec/evidence-2.md: the vectors and the blocks of the page itself.

Each module of `scripts.vectors.version2` offers some. Run it as `python -m scripts.vectors.evidence_2`; `--check`
writes nothing and fails when a file would change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FunctionType

from primitives.registry import offered
from scripts.vectors import version2
from scripts.vectors.output import ROOT, Vector, page_with, vector_files, write_or_check

VECTORS = ROOT / "tests" / "vectors" / "evidence-2"
PAGE = ROOT / "docs" / "spec" / "evidence-2.md"


def vectors() -> dict[str, Vector]:
    """Return every vector file's content by name."""
    found: dict[str, Vector] = {}
    for offer in offered(version2, "vectors", FunctionType):
        for name, values in offer().items():
            if found.setdefault(name, values) is not values:
                raise ValueError(f"{name} is offered twice")
    return found


def outputs() -> dict[Path, str]:
    """Return every file that this script owns a part of, with its text."""
    values = vectors()
    page = page_with(PAGE.read_text(encoding="utf-8"), values, VECTORS)
    return {**vector_files(VECTORS, values), PAGE: page}


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
