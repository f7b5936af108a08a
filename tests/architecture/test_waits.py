"""Waits end with an event or by the seconds of a free machine, and nobody takes a port that is not held for him.

Both kinds of fault show only on a busy machine, or beside another network, and then as a test that failed for nothing.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("tests", "scripts/demo", "scripts/bench")
_HELPERS = ("tests/waiting.py", "tests/architecture/test_waits.py")
_PROCESS = re.compile(r"process|worker|child|running|anvil|node")  # as processes are called
_CLOCKS = ("time.monotonic", "time.perf_counter")


def _reads_a_clock(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in _CLOCKS


def deadlines(source: str) -> list[int]:
    """Return the lines on which a moment is set after which a wait is over: `time.monotonic() + 60`."""
    sums = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
    )
    return [node.lineno for node in sums if any(map(_reads_a_clock, (node.left, node.right)))]


def ends_of_patience(source: str) -> list[int]:
    """Return the lines on which a process is waited for, for so many seconds of the clock: `process.wait(30)`."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    waits = (call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "wait")
    of_processes = (wait for wait in waits if _PROCESS.search(ast.unparse(wait.func)))
    return [wait.lineno for wait in of_processes if wait.args or wait.keywords]


def drawn_ports(source: str) -> list[int]:
    """Return the lines of functions that find a free port by binding 0 and let it go again."""
    found = []
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        calls = {node.func for node in ast.walk(function) if isinstance(node, ast.Call)}
        names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
        ends = [statement for statement in ast.walk(function) if isinstance(statement, ast.Return)]
        if {"bind", "getsockname"} <= names and any("getsockname" in ast.unparse(end) for end in ends):
            found.append(function.lineno)
    return found


@pytest.mark.parametrize("search", [deadlines, ends_of_patience, drawn_ports])
def test_no_test_or_demo_depends_on_a_free_machine(search):
    files = [file for folder in _FOLDERS for file in (ROOT / folder).rglob("*.py")]
    names = {file: file.relative_to(ROOT).as_posix() for file in files}
    found = [f"{names[f]}:{line}" for f in files if names[f] not in _HELPERS for line in search(f.read_text("utf-8"))]
    assert found == []


def test_the_searches_find():
    assert deadlines("end = time.monotonic() + seconds") == [1]
    assert ends_of_patience("self.processes[0].wait(timeout=30)") == [1]
    text = "def free_port():\n    with socket() as s:\n        s.bind((HOST, 0))\n        return s.getsockname()[1]\n"
    assert drawn_ports(text) == [1]
    assert ends_of_patience("process.wait()") == deadlines("time.monotonic() - begun") == []
