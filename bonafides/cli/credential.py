"""`bonafides credential`, `consent` and `did`: what a broker's node states and relays for its clients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bonafides.cli.broker import ROLE, relay
from bonafides.cli.node_options import calls_node
from bonafides.cli.options import rows_option, verbatim
from bonafides.cli.output import Answers, read_rows, write_json
from bonafides.client import Client, route
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput
from primitives.shapes import Object


@click.group()
def credential() -> None:
    """Issue, verify and revoke credentials."""


@credential.command("issue", epilog=verbatim('in   {"subject"}', "out  the credential"))
@rows_option
@calls_node(ROLE)
def issue(client: Client, file: Path | None) -> int:
    """Issue suitability credentials of subjects' current levels."""
    return relay(client, "/v1/credentials/issue", file)


@credential.command(
    "verify", epilog=verbatim("in   a credential", 'out  {"status": "verified", ...} or the failed check')
)
@rows_option
@calls_node(ROLE)
def verify(client: Client, file: Path | None) -> int:
    """Verify credentials: proof, the key that was valid then, period and status."""
    return relay(client, "/v1/credentials/verify", file, repeat=True)


@credential.command(
    "revoke",
    epilog=verbatim(
        'in   {"id", "reason"?}', "Example:", '  echo \'{"id": "urn:uuid:..."}\' | bonafides credential revoke --node n'
    ),
)
@rows_option
@calls_node(ROLE)
def revoke(client: Client, file: Path | None) -> int:
    """Revoke credentials by their id."""
    answers = Answers()
    for row in read_rows(file):
        try:
            if isinstance(row, InvalidInput):
                raise row
            answers.good(_revoke(client, row))
        except CouldNotCheck:
            raise
        except BonafidesError as error:
            answers.refused(error)
    return answers.status


@click.group()
def consent() -> None:
    """Hand clients' consents to a broker's node, which relays them to the chain."""


@consent.command("grant", epilog=verbatim("in   lines of `wallet consent sign-again`, or of `wallet consent grant`"))
@rows_option
@calls_node(ROLE)
def grant(client: Client, file: Path | None) -> int:
    """Relay grants alone; the credential is kept, the chain gets the salted id. `fact submit` records the act too."""
    return relay(client, "/v1/consents/grant", file, convert=_consent_only)


@consent.command(
    "withdraw", epilog=verbatim("in   lines of `wallet consent sign-again`, or of `wallet consent withdraw`")
)
@rows_option
@calls_node(ROLE)
def withdraw(client: Client, file: Path | None) -> int:
    """Relay withdrawals alone; they count at this broker at once. `fact submit` records the act too."""
    return relay(client, "/v1/consents/withdraw", file, convert=_consent_only)


@click.group()
def did() -> None:
    """Resolve DIDs, and relay the calls that clients signed."""


@did.command("resolve")
@click.argument("identifier", metavar="DID")
@calls_node(ROLE)
def resolve(client: Client, identifier: str) -> None:
    """Show a DID's document as the node's index of the chain has it."""
    write_json(client.get(route("dids", identifier)))


@did.command("relay", epilog=verbatim("in   lines of `wallet rotate`, or single calls", "out  one answer per call"))
@rows_option
@calls_node(ROLE)
def relay_calls(client: Client, file: Path | None) -> int:
    """Relay clients' signed registry calls to the chain."""
    answers = Answers()
    for row in read_rows(file):
        if isinstance(row, InvalidInput):
            answers.refused(row)
            continue
        calls = row.get("calls", [row])
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            answers.refused(InvalidInput("calls", "list", "must be a list of objects"))
            continue
        for answer in client.post_lines("/v1/dids/sponsored", calls):
            answers.from_node(answer)
    return answers.status


def _consent_only(row: Mapping[str, Any]) -> dict[str, Any]:
    return Object().read(row.get("consent", row), "consent")


def _revoke(client: Client, row: Mapping[str, Any]) -> Any:
    identifier = row.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise InvalidInput("id", "required", "must be the id of a credential")
    body = {name: value for name, value in row.items() if name != "id"}
    return client.post(route("credentials", identifier, "revoke"), body)
