"""Runs slither over the contracts and holds what it finds to contracts/slither-reasons.json.

scripts/contracts/static_analysis.py

Exit status: 0 when each finding has its reason in the list and each reason its finding, else 1. A finding is told by
its detector, function and statements, so that another statement in the same function needs a reason of its own. Nothing
is silenced in a source: a comment that switches a detector off fails too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.contracts import build

PYTHON = build.ROOT / ".tools" / "slither" / "bin" / "python"
FINDINGS = Path(__file__).with_name("slither_findings.py")
REASONS = build.ROOT / "contracts" / "slither-reasons.json"
SILENCER = "slither-disable"


@dataclass(frozen=True)
class Finding:
    """What slither says of one place: the detector, the function, the statements."""

    check: str
    where: str
    what: tuple[str, ...]

    @classmethod
    def read(cls, item: dict[str, Any]) -> Finding:
        """Read the three out of a finding, or out of an entry of the list of reasons."""
        return cls(item["check"], item["where"], tuple(item["what"]))

    def __str__(self) -> str:
        return f"{self.check} in {self.where}: {'; '.join(self.what) or '-'}"


def run_slither(sources: dict[str, dict[str, str]], compiler: Path) -> list[dict[str, Any]]:
    """Return what slither finds in the sources.

    Raises:
        build.BuildError: it is not installed, or does not end well.
    """
    if not PYTHON.exists():
        raise build.BuildError("slither is not installed; run: make slither")
    given = {"language": "Solidity", "sources": sources, "settings": build.SETTINGS}
    command = [str(PYTHON), str(FINDINGS), str(compiler)]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, encoding="utf-8", cwd=build.ROOT, check=False
    )
    if done.returncode != 0:
        raise build.BuildError(f"slither failed:\n{done.stderr[-4000:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def faults(found: list[dict[str, Any]], reasons: list[dict[str, Any]], sources: dict[str, dict[str, str]]) -> list[str]:
    """Say which findings have no reason, which reasons no finding or no words, and which sources silence a detector."""
    described = {Finding.read(item): item["description"] for item in found}
    explained = {Finding.read(item): item["reason"] for item in reasons}
    said = [f"without a reason: {key}\n{text}" for key, text in described.items() if key not in explained]
    said += [f"a reason for what is not found: {key}" for key in explained if key not in described]
    said += [f"a reason without words: {key}" for key, reason in explained.items() if not reason.strip()]
    ours = [name for name in sources if name.startswith("contracts/")]
    said += [f"{name} silences a detector" for name in ours if SILENCER in sources[name]["content"]]
    return said


def main() -> int:
    """Compare findings and reasons; return the exit status."""
    try:
        compiler, _ = build.find_compiler()
        sources = build.gather_sources()
        found = run_slither(sources, compiler)
    except build.BuildError as error:
        print(f"slither: {error}", file=sys.stderr)
        return 2
    said = faults(found, json.loads(REASONS.read_text(encoding="utf-8")), sources)
    for line in said:
        print(f"slither: {line}", file=sys.stderr)
    if said:
        print(f"slither: mend it, or give the reason in {REASONS.relative_to(build.ROOT)}", file=sys.stderr)
        return 1
    print(f"slither: {len(found)} findings, each with its reason")
    return 0


if __name__ == "__main__":
    sys.exit(main())
