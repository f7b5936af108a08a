"""The report of a replay as people read it on a screen: one page of HTML, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.domains import Domains
from replay.installed import INSTALLED
from replay.rendering.document import document_of
from replay.rendering.html import html


def render_report(content: Mapping[str, Any], lang: str, domains: Domains = INSTALLED) -> str:
    """Return the HTML page of a replay's content.

    Args:
        content: what `report_content` returned.
        lang: zh or en.
        domains: those that know the record types.
    """
    return html(document_of(content, lang, domains))
