"""Make or reuse the Python environment `.venv` from the lock file; needs the network only when something changed.

The lock is complete: it names every package with its digests, for each supported Python. So nothing is resolved (a
resolver, above all an old one, may look for what was released since), and whatever pip comes with Python will do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import ROOT, SetUpError, check_machine, has_stamp, install, remove, run_alone, stamp_of, withdraw

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".bonafides-stamp"
LOCK = ROOT / "requirements" / "dev.txt"
OLDEST, NEWEST = (3, 11), (3, 13)
MODULES = ("ctypes", "hashlib", "lzma", "sqlite3", "ssl", "zlib")  # what a Python built without their headers lacks
# Settings of a person's own that would put the packages elsewhere, or take others.
UNWANTED = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_REQUIREMENT")
EXACTLY = "--exactly"


def main() -> int:
    """Return 0 when the environment stands and agrees with the lock file."""
    return run_alone(set_up)


def set_up() -> None:
    """Make `.venv` anew unless a finished one agrees with the lock, this script and the place of the checkout.

    It is never mended: what an earlier run left half-made, or made for another lock or place, is removed.
    """
    exactly = EXACTLY in sys.argv[1:]
    found = version_of(str(PYTHON)) if has_stamp(STAMP, wanted_stamp()) else None
    if found is not None and (not exactly or found == sys.version_info[:2]):
        return
    check_machine()
    python = find_python(exactly)
    print("setting up the Python environment in .venv (a minute or two, once) ...", flush=True)
    withdraw(STAMP)
    remove(VENV)
    environment = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    environment.update(PIP_USER="0", PYTHONUTF8="1")  # venv writes the path as UTF-8, whatever the locale
    install([python, "-m", "venv", str(VENV)], "the Python environment could not be made", environment=environment)
    install(of_the_lock(PYTHON), "the locked Python packages could not be installed", environment=environment)
    install(of_the_project(PYTHON), "the project itself could not be installed", environment=environment)
    for packages in VENV.glob("lib/python3*/site-packages"):
        lead_by_a_relative_path(packages)
    STAMP.write_bytes(wanted_stamp().encode())


def of_the_lock(python: Path, lock: Path = LOCK) -> "list[str]":
    """Return the command that installs the packages of a lock into an interpreter's environment."""
    return [*pip(python), "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(lock)]


def of_the_project(python: Path) -> "list[str]":
    """Return the command that installs the checkout itself, with the build tools of the lock."""
    return [*pip(python), "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]


def lead_by_a_relative_path(packages: Path) -> None:
    """Write the way to the checkout in ASCII: before 3.13 Python decodes it by the locale, even in UTF-8 mode.

    Where the checkout's own path holds other letters, every start would end in `site` or look into no folder.
    """
    root, way = os.fsencode(str(ROOT)), os.path.relpath(str(ROOT), str(packages)).encode("ascii")
    for file in packages.glob("*.pth"):
        lines = file.read_bytes().split(b"\n")
        if root in lines:
            file.write_bytes(b"\n".join(way if line == root else line for line in lines))


def pip(python: Path) -> "list[str]":
    """Return how the pip of an environment installs, whatever its version."""
    return [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar=off"]


def wanted_stamp() -> str:
    """The stamp changes with the lock file, the project's metadata, this script and the place of the checkout."""
    return stamp_of(LOCK, ROOT / "pyproject.toml", "python-env-3")


def version_of(python: str) -> "tuple[int, int] | None":
    """Return the (major, minor) version of an interpreter, or None when it does not run."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-I", "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        major, minor = done.stdout.split()
        return (int(major), int(minor)) if done.returncode == 0 else None
    except (OSError, ValueError):
        return None


def find_python(exactly: bool) -> str:
    """Return a supported interpreter with all its parts: the one that runs this, or else one found on PATH.

    Raises:
        SetUpError: there is none.
    """
    names = [] if exactly else [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    candidates = [sys.executable, *(found for found in map(shutil.which, names) if found)]
    supported = [python for python in candidates if OLDEST <= (version_of(python) or (0, 0)) <= NEWEST]
    if not supported:
        what = "Python 3.11, 3.12 or 3.13 is needed, and this is {}.{}".format(*sys.version_info[:2])
        raise SetUpError(what, "install one, or run: make PYTHON=/path/to/python3.12 demo")
    faults = []
    for python in supported:
        fault = fault_of(python)
        if fault is None:
            return base_of(python)
        faults.append(fault)
    raise faults[0]


def base_of(python: str) -> str:
    """Return the interpreter behind an environment: `.venv` itself may be the active one, and is made anew."""
    code = "import os, sys; print(getattr(sys, '_base_executable', None) or sys.executable)"
    done = subprocess.run([python, "-I", "-c", code], stdout=subprocess.PIPE, check=True)
    return os.fsdecode(done.stdout.strip())


def fault_of(python: str) -> "SetUpError | None":
    """Return what an interpreter lacks as an error, or None."""
    code = "import importlib.util as u, sys\nprint(*(n for n in sys.argv[1:] if u.find_spec(n) is None))"
    parts = [
        "venv",
        "ensurepip",
        *("_" + name if name in ("ctypes", "lzma", "sqlite3", "ssl") else name for name in MODULES),
    ]
    done = subprocess.run([python, "-I", "-c", code, *parts], stdout=subprocess.PIPE, check=True)
    lacking = done.stdout.decode().split()
    if {"venv", "ensurepip"} & set(lacking):
        mend = "install it (Debian and Ubuntu: apt-get install python3-venv)"
        return SetUpError(f"the Python at {python!a} has no venv module", mend)
    if lacking:
        what = "the Python at {} was built without {}".format(ascii(python), ", ".join(lacking))
        return SetUpError(what, "use your distribution's Python, or build it again with the headers of those libraries")
    return None


if __name__ == "__main__":
    sys.exit(main())
