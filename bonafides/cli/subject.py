"""`bonafides subject`: clients made known to a broker's node, and all that it holds of one, in one private file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import click

from bonafides.cli.support.looks import approved
from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, rows_option, verbatim
from bonafides.cli.support.output import tell, write_file, write_json
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client
from primitives.canonical import parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.packed import pack


@click.group()
def subject() -> None:
    """Make clients known to a broker's node."""


@subject.command("add")
@rows_option
@calls_node(ROLE)
def add_subjects(client: Client, file: Path | None) -> int:
    """Register clients (or products): the lines of `wallet new`; answers each one's pseudonym."""
    return relay(client.add_subjects, file)


@subject.command("show")
@click.argument("client_ref")
@calls_node(ROLE)
def show_subject(client: Client, client_ref: str) -> None:
    """Show what the node knows of one client."""
    write_json(client.find_subject(client_ref))


@subject.command(
    epilog=verbatim(
        'out  {"file", "lines", "sha256", "subject", "records", "erased", "bundle"}',
        "",
        "Example:",
        "  bonafides subject export --node n --client-ref c-1 --out c-1.ndjson --bundle c-1.json.gz",
        "  bonafides verify c-1.json.gz --trust trust.json --trust-key HEX",
    )
)
@click.argument("subject_id", metavar="[SUBJECT]", required=False)
@click.option("--client-ref", help="The client, by the broker's own reference.")
@click.option("--did", help="The client, by its DID at this broker.")
@click.option("--case", "case_number", default="export", show_default=True, help="The case number.")
@click.option(
    "--reason",
    default="copy of the client's data",
    show_default=True,
    help="Why the originals are read; it stands in an ACCESS_LOG record.",
)
@click.option("--access", type=FILE, help="Looks that a second officer signed: `staff access`, then `staff sign`.")
@click.option("--out", type=FILE, help="The new file (0600); export-SUBJECT.ndjson unless told.")
@click.option(
    "--bundle",
    type=FILE,
    help="Write the bundle into a file of its own, too; packed where its name ends in .gz.",
)
@calls_node("compliance")
def export(
    client: Client,
    subject_id: str | None,
    client_ref: str | None,
    did: str | None,
    case_number: str,
    reason: str,
    access: Path | None,
    out: Path | None,
    bundle: Path | None,
) -> None:
    """Export everything of one client: records, findings, receipts, credentials, consents, orders and the bundle."""
    ways = {"subject": subject_id, "client_ref": client_ref, "did": did}
    who = {name: value for name, value in ways.items() if value is not None}
    if len(who) != 1:
        raise InvalidInput("subject", "one-of", "give SUBJECT, --client-ref or --did")
    asked = {**who, "case": case_number, "reason": reason, **approved(access)}
    lines = client.post_for_lines("/v1/exports", asked)
    head = next(lines, b"")
    pid = _read(head).get("subject")
    if not isinstance(pid, str) or not pid.isalnum():
        raise CouldNotCheck("node-answer", "the node's answer is no export")
    write_json(_saved(head, lines, out or Path(f"export-{pid[:16]}.ndjson"), bundle) | {"subject": pid})


def _saved(head: bytes, lines: Iterator[bytes], file: Path, bundle: Path | None) -> dict[str, Any]:
    """Write the lines whole or not at all; the last one says whether all of them came."""
    temporary = file.with_name(f".{file.name}.new")
    try:
        with suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                told, parts = _copy(head, lines, stream)
                os.fsync(stream.fileno())
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CouldNotCheck("file-unwritable", f"{file}: {error.strerror}") from error
    text = "".join(parts).encode()
    if bundle is not None and text:
        write_file(bundle, pack(text) if bundle.suffix == ".gz" else text, private=True)
    elif bundle is not None:
        tell(f"no bundle was written to {bundle}: the export has none; its line `bundle` says why")
    return {"file": str(file), **told, "bundle": str(bundle) if bundle is not None and text else None}


def _copy(head: bytes, lines: Iterator[bytes], stream: IO[bytes]) -> tuple[dict[str, Any], list[str]]:
    digest, count, records, erased = hashlib.sha256(head), 1, 0, 0
    parts: list[str] = []
    stream.write(head)
    for line in lines:
        value = _read(line)
        stream.write(line)
        if value["kind"] == "end":
            if (value.get("lines"), value.get("sha256")) != (count, digest.hexdigest()) or next(lines, None):
                break
            told = {"lines": count, "sha256": digest.hexdigest(), "records": records, "erased": erased}
            return told, parts
        digest.update(line)
        count += 1
        records += value["kind"] == "record"
        erased += "erased" in value
        if value["kind"] == "bundle":
            parts.append(str(value.get("text", "")))
    raise CouldNotCheck("answer-incomplete", "the export did not come whole; nothing was kept")


def _read(line: bytes) -> dict[str, Any]:
    try:
        value = parse_json(line, field="answer")
    except InvalidInput as error:
        raise CouldNotCheck("node-answer", f"a line of the node's answer is not JSON: {error.detail}") from error
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise CouldNotCheck("node-answer", "a line of the node's answer is no line of an export")
    return value
