"""Wrong options of the demo cost nothing: no network is started, and an earlier run's results stay."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[3] / "scripts" / "demo" / "run.py"


def demo(*arguments):
    return subprocess.run(
        [sys.executable, RUN, *arguments], capture_output=True, text=True, encoding="utf-8", check=False, timeout=60
    )


@pytest.fixture
def earlier(tmp_path):
    out = tmp_path / "demo"
    out.mkdir()
    (out / "summary.json").write_text("{}", encoding="utf-8")
    return out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--clients", "3"), "at least 60"),
        (("--clients", "many"), "invalid int value"),
        (("--clients", "6000"), "must lie between"),
        (("--input", "/nonexistent"), "cannot be read"),
        (("--input", str(RUN)), "is not a gzip file"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_else(earlier, arguments, words):
    done = demo("--out", str(earlier), *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert (earlier / "summary.json").read_text(encoding="utf-8") == "{}"


def test_a_folder_of_somebody_else_is_not_emptied(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    done = demo("--out", str(tmp_path))
    assert done.returncode == 2
    assert "no earlier demo" in done.stderr
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"
