"""Parts 12, 13 and 14 of a report: what a court asks, what cannot be told, and how to verify all this oneself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from replay.rendering.blocks import (
    Block,
    Bullets,
    Cell,
    Heading,
    Listing,
    Pairs,
    Paragraph,
    Style,
    TextRun,
    cell,
    plain,
)
from replay.rendering.phrases import aside, reports_place, signer, unchecked
from replay.rendering.speech import Speech


def court(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 12: the four elements of article 17, and article 18 on what was true before the chain."""
    told, sources = content["cover"], content["sources"]
    held = sum(check["ok"] for check in content["checks"])
    broker: Cell = (plain(say["court_qualification"]), plain(told["broker"]["did"], Style.MONO))
    witnessed = tuple(plain(say.said(note)) for note in content["vouched"]) or cell(say["not_recorded"])
    anchored = sources["anchor_delay_ms"]
    median, most = say.until_block(anchored["median"]), say.until_block(anchored["most"])
    process = f"{say['anchor_delay']}: {say['median']} {median}, {say['most']} {most}"
    elements: tuple[tuple[str, Cell], ...] = (
        (say["qualification"], broker),
        (say["neutrality"], (plain(say["court_neutrality"]), *witnessed)),
        (say["system"], cell(say["court_system"], f"{say['checks_held']}: {held} / {len(content['checks'])}")),
        (say["process"], cell(say["court_process"], process)),
    )
    return [
        Heading(say["court"]),
        aside(say["court_note"]),
        Pairs(elements),
        Heading(say["before_chain"], level=2),
        aside(say["before_chain_note"]),
        Pairs(_sources(sources, say)),
    ]


def _sources(sources: Mapping[str, Any], say: Speech) -> tuple[tuple[str, Cell], ...]:
    channels = say["comma"].join(f"{say.word('channels', name)} {n}" for name, n in sources["channels"].items())
    roles = say["comma"].join(f"{say.word('roles', name)} {n}" for name, n in sources["roles"].items())
    delay = sources["record_delay_ms"]
    recorded = f"{say['median']} {say.duration(delay['median'])}, {say['most']} {say.duration(delay['most'])}"
    return (
        (say["source_channels"], cell(channels)),
        (say["source_roles"], cell(roles)),
        (say["source_signed"], cell(str(sources["signed_by_client"]))),
        (say["source_delay"], cell(recorded)),
    )


def limits(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 13."""
    texts = [plain(say.word("limit_texts", item)) for item in content["limits"]]
    return [Heading(say["limits"]), Bullets((*texts, *unchecked(content, say)))]


def verification(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 14: who reviewed the look, the report's own record, and what the offline verifier prints."""
    case = content["cover"]["case"]
    own = [item for item in content["access_log"] if item["reference"] is None]
    looks = {item["seq"] for item in own if ["case", case] in item["shown"]}
    reviewers = tuple(
        (TextRun(f"#{item['seq']} "), *signer(one, say))
        for item in content["second_persons"]
        if item["subject"] == content["cover"]["subject"] and item["seq"] in looks
        for one in item["persons"]
    )
    rows: tuple[tuple[str, Cell], ...] = (
        (say["reviewed_by"], reviewers or cell(say["no_reviewer"])),
        (say["own_anchor"], (plain(say["own_anchor_text"]), reports_place(content))),
    )
    return [
        Heading(say["verify_yourself"]),
        Pairs(rows),
        Paragraph(plain(say["verify_note"])),
        Listing(("bonafides-verify bundle.json.gz --trust trust.json --trust-key KEY",)),
        Paragraph(plain(say["expected"])),
        Listing(tuple(_printed(content))),
    ]


def _printed(content: Mapping[str, Any]) -> Iterator[str]:
    """Return how the verifier's lines begin that say whether the evidence holds; it prints them in English."""
    told, found = content["completeness"], content["conclusion"]
    for check in content["checks"]:
        yield f"{'ok    ' if check['ok'] else 'FAILED'} {check['name']}"
    yield f"complete as of block {told['block']} ({told['time']})" if found["ok"] else found["verdict"]
    yield f"exit status {0 if found['ok'] else 1}"
