"""Parts 1 and 2 of a report: the cover, and the conclusion about each claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.issue import CLIENT
from replay.rendering.blocks import (
    Block,
    Cell,
    Heading,
    Line,
    Pairs,
    Style,
    Table,
    TextRun,
    Verdict,
    cell,
    plain,
)
from replay.rendering.phrases import aside, unchecked
from replay.rendering.speech import Speech

_CLAIM_STYLES = {"PROVEN": Style.BAD, "REFUTED": Style.GOOD, "NOT_PROVABLE": Style.WARN}


def cover(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 1."""
    told, by_node = content["cover"], content["missing_findings"] is not None
    unknown = cell(say["not_known"])
    source = say["time_source"] if by_node else say["time_source_of_others"]
    named = () if told["broker"]["name"] is None else (plain(told["broker"]["name"]),)
    client = plain(told["client"], Style.MONO) if told["client"] else plain(say["no_person"])
    rows: list[tuple[str, Cell]] = [
        (say["case"], cell(told["case"])),
        (say["order"], (_order(told["order"], say, by_node=by_node),)),
        (say["requested_by"], _readers(content, say)),
        (say["reason"], unknown if told["reason"] is None else cell(told["reason"])),
        (say["broker"], (*named, plain(told["broker"]["did"], Style.MONO))),
        (say["client"], (client,)),
        (say["subject"], (plain(told["subject"], Style.MONO),)),
        (say["identity_shown"], cell(say.said(told["opened_by"]) if told["opened_by"] else say["not_recorded"])),
        (say["period"], cell(f"{told['from']} – {told['to']}")),
        (say["software"], unknown if told["software"] is None else (plain(told["software"], Style.MONO),)),
        (say["rulesets"], tuple(plain(item, Style.MONO) for item in told["rulesets"]) or cell("—")),
        (say["chain"], (plain(told["chain_id"], Style.MONO),)),
        (say["made_at"], ((TextRun(told["made_at"]), TextRun(f" {source}", Style.SOFT)),)),
    ]
    return [Heading(say["cover"]), Pairs(tuple(rows))]


def _readers(content: Mapping[str, Any], say: Speech) -> Cell:
    if content["form"] == CLIENT:
        return cell(say["person_withheld"])
    readers = content["cover"]["requested_by"]
    return tuple(plain(one, Style.MONO) for one in readers) or cell(say["not_known"])


def _order(order: Mapping[str, str] | None, say: Speech, *, by_node: bool) -> Line:
    if order is None:
        return plain(say["no_order"] if by_node else say["not_known"])
    regulator, number = TextRun(order["regulator"], Style.MONO), TextRun(order["id"], Style.MONO)
    until = f" · {say.field('due_at')} {order['due_at']}" if order.get("due_at") else ""
    return TextRun(f"{say['ordered_by']} "), regulator, TextRun(f" {order['ordered_at']} "), number, TextRun(until)


def conclusion(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 2."""
    blocks: list[Block] = [Heading(say["conclusion"]), _verdict(content, say)]
    as_of = content["as_of"]
    blocks.append(
        Pairs(
            (
                (say["holds_as_of"], cell(f"{say['block']} {as_of['block']}, {as_of['time']}")),
                (
                    say["checked"],
                    cell(say["comma"].join(say.word("checks", name) for name in content["checked"]) or "—"),
                ),
                (say["not_checked"], unchecked(content, say) or cell("—")),
            )
        )
    )
    rows = tuple(_claim(item, say) for item in content["conclusion"]["claims"])
    blocks.append(Table((say["claim"], say["result"], say["why"], say["based_on"]), rows, (24, 12, 26, 38)))
    blocks.append(aside(say["claims_note"]))
    return blocks


def _verdict(content: Mapping[str, Any], say: Speech) -> Verdict:
    told, complete = content["conclusion"], content["completeness"]
    if told["ok"]:
        as_of = f"{say['complete_as_of']} {complete['block']} ({complete['time']})"
        return Verdict(f"{say['evidence_ok']}: {as_of}", holds=True)
    failed = (say.word("checks", item["name"]) for item in content["checks"] if not item["ok"])
    return Verdict(f"{say['evidence_failed']}: {', '.join(failed)}", holds=False)


def _claim(item: Mapping[str, Any], say: Speech) -> tuple[Cell, ...]:
    style = _CLAIM_STYLES.get(item["result"], Style.WARN)
    places = [
        (TextRun(f"#{seq} "), TextRun(record_id, Style.MONO))
        for seq, record_id in zip(item["records"], item["record_ids"], strict=True)
    ]
    return (
        cell(say.word("claims", item["claim"])),
        (plain(say.word("results", item["result"]), style),),
        cell(say.word("whys", item["why"])),
        tuple(places) or cell("—"),
    )
