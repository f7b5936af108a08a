"""`bonafides audit`: a broker's log from its public tiles; chain and growth with a member's node."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import click

from bonafides.audit import MAX_STATE_BYTES, Audit, AuditState, read_state
from bonafides.cli.support.node_options import open_client
from bonafides.cli.support.options import DIRECTORY, FILE, verbatim
from bonafides.cli.support.output import json_bytes, read_limited, write_file, write_json
from bonafides.client import Client
from evidence.shapes import ETHR_DID
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput

_KEY_BYTES = 32


class _Public:
    """The public log of a broker's node."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def checkpoint(self) -> str:
        return self._client.checkpoint().decode("utf-8", "strict")

    def tile(self, path: str) -> bytes:
        return self._client.log_tile(path.removeprefix("tile/"))


class _Member:
    """A member's node, asked about one broker's log."""

    def __init__(self, client: Client, broker: str) -> None:
        self._client, self._broker = client, broker

    def log(self, seq: int) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self._client.indexed_log(self._broker, seq=seq))

    def leaves(self, start: int) -> list[str]:
        return self._client.indexed_leaves(self._broker, start=start)["leaves"]

    def growth(self, start: int) -> bytes:
        return self._client.growth(self._broker, start=start)


@click.command(
    epilog=verbatim(
        "Without a member's node the public part alone is checked, and the report says what was not.",
        "Exit status: 0 what was checked holds, 1 a check failed, 2 it could not be checked.",
        "",
        "Examples:",
        "  bonafides audit DID --at https://broker.example --key HEX --state audit.json",
        "  bonafides audit DID --node regulator --state audit.json",
    )
)
@click.argument("broker")
@click.option("--at", "place", help="The URL of the broker's node. [default: what the member's node says]")
@click.option(
    "--node", "node_dir", type=DIRECTORY, help="A member's node: its directory, with its settings and tokens."
)
@click.option("--url", help="The URL of a member's node, when its directory is elsewhere.")
@click.option("--token-file", type=FILE, help="A file with a token of the role operator at that node.")
@click.option("--key", help="The broker's checkpoint key (hex), where there is no member's node.")
@click.option("--state", "state_file", type=FILE, help="What was gone over; an audit that was cut short goes on there.")
def audit(
    broker: str,
    place: str | None,
    node_dir: Path | None,
    url: str | None,
    token_file: Path | None,
    key: str | None,
    state_file: Path | None,
) -> None:
    """Audit the log of BROKER (a DID): that it, and the map under it, only grew."""
    ETHR_DID.read(broker, "broker")
    known = None if key is None else decode_hex(key, "key", _KEY_BYTES)
    state = AuditState(broker)
    if state_file is not None and state_file.exists():
        state = read_state(read_limited(state_file, MAX_STATE_BYTES, "state"), broker)

    def save(reached: AuditState) -> None:
        if state_file is not None:
            write_file(state_file, json_bytes(reached.to_json()))

    with ExitStack() as opened:
        member = None
        if node_dir is not None or url is not None:
            client = opened.enter_context(open_client(node_dir, url, token_file, "operator"))
            place = place or client.indexed_log(broker)["node"]
            member = _Member(client, broker)
        if place is None:
            raise InvalidInput("at", "required", "where the broker's node is, nobody says: give --at URL")
        public = _Public(opened.enter_context(Client(place)))
        write_json(Audit(state, public, member=member, key=known, save=save).run())
