"""The command `bonafides`: its commands by the person whom they serve.

A command is the module of its name in this package, and is imported when it is called: a wallet that signs needs no
chain library. What several share is in `support`; the parent of a node's processes is in `process`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from bonafides.cli.support.run import run

# Whom a command serves first; then the command, which is the module of its name, and one line of help.
PERSONS: dict[str, dict[str, str]] = {
    "Broker's systems": {
        "subject": "Make clients known to a broker's node; export all that it holds of one.",
        "draft": "Get the texts that clients are to sign.",
        "gate": "Ask whether an act is allowed now.",
        "fact": "Report what happened.",
        "receipt": "Fetch receipts of anchored records.",
        "consent": "Hand clients' consents to a broker's node.",
        "did": "Resolve DIDs; relay the calls that clients signed.",
        "credential": "Issue, verify and revoke credentials.",
        "check": "Check zero-knowledge proofs at a node.",
    },
    "Client": {
        "wallet": "The client's keys, acts, receipts and consents.",
        "prove": "Prove the opening of a commitment in zero knowledge.",
        "promise": "Check whether promises were kept; verify a claim of breach.",
    },
    "Compliance": {
        "replay": "Replay a client's history into a report and a bundle.",
        "task": "Propose, approve, run and show joint computations.",
        "staff": "Sign as the second person; enrol, list and end those who do.",
        "erasure": "Erase records whose clock is over, when two of the staff have signed it.",
    },
    "Regulator": {
        "order": "Order a broker to replay a client; list such orders.",
        "verify": "Verify a bundle offline.",
        "convict": "Verify a document by which a broker contradicts itself.",
        "chain": "Write the trust file: a member's signed word of a block.",
        "audit": "Check that a broker's log, and the map under it, only grew.",
    },
    "Operator": {
        "doctor": "Check the machine, the chain, the database, the clock and the keys.",
        "network": "Start, stop and look at the embedded chain.",
        "contracts": "Deploy the consortium's contracts, or look at them.",
        "member": "List members; propose, vote, veto and execute.",
        "node": "Make, run and look at a member's node.",
        "token": "List, add, renew and revoke the tokens of a node's staff and systems.",
        "outbox": "List the chain writes of a node; try one again that failed.",
        "evidence": "Check that a node's records, log and map are whole.",
        "alarm": "List the alarms of a node; close one that was dealt with.",
        "keystore": "Seal a node's keys under another password.",
        "ruleset": "Add and list versions of the rules.",
        "demo": "Run the whole job on this machine, in a checkout.",
    },
}
COMMANDS = tuple(name for commands in PERSONS.values() for name in commands)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, person by person."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command: what has its name in the module of its name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"bonafides.cli.{cmd_name}"), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under the person whom each serves first, without importing them."""
        del ctx
        for person, commands in PERSONS.items():
            with formatter.section(person):
                formatter.write_dl(list(commands.items()))


EPILOG = """\b
Examples:
  bonafides doctor
  bonafides demo --clients 100 --out build/demo
  bonafides verify bundle.json.gz --trust trust.json

\b
Results go to standard output as JSON; bulk commands read and write NDJSON.
Exit status: 0 done, 1 checked and false, 2 malformed, refused or not checked.
"""


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "json_errors", is_flag=True, help="Write errors as one JSON object instead of one line.")
@click.version_option(package_name="bonafides")
def cli(json_errors: bool) -> None:
    """Prove what a broker did for a client: records, receipts, credentials, proofs and replays."""
    del json_errors  # read by `run`, which also sees errors from before a command runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    run(cli, "bonafides", arguments)


if __name__ == "__main__":
    main()
