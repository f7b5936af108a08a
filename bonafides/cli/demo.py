"""`bonafides demo`: the demo's scripts live in the checkout, not in the product."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from bonafides.cli.support.options import DIRECTORY, FILE, verbatim
from bonafides.cli.support.output import flush
from primitives.errors import CouldNotCheck

_SCRIPT = Path("scripts/demo/run.py")


@click.command(epilog=verbatim("Example:", "  bonafides demo --clients 100 --out build/demo --keep"))
@click.option("--clients", type=click.IntRange(1), help="How many clients take part (300 unless told).")
@click.option("--input", "input_file", type=FILE, help="The original survey file, in place of the cut one.")
@click.option("--generate", is_flag=True, help="Use a seeded generator in place of the survey.")
@click.option("--seed", type=int, help="The generator's seed.")
@click.option("--out", type=DIRECTORY, help="Where the results go (build/demo unless told).")
@click.option("--keep", is_flag=True, help="Leave the network running, and print how to use it.")
def demo(
    clients: int | None, input_file: Path | None, generate: bool, seed: int | None, out: Path | None, keep: bool
) -> None:
    """Run the whole job on this machine: a chain, three brokers, a regulator, real household data."""
    script = find_script()
    options: list[str] = []
    for name, value in (("--clients", clients), ("--input", input_file), ("--seed", seed), ("--out", out)):
        if value is not None:
            options += [name, str(value)]
    options += ["--generate"] * generate + ["--keep"] * keep
    flush()
    os.execv(sys.executable, [sys.executable, str(script), *options])  # noqa: S606 - our own script, no shell


def find_script() -> Path:
    """Return the demo's script of the checkout that this command stands in.

    Raises:
        CouldNotCheck: `demo-needs-checkout`.
    """
    for root in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        if (root / _SCRIPT).is_file():
            return root / _SCRIPT
    raise CouldNotCheck(
        "demo-needs-checkout", f"{_SCRIPT} is not here: the demo runs in a checkout of the project (`make demo`)"
    )
