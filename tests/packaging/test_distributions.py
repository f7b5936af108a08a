"""Both wheels and the source, built from the tree; the verifier installed in an environment without anything else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from bonafides.cli.main import cli
from scripts.distributions.build import SUMS, build
from scripts.vectors.synthetic_chain import example_world
from tests import tree
from tests.packaging.test_lock import REQUIREMENTS, pins

ROOT = Path(__file__).parents[2]
EVIDENCE, BREACH = ROOT / "tests" / "vectors" / "evidence", ROOT / "tests" / "vectors" / "breach"
PAGE_ALONE = {"jinja2", "markupsafe"}
# Loaded by every interpreter of the environment, `-I` or not: what calls out, starts a process, opens a database or
# writes a file (but for the page) is stopped where it does.
GUARD = """
import sys
def guard(event, args):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "sqlite3.")):
        raise RuntimeError(f"the verifier tried {event} {args}")
    if event == "import" and args[0] in ("_sqlite3", "_ssl"):
        raise RuntimeError(f"the verifier imports {args[0]}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+") and "page.html" not in str(args[0]):
        raise RuntimeError(f"the verifier writes {args[0]}")
sys.addaudithook(guard)
sys.dont_write_bytecode = True
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("built")
    build(out)
    return out


def copied(root):
    for name in tree.names():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copy(ROOT / name, root / name)
        copy.chmod(copy.stat().st_mode & 0o700)
    return root


def wheel(folder, name):
    (file,) = folder.glob(f"{name}-*.whl")
    return file


def held(file):
    return {name for name in zipfile.ZipFile(file).namelist() if ".dist-info/" not in name}


def test_each_file_of_the_product_is_in_one_wheel(built):
    main, verifier = held(wheel(built, "bonafides")), held(wheel(built, "bonafides_verify"))
    assert main & verifier == set()
    assert any(name.endswith("/LICENSE") for name in zipfile.ZipFile(wheel(built, "bonafides_verify")).namelist())
    assert main | verifier == {
        name for name in tree.names() if name.startswith(tuple(f"{top}/" for top in tree.PACKAGES))
    }


def test_a_copy_of_the_tree_elsewhere_gives_the_same_bytes(built, tmp_path, monkeypatch):
    """Neither where it lies, nor when it was written, nor who may read it, nor what lies about in it goes out."""
    root = copied(tmp_path / "copy")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    for place in ("", "evidence", "replay/templates", "node_adapter"):
        (root / place / "password.txt").write_text("of nobody else's business", "utf-8")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    build(tmp_path / "out", root)
    assert (tmp_path / "out" / SUMS).read_text("ascii") == (built / SUMS).read_text("ascii")


def test_the_source_builds_both_wheels(built, tmp_path):
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    build(tmp_path / "out", root, source=False)
    sums = (tmp_path / "out" / SUMS).read_text("ascii").splitlines()
    assert sums
    assert set(sums) < set((built / SUMS).read_text("ascii").splitlines())


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The verifier with what its lock names, linked from the tests' environment: no network, and nothing else."""
    home = tmp_path_factory.mktemp("verifier")
    venv.create(home / "env", with_pip=False, symlinks=True)
    python = home / "env" / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    site = Path(done.stdout.strip())
    for pin in pins(REQUIREMENTS / "verify.txt"):
        if canonicalize_name(pin.name) not in PAGE_ALONE and (pin.marker is None or pin.marker.evaluate()):
            _link(pin, site)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--no-deps", "--no-compile", wheel(built, "bonafides_verify")),
        ],
        check=True,
    )
    (site / "sitecustomize.py").write_text(GUARD, "utf-8")
    (home / "empty").mkdir()
    for name in ("bundle", "trust"):
        vector = json.loads((EVIDENCE / f"{name}.json").read_text("utf-8"))
        (home / f"{name}.json").write_text(vector[name], "utf-8")
    return home


def history(installed):
    return [str(installed / "bundle.json"), "--trust", str(installed / "trust.json")]


