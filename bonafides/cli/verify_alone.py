"""The commands of the distribution `bonafides-verify`: `bonafides verify` and `promise verify`, without the rest.

Each is the very command, under a name of its own; only the examples of its help are spelled as it is typed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import click

from bonafides.cli.support.claim import verify_claim
from bonafides.cli.support.run import run
from bonafides.cli.verify import verify

HISTORY, CLAIM = "bonafides-verify", "bonafides-verify-claim"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `bonafides-verify`."""
    run(_named(verify, HISTORY, "bonafides verify"), HISTORY, arguments)


def main_claim(arguments: Sequence[str] | None = None) -> None:
    """Run `bonafides-verify-claim`."""
    run(_named(verify_claim, CLAIM, "bonafides promise verify"), CLAIM, arguments)


def _named(command: click.Command, name: str, known_as: str) -> click.Command:
    """Return a command as it is called here; `known_as` is how its help spells it."""
    named = copy(command)
    named.name = name
    named.epilog = (command.epilog or "").replace(known_as, name)
    named.params = [*command.params]
    named.context_settings = {"help_option_names": ["-h", "--help"]}
    return click.version_option(package_name=HISTORY)(named)


if __name__ == "__main__":
    main()
