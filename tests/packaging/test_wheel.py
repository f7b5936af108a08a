"""Both wheels, installed outside the checkout into an environment of their own."""

import json
import os
import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from scripts.distributions.build import build
from tests.tree import PACKAGES

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


TRAVELS = (
    "node_adapter/chain/artifacts/MemberRegistry.json",
    "node_adapter/migrations/env.py",
    "node_adapter/migrations/script.py.mako",
    "node_adapter/migrations/versions/rev_0001.py",
    "suitability/rulesets/sac-bands-v1.json",
    "did/credentials/credentials-v1.jsonld",
    "suitability/questionnaires/",
    "api/verifier.html",
    "bonafides/cli/main.py",
    "bonafides/cli/verify.py",
)


def run(*words, **options):
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, encoding="utf-8", check=False, **options
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The application's, and that of the verifier, which it depends on (ADR 63)."""
    out = tmp_path_factory.mktemp("wheel")
    build(out, source=False)
    return sorted(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory):
    """An environment with both wheels, which borrows only the dependencies of ours: no network is needed."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home / "env", with_pip=False, symlinks=True)
    python = home / "env" / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    script = home / "env" / "bin" / "bonafides"
    script.write_text(f"#!{python}\nfrom bonafides.cli.main import main\nmain()\n", encoding="utf-8")
    script.chmod(0o755)
    # Appended after the wheel's own packages, and without running the .pth files there: the checkout stays unseen.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home


def call(installed, *words, **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    return run(*words, cwd=installed, env=environment, **options)


def test_what_the_code_reads_travels_in_a_wheel(wheels):
    names = [name for wheel in wheels for name in zipfile.ZipFile(wheel).namelist()]
    for wanted in TRAVELS:
        assert any(name.startswith(wanted) for name in names), wanted
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == set(PACKAGES)


def test_every_package_comes_from_the_wheel_and_not_from_the_checkout(installed):
    code = f"import json, {', '.join(PACKAGES)}; print(json.dumps([m.__file__ for m in ({', '.join(PACKAGES)})]))"
    done = call(installed, installed / "env" / "bin" / "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert all(file.startswith(str(installed)) for file in json.loads(done.stdout))


def test_the_installed_command_verifies(installed):
    command = installed / "env" / "bin" / "bonafides"
    (installed / "bundle.json").write_bytes(b"garbage")
    (installed / "trust.json").write_bytes(b"{}")
    done = call(installed, command, "verify", "bundle.json", "--trust", "trust.json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: invalid-input bundle")
    assert call(installed, command, "--version").stdout.startswith("bonafides, version ")


def test_the_installed_command_makes_a_node_with_what_travelled(installed):
    command = installed / "env" / "bin" / "bonafides"
    password = installed / "password"
    password.write_text("a test password", encoding="utf-8")
    words = ("node", "init", "a", "--name", "A", "--role", "broker", "--port", "18998", "--password-file", password)
    done = call(installed, command, *words)
    assert done.returncode == 0, done.stderr
    done = call(installed, command, "demo")
    assert (done.returncode, done.stderr.split()[1]) == (2, "demo-needs-checkout")
