"""Tests that hold the documentation against the tree: links, make targets, decisions, commands and routes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from bonafides.cli.main import cli
from node_adapter.init import DEFAULT_ANCHORING
from tests import tree

ROOT = Path(__file__).resolve().parents[2]
ADR = ROOT / "docs" / "adr"

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"^bonafides ([a-z].*)")


def _anchor(heading: str) -> str:
    """Return the fragment that a heading gets where pages are shown."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def _commands_named(page: Path) -> set[str]:
    """Return what follows the command's name in indented lines and in code spans of a page."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    found = (_COMMAND.match(piece) for piece in [*lines, *_CODE.findall(text)])
    return {match[1] for match in found if match}


def _exists(words: list[str]) -> bool:
    """Say whether the words lead through the groups to a command."""
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            return True
        found = command.get_command(click.Context(command), word)
        if found is None:
            return False
        command = found
    return True


@pytest.mark.parametrize("page", tree.files(".md"), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_resolves(page):
    dead = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if _EXTERNAL.match(link):
            continue
        name, _, fragment = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (fragment and fragment not in _anchors(target)):
            dead.append(link)
    assert dead == []


def test_the_make_targets_of_the_pages_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set()
    for page in tree.files(".md"):
        text = page.read_text(encoding="utf-8")
        named |= set(re.findall(r"(?:^    |`)make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert {"demo", "test", "lint", "bench"} <= named
    assert [name for name in sorted(named) if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_decision_stands_in_the_index_once():
    index = (ADR / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((\d{4}-[^)]+\.md)\)", index)
    assert linked == sorted(page.name for page in ADR.glob("[0-9]*.md"))


def test_every_command_of_the_pages_exists():
    wrong = []
    for page in tree.files(".md"):
        for line in _commands_named(page):
            for alternative in line.split(" | "):
                words = re.match(r"(?:[a-z][a-z-]*(?: |$))*", alternative.removeprefix("bonafides "))
                if words and words[0] and not _exists(words[0].split()):
                    wrong.append(f"{page.name}: {alternative}")
    assert wrong == []


def test_every_command_stands_in_the_list_of_commands():
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")

    def missing(group: click.Group, path: str) -> list[str]:
        found = []
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            whole = f"{path} {name}".strip()
            if isinstance(command, click.Group):
                found += missing(command, whole)
            elif not re.search(rf"(?:bonafides|\|) {whole}(?![\w-])", text):
                found.append(whole)
        return found

    assert missing(cli, "") == []


def test_the_routes_of_the_pages_exist():
    routes = [path for path in json.loads((ROOT / "api" / "openapi.json").read_text(encoding="utf-8"))["paths"]]
    wrong = []
    for page in tree.files(".md"):
        for path in re.findall(r"\b(?:GET|POST) (/v1/[a-z0-9/_.<>-]*[a-z0-9>])", page.read_text(encoding="utf-8")):
            if path.replace("<", "{").replace(">", "}") not in routes:
                wrong.append(f"{page.name}: {path}")
    assert wrong == []


def test_operators_are_told_the_default_periods():
    text = (ROOT / "docs" / "for-operators.md").read_text(encoding="utf-8")
    for name in ("period_seconds", "promise_seconds", "heartbeat_seconds"):
        assert f"`anchoring.{name}` ({DEFAULT_ANCHORING[name]} by default)" in text


def test_the_places_of_the_developers_page_exist():
    page = (ROOT / "docs" / "for-developers.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_/.]+/(?:[a-z_]+\.(?:py|md|json))?)`", page))
    assert len(named) > 30, "the pattern finds nothing"
    known = tree.names()
    missing = [place for place in named if not any(f"/{name}".find(f"/{place}") >= 0 for name in known)]
    assert missing == []
