"""Part 8 of a report: the duties with their provisions, which records break them, and what could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.domains import Domains
from replay.rendering.blocks import Block, Cell, Heading, Line, Pairs, Paragraph, Style, Table, TextRun, cell, plain
from replay.rendering.phrases import aside, record_named
from replay.rendering.speech import Speech

_RESULTS = {"kept": Style.GOOD, "broken": Style.BAD, "in-part": Style.WARN, "no-occasion": Style.SOFT}


def rules(content: Mapping[str, Any], say: Speech, domains: Domains) -> list[Block]:
    """Return part 8."""
    asked, unasked = content["rules"], content["rules"]["not_asked"]
    counted = plain(f"{say['rules_asked']}: {asked['asked']} / {asked['records']}")
    blocks: list[Block] = [Heading(say["rule_list"]), Paragraph(counted, Style.WARN if unasked else Style.PLAIN)]
    if unasked:
        reasons = tuple((cell(record_named(item, say)), cell(say.said(item["reason"]))) for item in unasked)
        blocks.append(Table((say["record"], say["rules_not_asked"]), reasons, (30, 70)))
    blocks += [Heading(say["findings"], level=2, number="8.1"), *_findings(content, say)]
    blocks.append(Heading(say["check_list"], level=2, number="8.2"))
    blocks.append(aside(say["articles_note"]))
    rows = tuple(_duty(item, say, domains) for item in content["compliance"])
    blocks.append(Table((say["duty"], say["result"], say["records"], say["articles"]), rows, (38, 16, 16, 30)))
    return [*blocks, Heading(say["dispute"], level=2, number="8.3"), _dispute(say)]


def _dispute(say: Speech) -> Pairs:
    """Say of the dispute itself that nothing of it is recorded: no domain has a record type of these."""
    return Pairs(tuple((say[name], cell(say["no_such_record"])) for name in ("complaint", "legal_hold")))


def _duty(item: Mapping[str, Any], say: Speech, domains: Domains) -> tuple[Cell, ...]:
    duty = domains.vocabulary.duties.get(item["rule"])
    articles: list[Line] = []
    for article in () if duty is None else duty.articles:
        unread = () if article.read else (TextRun(f" {say['not_read']}", Style.SOFT),)
        articles.append((TextRun(article.words.in_language(say.lang)), *unread))
    places = " ".join(f"#{seq}" for seq in item["records"]) or "—"
    result = plain(say.word("duty_results", item["result"]), _RESULTS.get(item["result"], Style.WARN))
    named: Cell = (plain(say.word("rules", item["rule"])), plain(item["rule"], Style.MONO))
    return named, (result,), cell(places), tuple(articles) or cell("—")


def _findings(content: Mapping[str, Any], say: Speech) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for item in content["findings"]:
        place = plain(f"#{item['seq']}") if item["seq"] else plain(item["record_id"], Style.MONO)
        noted = (plain(say["not_stored"], Style.WARN),) if item["stored"] is False else ()
        finding: Cell = (plain(say.word("codes", item["code"]), Style.BAD), plain(item["code"], Style.MONO))
        rule: Cell = (plain(say.word("rules", item["rule"])), plain(item["rule"], Style.MONO))
        rows.append(((place,), finding, rule, (plain(say.said(item["detail"])), *noted)))
    head = (say["record"], say["finding"], say["rule"], say["detail"])
    blocks: list[Block] = (
        [Table(head, tuple(rows), (14, 24, 28, 34))] if rows else [Paragraph(plain(say["no_findings"]))]
    )
    missing = content["missing_findings"]
    if missing:
        named = [TextRun(f"{item['code']} {item['record_id']} ", Style.MONO) for item in missing]
        blocks.append(Paragraph((TextRun(f"{say['missing_findings']}: "), *named), Style.WARN))
    return blocks
