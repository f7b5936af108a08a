"""The report as PDF: every page says what it is, the font is embedded, and the same content gives the same bytes."""

from __future__ import annotations

import pypdfium2
import pytest

from replay.report_pdf import render_pdf
from tests.unit.replay.test_rendered_disputes import content
from tests.unit.replay.test_report import CONTENT, WORDS


def pages(data):
    file = pypdfium2.PdfDocument(data)
    try:
        return [page.get_textpage().get_text_bounded() for page in file]
    finally:
        file.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_is_numbered_and_says_that_its_people_are_invented(lang):
    found = pages(render_pdf(content("forged-match", lang), lang))
    assert len(found) > 5
    for number, text in enumerate(found, 1):
        assert f"{number} / {len(found)}" in text
        assert WORDS[lang]["synthetic"] in text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_same_content_gives_the_same_bytes_and_carries_its_font(lang):
    data = render_pdf(content("nothing", lang), lang)
    assert data == render_pdf(content("nothing", lang), lang)
    assert b"NotoSansSC" in data
    assert b"/FontFile3" in data
    assert b"/CreationDate (D:20261127100000" in data
    assert len(data) < 400_000


def test_its_parts_are_bookmarks():
    file = pypdfium2.PdfDocument(render_pdf(content("nothing", "en"), "en"))
    parts = [item.get_title() for item in file.get_toc() if item.level == 0]
    file.close()
    assert parts[0] == "1 Cover"
    assert len(parts) == 14


def test_a_character_that_the_font_lacks_and_one_that_hides_are_written_out():
    told = {**CONTENT, "cover": {**CONTENT["cover"], "reason": "a\U0001f600b\u202ec\xadd"}}
    text = "".join(pages(render_pdf(told, "en")))
    assert r"a\U0001f600b\u202ec\xadd" in text  # the last one is in the font, and hides


def test_a_row_that_is_longer_than_a_page_is_written_whole():
    gaps = list(range(1000, 6000))
    short = len(pages(render_pdf(CONTENT, "en")))
    told = {**CONTENT, "completeness": {**CONTENT["completeness"], "gaps": gaps}}
    found = pages(render_pdf(told, "en"))
    assert len(found) > short + 2  # else it ran off the paper, where text is extracted all the same
    text = "".join(found)
    assert [gap for gap in gaps if f"#{gap}" not in text] == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_is_written_off_the_paper(lang):
    file = pypdfium2.PdfDocument(render_pdf(content("forged-match", lang), lang))
    for page in file:
        text = page.get_textpage()
        boxes = [text.get_charbox(number) for number in range(text.count_chars())]
        assert min(bottom for _, bottom, _, _ in boxes) > 0
        assert max(right for _, _, right, _ in boxes) < page.get_width()
    file.close()
