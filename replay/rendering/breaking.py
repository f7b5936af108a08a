"""Lines out of text: where a line of Chinese, of words, or of both may end.

Between two Chinese characters a line may always end; never before a closing mark, and never after an opening one. A
word is kept whole where a line can hold it; a digest, which none can, is cut.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from replay.rendering.blocks import Line, Style, TextRun

_CLOSING = frozenset("，。、；：？！）》」』】〕”’…,.;:?!)]}%·")
_OPENING = frozenset("（《「『【〔“‘([{")
_WIDE = ("W", "F")
Width = Callable[[str, Style], float]


@dataclass(frozen=True)
class Word:
    """What is not divided: a word, a Chinese character with its marks, or a space."""

    text: str
    style: Style

    @property
    def is_space(self) -> bool:
        """Whether it is left out where a line ends."""
        return self.text.isspace()


def words(line: Line) -> Iterator[Word]:
    """Return the words of a line."""
    for run in line:
        word = ""
        for character in run.text:
            if word and _may_end_between(word[-1], character):
                yield Word(word, run.style)
                word = ""
            word += character
        if word:
            yield Word(word, run.style)


def _may_end_between(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return True
    if after in _CLOSING or before in _OPENING:
        return False
    return _is_wide(before) or _is_wide(after)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in _WIDE


def broken(line: Line, room: float, width: Width) -> list[Line]:
    """Break a line of text into lines that fit.

    Args:
        line: the text.
        room: how wide a line may be, in the unit of `width`.
        width: how wide a text is in a style.
    """
    lines: list[list[Word]] = [[]]
    used = 0.0
    for word in _that_fit(words(line), room, width):
        wide = width(word.text, word.style)
        if lines[-1] and used + wide > room and not word.is_space:
            kept = _kept_with(word, lines[-1])
            used = sum(width(one.text, one.style) for one in kept)
            if kept and used + wide <= room:
                lines[-1].pop()
                lines.append(kept)
            else:
                lines.append([])
                used = 0.0
        if lines[-1] or not word.is_space:
            lines[-1].append(word)
            used += wide
    return [_joined(found) for found in lines]


def _kept_with(word: Word, line: list[Word]) -> list[Word]:
    """Return what of a line's end goes with a word: what a closing mark of another run follows, and not all of it."""
    *rest, last = line
    return [last] if rest and word.text[0] in _CLOSING and not last.is_space else []


def _that_fit(found: Iterator[Word], room: float, width: Width) -> Iterator[Word]:
    """Cut what is wider than a line."""
    for word in found:
        rest = word.text
        while len(rest) > 1 and width(rest, word.style) > room:
            size = max(1, int(len(rest) * room / width(rest, word.style)))
            while size > 1 and width(rest[:size], word.style) > room:
                size -= 1
            yield Word(rest[:size], word.style)
            rest = rest[size:]
        yield Word(rest, word.style)


def _joined(found: list[Word]) -> Line:
    """Put words of one style together again; a line ends without a space."""
    while found and found[-1].is_space:
        found = found[:-1]
    runs: list[TextRun] = []
    for word in found:
        if runs and runs[-1].style == word.style:
            runs[-1] = TextRun(runs[-1].text + word.text, word.style)
        else:
            runs.append(TextRun(word.text, word.style))
    return tuple(runs)
