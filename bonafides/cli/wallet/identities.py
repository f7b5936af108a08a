"""`bonafides wallet`: the identities, what they sign, and their keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.opened_wallet import now_ms, opened, signing, yes_option
from bonafides.cli.support.options import (
    FILE,
    password_option,
    rows_option,
    suite_option,
    verbatim,
    wallet_option,
)
from bonafides.cli.support.output import each_row, read_limited, write_line
from bonafides.wallet.continuing import move_identity
from bonafides.wallet.keys import Identities, Network, bind, new_identity, registration
from bonafides.wallet.pinned import as_json, pin_broker
from bonafides.wallet.rotation import rotate
from bonafides.wallet.session import answer_challenge
from bonafides.wallet.sign import Show, open_history, sign_act
from bonafides.wallet.successors import follow_keys
from evidence.documents.bundle import MAX_BUNDLE_BYTES
from evidence.documents.trust import MAX_TRUST_BYTES
from primitives.errors import InvalidInput
from primitives.shapes import Object
from primitives.suites import PUBLIC_KEY, suite_named


@click.group()
def wallet() -> None:
    """The client's keys, signed acts, promises, receipts and consents.

    One directory may hold many clients; each client has an identity of its own at every broker. The directory is
    sealed under BONAFIDES_WALLET_PASSWORD or the first line of --password-file. All commands but `list` read NDJSON.
    """


@wallet.command(
    epilog=verbatim(
        'in   {"client_ref", "broker"?, "broker_key"?, "checkpoint_key"?, "suite"?,',
        '      "certificate"?: {"kind", "number"}}',
        'out  {"client_ref", "did", "registration": {"signing_key", "validity", "deadline", "signature"}}',
        '     of another suite than the default one, with "act_registration" of the key that signs acts',
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
@click.option("--broker-key", help="The broker's signing key (hex), by which its promises are checked later.")
@click.option("--checkpoint-key", help="Its checkpoint key (hex), where it is not the signing key.")
@suite_option("Of the broker's records, where a line names none: the algorithm of its signing key tells it.")
def new(
    wallet_dir: Path,
    file: Path | None,
    password_file: Path | None,
    network_file: Path,
    broker: str | None,
    broker_key: str | None,
    checkpoint_key: str | None,
    suite: str,
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
                suite=suite_named(row.get("suite", suite)),
            )
            key = row.get("broker_key") or broker_key
            if key is not None:
                pin_broker(identities, made.broker, key, row.get("checkpoint_key") or checkpoint_key)
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
        'out  {"broker", "keys": [{"signing": hex, "checkpoint": hex}, ...]}',
        "",
        "Example:",
        "  bonafides wallet broker-key --wallet w --broker did:ethr:0x4f24:0x... --key 8f...",
        "  bonafides wallet broker-key --wallet w --bundle b.json --trust trust.json --trust-key HEX",
    ),
)
@wallet_option
@password_option
@click.option("--broker", help="The broker's DID.")
@click.option("--key", help="Its new signing key (hex), from the broker's DID or from a member's node.")
@click.option("--checkpoint-key", help="Its new checkpoint key (hex), where it is not the signing key.")
@click.option(
    "--bundle", type=FILE, help="In place of these: a bundle of any history at the broker, which proves its keys."
)
@click.option("--trust", type=FILE, multiple=True, help="The trust file of the bundle's block, from another member.")
@click.option("--trust-key", "trust_keys", multiple=True, help="The key (hex) of the trust file's signer, pinned.")
def broker_key_command(
    wallet_dir: Path,
    password_file: Path | None,
    broker: str | None,
    key: str | None,
    checkpoint_key: str | None,
    bundle: Path | None,
    trust: tuple[Path, ...],
    trust_keys: tuple[str, ...],
) -> None:
    """Take a broker's new keys, beside those that are pinned; what it signed before stays checked by them.

    They are taken on your word, or by proof: a bundle shows the keys of the broker's anchors and those in force at its
    block, for which a member signed whose key you pin.
    """
    by_word, by_proof = {broker, key, checkpoint_key} != {None}, (bundle is not None or trust or trust_keys)
    with opened(wallet_dir, password_file) as identities, identities.changing():
        if bundle is not None and trust and trust_keys and not by_word:
            data = read_limited(bundle, MAX_BUNDLE_BYTES, "bundle")
            files = [read_limited(file, MAX_TRUST_BYTES, "trust") for file in trust]
            pinned_signers = {PUBLIC_KEY.read(one, "trust_keys") for one in trust_keys}
            broker, pinned = follow_keys(identities, data, files, pinned_signers)
        elif broker is not None and key is not None and not by_proof:
            pinned = pin_broker(identities, broker, key, checkpoint_key, successor=True)
        else:
            raise InvalidInput("key", "one-of", "give either --broker and --key, or --bundle, --trust and --trust-key")
    write_line({"broker": broker, "keys": [as_json(pair) for pair in pinned]})


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
                    "suite": identity.suite.name,
                    "key": identity.key_id(identity.act_key),
                    "commitment": None if identity.opening is None else identity.opening.commitment.hex(),
                }
            )


@wallet.command(
    "open",
    epilog=verbatim(
        'in   {"did", "continues"?, anything else}: answers of `wallet bind`; of `node outstanding`, with the history',
        "     of format 1 that goes on",
        "out  as `wallet sign`: the act that opens the history, for `fact submit`",
        "",
        "Example:",
        "  bonafides wallet open --wallet w --file bound.ndjson | bonafides fact submit --node n > promises.ndjson",
    ),
)
@wallet_option
@rows_option
@password_option
@yes_option
def open_command(wallet_dir: Path, file: Path | None, password_file: Path | None, yes: bool) -> int:
    """Sign the act by which each client opens the history at the broker: the first one, without which none is taken.

    There is one for each identity: run again it gives the same act. From then on the wallet signs for this history, and
    takes promises and receipts of it, and of no other of this broker.
    """
    return signing(wallet_dir, file, password_file, _open_row, yes=yes)


def _open_row(identities: Identities, value: object, *, now_ms: int, show: Show) -> dict[str, Any]:
    row: dict[str, Any] = Object().read(value, "draft")  # a line that has one brings no identity: it is told so
    beside = {name: value for name, value in row.items() if name not in ("did", "continues")}
    signed = open_history(identities, row.get("did"), now_ms=now_ms, show=show, continues=row.get("continues"))
    return {**beside, **signed}


@wallet.command(
    "move",
    epilog=verbatim(
        'in   {"did", anything else}: answers of `wallet list`, or of `node outstanding`',
        "out  as `wallet new`: what the broker's node needs to register the key anew, for `subject add`",
        "",
        "Example:",
        "  bonafides wallet list --wallet w | bonafides wallet move --wallet w --network network.json > moved.ndjson",
    ),
)
@wallet_option
@rows_option
@password_option
@click.option("--network", "network_file", type=FILE, required=True, help="What `contracts deploy --continues` wrote.")
def move_command(wallet_dir: Path, file: Path | None, password_file: Path | None, network_file: Path) -> int:
    """Take identities into the network that continues their own: the key is published anew, the DID stays.

    Then `wallet open` signs that the history goes on. Consents are given anew, too.
    """
    network = Network.load(network_file)
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            return move_identity(identities, row.get("did"), network, now_ms())

        return each_row(file, handle, identities.changing)


@wallet.command(
    epilog=verbatim(
        'in   a draft, or {"draft": {...}, anything else}',
        'out  {"draft", "occurred_at", "root_salt", "key", "known", "signature", anything else}',
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
    draft's fields, when the act is not this client's, and before `wallet open`. Each act states the last record that
    the wallet holds a promise or a receipt of: so it witnesses the history before it. Consents are signed by
    `wallet consent`.
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
            line = rotated.lines[-1]
            return {"did": rotated.did, "key": rotated.key_id(line.pending or line.key), "calls": calls}

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
