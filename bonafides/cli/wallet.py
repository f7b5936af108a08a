"""`bonafides wallet`: the client's side, in a directory that no broker reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bonafides.cli.options import FILE, password_option, rows_option, verbatim, wallet_option
from bonafides.cli.output import each_row, read_answer, tell, write_line
from bonafides.wallet import promises as kept_promises
from bonafides.wallet import receipts as kept_receipts
from bonafides.wallet.keys import Identities, Identity, Network, bind, new_identity, registration
from bonafides.wallet.rotation import rotate
from bonafides.wallet.session import answer_challenge
from bonafides.wallet.sign import Draft, Show, sign_act
from bonafides.wallet.store import HEAD_FILE, PASSWORD_VARIABLE, WalletStore
from node_adapter.keys.keystore import read_password
from primitives.errors import Refused

_TERMINAL = Path("/dev/tty")

yes_option = click.option("--yes", is_flag=True, help="Agree to every text without being asked (for tests and demos).")


@click.group()
def wallet() -> None:
    """The client's keys, signed acts, promises, receipts and consents.

    One directory may hold many clients; each client has an identity of its own at every broker. The directory is
    sealed under BONAFIDES_WALLET_PASSWORD or the first line of --password-file. All commands but `list` read NDJSON.
    """


@wallet.command(
    epilog=verbatim(
        'in   {"client_ref", "broker"?, "broker_key"?, "certificate"?: {"kind", "number"}}',
        'out  {"client_ref", "did", "registration": {"signing_key", "validity", "deadline", "signature"}}',
        "",
        "Example:",
        '  echo \'{"client_ref": "c-1", "certificate": {"kind": "passport", "number": "TEST00001"}}\' |',
        "    bonafides wallet new --wallet w --network network.json --broker did:ethr:0x4f24:0x... > new.ndjson",
    )
)
@wallet_option
@rows_option
@password_option
@click.option("--network", "network_file", type=FILE, required=True, help="What `contracts deploy` wrote.")
@click.option("--broker", help="The broker's DID, where a line names none.")
@click.option("--broker-key", help="The broker's signing key (hex), by which receipts are checked later.")
def new(
    wallet_dir: Path,
    file: Path | None,
    password_file: Path | None,
    network_file: Path,
    broker: str | None,
    broker_key: str | None,
) -> int:
    """Make identities; answers what a broker's node needs to register them.

    Run it again for a registration that came too late: the identity stays, and the registration is signed anew.
    """
    network = Network.load(network_file)
    with opened(wallet_dir, password_file, create=True) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            made = new_identity(
                identities,
                client_ref=row.get("client_ref", ""),
                broker=row.get("broker") or broker or "",
                network=network,
                certificate=row.get("certificate"),
            )
            key = row.get("broker_key") or broker_key
            if key is not None:
                kept_receipts.pin_broker(identities, made.broker, key)
            return registration(made, now_ms())

        return each_row(file, handle, identities.changing)


@wallet.command("bind", epilog=verbatim('in   {"did", "subject"}', 'out  {"client_ref", "did", "subject"}'))
@wallet_option
@rows_option
@password_option
def bind_command(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Keep the pseudonym that the broker gave each identity: the answers of POST /v1/subjects."""
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            bound = bind(identities, row.get("did"), row.get("subject"))
            return {"client_ref": bound.client_ref, "did": bound.did, "subject": bound.subject}

        return each_row(file, handle, identities.changing)


@wallet.command(
    "broker-key",
    epilog=verbatim(
        'out  {"broker", "keys": [hex, ...]}',
        "",
        "Example:",
        "  bonafides wallet broker-key --wallet w --broker did:ethr:0x4f24:0x... --key 8f...",
    ),
)
@wallet_option
@password_option
@click.option("--broker", required=True, help="The broker's DID.")
@click.option("--key", required=True, help="Its new signing key (hex), from the broker's DID or from a member's node.")
def broker_key_command(wallet_dir: Path, password_file: Path | None, broker: str, key: str) -> None:
    """Take a broker's new signing key, beside those that are pinned; what it signed before stays checked by them."""
    with opened(wallet_dir, password_file) as identities, identities.changing():
        keys = kept_receipts.pin_broker(identities, broker, key, successor=True)
    write_line({"broker": broker, "keys": keys})


@wallet.command("list")
@wallet_option
@password_option
def list_command(wallet_dir: Path, password_file: Path | None) -> None:
    """List the identities, without their secrets."""
    with opened(wallet_dir, password_file) as identities:
        for identity in identities.all():
            write_line(
                {
                    "client_ref": identity.client_ref,
                    "broker": identity.broker,
                    "did": identity.did,
                    "subject": identity.subject,
                    "key": identity.key_id(identity.key),
                    "commitment": None if identity.opening is None else identity.opening.commitment.hex(),
                }
            )


