"""What a broker's systems do at their node: subjects, drafts, gates, facts and receipts. NDJSON in, NDJSON out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from bonafides.cli.node_options import calls_node
from bonafides.cli.options import rows_option, verbatim
from bonafides.cli.output import Answers, read_rows, write_json
from bonafides.client import BULK_LINES, Client, fact_of_act
from primitives.errors import InvalidInput

ROLE = "broker-system"


@click.group()
def subject() -> None:
    """Make clients known to a broker's node."""


@subject.command("add")
@rows_option
@calls_node(ROLE)
def add_subjects(client: Client, file: Path | None) -> int:
    """Register clients (or products): the lines of `wallet new`; answers each one's pseudonym."""
    return relay(client, "/v1/subjects", file)


@subject.command("show")
@click.argument("client_ref")
@calls_node(ROLE)
def show_subject(client: Client, client_ref: str) -> None:
    """Show what the node knows of one client."""
    write_json(client.get("/v1/subjects", client_ref=client_ref))


@click.command(
    epilog=verbatim(
        "Example:",
        "  bonafides draft --node n --file wanted.ndjson | bonafides wallet sign --wallet w --yes > acts.ndjson",
    )
)
@rows_option
@calls_node(ROLE)
def draft(client: Client, file: Path | None) -> int:
    """Get the drafts that clients are to sign: type, values and text."""
    return relay(client, "/v1/acts/drafts", file)


@click.command()
@rows_option
@calls_node(ROLE)
def gate(client: Client, file: Path | None) -> int:
    """Ask whether acts are allowed now: yes, or no with the rule's code. Nothing is stored."""
    return relay(client, "/v1/gates", file)


@click.group()
def fact() -> None:
    """Report what happened."""


@fact.command(
    "submit",
    epilog=verbatim("Example:", "  bonafides fact submit --node n --file facts.ndjson > promises.ndjson"),
)
@rows_option
@calls_node(ROLE)
def submit_facts(client: Client, file: Path | None) -> int:
    """Submit facts, or signed acts as `wallet sign` writes them; answers the broker's promises.

    Lines of `wallet consent` bring act and call together: the node records the one and relays the other, or neither.

    While the node could not keep a promise it takes the fact and answers "promise": null; see `fact promises`.

    A fact is refused only when it is malformed, unsigned where a signature is owed, or a duplicate. Sending a file
    again is harmless: each line carries its own `source_ref`.
    """
    return relay(client, "/v1/facts", file, repeat=True, convert=as_fact)


@fact.command(
    "promises",
    epilog=verbatim("Example:", "  bonafides fact promises --node n --file answers.ndjson > promises.ndjson"),
)
@rows_option
@calls_node(ROLE)
def get_promises(client: Client, file: Path | None) -> int:
    """Fetch promises by {"record_id"}, or by the answers of `fact submit`; one that is owed is answered as failed.

    A promise that was owed is made when its record is anchored.
    """
    return relay(client, "/v1/promises", file, repeat=True, convert=_only_record_id)


def _only_record_id(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"record_id": row.get("record_id")}


@click.group()
def receipt() -> None:
    """Fetch receipts of anchored records."""


@receipt.command("get")
@rows_option
@calls_node(ROLE)
def get_receipts(client: Client, file: Path | None) -> int:
    """Fetch receipts by {"record_id"}; a record that is not anchored yet is answered as refused."""
    return relay(client, "/v1/receipts", file, repeat=True)


def as_fact(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fact unchanged, and a signed act as the fact that reports it."""
    return fact_of_act(row) if "draft" in row else dict(row)


def relay(
    client: Client,
    path: str,
    file: Path | None,
    *,
    repeat: bool = False,
    convert: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> int:
    """Send every line and write every answer, in order; return the exit status."""
    answers = Answers()
    for batch in _batches(read_rows(file), convert):
        good = [row for row in batch if not isinstance(row, InvalidInput)]
        replies = client.post_lines(path, good, repeat=repeat)
        for row in batch:
            if isinstance(row, InvalidInput):
                answers.refused(row)
            else:
                answers.from_node(next(replies))
    return answers.status


def _batches(
    rows: Iterator[dict[str, Any] | InvalidInput], convert: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Iterator[list[dict[str, Any] | InvalidInput]]:
    batch: list[dict[str, Any] | InvalidInput] = []
    for row in rows:
        batch.append(row if isinstance(row, InvalidInput) else _converted(row, convert))
        if len(batch) == BULK_LINES:
            yield batch
            batch = []
    if batch:
        yield batch


def _converted(
    row: dict[str, Any], convert: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any] | InvalidInput:
    try:
        return convert(row)
    except InvalidInput as error:
        return error
