"""The report of a replay in the language and the form that a reader asks for, from the content that is kept of it."""

from __future__ import annotations

from typing import Any

from node_adapter.node import Node
from node_adapter.store.replays import ReplayTexts
from node_adapter.workflows.replay.asked import replay_texts
from primitives.errors import Refused
from primitives.shapes import OneOf
from replay.report import REPORT_FORMAT
from replay.report_client import FORMS, FULL, in_form
from replay.report_page import render_report

FORM = OneOf(*FORMS)


def report_page(node: Node, replay_id: str, number: int = 0, lang: str | None = None, form: str = FULL) -> str:
    """Return the page: as it was made, in another language (zh or en), or in the client's form.

    Raises:
        Refused: `replay-outdated`, an earlier version made it, in another language or form; or as `replay_texts`.
        BonafidesError: why the replay could not be made.
    """
    texts = replay_texts(node, replay_id, number)
    if lang is None and form == FULL:
        return texts.report_html
    content = _content(texts)
    return render_report(in_form(content, form, node.domains), lang or content["lang"], node.domains)


def report_pdf(node: Node, replay_id: str, number: int = 0, lang: str | None = None, form: str = FULL) -> bytes:
    """Return the same as a file of PDF; raises as `report_page`."""
    from replay.report_pdf import render_pdf  # noqa: PLC0415 - a library and a font that nothing else here needs

    content = _content(replay_texts(node, replay_id, number))
    return render_pdf(in_form(content, form, node.domains), lang or content["lang"], node.domains)


def _content(texts: ReplayTexts) -> dict[str, Any]:
    content = texts.content
    if content["format"] != REPORT_FORMAT:
        detail = "id: this replay was made by an earlier version, as a page in one language alone; ask for it anew"
        raise Refused("replay-outdated", detail)
    return content
