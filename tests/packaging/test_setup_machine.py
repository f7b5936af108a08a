"""Each machine that will not do gets one sentence, and a mend."""

from __future__ import annotations

import ast
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.setup import node_tools, python_env
from tests.packaging.setup_kit import SetUpError, machine

ROOT = Path(__file__).parents[2]
# What installers say on such machines, shortened.
SAID = {
    "pip-disk": (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "disk is full",
    ),
    "npm-disk": ("npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device, write", "disk is full"),
    "pip-readonly": (
        "ERROR: Could not install packages: [Errno 30] Read-only file system: '/x'",
        "written",
    ),
    "npm-owner": ("npm error code EACCES\nnpm error syscall mkdir\nnpm error path /x", "may not be written"),
    "pip-certificate": (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: "
        "CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate'))': /simple/\n"
        "ERROR: No matching distribution found for aiohttp==3.14.5",
        "certificate is not trusted",
    ),
    "npm-certificate": ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "certificate is not trusted"),
    "pip-proxy": (
        "WARNING: Retrying after connection broken by 'ProxyError('Cannot connect to proxy.', NewConnectionError())'\n"
        "ERROR: No matching distribution found for aiohttp==3.14.5",
        "proxy does not let",
    ),
    "pip-digest": (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        "digest is not the locked",
    ),
    "npm-digest": (
        "npm error code EINTEGRITY\nnpm error Verification failed while extracting",
        "digest is not the locked",
    ),
    "pip-network": (
        "WARNING: Retrying after connection broken by 'NewConnectionError('No connection: [Errno -3] "
        "Temporary failure in name resolution')'\nERROR: No matching distribution found for aiohttp==3.14.5",
        "no package registry answers",
    ),
    "npm-network": ("npm error code EAI_AGAIN\nnpm error syscall getaddrinfo", "no package registry answers"),
    "pip-mirror": ("ERROR: No matching distribution found for aiohttp==3.14.5", "does not have a locked version"),
    "npm-mirror": (
        "npm error code ETARGET\nnpm error notarget No matching version found",
        "does not have a locked version",
    ),
    "npm-engine": ("npm error code EBADENGINE\nnpm error engine Unsupported engine", "too old"),
}


@pytest.mark.parametrize("words", SAID.values(), ids=SAID)
def test_an_installer_s_words_become_a_sentence(words):
    said, meaning = words
    error = machine.explained(said, "the locked packages could not be installed")
    assert error.what.startswith("the locked packages could not be installed: ")
    assert meaning in error.what
    assert error.mend


def test_what_nobody_foresaw_shows_the_installer_s_own_words(capsys):
    with pytest.raises(SetUpError, match="it failed"):
        machine.install([sys.executable, "-c", "print('a riddle, 谜'); raise SystemExit(3)"], "it failed")
    assert capsys.readouterr().err == "a riddle, \\u8c1c\n"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("sys.platform", "darwin", "this machine is Linux on x86_64"),
        ("platform.machine", lambda: "aarch64", "this machine is Linux on aarch64"),
        ("os.confstr", lambda _name: None, "no glibc"),
        ("os.confstr", lambda _name: "glibc 2.31", "the C library is glibc 2.31"),
        ("shutil.disk_usage", lambda _path: shutil._ntuple_diskusage(9, 8, 2**20), "the disk has 1 MiB left"),
        ("tempfile.TemporaryFile", None, r"cannot be written \(Read-only file system\)"),
    ],
    ids=["system", "processor", "musl", "glibc", "disk", "read-only"],
)
def test_a_machine_that_will_not_do(monkeypatch, name, value, sentence):
    def refuse(**_options):
        raise OSError(30, "Read-only file system")

    module, _, member = name.partition(".")
    monkeypatch.setattr(getattr(machine, module), member, value or refuse)
    with pytest.raises(SetUpError, match=sentence):
        machine.check_machine()


def test_this_machine_will_do():
    machine.check_machine()


def program(folder, name, script):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(stat.S_IRWXU)


