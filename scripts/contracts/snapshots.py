"""What is checked in about the contracts beside their artifacts: one JSON file a subject, written or compared."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = ROOT / "contracts" / "snapshots"
T = TypeVar("T")


def write_or_check(
    arguments: list[str], subject: str, file: Path, built: T, differences: Callable[[T, T], list[str]]
) -> int:
    """Write a snapshot, or with `--check` compare it and say each difference on standard error.

    Args:
        arguments: of the command line.
        subject: what the lines begin with.
        file: the snapshot.
        built: what the sources give, as JSON takes it.
        differences: (kept, built) -> one sentence for each difference.

    Returns:
        The exit status: 1 when something differs.
    """
    parser = argparse.ArgumentParser(description=subject)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the snapshot differs")
    if not parser.parse_args(arguments).check:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(built, indent=1) + "\n", encoding="utf-8")
        print(f"{subject}: written to {file.relative_to(ROOT)}")
        return 0
    if not file.exists():
        print(f"{subject}: {file.relative_to(ROOT)} is missing", file=sys.stderr)
        return 1
    said = differences(json.loads(file.read_text(encoding="utf-8")), built)
    for line in said:
        print(f"{subject}: {line}", file=sys.stderr)
    if said:
        print(f"{subject}: where this is meant, run the script without --check and commit the file", file=sys.stderr)
        return 1
    print(f"{subject}: {file.name} is what the sources give")
    return 0
