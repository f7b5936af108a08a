"""What every test shares: readable ids, and in CI a skip is a failure unless the checked-in list gives its reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import tests.properties  # noqa: F401 - the examples of every property, before one is made
from primitives.suites import DEFAULT
from tests.world.postgresql import running_server

pytest_plugins = ["tests.world.databases"]

_ALLOWED = Path(__file__).with_name("allowed_skips.txt")
_LONGEST_VALUE_IN_AN_ID = 60
_RECURSION_LIMIT = sys.getrecursionlimit()


@pytest.fixture
def suite():
    """The suite of the broker of a test: the default one, where none is asked for (`tests.world.keys.both_suites`)."""
    return DEFAULT


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server of this test process, started when the first test asks for it."""
    with running_server() as server:
        yield server


def _allowed_skips() -> set[str]:
    lines = _ALLOWED.read_text(encoding="utf-8").splitlines()
    return {line.split("\t")[0] for line in lines if line and not line.startswith("#")}


def pytest_runtest_setup():
    """Run every test at the interpreter's own limit, as the product does: a library that some tests load raises it.

    At the raised one a deeply nested document overflows the stack, and the whole worker dies of it.
    """
    sys.setrecursionlimit(_RECURSION_LIMIT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("BONAFIDES_NO_SKIPS") and item.nodeid not in _allowed_skips():
        report.outcome = "failed"
        report.longrepr = f"skipped, and tests/allowed_skips.txt gives no reason: {item.nodeid}"
    return report


def pytest_make_parametrize_id(config, val, argname):
    """Return the argument's name for a value that no one can read; pytest numbers the ones that are alike."""
    if isinstance(val, bytes):
        val = val.decode("latin-1")
    if isinstance(val, str) and (len(val) > _LONGEST_VALUE_IN_AN_ID or not val.isprintable() or not val.isascii()):
        return argname
    return None
