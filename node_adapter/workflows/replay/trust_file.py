"""The trust file that this node gives to those who trust it: contiguous headers and the Directory's history.

A verifier takes it from a member other than the one whose bundle it checks.
"""

from __future__ import annotations

from sqlalchemy import Connection

from evidence.chain.engine import Header
from evidence.chain.engines import KEPT_HEADERS
from evidence.documents.trust import DirectoryEntry, TrustFile, build_trust
from node_adapter.node import Node
from node_adapter.store.chain import blocks, directory, evidence
from primitives.errors import CouldNotCheck, VerificationFailed


def trust_file(node: Node) -> bytes:
    """Return the trust file of everything that this node has indexed.

    Raises:
        CouldNotCheck: `index-empty`, nothing is indexed yet.
    """
    with node.store.read() as connection:
        rows = evidence.headers(connection)
        directory = _directory(connection)
    if not rows:
        raise CouldNotCheck("index-empty", "this node has not read the chain yet; its chain process does that")
    raw = [header for _, _, header in rows]
    return build_trust(node.settings.chain.chain_id, KEPT_HEADERS.name, directory, rows[0][0], raw)


def own_trust(node: Node, connection: Connection) -> TrustFile:
    """Return what this node trusts itself, as the maker of a bundle needs it; headers are parsed once per process.

    Raises:
        CouldNotCheck: `index-empty`, nothing is indexed yet.
        VerificationFailed: `header-chain`, the index is damaged.
    """
    tip = blocks.find_tip(connection)
    if tip is None:
        raise CouldNotCheck("index-empty", "this node has not read the chain yet; its chain process does that")
    known = node.views.peek("headers", "")
    kept: tuple[Header, ...] = known if isinstance(known, tuple) else ()
    found = node.views.get(connection, "headers", "", tip, lambda: _read_headers(connection, kept))
    return TrustFile(node.settings.chain.chain_id, KEPT_HEADERS, _directory(connection), found)


def _read_headers(connection: Connection, kept: tuple[Header, ...]) -> tuple[Header, ...]:
    known = {header.hash: header for header in kept}
    read = []
    for number, digest, raw in evidence.headers(connection):
        header = known.get(digest) or KEPT_HEADERS.parse(raw, "header")
        if (header.number, header.hash) != (number, digest):
            raise VerificationFailed("header-chain", f"the stored header of block {number} is another one")
        read.append(header)
    return tuple(read)


def _directory(connection: Connection) -> tuple[DirectoryEntry, ...]:
    return tuple(
        DirectoryEntry(entry.name, entry.address, entry.from_block, entry.to_block)
        for entry in directory.address_ranges(connection)
    )
