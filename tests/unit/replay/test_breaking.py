"""Lines out of text: all of it, none too long, and no line that begins with a mark which closes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replay.rendering.blocks import Style, TextRun
from replay.rendering.breaking import broken

TEXT = st.text(st.sampled_from("ab 中文，。（）“”1:-"), max_size=60)
RUNS = st.lists(st.builds(TextRun, TEXT, st.sampled_from([Style.PLAIN, Style.MONO])), max_size=4)


def width(text, _style):
    return float(len(text))


def text_of(line):
    return "".join(run.text for run in line)


@given(RUNS, st.integers(4, 30))
def test_nothing_but_spaces_at_the_ends_of_lines_is_lost_and_no_line_is_too_long(runs, room):
    lines = broken(tuple(runs), room, width)
    assert all(len(text_of(line)) <= room for line in lines)
    assert "".join(map(text_of, lines)).replace(" ", "") == text_of(runs).replace(" ", "")


def test_a_line_ends_between_words_and_between_chinese_characters_but_before_no_closing_mark():
    assert [text_of(line) for line in broken((TextRun("one two three"),), 8, width)] == ["one two", "three"]
    assert [text_of(line) for line in broken((TextRun("适当性回放，核验"),), 5, width)] == ["适当性回", "放，核验"]
    assert [text_of(line) for line in broken((TextRun("适当性（回放）"),), 4, width)] == ["适当性", "（回放）"]


def test_a_closing_mark_of_another_run_begins_no_line():
    line = (TextRun("业务申请"), TextRun("、"), TextRun("复核"))
    assert [text_of(found) for found in broken(line, 4, width)] == ["业务申", "请、复核"]
    assert [text_of(found) for found in broken((TextRun("one"), TextRun(", "), TextRun("two")), 5, width)] == [
        "one,",
        "two",
    ]
    assert [text_of(found) for found in broken((TextRun("xxxx"), TextRun("，")), 4, width)] == ["xxxx", "，"]  # no room


def test_a_digest_that_no_line_can_hold_is_cut():
    assert [text_of(line) for line in broken((TextRun("x" * 10),), 4, width)] == ["xxxx", "xxxx", "xx"]


def test_styles_are_kept():
    line = (TextRun("中", Style.MONO), TextRun("文文"))
    assert broken(line, 2, width) == [(TextRun("中", Style.MONO), TextRun("文")), (TextRun("文"),)]
