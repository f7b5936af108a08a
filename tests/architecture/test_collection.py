"""The same tests are collected in every process: a parallel run compares the ids, and a person names one by its id."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What one process may have and another not: the second in which it imports, the seed of sets, the zone, the locale.
_ONE = {"PYTHONHASHSEED": "1", "TZ": "Asia/Shanghai", "LC_ALL": "C.UTF-8"}
_OTHER = {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def _start(directory: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return subprocess.Popen(
        [*command, str(directory)],
        cwd=ROOT,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def collected_twice(directory: Path, *, at_once: bool = False) -> tuple[list[str], list[str]]:
    """Collect the tests of a folder in two unlike processes; return both lists of ids.

    The two import in different seconds, surely only where the second one begins after the first has ended.
    """
    first = _start(directory, _ONE)
    if not at_once:
        first.wait()
    time.sleep(1.1)
    second = _start(directory, _OTHER)
    outputs = [process.communicate()[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    one, other = ([line for line in output.splitlines() if "::" in line] for output in outputs)
    return one, other


@pytest.mark.slow
def test_two_processes_collect_the_same_tests_in_the_same_order():
    one, other = collected_twice(ROOT / "tests", at_once=True)
    assert len(one) > 1000
    assert [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize(
    "values",
    ["gzip.compress(b'')", "time.time_ns()", "uuid.uuid4().hex", "*{'a', 'b', 'c', 'd', 'e', 'f'}", "time.tzname[0]"],
)
def test_an_id_made_of_the_moment_is_noticed(tmp_path, values):
    text = f"import gzip, pytest, time, uuid\n@pytest.mark.parametrize('x', [{values}])\ndef test_it(x): pass\n"
    (tmp_path / "test_moment.py").write_text(text, encoding="utf-8")
    one, other = collected_twice(tmp_path, at_once="gzip" not in values)  # whose moment is a second
    assert one
    assert one != other
