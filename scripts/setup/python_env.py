"""Make or reuse the Python environment `.venv` from the lock file; needs the network only when something changed.

Runs on any Python 3 so that a wrong version gets a sentence, not a traceback.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / ".bonafides-stamp"
LOCK = ROOT / "requirements" / "dev.txt"
OLDEST, NEWEST = (3, 11), (3, 13)


def main() -> int:
    """Return 0 when the environment stands and agrees with the lock file."""
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted_stamp():
        return 0
    python = find_python()
    if python is None:
        return fail("Python 3.11, 3.12 or 3.13 is needed", "install one, or run: make PYTHON=/path/to/python3.12 demo")
    if subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode != 0:
        return fail("this Python has no venv module", "install it (Debian and Ubuntu: apt-get install python3-venv)")
    print("setting up the Python environment in .venv (a minute or two, once) …", flush=True)
    if not (VENV / "bin" / "python").exists():
        subprocess.run([python, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", str(LOCK)], check=False).returncode != 0:
        return fail("the locked packages could not be installed", "a package index must be reachable, once")
    project = [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    if subprocess.run(project, check=False).returncode != 0:
        return fail("the project itself could not be installed", "read the message above; `make clean` starts afresh")
    STAMP.write_text(wanted_stamp(), encoding="utf-8")
    return 0


def wanted_stamp() -> str:
    """The stamp changes with the lock file, the project's metadata and the place of the checkout."""
    digest = hashlib.sha256()
    for path in (LOCK, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    digest.update(str(ROOT).encode())
    return digest.hexdigest()


def find_python() -> "str | None":
    """Return a supported interpreter: the one that runs this, or one found on PATH."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        path = shutil.which(f"python3.{minor}")
        if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return path
    return None


def fail(what: str, mend: str) -> int:
    """Say what is missing and how to mend it."""
    print(f"set-up: {what}\n        {mend}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
