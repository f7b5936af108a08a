"""Waits end with an event or by the seconds of a free machine, and nobody takes a port that is not held for him.

All these faults show only on a busy machine, or beside another network, and then as a test that failed for nothing. The
event must be a sign of what the next step needs: that a process answers (`/healthz`) is none that its index holds
anything, and what one node has read of the chain says nothing of another.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("tests", "scripts/demo", "scripts/bench")
_PRODUCT = ("api", "bonafides", "node_adapter")
# What a stranger may take, for whom it is no excuse how busy this machine is; and a pause, which is no wait.
_BOUNDS = ("node_adapter/chain/providers.py", "node_adapter/peers/client.py", "api/server.py")
# How long to wait for a replay, or for an erasure, the caller says.
_SAID = ("bonafides/client/compliance.py", "bonafides/cli/erasure.py")
_PAUSES = ("bonafides/cli/process/child.py",)
_ALONE = (
    "tests/integration/api/test_server.py",  # an API process without a chain: all it can do is to answer
    "scripts/bench/replays.py",  # one member: whose node reads the chain is the one that wrote
    "tests/integration/job/test_whole_job.py",  # a job that is done: every block of it was waited for
)
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


def waits_for_an_answer(source: str) -> list[int]:
    """Return the lines of functions that ask `/healthz` and take an error for "not yet": who waits, needs `/readyz`."""
    found = []
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        inner = {node for child in ast.walk(function) if child is not function for node in _functions(child)}
        parts = [node for node in ast.walk(function) if node not in inner]
        if any(isinstance(node, ast.Try) for node in parts) and "/healthz" in _strings(parts):
            found.append(function.lineno)
    return found


def trust_taken_early(source: str) -> list[int]:
    """Return the lines on which a node's word for a block is taken before its index was waited for in that function."""
    found = []
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        waits = [call.lineno for call in calls if ast.unparse(call.func).endswith("await_level")]
        taken = [call.lineno for call in calls if {"chain", "trust", "--node"} <= set(_words(call))]
        found += [line for line in taken if not any(wait < line for wait in waits)]
    return found


def _functions(node: ast.AST) -> set[ast.AST]:
    return set(ast.walk(node)) if isinstance(node, ast.FunctionDef) else set()


def _strings(nodes: list[ast.AST]) -> str:
    return " ".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _words(call: ast.Call) -> list[str]:
    return [node.value for node in call.args if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@pytest.mark.parametrize("search", [waits_for_an_answer, trust_taken_early])
def test_what_is_waited_for_is_a_sign_of_what_comes_next(search):
    files = [file for folder in _FOLDERS for file in (ROOT / folder).rglob("*.py")]
    names = {file: file.relative_to(ROOT).as_posix() for file in files}
    passed = (*_HELPERS, *_ALONE)
    found = [f"{names[f]}:{line}" for f in files if names[f] not in passed for line in search(f.read_text("utf-8"))]
    assert found == []


def test_the_product_waits_for_its_own_by_the_seconds_of_a_free_machine():
    files = [file for folder in _PRODUCT for file in (ROOT / folder).rglob("*.py")]
    names = {file: file.relative_to(ROOT).as_posix() for file in files}
    found = {names[file] for file in files if deadlines(file.read_text("utf-8"))}
    assert found == {*_BOUNDS, *_PAUSES, *_SAID}


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
    asks = "def up():\n    try:\n        return get(url + '/healthz').is_success\n    except E:\n        return 0\n"
    assert waits_for_an_answer(asks) == [1]
    assert waits_for_an_answer(asks.replace("healthz", "readyz")) == []
    takes = "def take(node):\n    run('chain', 'trust', '--node', node)\n"
    assert trust_taken_early(takes) == [2]
    assert trust_taken_early(takes.replace("    run", "    await_level(node)\n    run")) == []
