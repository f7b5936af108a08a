"""`bonafides replay`: a client's history as a report and a bundle, under a case number."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from bonafides.cli.support.looks import approved
from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import DIRECTORY, FILE, verbatim
from bonafides.cli.support.output import json_bytes, make_directory, tell, write_file, write_json
from bonafides.client import Client
from bonafides.client.compliance import REPLAY_SECONDS
from primitives.canonical import parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.packed import pack

if TYPE_CHECKING:
    from bonafides.client import types

MAX_WAIT = 86_400
_RELATION, _PSEUDONYM = re.compile("[a-z0-9-]{1,32}"), re.compile("[0-9a-f]{64}")
_Call = Callable[..., bytes]
_Calls = tuple[_Call, _Call, _Call, _Call]  # that fetch bundle, summary, page and PDF of an identity
FILES = {
    "bundle": "bundle.json.gz",
    "report": "report.html",
    "summary": "replay.json",
    "pdf": "report.pdf",
    "client_report": "report-client.html",
    "client_pdf": "report-client.pdf",
}


@click.command(
    epilog=verbatim(
        "Example:",
        "  bonafides replay --node broker --did DID --case 2026-17 --reason 'client disputes the level' --out case",
    )
)
@click.option("--did", help="The client, by its DID at this broker.")
@click.option("--subject", help="The client, by its pseudonym at this broker.")
@click.option("--case", "case_number", help="The case number.")
@click.option("--reason", help="Why the originals are read; it stands in an ACCESS_LOG record.")
@click.option("--id", "replay_id", help="Instead of all these: a replay that was asked for, to wait for and to fetch.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="The report's language.")
@click.option("--pdf", is_flag=True, help="Write report.pdf, too.")
@click.option("--for-client", is_flag=True, help="Write the client's form, too: without the names of the staff.")
@click.option("--access", type=FILE, help="Looks that a second officer signed: `staff access`, then `staff sign`.")
@click.option("--out", type=DIRECTORY, default=Path(), help="Where report.html, bundle.json.gz and replay.json go.")
@click.option(
    "--wait",
    type=click.IntRange(0, MAX_WAIT),
    default=REPLAY_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the node to make it.",
)
@click.option(
    "--key", help="A name for this order: the same again within a day fetches the same replay, and is no second look."
)
@calls_node("compliance")
def replay(
    client: Client,
    *,
    did: str | None,
    subject: str | None,
    case_number: str | None,
    reason: str | None,
    replay_id: str | None,
    lang: str,
    pdf: bool,
    for_client: bool,
    access: Path | None,
    out: Path,
    wait: int,
    key: str | None,
) -> None:
    """Replay a client's history: timeline, re-executed score and opinion, findings, proofs, completeness."""
    try:
        if replay_id is not None:
            _require_alone(did, subject, case_number, reason, access, key)
            made = client.made_replay(replay_id, patience_seconds=wait, tell=tell)
        else:
            asked = _asked(did, subject, case_number, reason, lang, access)
            made = client.replay(asked, patience_seconds=wait, idempotency_key=key, tell=tell)
        written = save(client, made, out, pdf=pdf, for_client=for_client)
    except (KeyError, TypeError) as error:
        raise CouldNotCheck("node-answer", "the node's answer is no replay") from error
    write_json(written)


def _require_alone(*others: object) -> None:
    """Refuse what says what is to be replayed beside the number of a replay that says it."""
    if any(one is not None for one in others):
        raise InvalidInput("id", "one-of", "give either --id or the options that ask for a new replay")


def _asked(
    did: str | None, subject: str | None, case_number: str | None, reason: str | None, lang: str, access: Path | None
) -> types.ReplayRequest:
    if (did is None) == (subject is None):
        raise InvalidInput("did", "one-of", "give either --did or --subject")
    for name, given in (("case", case_number), ("reason", reason)):
        if given is None:
            raise InvalidInput(name, "required", f"give --{name}")
    who = {"did": did} if did is not None else {"subject": subject}
    asked = {**who, "case": case_number, "reason": reason, "lang": lang, **approved(access)}
    return cast("types.ReplayRequest", asked)


def save(
    client: Client, made: types.Replay, out: Path, *, pdf: bool = False, for_client: bool = False
) -> dict[str, Any]:
    """Write what a replay gave into a directory, of each other identity into one below it; return where all lies.

    Raises:
        Refused: the replay is not kept any more.
        CouldNotCheck: the answer is no replay, or a file cannot be written.
    """
    number, fetched = made["id"], partial(_fetched, pdf=pdf, for_client=for_client)
    own = client.replay_bundle, client.replay_summary, client.replay_report, client.replay_pdf
    others = client.related_bundle, client.related_summary, client.related_report, client.related_pdf
    told = {**_written(out, fetched(own, number)), **_standing(made)}
    related = []
    for one in made["related"]:
        texts = fetched(others, number, one["number"])
        names = (_RELATION, one["relation"]), (_PSEUDONYM, one["subject"])
        if not all(shape.fullmatch(name) for shape, name in names):  # they name a directory
            raise CouldNotCheck("node-answer", "the node's answer names no other identity of a client")
        below = out / f"{one['relation']}-{one['subject'][:8]}"
        named = {"relation": one["relation"], "subject": one["subject"], "did": one["did"]}
        related.append({**named, **_written(below, texts), **_standing(one)})
    return {"id": number, **told, **({"related": related} if related else {})}


def _fetched(calls: _Calls, *place: str | int, pdf: bool, for_client: bool) -> dict[str, bytes]:
    """Fetch what is written of one identity, by what it is."""
    bundle, summary, page, file = calls
    texts = {"bundle": bundle(*place), "summary": summary(*place)}
    for name, form in [("", None), ("client_", "client")] if for_client else [("", None)]:
        texts[f"{name}report"] = page(*place, form=form)
        if pdf:
            texts[f"{name}pdf"] = file(*place, form=form)
    return texts


def _standing(told: types.Replay | types.ReplayRelatedEntry) -> dict[str, Any]:
    return {
        "as_of": told["as_of"],
        "checked": told["checked"],
        "not_checked": told["not_checked"],
        "reach": None if told["reach"] is None else told["reach"]["text"],
    }


def _written(out: Path, texts: Mapping[str, bytes]) -> dict[str, str]:
    """Write the texts under their files' names."""
    make_directory(out)
    summary = texts["summary"]
    read = json_bytes(parse_json(summary, field="report", max_bytes=len(summary)), indent=1)
    for name, content in {**texts, "bundle": pack(texts["bundle"]), "summary": read}.items():
        write_file(out / FILES[name], content, private=True)  # originals of a client stand in each of them
    return {name: str(out / FILES[name]) for name in FILES if name in texts}
