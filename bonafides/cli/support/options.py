"""Options that several groups share: where a wallet lies, which file to read. Those of a node: `node_options`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from primitives.errors import CouldNotCheck
from primitives.suites import DEFAULT, SUITES

_Command = TypeVar("_Command", bound=Callable[..., Any])

DIRECTORY = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


def readable(context: click.Context, option: click.Parameter, file: Path | None) -> Path | None:
    """Return the file of an option; one that cannot be read is told before the command makes or calls anything.

    Raises:
        CouldNotCheck: `file-unreadable`.
    """
    del context, option
    if file is not None and not os.access(file, os.R_OK):  # not opened: it may be a pipe
        reason = "Permission denied" if file.exists() else "No such file or directory"
        raise CouldNotCheck("file-unreadable", f"{file}: {reason}")
    return file


rows_option = click.option(
    "--file", "file", type=FILE, callback=readable, help="Read NDJSON from this file instead of standard input."
)
password_option = click.option(
    "--password-file", type=FILE, help="Read the password from the first line of this file, not the environment."
)
wallet_option = click.option("--wallet", "wallet_dir", type=DIRECTORY, required=True, help="The wallet's directory.")


def suite_option(help_: str, default: str | None = DEFAULT.name) -> Callable[[_Command], _Command]:
    """Return the option that chooses a suite."""
    return click.option("--suite", type=click.Choice(list(SUITES)), default=default, show_default=True, help=help_)


def verbatim(*lines: str) -> str:
    """Return an epilog whose lines `--help` shows as they stand."""
    return "\b\n" + "\n".join(line or "\n\b" for line in lines)