@wallet.command(
    epilog=verbatim(
        'in   a draft, or {"draft": {...}, anything else}',
        'out  {"draft", "occurred_at", "root_salt", "key", "signature", anything else}',
        "",
        "Example:",
        "  bonafides wallet sign --wallet w --file drafts.ndjson > acts.ndjson",
        "  bonafides fact submit --node n < acts.ndjson",
    )
)
@wallet_option
@rows_option
@password_option
@yes_option
def sign(wallet_dir: Path, file: Path | None, password_file: Path | None, yes: bool) -> int:
    """Show each draft's text and sign it when the client agrees.

    Refuses when the text is not the one whose digest stands in the draft, when it does not show the values of the
    draft's fields, and when the act is not this client's. Consents are signed by `wallet consent`.
    """
    return signing(wallet_dir, file, password_file, sign_act, yes=yes)


@wallet.command(
    "rotate",
    epilog=verbatim('in   {"did"}', 'out  {"did", "key", "calls": [bodies of POST /v1/dids/sponsored, in this order]}'),
)
@wallet_option
@rows_option
@password_option
def rotate_command(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Give identities a new signing key; answers the calls that a member is to relay. What was signed stays valid.

    The wallet signs with the old key until it has learned that the new one is in force (`wallet resync`, or any command
    that opens a session). Run it again when the calls were lost or came too late: it goes on with the same new key.
    """
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            rotated, calls = rotate(identities, row.get("did"), now_ms())
            return {"did": rotated.did, "key": rotated.key_id(rotated.pending or rotated.key), "calls": calls}

        return each_row(file, handle, identities.changing)


@wallet.command(
    epilog=verbatim(
        'in   {"version", "broker", "did", "nonce", ...}: an answer of POST /v1/client/sessions/challenge',
        "out  the body of POST /v1/client/sessions",
    )
)
@wallet_option
@rows_option
@password_option
def session(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Answer a node's challenge, to open a client's session."""
    with opened(wallet_dir, password_file) as identities:
        return each_row(file, lambda row: answer_challenge(identities, row), identities.changing)


@wallet.group("receipts")
def receipts_group() -> None:
    """Check and keep the broker's receipts."""


@receipts_group.command(
    "add",
    epilog=verbatim(
        'in   a receipt, or {"receipt": {...}}',
        'out  {"status": "verified", "did", "record_id", "type", "seq", "of", "signed", "block"}',
    ),
)
@wallet_option
@rows_option
@password_option
def add_receipts(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Check receipts against the broker's key and against what was signed; keep those that hold."""
    with opened(wallet_dir, password_file) as identities:
        return each_row(
            file,
            lambda row: kept_receipts.add_receipt(identities, row.get("receipt", row)),
            identities.changing,
        )


@receipts_group.command("list")
@wallet_option
@password_option
@click.option("--full", is_flag=True, help="Write each receipt whole, as the broker gave it.")
def list_receipts(wallet_dir: Path, password_file: Path | None, full: bool) -> None:
    """List the receipts that are kept."""
    with opened(wallet_dir, password_file) as identities:
        for entry in kept_receipts.full_receipts(identities) if full else kept_receipts.receipts(identities):
            write_line(entry)


@wallet.group("promises")
def promises_group() -> None:
    """Check and keep the broker's promises, before there are receipts."""


@promises_group.command(
    "add",
    epilog=verbatim(
        'in   a promise, or {"promise": {...}, anything else}: answers of POST /v1/facts',
        'out  {"status": "kept", "did", "record_id", "fingerprint", "log_index", "accepted_at", "anchor_by", ...}',
        '     {"status": "owed", "record_id"} where the node took the fact and its promise follows',
        '     "contradiction" with what it "contradicts", and exit status 1, when the broker promised otherwise before',
    ),
)
@wallet_option
@rows_option
@password_option
def add_promises(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Check promises against the broker's key and keep them; what contradicts a kept one is kept beside it."""
    contradictions: list[str] = []
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            if kept_promises.is_owed(row):
                return {"status": "owed", "record_id": row["record_id"]}
            answer = kept_promises.add_promise(identities, row.get("promise", row))
            if answer["status"] == "contradiction":
                contradictions.append(answer["record_id"])
            return answer

        status = each_row(file, handle, identities.changing)
    for record_id in contradictions:
        tell(f"error: contradiction the broker's promise of record {record_id} contradicts another")
    return 1 if contradictions else status


@promises_group.command("list")
@wallet_option
@password_option
@click.option("--without-receipt", is_flag=True, help="Only those whose receipt is not kept yet.")
@click.option("--full", is_flag=True, help="Write each promise whole, as the broker gave it: for `promise check`.")
def list_promises(wallet_dir: Path, password_file: Path | None, without_receipt: bool, full: bool) -> None:
    """List the promises that are kept, and which have a receipt yet."""
    show = kept_promises.full_promises if full else kept_promises.promises
    with opened(wallet_dir, password_file) as identities:
        for entry in show(identities, without_receipt=without_receipt):
            write_line(entry)


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
    wallet_dir: Path, file: Path | None, password_file: Path | None, make: Callable[..., dict[str, Any]], *, yes: bool
) -> int:
    """Sign each draft with `make` when the client agrees to it, and answer it with what stood beside it."""
    show = _agree if yes else _ask(from_terminal=file is None)
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            beside = {name: value for name, value in row.items() if name != "draft"} if "draft" in row else {}
            signed = make(identities, row.get("draft", row), now_ms=now_ms(), show=show)
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
