"""What a document is made of, before it is a page of HTML or of PDF: blocks of lines of text, each with a style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    """How a piece of text is set; the three last ones are labels: what is right, wrong or open."""

    PLAIN = "plain"
    SOFT = "soft"
    STRONG = "strong"
    MONO = "mono"  # identifiers, digests, versions: what is compared letter by letter and is of no language
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"


LABELS = (Style.GOOD, Style.BAD, Style.WARN)


@dataclass(frozen=True)
class TextRun:
    """A piece of text in one style."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[TextRun, ...]
Cell = tuple[Line, ...]


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 opens a part, which `number` numbers."""

    text: str
    level: int = 1
    number: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `tone` is PLAIN, SOFT or a label's style, which then colours the text."""

    line: Line
    tone: Style = Style.PLAIN


@dataclass(frozen=True)
class Verdict:
    """The sentence that a reader sees first."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Table:
    """A table; `widths` are the columns' shares of the width, `right` the columns of numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[int, ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Pairs:
    """Names, each with what it stands for."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True)
class TimelineEntry:
    """One event of a timeline: its lines, and names with values; `broken` where something is against it."""

    lines: Cell
    values: tuple[tuple[str, Line], ...] = ()
    broken: bool = False


@dataclass(frozen=True)
class Timeline:
    """Events in their order; `values` is what the list of an event's values is called."""

    events: tuple[TimelineEntry, ...]
    values: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list of lines."""

    items: tuple[Line, ...]


@dataclass(frozen=True)
class Listing:
    """Lines to be typed or compared as they are."""

    lines: tuple[str, ...]


Block = Heading | Paragraph | Verdict | Table | Pairs | Timeline | Bullets | Listing


@dataclass(frozen=True)
class ReportDocument:
    """A document in one language.

    Attributes:
        lang: as HTML names it.
        title, subtitle: of the first page.
        case, made_at: what the head of every page names.
        banner: what stands on every page, such as that every person in it is invented; empty where nothing does.
        notice: what a reader is told before all else, or empty.
        blocks: the parts.
        footer: the last words.
    """

    lang: str
    title: str
    subtitle: str
    case: str
    made_at: str
    banner: str
    notice: str
    blocks: Sequence[Block]
    footer: str


def plain(text: object, style: Style = Style.PLAIN) -> Line:
    """Return a line of one piece."""
    return (TextRun(str(text), style),)


def cell(*lines: Line | str) -> Cell:
    """Return a cell of lines."""
    return tuple(plain(line) if isinstance(line, str) else line for line in lines)
