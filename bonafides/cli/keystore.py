"""`bonafides keystore`: the sealed keys of a node that stands still."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.options import DIRECTORY, FILE, password_option, verbatim
from bonafides.cli.support.output import write_json
from node_adapter.keys.keystore import read_password
from node_adapter.keys.reseal import reseal
from node_adapter.stopped_node import stopped_node

NEW_PASSWORD_VARIABLE = "BONAFIDES_NEW_KEYSTORE_PASSWORD"  # noqa: S105 - the name of the variable, not a password


@click.group()
def keystore() -> None:
    """Seal a node's keys under another password."""


@keystore.command(
    "reseal",
    epilog=verbatim("Example:", "  bonafides keystore reseal --node nodes/a --new-password-file new.password"),
)
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory; the node must not run.")
@password_option
@click.option("--new-password-file", type=FILE, help=f"The first line of this file, not {NEW_PASSWORD_VARIABLE}.")
def reseal_command(node_dir: Path, password_file: Path | None, new_password_file: Path | None) -> None:
    """Seal every key of the node under a new password. The keys stay what they are.

    A kill at any instant leaves a keystore that one of the two passwords opens; run it again to finish.
    """
    old = read_password(file=password_file)
    new = read_password(NEW_PASSWORD_VARIABLE, new_password_file)
    with stopped_node(node_dir):
        keys = reseal(node_dir / "keystore", old, new)
    write_json({"address": keys.address, "generations": len(keys.generations)})
