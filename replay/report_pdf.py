"""The report of a replay as a file of PDF. It stands apart: whoever only reads HTML needs neither library nor font."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.domains import Domains
from replay.installed import INSTALLED
from replay.rendering.document import document_of
from replay.rendering.pdf import pdf


def render_pdf(content: Mapping[str, Any], lang: str, domains: Domains = INSTALLED) -> bytes:
    """Return the PDF of a replay's content: the same bytes for the same content and language.

    Args:
        content: what `report_content` returned.
        lang: zh or en.
        domains: those that know the record types.
    """
    return pdf(document_of(content, lang, domains))
