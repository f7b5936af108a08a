"""A document of a replay as a reader asks for it: bundle, report as data, page or PDF, in a language and a form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from domain.issue import BUNDLE, CONTENT, FORMS, FULL, PAGE
from node_adapter.node import Node
from node_adapter.workflows.replay.asked import replay_texts
from primitives.errors import Refused
from primitives.shapes import OneOf
from replay.report import REPORT_FORMAT
from replay.report_client import in_form
from replay.report_page import render_report

FORM = OneOf(*FORMS)


@dataclass(frozen=True)
class ReadDocument:
    """One document of one identity of a client.

    Attributes:
        kind: bundle, content, page or pdf.
        form: full or client.
        lang: zh or en; None of what is in no language.
        data: the document.
        content: of the report, whole.
    """

    kind: str
    form: str
    lang: str | None
    data: bytes = field(repr=False)
    content: dict[str, Any] = field(repr=False)


def read_document(
    node: Node, replay_id: str, kind: str, *, number: int = 0, lang: str | None = None, form: str = FULL
) -> ReadDocument:
    """Return a document: as it was made, or a page or PDF in another language (zh or en) or in the client's form.

    Raises:
        Refused: `replay-outdated`, an earlier version made it, in another language or form; or as `replay_texts`.
        BonafidesError: why the replay could not be made.
    """
    texts = replay_texts(node, replay_id, number)
    content = texts.content
    if kind == BUNDLE:
        return ReadDocument(kind, FULL, None, _utf8(texts.bundle), content)
    if kind == CONTENT:
        return ReadDocument(kind, FULL, None, _utf8(texts.report), content)
    told = lang or content["lang"]
    if kind == PAGE and lang is None and form == FULL:
        return ReadDocument(kind, form, told, _utf8(texts.report_html), content)
    _require_current(content)
    shown = in_form(content, form, node.domains)
    if kind == PAGE:
        return ReadDocument(kind, form, told, _utf8(render_report(shown, told, node.domains)), content)
    from replay.report_pdf import render_pdf  # noqa: PLC0415 - a library and a font that nothing else here needs

    return ReadDocument(kind, form, told, render_pdf(shown, told, node.domains), content)


def _utf8(text: str) -> bytes:
    """Return a text's bytes; half a surrogate, of a record that was altered in the store, as its escape."""
    return text.encode("utf-8", "backslashreplace")


def _require_current(content: dict[str, Any]) -> None:
    if content["format"] != REPORT_FORMAT:
        detail = "id: this replay was made by an earlier version, as a page in one language alone; ask for it anew"
        raise Refused("replay-outdated", detail)
