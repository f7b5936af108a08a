"""Parts 5, 6 and 7 of a report: the records and their anchors, what shows that none is missing, signatures and keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replay.rendering.blocks import Block, Cell, Heading, Line, Pairs, Paragraph, Style, Table, TextRun, cell, plain
from replay.rendering.phrases import aside, heads, record_named, signer
from replay.rendering.speech import Speech


def records(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 5."""
    rows = tuple(_record(item, say) for item in content["records"])
    head = (say["record"], say["occurred_at"], say["fingerprint"], say["log_index"], say["anchor_block"], say["delay"])
    return [
        Heading(say["records"]),
        aside(say["records_note"]),
        Table(head, rows, (24, 20, 36, 8, 12, 14), frozenset({3, 4, 5})),
        *_anchors(content, say),
    ]


def _anchors(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return under which root each anchor holds its records, once an anchor; a log of format 1 has one for all."""
    found = {item["anchor"]["seq"]: item["anchor"] for item in content["records"] if item["anchor"] is not None}
    rows = tuple(
        (
            cell(str(seq)),
            cell(str(anchor["block"])),
            cell(anchor["time"]),
            (plain(anchor["batch_root"], Style.MONO),) if anchor.get("batch_root") else cell(say["root_in_bundle"]),
        )
        for seq, anchor in sorted(found.items())
    )
    head = heads(say["anchor"], say["block"], say["time"], say["batch_root"])
    return [Heading(say["anchors"], level=2), Table(head, rows, (10, 10, 26, 54), frozenset({0, 1}))] if rows else []


def _record(item: Mapping[str, Any], say: Speech) -> tuple[Cell, ...]:
    anchor = item["anchor"]
    named: Cell = (plain(record_named(item, say)), plain(item["record_id"], Style.MONO))
    found = (named, cell(item["occurred_at"]), (plain(item["fingerprint"], Style.MONO),), cell(str(item["log_index"])))
    if anchor is None:
        return (*found, (plain(say["pending"], Style.WARN),), cell("—"))
    late = ((plain(say["late"], Style.BAD)),) if anchor["late"] else ()
    hashes = anchor.get("path_hashes")
    path = () if hashes is None else (plain(f"{say['path']} {hashes}", Style.SOFT),)
    return (*found, (plain(str(anchor["block"])), *path), (plain(say.until_block(anchor["delay_ms"])), *late))


def completeness(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 6."""
    told = content["completeness"]
    gaps = " ".join(f"#{gap}" for gap in told["gaps"]) or say["none"]
    anchored = f"{say['anchor']} {told['anchor_seq']}, {say['log_size']} {told['log_size']}"
    rows: list[tuple[str, Cell]] = [
        (say["seq_range"], cell(f"{told['first']} – {told['last']}; {say['gaps']}: {gaps}")),
        (say["anchored_count"], cell(f"{told['records']}; {say['not_yet_anchored']}: {told['pending']}")),
        (say["last_fingerprint"], (plain(told["head"], Style.MONO),)),
        (say["as_of"], cell(f"{say['block']} {told['block']}, {told['time']} ({anchored})")),
    ]
    rested: Cell = tuple(
        (TextRun(item["subject"], Style.MONO), TextRun(f": {item['records']}")) for item in told["references"]
    )
    rows += [(say["reference"], rested)] if rested else []
    blocks: list[Block] = [
        Heading(say["completeness"]),
        aside(say["completeness_note"]),
        Pairs(tuple(rows)),
        _checks(content, say),
    ]
    if content["erased"]:
        blocks.append(Heading(say["erased_records"], level=2))
        blocks.append(_erased(content, say))
    return blocks + [Paragraph(plain(say.said(note)), Style.WARN) for note in content["notes"]]


def _checks(content: Mapping[str, Any], say: Speech) -> Table:
    rows = tuple(
        (
            (plain(say.word("checks", item["name"])), plain(item["name"], Style.MONO)),
            (plain(say["holds"] if item["ok"] else say["fails"], Style.GOOD if item["ok"] else Style.BAD),),
            cell(say.said(item["detail"])),
        )
        for item in content["checks"]
    )
    return Table((say["check"], say["result"], say["detail"]), rows, (28, 12, 60))


def _erased(content: Mapping[str, Any], say: Speech) -> Table:
    rows = tuple(
        (
            cell(record_named(item, say)),
            cell(item["occurred_at"]),
            (plain(item["fingerprint"], Style.MONO),),
        )
        for item in content["erased"]
    )
    return Table((say["record"], say["occurred_at"], say["fingerprint"]), rows, (30, 26, 44))


def keys(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 7: whose keys signed at which block, who signed as the second person, and every change of a key."""
    held = {check["name"]: check["ok"] for check in content["checks"]}
    valid = held.get("client-signature", False)
    signed = tuple(
        (
            cell(record_named(item, say)),
            (plain(item["key"], Style.MONO),),
            (plain(item["alg"], Style.MONO),),
            cell("—" if item["block"] is None else str(item["block"])),
            (plain(say["key_in_force"], Style.GOOD) if valid else plain(say["fails"], Style.BAD),),
        )
        for item in content["signatures"]
    )
    head = heads(say["record"], say["key"], say["algorithm"], say["block"], say["result"])
    blocks: list[Block] = [Heading(say["key_history"]), aside(say["keys_note"])]
    blocks.append(Table(head, signed, (24, 42, 12, 8, 14), frozenset({3})) if signed else aside(say["nothing"]))
    blocks += [Heading(say["second_persons"], level=2), _second_persons(content, say)]
    return [*blocks, Heading(say["key_changes"], level=2), _changes(content, say)]


def _second_persons(content: Mapping[str, Any], say: Speech) -> Block:
    rows: list[tuple[Cell, ...]] = []
    for item in content["second_persons"]:
        other = item["subject"] != content["cover"]["subject"]
        more = [TextRun(f" · {item['subject']}", Style.MONO)] if other else []
        record: Line = (TextRun(record_named(item, say)), *more)
        signers = tuple(signer(one, say) for one in item["persons"])
        missing: Cell = (plain(say.word("no_second_person", item["missing"]), Style.WARN),)
        rows.append(((record,), signers or missing))
    return Table((say["record"], say["signed_by"]), tuple(rows), (40, 60)) if rows else aside(say["nothing"])


def _changes(content: Mapping[str, Any], say: Speech) -> Block:
    rows: list[tuple[Cell, ...]] = []
    for item in content["keys"]:
        revoked = [TextRun(" "), TextRun(say["revoked"], Style.WARN)] if item["revoked"] else []
        event: Line = (TextRun(say.word("events", item["event"])), *revoked)
        rows.append(
            (
                cell(str(item["block"])),
                cell(item["time"]),
                cell(say.word("contracts", item["contract"])),
                (event,),
                (plain(item["key"] or "—", Style.MONO),),
            )
        )
    head = heads(say["block"], say["time"], say["registry"], say["event"], say["key"])
    return Table(head, tuple(rows), (8, 25, 15, 18, 34), frozenset({0})) if rows else aside(say["nothing"])
