"""A document as one page of HTML: self-contained, nothing is fetched, and every value is escaped.

None of them is read as markup, and none hides or turns what stands beside it.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import BaseLoader, Environment, StrictUndefined, Template

from primitives.text import printable
from replay.rendering.blocks import LABELS, ReportDocument

_FOLDER, _PAGE = "templates", "document.html"


def html(document: ReportDocument) -> str:
    """Return the page."""
    return _template().render(document=document, labels=LABELS)


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
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.from_string(resources.files("replay").joinpath(_FOLDER, _PAGE).read_text(encoding="utf-8"))


def _legible(value: object) -> object:
    """Return a value as it is shown; what a macro made is markup, and was shown so before."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
