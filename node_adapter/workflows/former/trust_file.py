"""The trust file of format 1: the headers that this node had read before it was migrated, and the old Directory.

A bundle of format 1 is verified under it, whichever member's node gives it; the judged broker's own counts for nothing.
"""

from __future__ import annotations

from sqlalchemy import Connection

from evidence.chain.engines import KEPT_HEADERS
from evidence.documents.trust import DirectoryEntry, TrustFile, build_trust
from node_adapter.node import Node
from node_adapter.store.chain import directory, evidence
from node_adapter.workflows.former.opened import former_node
from primitives.errors import CouldNotCheck, VerificationFailed


def former_trust_file(node: Node) -> bytes:
    """Return the trust file of all that this node had read.

    Raises:
        Refused: `former-not-found`, this node was not migrated.
        CouldNotCheck: `index-empty`, it had read nothing.
    """
    with former_node(node) as former, former.store.read() as connection:
        return trust_bytes(former, connection)


def trust_bytes(former: Node, connection: Connection) -> bytes:
    """Return the same of an opened database."""
    rows = evidence.headers(connection)
    if not rows:
        raise CouldNotCheck("index-empty", "this node had not read the chain when it was migrated")
    raw = [header for _, _, header in rows]
    chain_id = former.settings.chain.chain_id
    return build_trust(chain_id, KEPT_HEADERS.name, _directory(connection), rows[0][0], raw)


def former_trust(former: Node, connection: Connection) -> TrustFile:
    """Return the same as the maker of a bundle needs it.

    Raises:
        VerificationFailed: `header-chain`, the index is damaged.
    """
    read = []
    for number, digest, raw in evidence.headers(connection):
        header = KEPT_HEADERS.parse(raw, "header")
        if (header.number, header.hash) != (number, digest):
            raise VerificationFailed("header-chain", f"the stored header of block {number} is another one")
        read.append(header)
    return TrustFile(former.settings.chain.chain_id, KEPT_HEADERS, _directory(connection), tuple(read))


def _directory(connection: Connection) -> tuple[DirectoryEntry, ...]:
    return tuple(
        DirectoryEntry(entry.name, entry.address, entry.from_block, entry.to_block)
        for entry in directory.address_ranges(connection)
    )
