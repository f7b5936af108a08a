"""What every script of worked values does with them: files of vectors, the blocks of a page, written or compared."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MAX_SHOWN = 12_000  # longer values stand in the vector files only
_BLOCK = re.compile(r"(<!-- vector ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Vector = dict[str, Any]


def vector_files(folder: Path, vectors: Mapping[str, Vector]) -> dict[Path, str]:
    """Return a file for each vector, with its text."""
    return {folder / f"{name}.json": as_file(vector) for name, vector in vectors.items()}


def as_file(vector: Vector, indent: int = 2) -> str:
    """Return the text of a vector's file."""
    return json.dumps(vector, indent=indent, ensure_ascii=False) + "\n"


def page_with(text: str, vectors: Mapping[str, Vector], folder: Path) -> str:
    """Return a page with every block `<!-- vector NAME -->` filled in."""
    where = folder.relative_to(ROOT)

    def block(match: re.Match[str]) -> str:
        return match.group(1) + _rendered(vectors[match.group(2)], where) + match.group(3)

    return _BLOCK.sub(block, text)


def write_or_check(files: Mapping[Path, str]) -> int:
    """Write the files that differ; with `--check` on the command line name them only. Return the exit status."""
    check, stale = "--check" in sys.argv[1:], 0
    for path, text in files.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if not stale:
        print("nothing changed")
    return 1 if check and stale else 0


def _rendered(vector: Vector, where: Path) -> str:
    lines = ["```text"]
    for name, value in vector.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(shown) > MAX_SHOWN:
            shown = f"({len(shown)} characters: see {where})"
        lines += [f"{name}:", *(f"  {line}" for line in shown.rstrip("\n").split("\n"))]
    return "\n".join([*lines, "```", ""])
