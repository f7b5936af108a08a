"""Set up the real Node tools with the oldest and the newest npm of each supported kind alone on PATH; say which pass.

    python3 scripts/trials/npms.py [VERSION ...]

By hand, before a release of ours: it needs the registry, and takes a minute and 700 MiB of disk for each. The
checkout lies in a path with a space and Chinese letters, the home is empty, and no other npm can be found.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("10.0.0", "10", "11.0.0", "11")  # what Node 20 to 24 bring along
NEEDED = ("package.json", "package-lock.json", ".npmrc", "scripts/setup")


def main(versions: "list[str]") -> int:
    """Return 0 when every version passes."""
    failed = 0
    for version in versions or VERSIONS:
        with tempfile.TemporaryDirectory(prefix="bonafides-npm-") as folder:
            words = trial(version, Path(folder))
        failed += not words.startswith("passes")
        print(f"npm {version}: {words}", flush=True)
    return 1 if failed else 0


def trial(version: str, folder: Path) -> str:
    """Fetch one npm and set up with it, killed half-way, then twice at once, then offline; return what came of it."""
    checkout, home, prefix = folder / "券商 a checkout", folder / "home", folder / "npm"
    home.mkdir()
    checkout.mkdir()
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        copy(str(ROOT / name), str(checkout / name))
    fetch = ["npm", "install", "--global", "--prefix", str(prefix), f"npm@{version}", "--no-audit", "--no-fund"]
    alone = folder / "bin"
    alone.mkdir()
    for name in ("node", "sh", "env"):
        (alone / name).symlink_to(shutil.which(name) or name)
    environment = {"HOME": str(home), "PATH": os.pathsep.join([str(prefix / "bin"), str(alone)])}
    if "NODE_EXTRA_CA_CERTS" in os.environ:
        environment["NODE_EXTRA_CA_CERTS"] = os.environ["NODE_EXTRA_CA_CERTS"]
    set_up = [sys.executable, str(checkout / "scripts" / "setup" / "node_tools.py")]
    offline = dict(environment, npm_config_registry="http://127.0.0.1:9/")
    for settings, command in ((None, fetch), (environment, ["npm", "--version"])):
        status, said = end_of(start(command, settings, checkout))
        if status != 0:
            return f"FAILS at {command[:2]}\n{said}"
    kill_half_way(start(set_up, environment, checkout), checkout / "node_modules")
    both = [start(set_up, environment, checkout) for _ in range(2)]
    for step, run in (
        ("two at once", both[0]),
        ("two at once", both[1]),
        ("offline", start(set_up, offline, checkout)),
    ):
        status, words = end_of(run)
        if status != 0:
            return f"FAILS: {step} after a kill half-way\n{words}"
    return f"passes (it says {said})"


def start(command: "list[str]", environment: "dict[str, str] | None", folder: Path) -> "subprocess.Popen[bytes]":
    """Start a program in a process group of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, env=environment, cwd=str(folder), start_new_session=True, **pipes)


def end_of(process: "subprocess.Popen[bytes]") -> "tuple[int, str]":
    """Return the exit status and the last words."""
    said = process.communicate()[0].decode("utf-8", "replace").strip()
    return process.returncode, said[-1500:]


def kill_half_way(process: "subprocess.Popen[bytes]", sign: Path) -> None:
    """Kill a set-up and its installers as soon as a folder is there."""
    while process.poll() is None and not sign.exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
