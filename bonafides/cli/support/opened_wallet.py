"""The wallet that a command names, opened; and the person who is asked before something is signed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.output import each_row, read_answer, tell
from bonafides.wallet.keys import Identities, Identity
from bonafides.wallet.sign import Draft, Show
from bonafides.wallet.store import HEAD_FILE, PASSWORD_VARIABLE, WalletStore
from node_adapter.keys.keystore import read_password
from primitives.errors import Refused

_TERMINAL = Path("/dev/tty")
_DRAFT = "draft"

yes_option = click.option("--yes", is_flag=True, help="Agree to every text without being asked (for tests and demos).")


def now_ms() -> int:
    """The client's clock."""
    return time.time_ns() // 1_000_000


@contextmanager
def opened(directory: Path, password_file: Path | None, *, create: bool = False) -> Iterator[Identities]:
    """Open a wallet, or make it where `create` says so and there is none."""
    password = read_password(PASSWORD_VARIABLE, password_file)
    fresh = create and not (directory / HEAD_FILE).exists()
    store = WalletStore.create(directory, password) if fresh else WalletStore.open(directory, password)
    try:
        yield Identities(store)
    finally:
        store.close()


def signing(
    wallet_dir: Path,
    file: Path | None,
    password_file: Path | None,
    make: Callable[..., dict[str, Any]],
    *,
    yes: bool,
) -> int:
    """Sign what each line asks for when the client agrees to it, and answer it with what stood beside its draft.

    Args:
        wallet_dir: the wallet.
        file: the lines; None of standard input.
        password_file: holds the wallet's password.
        make: signs one.
        yes: nobody is asked.
    """
    show = _agree if yes else _ask(from_terminal=file is None)
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            beside = {name: value for name, value in row.items() if name != _DRAFT} if _DRAFT in row else {}
            signed = make(identities, row.get(_DRAFT, row), now_ms=now_ms(), show=show)
            return {**beside, **signed}

        return each_row(file, handle, identities.changing)


def _agree(identity: Identity, draft: Draft) -> bool:
    del identity, draft
    return True


def _ask(*, from_terminal: bool) -> Show:
    def show(identity: Identity, draft: Draft) -> bool:
        tell()
        tell(f"--- {draft.type} for client {identity.client_ref} at {draft.broker}")
        for line in draft.body.split("\n"):
            tell(line)
        for name, value in sorted(draft.fields.items()):
            tell(f"    {name}: {value}")
        return ask_person("Sign this? [y/N] ", from_terminal=from_terminal)

    return show


def ask_person(question: str, *, from_terminal: bool) -> bool:
    """Ask whoever sits there; `from_terminal` where standard input carries what is to be signed."""
    tell(question, end="")
    return _answer(from_terminal=from_terminal).strip().lower() in ("y", "yes")


def _answer(*, from_terminal: bool) -> str:
    if not from_terminal:
        return read_answer()
    try:
        with _TERMINAL.open("rb") as terminal:  # standard input carries the drafts
            return terminal.readline().decode("utf-8", "replace")
    except OSError as error:
        raise Refused(
            "wallet-nobody-asked", "there is no terminal to ask the client at; use --file or --yes"
        ) from error
