"""`bonafides node page-digest`: is a page of the verifier the one that members' nodes serve?"""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_limited, write_json
from bonafides.client import Client

_MAX_BYTES = 16 * 1024 * 1024


@click.command(
    "page-digest",
    epilog=verbatim(
        'out  {"sha256", "file"?, "nodes"?: {URL: digest}, "same": true, false, or null where nothing was compared}',
        "",
        "Exit status: 0 all are the same, or nothing was given to compare; 1 one differs.",
        "",
        "Example:",
        "  bonafides node page-digest verifier.html --at https://regulator.example:8443",
    ),
)
@click.argument("file", type=FILE, required=False)
@click.option("--at", "urls", multiple=True, help="A member's node that is asked, without a token; several may be.")
def page_digest_command(file: Path | None, urls: tuple[str, ...]) -> int:
    """Print the SHA-256 of the verifier's page in this release; compare a page that was served, and what nodes say.

    A broker whose node served a page to a judge may have served another one: ask a member that is not judged. Nodes of
    different releases serve different pages; the sources of each give its page again (`make verifier`).
    """
    from api.resources.verifier import page_digest  # noqa: PLC0415 - the other commands of a node need no framework

    own = page_digest()
    answer: dict[str, object] = {"sha256": own}
    found, compared = {own}, file is not None or bool(urls)
    if file is not None:
        given = hashlib.sha256(read_limited(file, _MAX_BYTES, "file")).hexdigest()
        answer["file"] = given
        found.add(given)
    if urls:
        said = {url: _asked(url) for url in urls}
        answer["nodes"] = said
        found |= set(said.values())
    write_json({**answer, "same": len(found) == 1 if compared else None})
    return 0 if len(found) == 1 else 1


def _asked(url: str) -> str:
    with Client(url) as client:
        return client.verifier()["sha256"]
