"""Parts 3, 4, 9, 10 and 11 of a report: what happened, computed again, agreed to, filmed, and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from replay.claims import PROVEN
from replay.rendering.blocks import (
    Block,
    Cell,
    Heading,
    Line,
    Paragraph,
    Style,
    Table,
    TextRun,
    Timeline,
    TimelineEntry,
    cell,
    plain,
)
from replay.rendering.phrases import aside, heads, record_named, reports_place
from replay.rendering.speech import Speech

_STATUSES = {"equal": Style.GOOD, "differs": Style.BAD}
_FILMED = ("audio/", "video/")


def timeline(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 3."""
    blocks: list[Block] = [Heading(say["timeline"]), aside(say["timeline_note"])]
    for number, stage in enumerate(content["stages"], 1):
        blocks.append(Heading(say.word("stages", stage["stage"]), level=2, number=f"3.{number}"))
        blocks.append(_events(stage["entries"], content, say, say["nothing"]))
    return blocks


def re_execution(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 4: of each result every field, recorded and computed, and how the score came about."""
    blocks: list[Block] = [Heading(say["re_execution"]), aside(say["re_execution_note"])]
    for number, item in enumerate(content["re_execution"], 1):
        name = f"{say.word('types', item['type'])} #{item['seq']}"
        blocks.append(Heading(name, level=2, number=f"4.{number}"))
        status = TextRun(say.word("statuses", item["status"]), _STATUSES.get(item["status"], Style.WARN))
        ruleset = TextRun(item["ruleset"] or "—", Style.MONO)
        blocks.append(Paragraph((status, TextRun(f" {say.said(item['reason'])} · {say['ruleset']} "), ruleset)))
        blocks += _working(item["working"], say)
        blocks.append(_side_by_side(item, say))
    return blocks if content["re_execution"] else [*blocks, aside(say["nothing"])]


def _working(steps: Sequence[Mapping[str, Any]], say: Speech) -> list[Block]:
    if not steps:
        return []
    rows = tuple(
        (
            (plain(step["item"], Style.MONO),),
            cell(say.field(step["dimension"])),
            (plain(" ".join(step["chosen"]), Style.MONO),),
            cell(str(step["score"])),
        )
        for step in steps
    )
    head = (say["item"], say["dimension"], say["chosen"], say["score"])
    return [Table(head, rows, (1, 3, 2, 1), frozenset({3}))]


def _side_by_side(item: Mapping[str, Any], say: Speech) -> Table:
    computed = dict(item["computed"])
    rows: list[tuple[Cell, ...]] = []
    for name, recorded in item["recorded"]:
        again = (say.value(computed[name], name),) if name in computed else cell("—")
        same = name in computed and computed[name] == recorded
        result = plain(say["same"], Style.GOOD) if same else plain(say["differs"], Style.BAD)
        if name not in computed:
            result = plain(say.word("statuses", "not-checked"), Style.WARN)
        rows.append((cell(say.field(name)), (say.value(recorded, name),), again, (result,)))
    return Table((say["field"], say["recorded"], say["computed"], say["result"]), tuple(rows), (20, 34, 34, 12))


def consents(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 9."""
    return [
        Heading(say["consents"]),
        _events(content["consents"], content, say, say["no_consents"]),
        _events(content["data_uses"], content, say, say["no_uses"]),
    ]


def recordings(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 10: the attachments by digest, audio and video among them."""
    blocks: list[Block] = [Heading(say["recordings"]), aside(say["recordings_note"])]
    filmed = [item for item in content["attachments"] if str(item["mime"]).startswith(_FILMED)]
    if not filmed:
        blocks.append(aside(say["no_recordings"]))
    if content["attachments"]:
        rows = tuple(
            (
                cell(record_named(item, say)),
                (plain(item["mime"], Style.MONO),),
                cell(f"{item['bytes']:,}"),
                (plain(item["sha256"], Style.MONO),),
                (plain(say["digest_only"], Style.WARN),),
            )
            for item in content["attachments"]
        )
        head = (say["record"], say["media"], say["bytes"], say["digest"], say["check"])
        blocks.append(Table(head, rows, (22, 16, 12, 36, 14), frozenset({2})))
    return blocks


def access_log(content: Mapping[str, Any], say: Speech) -> list[Block]:
    """Return part 11: who looked at the originals, and to whom which report was given, in a history of the house."""
    looks = [entry for entry in content["access_log"] if entry["reference"] is None]
    issues = [entry for entry in content["access_log"] if entry["reference"] is not None]
    return [
        Heading(say["access_log"]),
        _events(looks, content, say, say["nothing"]),
        Heading(say["issues"], level=2),
        aside(say["issues_note"]),
        Paragraph(reports_place(content)),
        _issues(issues, say),
    ]


def _issues(entries: Sequence[Mapping[str, Any]], say: Speech) -> Block:
    rows = tuple(_issue(entry, dict(entry["shown"]), entry["withheld"], say) for entry in entries)
    head = heads(say["record"], say.field("document"), say.field("issued_to"), say.field("sha256"), say["result"])
    return Table(head, rows, (25, 13, 14, 25, 23)) if rows else aside(say["no_issues"])


def _issue(
    entry: Mapping[str, Any], shown: Mapping[str, Any], withheld: Sequence[str], say: Speech
) -> tuple[Cell, ...]:
    """Return what was given out; a field that is not there is said to be none."""

    def named(*names: str) -> list[Line]:
        return [say.value(shown[name], name) for name in names if shown.get(name) is not None]

    order = [(TextRun(f"{say['order']} "), *line) for line in named("order_id")]
    to = plain(say["person_withheld"]) if "issued_to" in withheld else say.value(shown.get("issued_to"), "issued_to")
    proven = shown.get("proven") or []
    others = say["comma"].join(
        f"{say.word('results', name.upper())} {len(shown[name])}"
        for name in ("refuted", "not_provable")
        if name in shown
    )
    claims = [(TextRun(f"{say.word('results', PROVEN)}: "), *say.value(proven, "proven")), plain(others)]
    checks = {True: say["holds"], False: say["fails"], None: "—"}[shown.get("holds")]
    block = f"{say['block']} {shown.get('block', '—')}: {checks}"
    return (
        (plain(f"#{entry['seq']} {entry['time']}"), *named("case"), *order, *_hidden(entry, say)),
        tuple(named("document", "report_form", "language")),
        (to,),
        (*named("sha256"), plain(f"{say['bytes']} {shown.get('bytes', 0):,}")),
        (plain(block), *claims),
    )


def _events(entries: Sequence[Mapping[str, Any]], content: Mapping[str, Any], say: Speech, nothing: str) -> Block:
    if not entries:
        return aside(nothing)
    by_node = content["missing_findings"] is not None
    return Timeline(tuple(_event(entry, say, by_node=by_node) for entry in entries), say["content"])


def _event(entry: Mapping[str, Any], say: Speech, *, by_node: bool) -> TimelineEntry:
    what = [TextRun(say.word("types", entry["type"]), Style.STRONG), TextRun(f" #{entry['seq']} · {entry['time']}")]
    if entry["reference"]:
        what.insert(0, TextRun(f"{say['rated_for']} "))
        what.append(TextRun(f" {entry['reference']}", Style.MONO))
    for style, text in _labels(entry, say, by_node=by_node):
        what += [TextRun(" "), TextRun(text, style)]
    seen = say.words["seen"]
    values = [(say.field(name), say.value(value, name)) for name, value in entry["shown"] if name not in seen]
    lines = (tuple(what), _who(entry, say), _saw(entry, say), *_hidden(entry, say))
    return TimelineEntry(lines, tuple(values), broken=bool(entry["findings"] or entry["altered"]))


def _labels(entry: Mapping[str, Any], say: Speech, *, by_node: bool) -> list[tuple[Style, str]]:
    found = [(Style.GOOD, say["client_signed"])] if entry["signed"] else []
    if entry["altered"]:
        found.append((Style.BAD, say["altered"]))
    if entry["erased"]:
        found.append((Style.WARN, say["erased"] if by_node else say["content_not_shown"]))
    elif entry["hidden"]:
        found.append((Style.WARN, say["fields_not_shown"]))
    if entry.get("anchored") is False:
        found.append((Style.WARN, say["pending"]))
    return found + [(Style.BAD, say.word("codes", code)) for code in entry["findings"]]


def _who(entry: Mapping[str, Any], say: Speech) -> Line:
    """Return who acted, through which channel and on which device: the envelope states no device."""
    ruleset = [TextRun(f" · {say['ruleset']} "), TextRun(entry["ruleset"], Style.MONO)] if entry["ruleset"] else []
    return (
        TextRun(f"{say['who']}: {say.word('roles', entry['role'])} "),
        TextRun(say["person_withheld"]) if entry["actor"] is None else TextRun(entry["actor"], Style.MONO),
        TextRun(f" · {say['channel']}: {say.word('channels', entry['channel'])}"),
        TextRun(f" · {say['device']}: {say['not_recorded']}"),
        *ruleset,
    )


def _saw(entry: Mapping[str, Any], say: Speech) -> Line:
    """Return what the client saw: the text's version, its digest, how long; no record holds the screen itself."""
    seen = [(name, value) for name, value in entry["shown"] if name in say.words["seen"]]
    if not seen and not entry["document"]:
        return (TextRun(f"{say['client_saw']}: {say['not_recorded']}", Style.SOFT),)
    runs = [TextRun(f"{say['client_saw']}: ", Style.SOFT)]
    if entry["document"]:
        runs += [TextRun(f"{say['document']} "), TextRun(entry["document"], Style.MONO), TextRun(" · ")]
    for name, value in seen:
        runs += [TextRun(f"{say.field(name)} "), *say.value(value, name), TextRun(" · ")]
    return (*runs, TextRun(f"{say['screen']}: {say['not_recorded']}"))


def _hidden(entry: Mapping[str, Any], say: Speech) -> tuple[Line, ...]:
    """Name the fields that are not there: the bundle does not show them, or this form of the report leaves them out."""
    hidden = [] if entry["erased"] else entry["hidden"]
    told = ((say["fields_not_shown"], hidden), (say["fields_withheld"], entry["withheld"]))
    return tuple(
        plain(f"{what}: {say['comma'].join(map(say.field, names))}", Style.SOFT) for what, names in told if names
    )
