#!/usr/bin/env python
"""Build what is given away, always the same bytes of the same tree: both wheels, the source, the verifier's lock.

    scripts/distributions/build.py [--out build/distributions]

The times in the archives are that of the commit (SOURCE_DATE_EPOCH where it is set, or where there is no git, a fixed
one), so two machines that build one commit can compare SHA256SUMS.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = ROOT / "distributions" / "bonafides-verify"
SUMS = "SHA256SUMS"
LOCK = "verify-requirements.txt"  # what the verifier needs, with digests: for who has no checkout


def build(out: Path, root: Path = ROOT, *, source: bool = True) -> list[Path]:
    """Build into an empty folder; return the archives, and write their digests beside them."""
    out.mkdir(parents=True, exist_ok=True)
    verifier = root / VERIFIER.relative_to(ROOT)
    wanted = [(root, "--wheel"), (verifier, "--wheel"), *([(root, "--sdist")] if source else [])]
    for project, kind in wanted:
        _run_build(project, kind, out)
    shutil.copyfile(root / "requirements" / "verify.txt", out / LOCK)
    made = sorted(path for path in out.iterdir() if path.name != SUMS)
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    (out / SUMS).write_text("".join(lines), "ascii")
    return made


def _run_build(project: Path, kind: str, out: Path) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", str(out), str(project)]
    environment = {**os.environ, **_time_of_commit()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        sys.exit(f"{project.name} {kind}: {done.stdout[-1000:]}{done.stderr[-3000:]}")


def _time_of_commit() -> dict[str, str]:
    """Return SOURCE_DATE_EPOCH; without git, hatchling's own fixed time."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return {}
    try:
        command = ["git", "log", "-1", "--format=%ct"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="ascii", check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"SOURCE_DATE_EPOCH": done.stdout.strip()}


def main() -> int:
    """Build, and print the digests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "distributions")
    out = parser.parse_args().out
    for old in out.glob("bonafides*"):
        old.unlink()  # of another version, or another commit
    build(out)
    print((out / SUMS).read_text("ascii"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
