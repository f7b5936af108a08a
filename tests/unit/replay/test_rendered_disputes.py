"""A whole report of each kind of dispute: its parts, its findings, and nothing left in another language."""

from __future__ import annotations

import re
from functools import cache

import pytest

from replay.installed import INSTALLED
from replay.rendering.blocks import Bullets, Heading, Listing, Pairs, Paragraph, Style, Table, Timeline, Verdict
from replay.rendering.document import document_of
from replay.report import report_content
from replay.report_material import Occasion, material_of
from replay.report_page import render_report
from scripts.trials.disputes import WRONGS, answer, dispute, misread
from scripts.trials.rendered import read_page

# What stays as it is in a Chinese text: levels and kinds by their usual letters, and what these disputes invent.
KEPT = re.compile(
    r"(C[1-5](-min)?|R[1-5]|T[1-4]|Q\d+|DID|FUND-\d+|A synthetic fund|Synthetic Person|Li Wei|liquidity|[0-9a-f]{16}|"
    r"sac-bands@\S+|did:[\w:]+|0x[0-9a-f]+|\d{4}-\d\d-\d\dT[\d:.+]+)"
)


@cache
def content(wrong, lang):
    one = dispute(3, 5, wrong)
    occasion = Occasion(case="2026-3", lang=lang, made_at="2026-11-27T10:00:00.000+08:00", software="bonafides 0.1.0")
    return report_content(material_of(answer(one), occasion))


def lines(block):
    match block:
        case Heading():
            yield from ([(block.text, Style.PLAIN)],)
        case Paragraph():
            yield [(run.text, run.style) for run in block.line]
        case Verdict():
            yield [(block.text, Style.PLAIN)]
        case Table():
            yield [(name, Style.PLAIN) for name in block.head]
            yield from ([(run.text, run.style) for run in line] for row in block.rows for cell in row for line in cell)
        case Pairs():
            yield [(name, Style.PLAIN) for name, _ in block.rows]
            yield from ([(run.text, run.style) for run in line] for _, cell in block.rows for line in cell)
        case Timeline():
            for event in block.events:
                yield from ([(run.text, run.style) for run in line] for line in event.lines)
                yield [(name, Style.PLAIN) for name, _ in event.values]
                yield from ([(run.text, run.style) for run in value] for _, value in event.values)
        case Bullets():
            yield from ([(run.text, run.style) for run in item] for item in block.items)
        case Listing():
            return


def words_of(document):
    """Every word of Latin letters that is no identifier and not kept."""
    for block in document.blocks:
        for line in lines(block):
            text = " ".join(text for text, style in line if style is not Style.MONO)
            yield from ((word, text) for word in re.findall(r"[A-Za-z_]{2,}", KEPT.sub("", text)))


@pytest.mark.parametrize("wrong", WRONGS)
def test_no_word_of_another_language_stands_in_a_chinese_report(wrong):
    assert list(words_of(document_of(content(wrong, "zh"), "zh", INSTALLED))) == []


def test_such_a_word_would_be_found():
    found = content("nothing", "zh")
    told = {**found, "notes": ["nobody translated this"]}
    assert [word for word, _ in words_of(document_of(told, "zh", INSTALLED))][:2] == ["nobody", "translated"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_fourteen_parts_stand_in_their_order(lang):
    document = document_of(content("forged-match", lang), lang, INSTALLED)
    numbers = [block.number for block in document.blocks if isinstance(block, Heading) and block.level == 1]
    assert numbers == [str(number) for number in range(1, 15)]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_report_names_the_records_of_each_claim(lang):
    found = content("no-insistence", lang)
    [claim] = [item for item in found["conclusion"]["claims"] if item["claim"] == "NOT_CONFIRMED"]
    assert (claim["result"], claim["why"]) == ("PROVEN", "breach-found")
    assert len(claim["record_ids"]) == len(claim["records"]) > 0
    assert claim["record_ids"][0] in render_report(found, lang)


def test_the_check_list_says_what_is_kept_broken_or_had_no_occasion():
    found = {item["rule"]: item for item in content("forged-match", "en")["compliance"]}
    assert found["opinion.re-execution"]["result"] == "broken"
    assert found["opinion.re-execution"]["records"] == [
        item["seq"] for item in content("forged-match", "en")["findings"] if item["rule"] == "opinion.re-execution"
    ]
    assert found["level.re-execution"]["result"] == "kept"
    assert found["consent.before-use"]["result"] == "no-occasion"


def test_a_score_is_shown_item_by_item_and_adds_up():
    [level] = [item for item in content("nothing", "en")["re_execution"] if item["type"] == "LEVEL_RESULT"]
    assert len(level["working"]) == 20
    assert sum(step["score"] for step in level["working"]) == dict(level["computed"])["total"] == 70


@pytest.mark.parametrize("wrong", WRONGS)
def test_the_right_finding_is_read_out_of_the_report_in_both_languages(wrong):
    assert misread(dispute(1, 11, wrong), as_pdf=wrong == "forged-match") == []


def test_a_page_that_says_otherwise_would_be_read_so():
    page = render_report(content("no-insistence", "en"), "en")
    assert read_page(page, "en")[1]["NOT_CONFIRMED"] == "PROVEN"
    assert read_page(page.replace(">proven<", ">refuted<"), "en")[1]["NOT_CONFIRMED"] == "REFUTED"
    assert not read_page(page.replace("All checks of the evidence hold", "The evidence does not hold"), "en")[0]
