"""What several parts of a report say in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replay.rendering.blocks import Line, Paragraph, Style, TextRun, plain
from replay.rendering.speech import Speech
from replay.reports import reports_subject


def aside(text: str) -> Paragraph:
    """Return a paragraph that stands back behind what it is about."""
    return Paragraph(plain(text), Style.SOFT)


def heads(*names: str) -> tuple[str, ...]:
    """Return what stands over the columns of a table, each with a capital where its language has such."""
    return tuple(name[:1].upper() + name[1:] for name in names)


def record_named(item: Mapping[str, Any], say: Speech) -> str:
    """Return the place of a record in its history, and what it is."""
    return f"#{item['seq']} {say.word('types', item['type'])}"


def signer(one: Mapping[str, Any], say: Speech) -> Line:
    """Return who signed as a second person: name, role and key."""
    named = f"{say.person(one['name'])} · {say.word('roles', one['role'])} · "
    return TextRun(named), TextRun(one["key"], Style.MONO)


def unchecked(content: Mapping[str, Any], say: Speech) -> tuple[Line, ...]:
    """Return what was not checked, each with the reason."""
    return tuple(
        (TextRun(f"{say.word('checks', item['check'])}: "), TextRun(say.said(item["reason"]), Style.SOFT))
        for item in content["not_checked"]
    )


def reports_place(content: Mapping[str, Any]) -> Line:
    """Return the pseudonym of the history that says which report was given to whom."""
    told = content["cover"]
    return plain(reports_subject(told["broker"]["did"], told["subject"]), Style.MONO)
