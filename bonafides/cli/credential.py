"""`bonafides credential`: what a broker states of its clients, as credentials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option, verbatim
from bonafides.cli.support.output import Answers, read_rows
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client, route
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput


@click.group()
def credential() -> None:
    """Issue, verify and revoke credentials."""


@credential.command("issue", epilog=verbatim('in   {"subject"}', "out  the credential"))
@rows_option
@calls_node(ROLE)
def issue(client: Client, file: Path | None) -> int:
    """Issue suitability credentials of subjects' current levels."""
    return relay(client.issue_credentials, file)


@credential.command(
    "verify", epilog=verbatim("in   a credential", 'out  {"status": "verified", ...} or the failed check')
)
@rows_option
@calls_node(ROLE)
def verify(client: Client, file: Path | None) -> int:
    """Verify credentials: proof, the key that was valid then, period and status."""
    return relay(client.verify_credentials, file)


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


def _revoke(client: Client, row: Mapping[str, Any]) -> object:
    identifier = row.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise InvalidInput("id", "required", "must be the id of a credential")
    body = {name: value for name, value in row.items() if name != "id"}
    return client.post(route("credentials", identifier, "revoke"), body)
