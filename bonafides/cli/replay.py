"""`bonafides replay`: a client's history as a report and a bundle, under a case number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.looks import approved
from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import DIRECTORY, FILE, verbatim
from bonafides.cli.support.output import json_bytes, write_file, write_json
from bonafides.client import Client
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput

REPORT_FILE, BUNDLE_FILE, SUMMARY_FILE = "report.html", "bundle.json", "replay.json"


@click.command(
    epilog=verbatim(
        "Example:",
        "  bonafides replay --node broker --did DID --case 2026-17 --reason 'client disputes the level' --out case",
    )
)
@click.option("--did", help="The client, by its DID at this broker.")
@click.option("--subject", help="The client, by its pseudonym at this broker.")
@click.option("--case", "case_number", required=True, help="The case number.")
@click.option("--reason", required=True, help="Why the originals are read; it stands in an ACCESS_LOG record.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="The report's language.")
@click.option("--access", type=FILE, help="Looks that a second officer signed: `staff access`, then `staff sign`.")
@click.option("--out", type=DIRECTORY, default=Path(), help="Where report.html, bundle.json and replay.json go.")
@calls_node("compliance")
def replay(
    client: Client,
    did: str | None,
    subject: str | None,
    case_number: str,
    reason: str,
    lang: str,
    access: Path | None,
    out: Path,
) -> None:
    """Replay a client's history: timeline, re-executed score and opinion, findings, proofs, completeness."""
    if (did is None) == (subject is None):
        raise InvalidInput("did", "one-of", "give either --did or --subject")
    who = {"did": did} if did is not None else {"subject": subject}
    asked = {**who, "case": case_number, "reason": reason, "lang": lang}
    answer = client.post("/v1/replays", {**asked, **approved(access)})
    write_json(save(answer, out))


def save(answer: object, out: Path) -> dict[str, Any]:
    """Write what a replay gave into a directory; return where it lies and the report without its texts.

    Raises:
        CouldNotCheck: the answer is no replay, or a file cannot be written.
    """
    if not isinstance(answer, dict) or not {"bundle", "report_html", "report"} <= set(answer):
        raise CouldNotCheck("node-answer", "the node's answer is no replay")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CouldNotCheck("file-unwritable", f"{out}: {error.strerror}") from error
    bundle = answer["bundle"]
    data = bundle.encode() if isinstance(bundle, str) else canonical_json(bundle)
    contents = {
        BUNDLE_FILE: data,
        REPORT_FILE: str(answer["report_html"]).encode("utf-8", "backslashreplace"),
        SUMMARY_FILE: json_bytes(answer["report"], indent=1),
    }
    for name, content in contents.items():
        write_file(out / name, content, private=True)  # originals of a client stand in each of them
    related = [
        {
            **{name: entry.get(name) for name in ("relation", "subject", "did")},
            **save({**entry, "related": []}, out / f"{entry['relation']}-{str(entry['subject'])[:8]}"),
        }
        for entry in answer.get("related", [])
    ]
    named = ("bundle", "report_html", "report", "related", "relation", "subject", "did")
    rest = {name: value for name, value in answer.items() if name not in named}
    if related:
        rest["related"] = related
    return {
        "bundle": str(out / BUNDLE_FILE),
        "report": str(out / REPORT_FILE),
        "summary": str(out / SUMMARY_FILE),
        **rest,
    }
