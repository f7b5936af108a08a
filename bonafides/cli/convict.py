"""`bonafides convict`: does a document convict a broker by its own signatures?"""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_limited, say, write_json
from evidence.version2.documents.receipt import PinnedKeys
from evidence.version2.verify.conviction import MAX_CONVICTION_BYTES, TELLS, parse_conviction, verify_conviction
from primitives.encoding import decode_hex

_KEY_BYTES = 32


@click.command(
    epilog=verbatim(
        "Exit status: 0 it convicts the broker, 1 it does not, 2 no such document, or it could not be checked.",
        "",
        "Example:",
        "  bonafides wallet contradictions --wallet w --documents found",
        "  bonafides convict found/conviction-....json --key HEX",
    )
)
@click.argument("document", type=FILE)
@click.option("--key", "keys", multiple=True, required=True, help="A signing key of the broker (hex); several count.")
@click.option(
    "--checkpoint-key", "checkpoint_keys", multiple=True, help="A checkpoint key (hex), where it is no signing key."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def convict(*, document: Path, keys: tuple[str, ...], checkpoint_keys: tuple[str, ...], as_json: bool) -> int:
    """Verify a document by which a broker contradicts itself: two promises, two logs, or a record that it took back.

    Nobody's word is asked but the broker's: its keys come from its DID or from a member's node, never with the
    document.
    """
    claim = parse_conviction(read_limited(document, MAX_CONVICTION_BYTES, "conviction"))
    given = [decode_hex(key, "key", _KEY_BYTES) for key in keys]
    notes = [decode_hex(key, "checkpoint_key", _KEY_BYTES) for key in checkpoint_keys]
    verify_conviction(claim, [PinnedKeys(key, key) for key in given] + [PinnedKeys(given[0], key) for key in notes])
    told = TELLS[claim.to_json()["format"]]
    if as_json:
        write_json({"ok": True, "broker": claim.broker, "tells": told})
    else:
        say(f"convicted {claim.broker}: {told}")
    return 0
