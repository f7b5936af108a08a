"""A document as PDF: A4, every page numbered, the font embedded, the same bytes for the same document (ADR 83).

The library places text and embeds of the font what is used; lines and pages are broken here, so that a row of a table
may be as long as it likes. A character that the font lacks is written as its escape, never left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fpdf import FPDF
from pylopdf_fonts_zh_cn import sans_path

from primitives.text import printable
from primitives.timestamp import parse_time
from replay.rendering.blocks import (
    Block,
    Bullets,
    Heading,
    Line,
    Listing,
    Pairs,
    Paragraph,
    ReportDocument,
    Style,
    Table,
    TextRun,
    Timeline,
    TimelineEntry,
    Verdict,
    plain,
)
from replay.rendering.breaking import Width, broken

_FONT = "NotoSansSC"
_MARGIN, _TOP, _BOTTOM = 16.0, 22.0, 18.0  # mm
_WIDTH, _HEIGHT = 210.0, 297.0
_ROOM = _WIDTH - 2 * _MARGIN
_TEXT, _SMALL, _HEAD_1, _HEAD_2, _TITLE = 9.0, 8.0, 14.0, 10.5, 20.0  # pt
_LEADING = 0.53  # mm of a line for each pt of its size
_PADDING, _GAP = 1.2, 2.5  # mm
_INK, _SOFT, _ACCENT, _RULE = (29, 39, 51), (91, 107, 124), (20, 80, 122), (217, 224, 231)
_COLOURS = {
    Style.PLAIN: _INK,
    Style.STRONG: _ACCENT,
    Style.MONO: _INK,
    Style.SOFT: _SOFT,
    Style.GOOD: (31, 122, 77),
    Style.BAD: (179, 38, 30),
    Style.WARN: (154, 103, 0),
}
_SHRINK = {Style.MONO: 0.88, Style.SOFT: 0.94}
_LEFT_OF_PAIRS = 42.0
_MS, _UNIT = 1000, 1000.0
_COUNT = "{nb}"  # the library puts the number of pages here


def pdf(document: ReportDocument) -> bytes:
    """Return the file."""
    pages = _Pages(document)
    pages.title()
    for block in document.blocks:
        pages.add(block)
    pages.paragraph(plain(document.footer), Style.SOFT)
    return pages.finished()


class _Pages:
    """The pages of one document, as they fill."""

    def __init__(self, document: ReportDocument) -> None:
        self._document = document
        self._file: Any = FPDF(unit="mm", format="A4")
        self._file.set_auto_page_break(False)
        self._file.set_margin(0)
        self._file.c_margin = 0
        self._file.add_font(_FONT, fname=str(sans_path()))
        self._widths: dict[str, float] = {}  # of a report's many characters few differ
        self._known = frozenset(self._file.fonts[_FONT.lower()].cmap)
        self._file.set_title(f"{document.title} {document.case}")
        self._file.set_subject(document.subtitle)
        self._file.set_creator("bonafides")
        self._file.set_producer("fpdf2")
        self._file.set_lang(document.lang)
        made = parse_time(document.made_at, "made_at")
        self._file.set_creation_date(datetime.fromisoformat(document.made_at).replace(microsecond=made % _MS * _MS))
        self._y = 0.0
        self._page()

    # Pages

    def _page(self) -> None:
        self._file.add_page()
        self._edges()
        self._y = _TOP

    def _space(self, height: float) -> None:
        """Begin a page where there is no more room for so much."""
        if self._y + height > _HEIGHT - _BOTTOM:
            self._page()

    def finished(self) -> bytes:
        """Return the file."""
        return bytes(self._file.output())

    def _edges(self) -> None:
        """Write the head and the foot of a page; how many pages there are is put in at the end."""
        document = self._document
        number = self._file.page_no()
        if document.banner:
            self._file.set_fill_color(255, 236, 179)
            self._file.rect(0, 0, _WIDTH, 8, style="F")
            self._put(plain(document.banner, Style.WARN), 5.4, _SMALL, centre=_WIDTH / 2)
        if number > 1:
            self._put(plain(f"{document.title} · {document.case}", Style.SOFT), 14, _SMALL, left=_MARGIN)
        self._put(plain(document.made_at, Style.SOFT), _HEIGHT - 9, _SMALL, left=_MARGIN)
        self._file.set_font(_FONT, size=_SMALL)
        self._file.set_text_color(*_COLOURS[Style.SOFT])
        self._file.set_xy(0, _HEIGHT - 12)
        self._file.cell(_WIDTH, 4, f"{number} / {_COUNT}", align="C")

    # Text

    def _shown(self, text: str) -> str:
        return "".join(one if ord(one) in self._known else _escaped(one) for one in printable(text))

    def _width(self, size: float) -> Width:
        return lambda text, style: self._measure(text, size * _SHRINK.get(style, 1.0))

    def _measure(self, text: str, size: float) -> float:
        return sum(map(self._wide, text)) * size

    def _wide(self, character: str) -> float:
        """Return how wide a character is for each pt of its size: no pairs of this font stand closer."""
        if character not in self._widths:
            self._file.set_font(_FONT, size=_UNIT)
            self._widths[character] = float(self._file.get_string_width(character)) / _UNIT
        return self._widths[character]

    def _broken(self, line: Line, room: float, size: float) -> list[Line]:
        shown = tuple(TextRun(self._shown(run.text), run.style) for run in line)
        return broken(shown, room, self._width(size))

    def _put(
        self, line: Line, y: float, size: float, *, left: float = 0, centre: float | None = None, right: float = 0
    ) -> None:
        """Write one line with its baseline at a height."""
        runs = [(self._shown(run.text), run.style, size * _SHRINK.get(run.style, 1.0)) for run in line]
        widths = [self._measure(text, at) for text, _, at in runs]
        whole = sum(widths)
        x = left if centre is None else centre - whole / 2
        x = right - whole if right else x
        for (text, style, at), wide in zip(runs, widths, strict=True):
            self._file.set_text_color(*_COLOURS[style])
            self._file.set_font(_FONT, size=at)
            if text:
                self._file.text(x, y, text)
            x += wide

    def _lines(self, lines: list[Line], size: float, left: float) -> None:
        height = size * _LEADING
        for line in lines:
            self._space(height)
            self._put(line, self._y + height * 0.75, size, left=left)
            self._y += height

    # Blocks

    def title(self) -> None:
        """Write what the first page begins with."""
        document = self._document
        self._lines(self._broken(plain(document.title, Style.STRONG), _ROOM, _TITLE), _TITLE, _MARGIN)
        self._y += _GAP
        self.paragraph(plain(document.subtitle), Style.SOFT)
        if document.notice:
            self.paragraph(plain(document.notice), Style.WARN)

    def add(self, block: Block) -> None:
        """Write a block."""
        writers: dict[type[Any], Callable[[Any], None]] = {
            Heading: self._heading,
            Paragraph: lambda found: self.paragraph(found.line, found.tone),
            Verdict: self._verdict,
            Table: self._table,
            Pairs: self._pairs,
            Timeline: self._timeline,
            Bullets: self._bullets,
            Listing: self._listing,
        }
        writers[type(block)](block)

    def _pairs(self, block: Pairs) -> None:
        for name, value in block.rows:
            columns = [[plain(name, Style.SOFT)], list(value)]
            self._row(columns, [_LEFT_OF_PAIRS, _ROOM - _LEFT_OF_PAIRS], frozenset())
        self._y += _GAP

    def _bullets(self, block: Bullets) -> None:
        for item in block.items:
            self._space(_TEXT * _LEADING)
            self._put(plain("·"), self._y + 3.4, _TEXT, left=_MARGIN + 1)
            self._lines(self._broken(item, _ROOM - 5, _TEXT), _TEXT, _MARGIN + 5)
            self._y += _PADDING

    def _timeline(self, block: Timeline) -> None:
        for event in block.events:
            self._event(event)

    def paragraph(self, line: Line, tone: Style) -> None:
        """Write a paragraph."""
        toned = tuple(TextRun(run.text, tone if run.style is Style.PLAIN else run.style) for run in line)
        self._lines(self._broken(toned, _ROOM, _TEXT), _TEXT, _MARGIN)
        self._y += _GAP

    def _heading(self, block: Heading) -> None:
        size = _HEAD_1 if block.level == 1 else _HEAD_2
        self._y += 2 * _GAP if block.level == 1 else _GAP
        # With something of what it heads: a part may begin with words and another heading.
        self._space(size * _LEADING + (45 if block.level == 1 else 22))
        text = f"{block.number} {block.text}" if block.number else block.text
        self._file.start_section(self._shown(text), level=block.level - 1)
        self._lines(self._broken(plain(text, Style.STRONG), _ROOM, size), size, _MARGIN)
        if block.level == 1:
            self._rule(self._y + 0.6, _ACCENT, 0.5)
        self._y += _GAP

    def _verdict(self, block: Verdict) -> None:
        style = Style.GOOD if block.holds else Style.BAD
        lines = self._broken(plain(block.text, style), _ROOM - 8, _HEAD_2)
        top, height = self._y, len(lines) * _HEAD_2 * _LEADING + 4
        if height < _HEIGHT / 2:
            self._space(height)
            top = self._y
            self._file.set_fill_color(*((238, 246, 241) if block.holds else (251, 238, 237)))
            self._file.rect(_MARGIN, top, _ROOM, height, style="F")
            self._file.set_fill_color(*_COLOURS[style])
            self._file.rect(_MARGIN, top, 1.4, height, style="F")
        self._y = top + 2
        self._lines(lines, _HEAD_2, _MARGIN + 5)
        self._y += 2 + _GAP

    def _table(self, block: Table) -> None:
        total = sum(block.widths)
        widths = [_ROOM * share / total for share in block.widths]
        head = [[plain(name, Style.SOFT)] for name in block.head]
        self._space(2 * _SMALL)
        self._row(head, widths, block.right, filled=True)
        for row in block.rows:
            self._row([list(entry) for entry in row], widths, block.right, again=head)
        self._y += _GAP

    def _row(
        self,
        cells: list[list[Line]],
        widths: list[float],
        right: frozenset[int],
        *,
        filled: bool = False,
        again: list[list[Line]] | None = None,
    ) -> None:
        """Write a row, line by line; where a page ends within it, `again` (the head) stands on the next one, too."""
        columns = [
            [part for line in cell for part in self._broken(line, width - 2 * _PADDING, _SMALL)]
            for cell, width in zip(cells, widths, strict=True)
        ]
        lefts = [_MARGIN + sum(widths[:number]) for number in range(len(widths))]
        height = _SMALL * _LEADING
        count = max(map(len, columns), default=0)
        whole = count * height + 2 * _PADDING
        if self._y + whole > _HEIGHT - _BOTTOM and whole < _HEIGHT / 3:
            self._next_page(widths, right, again)
        if filled:
            self._file.set_fill_color(245, 247, 249)
            self._file.rect(_MARGIN, self._y, _ROOM, whole, style="F")
        self._y += _PADDING
        for number in range(count):
            if self._y + height > _HEIGHT - _BOTTOM:
                self._next_page(widths, right, again)
            for place, (column, left) in enumerate(zip(columns, lefts, strict=True)):
                if number < len(column):
                    end = left + widths[place] - _PADDING if place in right else 0
                    self._put(column[number], self._y + height * 0.75, _SMALL, left=left + _PADDING, right=end)
            self._y += height
        self._y += _PADDING
        self._rule(self._y, _RULE, 0.2)

    def _next_page(self, widths: list[float], right: frozenset[int], again: list[list[Line]] | None) -> None:
        self._page()
        if again is not None:
            self._row(again, widths, right, filled=True)

    def _event(self, event: TimelineEntry) -> None:
        self._space(14)
        self._file.set_fill_color(*(_COLOURS[Style.BAD] if event.broken else _ACCENT))
        self._file.ellipse(_MARGIN, self._y + 1.3, 2, 2, style="F")
        for number, line in enumerate(event.lines):
            size = _TEXT if number == 0 else _SMALL
            self._lines(self._broken(line, _ROOM - 5, size), size, _MARGIN + 5)
        for name, value in event.values:
            line = (TextRun(f"{name}  ", Style.SOFT), *value)
            self._lines(self._broken(line, _ROOM - 9, _SMALL), _SMALL, _MARGIN + 9)
        self._y += _GAP

    def _listing(self, block: Listing) -> None:
        for text in block.lines:
            found = self._broken(plain(text, Style.MONO), _ROOM - 6, _TEXT)
            self._lines(found, _TEXT, _MARGIN + 3)
        self._y += _GAP

    def _rule(self, y: float, colour: tuple[int, int, int], width: float) -> None:
        self._file.set_draw_color(*colour)
        self._file.set_line_width(width)
        self._file.line(_MARGIN, y, _MARGIN + _ROOM, y)


def _escaped(character: str) -> str:
    """Return what stands for a character that the font lacks."""
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")
