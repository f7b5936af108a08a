"""The checked-in artifacts are what the sources compile to, in our build and in Hardhat's."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "node_adapter" / "chain" / "artifacts"
NAMES = [
    "ConsentRegistry",
    "ConvictionRegistry",
    "DidRegistry",
    "Directory",
    "EvidenceAnchor",
    "EvidenceLog",
    "MemberRegistry",
    "TaskRegistry",
]
EIP170_BYTES = 24_576


def load_build():
    spec = importlib.util.spec_from_file_location("contracts_build", ROOT / "scripts" / "contracts" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = load_build()


def without_metadata(code: str) -> bytes:
    """Cut the CBOR metadata off: it names the sources, whose names differ between the builds."""
    data = bytes.fromhex(code.removeprefix("0x"))
    return data[: len(data) - 2 - int.from_bytes(data[-2:])]


@pytest.fixture(scope="module")
def built():
    return build.build()


@pytest.fixture(scope="module")
def hardhat_artifacts():
    command = [str(ROOT / "scripts" / "contracts" / "hardhat.sh"), "build", "--no-tests", "--quiet"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    folder = ROOT / "build" / "hardhat" / "artifacts" / "contracts"
    return {name: json.loads((folder / f"{name}.sol" / f"{name}.json").read_text(encoding="utf-8")) for name in NAMES}


def test_checked_in_artifacts_are_what_the_sources_compile_to(built):
    assert sorted(built) == NAMES
    assert build.stale_artifacts(built) == []


def test_a_changed_missing_or_extra_artifact_is_named(built, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ARTIFACTS", tmp_path)
    for name, text in built.items():
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    assert build.stale_artifacts(built) == []
    (tmp_path / "Directory.json").write_text(built["Directory"].replace("0x60", "0x61", 1), encoding="utf-8")
    (tmp_path / "TaskRegistry.json").unlink()
    (tmp_path / "Other.json").write_text("{}", encoding="utf-8")
    assert build.stale_artifacts(built) == ["TaskRegistry.json", "Directory.json", "Other.json"]


@pytest.mark.parametrize("name", NAMES)
def test_hardhat_builds_the_same_bytecode_but_for_metadata(name, hardhat_artifacts):
    ours = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
    theirs = hardhat_artifacts[name]
    assert without_metadata(ours["bytecode"]) == without_metadata(theirs["bytecode"])
    assert without_metadata(ours["deployedBytecode"]) == without_metadata(theirs["deployedBytecode"])
    assert ours["abi"] == theirs["abi"]


@pytest.mark.parametrize("name", NAMES)
def test_artifact_says_how_it_was_built_and_fits_a_chain(name):
    ours = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
    assert ours["contract"] == name
    assert ours["compiler"]["version"].startswith("0.8.37+commit.")
    assert ours["compiler"]["evmVersion"] == "london"
    assert len(bytes.fromhex(ours["deployedBytecode"][2:])) <= EIP170_BYTES


def test_a_warning_in_our_own_source_stops_the_build():
    compiler, _ = build.find_compiler()
    body = "contract C { function f() external returns (uint256) { return 1; } }"
    source = f"// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\n{body}\n"
    with pytest.raises(build.BuildError, match="state mutability"):
        build.compile_sources(compiler, {"contracts/C.sol": {"content": source}})


def test_a_missing_import_is_named(monkeypatch, tmp_path):
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "Directory.sol").write_text('import {X} from "./X.sol";\n', encoding="utf-8")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "NAMES", ("Directory",))
    with pytest.raises(build.BuildError, match=r"contracts/X\.sol is imported"):
        build.gather_sources()


def test_a_native_compiler_of_another_version_is_not_used(monkeypatch, tmp_path):
    native = tmp_path / "solc"
    native.write_text("#!/bin/sh\necho 'Version: 0.8.36+commit.00000000.Linux.g++'\n", encoding="utf-8")
    native.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    compiler, version = build.find_compiler()
    assert compiler == build.WRAPPER
    assert version.startswith("0.8.37+commit.")


def test_a_native_compiler_of_the_same_build_is_used(monkeypatch, tmp_path):
    _, version = build.find_compiler()
    native = tmp_path / "solc"
    native.write_text(f"#!/bin/sh\necho 'Version: {version}.Linux.g++'\n", encoding="utf-8")
    native.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert build.find_compiler() == (native, version)
