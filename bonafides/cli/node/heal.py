"""`bonafides node heal`: what stands on the chain in this member's name and is not its own is named wrong."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.options import DIRECTORY, password_option, verbatim
from bonafides.cli.support.output import write_json
from node_adapter.keys.keystore import read_password
from node_adapter.settings import Settings
from node_adapter.stopped_node import stopped_node
from primitives.errors import InvalidInput


@click.command(
    "heal",
    epilog=verbatim(
        'out  {"anchors": [{"seq", "block", "time", "size_before", "size_after"}], "why", "last_counted",',
        '      "promises_broken", "confirm"}',
        'out  {"named", "promises_broken", "moved_by"}, with --confirm',
        "",
        "Example:",
        "  bonafides node heal --node nodes/a",
        "  bonafides node heal --node nodes/a --confirm 0a1b2c3d4e5f --reason 'an old copy ran on the spare machine'",
    ),
)
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory; the node must not run.")
@click.option("--confirm", "code", help="The code that was shown with the anchors: they are named wrong, for good.")
@click.option("--reason", help="Why; it is kept, and `node status` shows it.")
@password_option
def heal_command(node_dir: Path, code: str | None, reason: str | None, password_file: Path | None) -> None:
    """Show the anchors that stop this node (`anchor-conflict`, `records-lost`), or name them as wrong.

    The chain holds them as this member's, and they are not what its records say. Named wrong, they count for nothing:
    every later checkpoint says so, the records follow under the next anchor in other places of the log, and promises
    that named the old places are broken, which their holders can prove. It cannot be undone. What an old copy lacks is
    brought back by `node recover`; name anchors wrong only where nobody holds it.
    """
    from node_adapter.bootstrap import open_node  # noqa: PLC0415 - the other commands of a node start without
    from node_adapter.workflows.anchoring.healing import find_wound, heal  # noqa: PLC0415 - the ABI

    if (code is None) != (reason is None):
        raise InvalidInput("reason" if reason is None else "confirm", "required", "--confirm and --reason go together")
    Settings.load(node_dir)  # a directory without a node holds no locks either
    with stopped_node(node_dir):
        node = open_node(node_dir, read_password(file=password_file))
        try:
            if code is None or reason is None:
                with node.store.read() as connection:
                    write_json(find_wound(node, connection).to_json())
            else:
                write_json(heal(node, reason=reason, confirm=code))
        finally:
            node.store.dispose()
