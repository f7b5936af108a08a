"""`bonafides convict`: does a document convict a broker by its own signatures? A member's node records it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_limited, say, write_json
from bonafides.client import Client
from evidence.version2.documents.contradiction import PromiseContradiction
from evidence.version2.documents.receipt import PinnedKeys
from evidence.version2.verify.conviction import MAX_CONVICTION_BYTES, TELLS, parse_conviction, verify_conviction
from primitives.ed25519 import PUBLIC_KEY_BYTES
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput
from primitives.suites import PUBLIC_KEY

if TYPE_CHECKING:
    from bonafides.client import types
    from evidence.version2.verify.contradictions import Conviction


@click.command(
    epilog=verbatim(
        "Exit status: 0 it convicts the broker, 1 it does not, 2 no such document, or it could not be checked.",
        "",
        "Example:",
        "  bonafides wallet contradictions --wallet w --documents found",
        "  bonafides convict found/conviction-....json --key HEX",
        "  bonafides convict found/conviction-....json --record https://regulator.example:8443",
    )
)
@click.argument("document", type=FILE)
@click.option("--key", "keys", multiple=True, help="A signing key of the broker (hex); several count.")
@click.option(
    "--checkpoint-key", "checkpoint_keys", multiple=True, help="A checkpoint key (hex), where it is no signing key."
)
@click.option("--record", "url", help="A member's node that verifies it, too, keeps it and records it on the chain.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def convict(
    *, document: Path, keys: tuple[str, ...], checkpoint_keys: tuple[str, ...], url: str | None, as_json: bool
) -> int:
    """Verify a document by which a broker contradicts itself: two promises, two logs, or a record that it took back.

    Nobody's word is asked but the broker's: its keys come from its DID or from a member's node, never with the
    document. With --record and no key it is the word of that member's node that it convicts; it reads the keys from the
    chain. No token is needed. Ask another member than the broker: the regulator, for one.
    """
    if not keys and url is None:
        raise InvalidInput("key", "required", "give a signing key of the broker, or --record")
    claim = parse_conviction(read_limited(document, MAX_CONVICTION_BYTES, "conviction"))
    given = [PUBLIC_KEY.read(key, "key") for key in keys]
    notes = [decode_hex(key, "checkpoint_key", PUBLIC_KEY_BYTES) for key in checkpoint_keys]
    if given:
        notes = [key for key in given if len(key) == PUBLIC_KEY_BYTES] + notes
        if not notes and not isinstance(claim, PromiseContradiction):
            raise InvalidInput("checkpoint_key", "required", "is missing: the broker's signing key is not of Ed25519")
        verify_conviction(claim, [PinnedKeys(key, note) for key in given for note in notes or given])
    kept = None if url is None else _record(url, claim)
    told = TELLS[claim.to_json()["format"]]
    if as_json:
        write_json({"ok": True, "broker": claim.broker, "tells": told} | ({} if kept is None else {"recorded": kept}))
        return 0
    say(f"convicted {claim.broker}: {told}")
    if kept is not None:
        said = ", ".join(f"{one['member']} in block {one['block']}" for one in kept["recorded"])
        say(f"kept by {url} under {kept['digest']}; on the chain: {said or 'the call is on its way'}")
    return 0


def _record(url: str, claim: Conviction) -> types.Conviction:
    with Client(url) as client:
        return client.convict(cast("types.ConvictionDocument", claim.to_json()))
