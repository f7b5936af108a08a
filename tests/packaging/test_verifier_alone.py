"""The verifier without the rest: its packages alone, in an interpreter that has no node, no client and no command."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from scripts.vectors.synthetic_chain import example_world

ROOT = Path(__file__).parents[2]
PACKAGES = ("primitives", "domain", "did", "evidence", "suitability", "replay")
CODE = """
import json, sys
from pathlib import Path
from bonafides.verify import Occasion, as_json, page, verify
found = verify(Path("bundle.json").read_bytes(), Path("trust.json").read_bytes())
shown = page(found, Occasion(case="1", lang="en", made_at="2026-11-27T10:00:00.000+08:00"))
assert "Made from a bundle and a trust file alone" in shown
print(json.dumps([as_json(found)["ok"], sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture
def installed(tmp_path):
    """The packages of the verifier, and no way to any other of ours."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bonafides").mkdir()
    for name in ("__init__.py", "verify.py"):
        shutil.copy(ROOT / "bonafides" / name, tmp_path / "bonafides" / name)
    return tmp_path


def test_the_verifiers_packages_verify_a_bundle_and_make_its_page(installed):
    world = example_world()
    (installed / "bundle.json").write_bytes(world.seal(world.bundle().body()))
    (installed / "trust.json").write_bytes(world.trust())
    paths = [str(installed), sysconfig.get_path("purelib")]  # -S: no .pth file there leads to the checkout
    code = f"import sys; sys.path[:0] = {paths!r}\n{CODE}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=installed, capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    holds, loaded = json.loads(done.stdout)
    assert holds
    assert not {"node_adapter", "api", "mpc", "flask", "sqlalchemy", "httpx"} & set(loaded)
