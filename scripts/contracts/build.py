"""Compile the contracts and write their artifacts into the package `node_adapter.chain.artifacts`.

`--check` writes nothing and fails when an artifact is not what the sources compile to.

The compiler is the locked npm package `solc`, called by py-solc-x; a native `solc` of the very same build on PATH is
used instead. Nothing is downloaded. A warning in a source of ours is an error; those of OpenZeppelin are not ours.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import solcx
from solcx.exceptions import SolcError

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"
MODULES = ROOT / "node_modules"
ARTIFACTS = ROOT / "node_adapter" / "chain" / "artifacts"
WRAPPER = Path(__file__).with_name("solcjs_wrapper.js")
NAMES = (
    "MemberRegistry",
    "DidRegistry",
    "EvidenceAnchor",
    "EvidenceLog",
    "ConsentRegistry",
    "ConvictionRegistry",
    "TaskRegistry",
    "Directory",
)
SETTINGS = {"evmVersion": "london", "optimizer": {"enabled": True, "runs": 200}}
EVM_PARTS = ("bytecode.object", "deployedBytecode.object", "deployedBytecode.immutableReferences")
_IMPORT = re.compile(r"""^import\s[^;]*?["']([^"']+)["'];""", re.MULTILINE)


class BuildError(Exception):
    """The contracts cannot be built, and why."""


def main(arguments: list[str]) -> int:
    """Build, or check with `--check`; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when an artifact is out of date")
    options = parser.parse_args(arguments)
    try:
        built = build()
    except BuildError as error:
        print(f"contracts: {error}", file=sys.stderr)
        return 2
    if not options.check:
        ARTIFACTS.mkdir(exist_ok=True)
        for name, text in built.items():
            (ARTIFACTS / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"contracts: {len(built)} artifacts written to {ARTIFACTS.relative_to(ROOT)}")
        return 0
    stale = stale_artifacts(built)
    if stale:
        print(f"contracts: out of date, run scripts/contracts/build.py: {', '.join(stale)}", file=sys.stderr)
        return 1
    print(f"contracts: {len(built)} artifacts are what the sources compile to")
    return 0


def stale_artifacts(built: dict[str, str]) -> list[str]:
    """Name the artifacts on disk that differ from `built`, are missing, or belong to no contract."""
    stale = []
    for name, text in built.items():
        path = ARTIFACTS / f"{name}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    return stale + sorted(path.name for path in ARTIFACTS.glob("*.json") if path.stem not in built)


def build() -> dict[str, str]:
    """Return the text of every contract's artifact."""
    compiler, version = find_compiler()
    output = compile_sources(compiler, gather_sources())
    return {name: artifact(name, version, output["contracts"][f"contracts/{name}.sol"][name]) for name in NAMES}


def find_compiler() -> tuple[Path, str]:
    """Return the compiler and its version; a native one only when it is the same build as the locked one."""
    node = ROOT / ".tools" / "bin"
    if not (MODULES / "solc" / "soljson.js").exists() or not (node / "node").exists():
        raise BuildError("the compiler is not installed; run: python3 scripts/setup/node_tools.py")
    os.environ["PATH"] = f"{node}{os.pathsep}{os.environ.get('PATH', '')}"  # the wrapper is started through env
    version = compiler_version(WRAPPER)
    native = shutil.which("solc")
    if native is not None and compiler_version(Path(native)) == version:
        return Path(native), version
    return WRAPPER, version


def compiler_version(compiler: Path) -> str:
    """Return the compiler's version and commit, without the platform; empty when it does not say."""
    done = subprocess.run([str(compiler), "--version"], capture_output=True, text=True, encoding="utf-8", check=False)
    match = re.search(r"Version: (\d+\.\d+\.\d+\+commit\.[0-9a-f]+)", done.stdout)
    return match.group(1) if match else ""


def gather_sources() -> dict[str, dict[str, str]]:
    """Read the contracts and all that they import, under the names that the compiler sees."""
    sources: dict[str, dict[str, str]] = {}
    wanted = [f"contracts/{name}.sol" for name in NAMES]
    while wanted:
        name = wanted.pop()
        if name in sources:
            continue
        path = ROOT / name if name.startswith("contracts/") else MODULES / name
        if not path.exists():
            raise BuildError(f"{name} is imported but does not exist")
        content = path.read_text(encoding="utf-8")
        sources[name] = {"content": content}
        wanted += [resolve_import(name, target) for target in _IMPORT.findall(content)]
    return dict(sorted(sources.items()))


def resolve_import(importer: str, target: str) -> str:
    """Return the name of an imported source (a name that the compiler sees, not a path)."""
    if target.startswith("."):
        return os.path.normpath(os.path.join(os.path.dirname(importer), target))
    return target


def compile_sources(compiler: Path, sources: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Compile; raise on an error anywhere and on a warning in our own sources."""
    outputs = ["abi", "storageLayout", *(f"evm.{part}" for part in EVM_PARTS)]
    standard_input = {
        "language": "Solidity",
        "sources": sources,
        "settings": {**SETTINGS, "outputSelection": {"*": {"*": outputs, "": ["ast"]}}},
    }
    try:
        output: dict[str, Any] = solcx.compile_standard(standard_input, solc_binary=compiler)
    except SolcError as error:
        raise BuildError(str(error)) from error
    ours = [
        item["formattedMessage"]
        for item in output.get("errors", [])
        if item.get("sourceLocation", {}).get("file", "contracts/").startswith("contracts/")
    ]
    if ours:
        raise BuildError("warnings in our own sources are errors:\n" + "\n".join(ours))
    return output


def artifact(name: str, version: str, contract: dict[str, Any]) -> str:
    """Return the text of an artifact: sorted keys, so that equal contracts have equal files."""
    evm = contract["evm"]
    references = [place for places in evm["deployedBytecode"]["immutableReferences"].values() for place in places]
    content = {
        "contract": name,
        "abi": contract["abi"],
        "bytecode": "0x" + evm["bytecode"]["object"],
        "deployedBytecode": "0x" + evm["deployedBytecode"]["object"],
        "immutableReferences": sorted(references, key=lambda place: int(place["start"])),
        "compiler": {"version": version, **SETTINGS},
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