@pytest.mark.parametrize(
    ("node", "npm", "sentence"),
    [
        (None, "echo 10.8.2", "node is not installed"),
        ("echo v20.20.2", None, "npm is not installed"),
        ("echo v18.20.4", "echo 10.8.2", "says it is version 'v18.20.4'"),
        ("echo v20.16.0", "echo 10.8.2", "says it is version 'v20.16.0'"),
        ("exit 1", "echo 10.8.2", "the node on PATH does not run"),
        ("echo v20.20.2", "exit 127", "the npm on PATH does not run"),
    ],
    ids=["no-node", "no-npm", "old", "just-too-old", "broken-node", "broken-npm"],
)
def test_a_machine_without_a_usable_node(tmp_path, monkeypatch, node, npm, sentence):
    for name, script in {"node": node, "npm": npm}.items():
        if script:
            program(tmp_path / "bin", name, script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(SetUpError, match=sentence):
        node_tools.check_npm()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo 3 8", "Python 3.11, 3.12 or 3.13 is needed"),
        ("exit 127", "Python 3.11, 3.12 or 3.13 is needed"),
        ('case "$*" in *find_spec*) echo ensurepip;; *) echo 3 12;; esac', "has no venv module"),
        ('case "$*" in *find_spec*) echo _ssl _sqlite3;; *) echo 3 12;; esac', "was built without _ssl, _sqlite3"),
    ],
    ids=["old", "broken", "no-venv", "no-ssl"],
)
def test_a_machine_without_a_usable_python(tmp_path, monkeypatch, script, sentence):
    program(tmp_path / "bin", "python3.12", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(python_env.sys, "executable", str(tmp_path / "none"))
    with pytest.raises(SetUpError, match=sentence):
        python_env.find_python(exactly=False)


def test_the_environment_in_use_is_not_what_the_next_one_is_made_of():
    assert Path(python_env.base_of(sys.executable)).resolve() == Path(sys.executable).resolve()
    assert Path(python_env.base_of(sys.executable)).parent != Path(sys.executable).parent


def test_make_says_that_a_python_is_missing():
    done = subprocess.run(["make", "setup", "PYTHON=no-such-python"], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"there is no no-such-python on this machine" in done.stderr


def test_a_wrong_machine_ends_with_2_and_its_sentence(capsys):
    def work():
        raise SetUpError("it is wrong", "mend it")

    assert machine.run_alone(work) == 2
    assert capsys.readouterr().err == "set-up: it is wrong\n        mend it\n"


class CutShortError(Exception):
    """As a kill in the middle of a removal."""


def cut_short(*_, **__):
    raise CutShortError


@pytest.mark.parametrize("parts", ["python", "node", "tools"])
def test_a_removal_that_is_cut_short_leaves_nothing_that_looks_finished(tmp_path, monkeypatch, parts):
    stamp = tmp_path / "stamp"
    stamp.write_bytes(b"of a finished set-up")
    for name in ("check_machine", "check_npm", "npm_environment"):
        monkeypatch.setattr(node_tools, name, dict)
    monkeypatch.setattr(python_env, "STAMP", stamp)
    monkeypatch.setattr(python_env, "remove", cut_short)
    monkeypatch.setattr(node_tools, "STAMP" if parts == "node" else "TOOLS_STAMP", stamp)
    monkeypatch.setattr(node_tools, "TOOLS", tmp_path)
    monkeypatch.setattr(node_tools, "remove", cut_short)
    work = {"python": python_env.set_up, "node": node_tools.set_up, "tools": lambda: node_tools.install_node({})}[parts]
    with pytest.raises(CutShortError):
        work()
    assert not stamp.exists()


def test_the_scripts_are_written_for_any_python():
    """Nothing newer than Python 3.6 is in them, so that an old one says what is wrong and not `SyntaxError`."""
    for file in (ROOT / "scripts" / "setup").glob("*.py"):
        ast.parse(file.read_text("ascii"), feature_version=(3, 6))