def _link(pin, site):
    distribution = metadata.distribution(pin.name)
    assert pin.specifier.contains(distribution.version), "what the lock names is what is tried"
    source = Path(sysconfig.get_path("platlib"))
    for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
        (site / top).symlink_to(source / top)


def call(installed, command, *words):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    script = installed / "env" / "bin" / command
    return subprocess.run(
        [installed / "env" / "bin" / "python", "-I", script, *words],
        cwd=installed / "empty",
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def test_an_expert_verifies_with_nothing_else(installed):
    done = call(installed, "bonafides-verify", *history(installed), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["ok"]
    assert {check["ok"] for check in found["checks"]} == {True}
    assert list((installed / "empty").iterdir()) == []


def test_the_command_says_what_the_products_own_says(installed):
    done = call(installed, "bonafides-verify", "--help")
    own = cli.get_command(None, "verify")
    options = {option for param in own.params for option in param.opts if option.startswith("--")}
    assert done.returncode == 0
    assert options <= set(re.findall(r"--[a-z-]+", done.stdout))
    assert "bonafides-verify bundle.json.gz --trust" in done.stdout
    assert call(installed, "bonafides-verify", "--version").stdout.startswith("bonafides-verify, version ")


@pytest.mark.parametrize("name", ["time.json", "other-entry.json"])
def test_a_claim_is_verified(installed, tmp_path, name):
    vector = json.loads((BREACH / name).read_text("utf-8"))
    for part in ("claim", "trust"):
        (tmp_path / f"{part}.json").write_text(vector[part], "utf-8")
    done = call(installed, "bonafides-verify-claim", tmp_path / "claim.json", "--trust", tmp_path / "trust.json")
    assert (done.returncode, done.stderr) == (0, "")


def test_wrong_files_end_with_words(installed):
    bundle, trust, other = (installed / f"{name}.json" for name in ("bundle", "trust", "other"))
    (installed / "no-bundle.json").write_text("{}", "utf-8")
    other.write_bytes(example_world().trust())
    cases = (
        (["nowhere.json", "--trust", trust], 2, "error: file-unreadable nowhere.json: No such file or directory"),
        ([installed / "no-bundle.json", "--trust", trust], 2, "error: invalid-input bundle"),
        ([bundle], 2, "error: invalid-input trust required"),
        ([bundle, "--trust", bundle], 2, "error: invalid-input trust"),
        ([bundle, "--trust", other], 1, ""),
        ([bundle, "--trust", trust, "--page", installed / "page.html"], 2, "error: page-engine-missing"),
    )
    for words, status, said in cases:
        done = call(installed, "bonafides-verify", *words)
        assert (done.returncode, done.stderr[: len(said)]) == (status, said), (words, done.stdout, done.stderr)
        assert done.stderr.count("\n") == (1 if said else 0)
    assert not (installed / "page.html").exists()


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import sqlite3",
        "open('x', 'w')",
        "import os; os.posix_spawn('/bin/true', ['x'], {})",
    ],
)
def test_the_guard_of_these_tests_stops(installed, code):
    done = subprocess.run(
        [installed / "env" / "bin" / "python", "-I", "-c", code], capture_output=True, check=False, cwd=installed
    )
    assert b"the verifier" in done.stderr


def test_a_page_needs_its_engine_and_no_more(installed, tmp_path):
    engine = tmp_path / "engine"
    engine.mkdir()
    for pin in pins(REQUIREMENTS / "verify.txt"):
        if canonicalize_name(pin.name) in PAGE_ALONE:
            _link(pin, engine)
    code = f"import sys; sys.path.append({str(engine)!r}); from bonafides.cli.verify_alone import main; "
    code += f"main({[*history(installed), '--page', str(tmp_path / 'page.html'), '--lang', 'en']!r})"
    done = subprocess.run(
        [installed / "env" / "bin" / "python", "-I", "-c", code], capture_output=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "Made from a bundle and a trust file alone" in (tmp_path / "page.html").read_text("utf-8")
