"""`bonafides staff`: keys of the persons who sign as the second person, and who of them is enrolled at a node.

`new`, `keys` and `sign` are the person's own and need no node; `enrol`, `list` and `end` are the operator's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.opened_wallet import ask_person, opened, yes_option
from bonafides.cli.support.options import (
    FILE,
    password_option,
    rows_option,
    suite_option,
    verbatim,
    wallet_option,
)
from bonafides.cli.support.output import each_row, read_document, tell, write_json, write_line
from bonafides.client import Client
from bonafides.wallet.staff import HeldStaffKey, check_person, keys_of, new_key, sign_fact
from primitives.errors import InvalidInput
from primitives.suites import suite_named
from primitives.timestamp import format_time
from suitability.records.staff import END_REASONS, STAFF_ROLES

DEFAULT_DAYS, MAX_DAYS = 365, 731
_DAY_MS = 86_400_000


@click.group()
def staff() -> None:
    """Sign as the second person; enrol, list and end those who do.

    A person's key is made and kept in a wallet of his own, under a password of his own (as `bonafides wallet`).
    """


@staff.command(
    epilog=verbatim(
        'out  {"name", "role", "broker", "key", "proof"}: what the operator enrols',
        "",
        "Example:",
        "  bonafides staff new --wallet w --broker did:ethr:0x4f24:0x... --name 'Li Wei' --role reviewer > li-wei.json",
    )
)
@wallet_option
@password_option
@click.option("--broker", required=True, help="The DID of the broker.")
@click.option("--name", required=True, help="The person's name at the broker; it is one person's.")
@click.option("--role", required=True, type=click.Choice(STAFF_ROLES))
@suite_option("Of the broker's records, if it is another one than the key was made for.", default=None)
@click.option("--renew", is_flag=True, help="Make a new key in place of the one that is there, which signs no more.")
def new(
    wallet_dir: Path, password_file: Path | None, broker: str, name: str, role: str, suite: str | None, renew: bool
) -> None:
    """Make a key; answers what shows that the person holds it. Asked again it answers the same key.

    The key is Ed25519 at every broker. What it signs are digests of fields, which are made by the broker's suite.
    """
    check_person(broker, name, role)
    chosen = None if suite is None else suite_named(suite)
    with opened(wallet_dir, password_file, create=True) as identities, identities.changing():
        write_json(new_key(identities.store, broker=broker, name=name, role=role, suite=chosen, renew=renew))


@staff.command("keys")
@wallet_option
@password_option
def keys_command(wallet_dir: Path, password_file: Path | None) -> None:
    """List the keys of a wallet, without their secrets."""
    with opened(wallet_dir, password_file) as identities:
        for key in sorted(keys_of(identities.store), key=lambda key: (key.broker, key.name, key.role)):
            whose = {"name": key.name, "role": key.role, "broker": key.broker}
            write_line({**whose, "suite": key.suite.name, "key": key.public})


@staff.command(
    epilog=verbatim(
        "in   facts as POST /v1/facts takes them, perhaps signed by others",
        "out  the same with payload.countersigned and root_salt",
        "",
        "Example:",
        "  bonafides staff sign --wallet li-wei --file decisions.ndjson > signed.ndjson",
        "  bonafides fact submit --node n --file signed.ndjson",
    )
)
@wallet_option
@rows_option
@password_option
@click.option("--name", help="Whose key, where the wallet holds several of one role.")
@click.option("--broker", help="At which broker, likewise.")
@yes_option
def sign(
    wallet_dir: Path, file: Path | None, password_file: Path | None, name: str | None, broker: str | None, yes: bool
) -> int:
    """Show each fact and sign it when the person agrees: BIZ_DECIDE, PRODUCT_RATE, ACCESS_LOG, ERASE.

    The signature covers the whole fact but `source_ref`; it holds for no other one.
    """

    def show(key: HeldStaffKey, fact: Mapping[str, Any]) -> bool:
        return yes or _ask(key, fact, from_terminal=file is None)

    with opened(wallet_dir, password_file) as identities:
        return each_row(
            file,
            lambda row: sign_fact(identities.store, row, name=name, broker=broker, show=show),
            identities.changing,
        )


def _ask(key: HeldStaffKey, fact: Mapping[str, Any], *, from_terminal: bool) -> bool:
    tell()
    tell(f"--- {fact['type']} of subject {fact['subject']} at {fact['occurred_at']}")
    tell(f"    at the broker {key.broker}, channel {fact['channel']}")
    tell(f"    done by {fact['actor']['did']} as {fact['actor']['role']}")
    for name, value in sorted(fact["payload"].items()):
        tell(f"    {name}: {value}")
    for number, attachment in enumerate(fact.get("attachments", []), 1):
        tell(f"    attachment {number}: {attachment}")
    return ask_person(f"Sign this as {key.name}, {key.role}? [y/N] ", from_terminal=from_terminal)


@staff.command(
    epilog=verbatim(
        'out  {"name", "role", "key", "did", "subject", "expires_at", "state", "enrolment"}',
        "",
        "Example:",
        "  bonafides staff enrol --node nodes/a li-wei.json --days 365",
    )
)
@click.argument("request", type=FILE)
@click.option("--days", default=DEFAULT_DAYS, show_default=True, type=click.IntRange(1, MAX_DAYS))
@calls_node("operator")
def enrol(client: Client, request: Path, days: int) -> None:
    """Enrol a person's key: what `staff new` printed. It becomes a record of the broker's log."""
    asked = read_document(request, "request")
    if not isinstance(asked, dict):
        raise InvalidInput("request", "shape", "must be what `staff new` printed")
    expires_at = format_time(time.time_ns() // 1_000_000 + days * _DAY_MS)
    write_json(client.post("/v1/staff", {**asked, "expires_at": expires_at}))


@staff.command(
    epilog=verbatim(
        "Example:",
        "  bonafides staff access --node n --did DID --case 17 --reason 'dispute' --reader did:key:z6Mk... \\",
        "    --approver 'Sun Yu' > look.ndjson",
        "  bonafides staff sign --wallet sun-yu --file look.ndjson > signed.ndjson",
        "  bonafides replay --node n --did DID --case 17 --reason 'dispute' --access signed.ndjson",
    )
)
@click.option("--did", help="The client, by its DID at this broker.")
@click.option("--subject", help="The client, by its pseudonym at this broker.")
@click.option("--client-ref", help="The client, by the broker's own reference.")
@click.option("--case", "case_number", required=True, help="The case number.")
@click.option("--reason", required=True, help="Why the originals are read.")
@click.option("--reader", required=True, help="The did:key of the officer who will look, as `staff list` shows it.")
@click.option("--approver", required=True, help="The name of the officer who signs.")
@calls_node("compliance")
def access(client: Client, case_number: str, **asked: str | None) -> None:
    """State a look at a client's originals, for a second compliance officer to sign."""
    given = {name: value for name, value in asked.items() if value is not None}
    write_line(client.post("/v1/replays/access", {**given, "case": case_number}))


@staff.command("list")
@calls_node("operator")
def list_command(client: Client) -> None:
    """List every key that was ever enrolled, with its state."""
    write_json(client.staff())


@staff.command(
    epilog=verbatim("Example:", "  bonafides staff end --node nodes/a 8f0c... --reason LEFT"),
)
@click.argument("key")
@click.option("--reason", required=True, type=click.Choice(END_REASONS))
@calls_node("operator")
def end(client: Client, key: str, reason: str) -> None:
    """End a key at once: what it signs from now on is refused; what it signed stays signed."""
    write_json(client.post("/v1/staff/end", {"key": key, "reason": reason}))
