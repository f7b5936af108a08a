"""A report's content as a document in one language: the fourteen parts, in their order (docs/spec/report.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.domains import Domains
from domain.issue import CLIENT
from replay.rendering import closing, history, judgement, opening, proofs
from replay.rendering.blocks import Block, Heading, ReportDocument
from replay.rendering.speech import Speech


def document_of(content: Mapping[str, Any], lang: str, domains: Domains) -> ReportDocument:
    """Return the document of what `report_content` returned, in zh or en."""
    say = Speech(lang, domains)
    by_node = content["missing_findings"] is not None
    parts = (
        opening.cover(content, say),
        opening.conclusion(content, say),
        history.timeline(content, say),
        history.re_execution(content, say),
        proofs.records(content, say),
        proofs.completeness(content, say),
        proofs.keys(content, say),
        judgement.rules(content, say, domains),
        history.consents(content, say),
        history.recordings(content, say),
        history.access_log(content, say),
        closing.court(content, say),
        closing.limits(content, say),
        closing.verification(content, say),
    )
    return ReportDocument(
        lang=say["html_lang"],
        title=say["title"],
        subtitle=say["subtitle"],
        case=content["cover"]["case"],
        made_at=content["cover"]["made_at"],
        banner=say["synthetic"] if content["synthetic"] else "",
        notice=" ".join(filter(None, (_of_form(content, say), "" if by_node else say["from_bundle_alone"]))),
        blocks=[block for number, part in enumerate(parts, 1) for block in _numbered(part, number)],
        footer=say["footer"],
    )


def _of_form(content: Mapping[str, Any], say: Speech) -> str:
    return say["client_form"] if content["form"] == CLIENT else ""


def _numbered(part: list[Block], number: int) -> list[Block]:
    """Number the heading that opens a part."""
    first = part[0]
    return [replace(first, number=str(number)), *part[1:]] if isinstance(first, Heading) else part
