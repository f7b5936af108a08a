"""Files and pipes are UTF-8 whatever the locale of the machine: each place that reads or writes text says so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import tree

ROOT = Path(__file__).resolve().parents[2]

# Calls of text files and streams, and the number of arguments at which the encoding has been given by position.
_WITH_ENCODING = {"read_text": 1, "write_text": 2, "TextIOWrapper": 2, "NamedTemporaryFile": 3, "fdopen": 4}


def _is_text(call: ast.Call, words: dict[str | None, ast.expr]) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    modes = [value.value for value in (*call.args, *words.values()) if isinstance(value, ast.Constant)]
    if any(isinstance(mode, str) and mode.endswith("b") for mode in modes):
        return False
    if name == "open":  # of a file; the other `open`s of the tree take no mode
        return isinstance(call.func, ast.Name) or any(mode in ("r", "w", "a", "x") for mode in modes)
    if isinstance(words.get("text"), ast.Constant):
        return words["text"].value is True
    return name in _WITH_ENCODING and len(call.args) < _WITH_ENCODING[name]


def lines_of_the_locale(source: str) -> list[int]:
    """Return the lines on which text is read or written in the encoding of the machine's locale."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        words = {word.arg: word.value for word in call.keywords}
        if "encoding" not in words and _is_text(call, words):
            found.append(call.lineno)
    return found


def test_no_file_or_pipe_is_read_in_the_encoding_of_the_locale():
    found = [
        (f"{file.relative_to(ROOT)}:{line}")
        for file in tree.files(".py")
        for line in lines_of_the_locale(file.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "path.read_text()",
        "path.write_text(text)",
        "open(name)",
        "path.open('w')",
        "subprocess.run(command, text=True)",
        "io.TextIOWrapper(stream)",
    ],
)
def test_the_search_finds(source):
    assert lines_of_the_locale(source) == [1]


@pytest.mark.parametrize(
    "source", ["path.read_text('utf-8')", "open(name, 'rb')", "path.open('ab')", "store.open(name)"]
)
def test_the_search_leaves(source):
    assert lines_of_the_locale(source) == []


# Only here the command touches the standard streams: JSON goes out as UTF-8, words as the terminal takes them.
OUTPUT = Path("bonafides/cli/support/output.py")
_WRITES = {"echo", "secho", "echo_via_pager", "print", "print_exc", "prompt", "confirm"}


def lines_that_touch_a_stream(source: str) -> list[int]:
    """Return the lines that read or write a standard stream, or print."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _WRITES:
                found.append(node.lineno)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdin", "sys.stdout", "sys.stderr"):
            found.append(node.lineno)
    return found


def test_the_command_reads_and_writes_through_one_module():
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in sorted((ROOT / "bonafides").rglob("*.py"))
        if file.relative_to(ROOT) != OUTPUT
        for line in lines_that_touch_a_stream(file.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source", ["click.echo(x)", "print(x)", "sys.stdout.write(x)", "f(file=sys.stderr)", "sys.stdin.readline()"]
)
def test_the_search_finds_a_stream(source):
    assert lines_that_touch_a_stream(source) == [1]
