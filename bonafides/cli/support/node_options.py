"""Options of commands that call a node: which one, and with which token."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bonafides.cli.support.options import DIRECTORY, FILE
from bonafides.client import Client
from primitives.errors import CouldNotCheck, InvalidInput

Command = TypeVar("Command", bound=Callable[..., Any])


def calls_node(role: str) -> Callable[[Command], Command]:
    """Give a command `--node`, or `--url` and `--token-file`; it gets a `client` with the token of `role`."""

    def decorate(command: Command) -> Command:
        @click.option("--node", "node_dir", type=DIRECTORY, help="The node's directory: its settings and its tokens.")
        @click.option("--url", help="The node's URL, when its directory is elsewhere.")
        @click.option("--token-file", type=FILE, help=f"A file with a token of the role {role}.")
        @functools.wraps(command)
        def wrapped(*args: Any, node_dir: Path | None, url: str | None, token_file: Path | None, **kwargs: Any) -> Any:
            with open_client(node_dir, url, token_file, role) as client:
                return command(*args, client=client, **kwargs)

        return wrapped  # type: ignore[return-value] # a command with three more options

    return decorate


def open_client(node_dir: Path | None, url: str | None, token_file: Path | None, role: str) -> Client:
    """Return a client of the node that the options name.

    Raises:
        InvalidInput: neither `--node` nor `--url` is given.
        CouldNotCheck: the token cannot be read.
    """
    from node_adapter.settings import Settings  # noqa: PLC0415 - the wallet must start without a node's libraries
    from node_adapter.workflows.identity.staff_tokens import read_token  # noqa: PLC0415 - likewise

    if node_dir is not None:
        base = url or Settings.load(node_dir).http.url
        token = _token_of(token_file) if token_file is not None else read_token(node_dir, role)
        return Client(base, token)
    if url is None:
        raise InvalidInput("node", "required", "give --node DIR, or --url URL and --token-file FILE")
    return Client(url, None if token_file is None else _token_of(token_file))


def _token_of(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotCheck("token-unreadable", f"{file} cannot be read") from error
