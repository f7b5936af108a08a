"""The files of the checkout: what git tracks; where there is no git, all but what set-up and runs make."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
PACKAGES: tuple[str, ...] = tuple(_BUILD["targets"]["wheel"]["packages"])
"""The product's own packages."""

_MADE = {".git", ".venv", ".tools", "node_modules", "__pycache__", ".hypothesis"}
_MADE_ABOVE = {"build", "dist", "artifacts", "cache"}  # in the checkout's own folder only


def names(suffix: str = "") -> list[str]:
    """Return the files with a suffix, by their paths in the checkout, in order."""
    found = _tracked()
    return sorted(name for name in (_walked() if found is None else found) if name.endswith(suffix))


def files(suffix: str = "") -> list[Path]:
    """Return the files with a suffix."""
    return [ROOT / name for name in names(suffix)]


def paths() -> list[Path]:
    """Return everything that git tracks, links to folders and to nowhere too; without git, the files."""
    listed = _listed()
    return files() if listed is None else [ROOT / name for name in listed]


def _tracked() -> list[str] | None:
    listed = _listed()
    return None if listed is None else [name for name in listed if (ROOT / name).is_file()]


def _listed() -> list[str] | None:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    except OSError:  # no git on this machine
        return None
    found = [name for name in os.fsdecode(done.stdout).split("\0") if name]
    return found if done.returncode == 0 and found else None


def _is_made(name: str, folder: Path) -> bool:
    return name in _MADE or name.endswith((".egg-info", "_cache")) or (folder == ROOT and name in _MADE_ABOVE)


def _walked() -> list[str]:
    found = []
    for folder, below, inside in os.walk(ROOT):
        below[:] = [name for name in below if not _is_made(name, Path(folder))]
        found += [str(Path(folder, name).relative_to(ROOT)) for name in inside if not name.endswith(".pyc")]
    return [name for name in found if not name.startswith(".coverage")]
