"""Install the real lock with the oldest and the newest pip of every supported Python found here, and say which pass.

    python3 scripts/trials/pips.py [PYTHON ...]

By hand, before a release of ours: it needs the package index and takes a minute for each pair.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "setup"))

import python_env

# What the first release of each Python brought along; "bundled" is what the one here brings.
OLDEST_PIP = {(3, 11): "22.3", (3, 12): "23.2.1", (3, 13): "24.2"}
CHECK = "import bonafides.cli.main, node_adapter.bootstrap, coincurve, cryptography, web3"


def main(arguments: "list[str]") -> int:
    """Return 0 when every pair passes."""
    names = arguments or [f"python3.{minor}" for minor in range(python_env.OLDEST[1], python_env.NEWEST[1] + 1)]
    failed = 0
    for python in filter(None, map(shutil.which, names)):
        version = python_env.version_of(python)
        if version not in OLDEST_PIP:
            continue
        for pip in (OLDEST_PIP[version], "bundled", "newest"):
            with tempfile.TemporaryDirectory() as folder:
                words = trial(python, pip, Path(folder) / "env")
            failed += words is not None
            print(f"python {version[0]}.{version[1]}, pip {pip}: {words or 'passes'}", flush=True)
    return 1 if failed else 0


def trial(python: str, pip: str, folder: Path) -> "str | None":
    """Make an environment with one pip and install the lock and the project; return the last words of a failure."""
    inner = folder / "bin" / "python"
    steps = [[python, "-m", "venv", str(folder)]]
    if pip != "bundled":
        steps.append([*python_env.pip(inner), "--upgrade", "pip" if pip == "newest" else f"pip=={pip}"])
    steps += [python_env.of_the_lock(inner), python_env.of_the_project(inner), [str(inner), "-c", CHECK]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, cwd=str(folder.parent), check=False)
        if done.returncode != 0:
            return (done.stdout + done.stderr).decode("utf-8", "replace").strip()[-600:]
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
