"""Make or reuse the Python environment of slither, `.tools/slither`, from a lock of its own.

It asks for an older web3 than the product's, so the two cannot share one. Nothing but `make slither` needs it.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import ROOT, check_machine, has_stamp, install, remove, run_alone, stamp_of, withdraw
from python_env import UNWANTED, find_python, of_the_lock, version_of

VENV = ROOT / ".tools" / "slither"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".bonafides-stamp"
LOCK = ROOT / "requirements" / "slither.txt"


def main() -> int:
    """Return 0 when the environment stands and agrees with its lock."""
    return run_alone(set_up)


def set_up() -> None:
    """Make the environment anew unless a finished one agrees with the lock and the place of the checkout."""
    stamp = stamp_of(LOCK, Path(__file__))
    if has_stamp(STAMP, stamp) and version_of(str(PYTHON)) is not None:
        return
    check_machine()
    print("setting up slither in .tools/slither (half a minute, once) ...", flush=True)
    withdraw(STAMP)
    remove(VENV)
    environment = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    environment.update(PIP_USER="0", PYTHONUTF8="1")
    python = find_python(exactly=False)
    install([python, "-m", "venv", str(VENV)], "slither's environment could not be made", environment=environment)
    install(of_the_lock(PYTHON, LOCK), "slither's packages could not be installed", environment=environment)
    check = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "check"]
    install(check, "the lock of slither is not complete", environment=environment)
    STAMP.write_bytes(stamp.encode())


if __name__ == "__main__":
    sys.exit(main())
