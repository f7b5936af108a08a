"""The page of a replay report: self-contained, in Chinese or English, from the content (`replay.report`).

The template and its words are packaged; nothing is fetched, and every value is escaped: none of them is read as markup,
and none hides or turns what stands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, Template

from domain.domains import Domains
from primitives.text import printable
from replay.installed import INSTALLED
from replay.reasons import in_chinese

_FOLDER = "templates"
_PAGE, _WORDS = "replay_report.html", "replay_report.json"
_SECOND, _MINUTE = 1000, 60_000


def render_report(content: Mapping[str, Any], lang: str, domains: Domains = INSTALLED) -> str:
    """Return the HTML page of a replay's content.

    Args:
        content: what `report_content` returned.
        lang: zh or en.
        domains: those that know the record types.
    """
    words = words_in(lang, domains)
    said = in_chinese if lang == "zh" else str
    return _template().render(**content, w=words, word=lambda group, key: words[group].get(key, key), said=said)


@cache
def _template() -> Template:
    environment = Environment(
        loader=BaseLoader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_legible,
    )
    environment.filters["duration"] = _duration
    return environment.from_string(_read(_PAGE))


def _legible(value: object) -> object:
    """Return a value as it is shown; what a macro made is markup, and was shown so before."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def words_in(lang: str, domains: Domains = INSTALLED) -> dict[str, Any]:
    """Return the page's words in zh or en: its own, and those of the domains."""
    words: dict[str, Any] = json.loads(_read(_WORDS))[lang]
    words["stages"] = {name: stage.in_language(lang) for name, stage in domains.stages.items()}
    words["types"] = {code: entry.words.in_language(lang) for code, entry in domains.types.items()}
    words["codes"] |= {code: meaning.words.in_language(lang) for code, meaning in domains.codes.items()}
    words["claims"] |= {claim.name: claim.words.in_language(lang) for claim in domains.claims}
    return words


def _read(name: str) -> str:
    return resources.files("replay").joinpath(_FOLDER, name).read_text(encoding="utf-8")


def _duration(ms: int) -> str:
    if ms < _SECOND:
        return f"{ms} ms"
    if ms < _MINUTE:
        return f"{ms / _SECOND:.1f} s"
    return f"{ms // _MINUTE} min {ms % _MINUTE // _SECOND} s"
