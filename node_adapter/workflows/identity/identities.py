"""What the index knows of DIDs and members: their histories, and the keys in force at its last block.

No key is looked up at a time that its signer states: a client's key must hold at the last indexed block, and what a
member's earlier keys still prove is decided from blocks (`did.credentials.verify`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from sqlalchemy import Connection

from did.credentials.issuers import ChainSnapshot
from did.identifiers import parse_did
from did.registry_log import IdentityHistory
from node_adapter.node import Node
from node_adapter.store import former
from node_adapter.store.chain import blocks, did_registry, member_registry
from primitives.errors import InvalidInput


def histories(node: Node, connection: Connection, dids: Iterable[str]) -> Mapping[str, IdentityHistory]:
    """Return the registry history of each DID; one that never changed has an empty history."""
    addresses = {did: parse_did(did).address for did in dids}
    versions = did_registry.did_versions(connection, addresses.values())
    found: dict[str, IdentityHistory] = {}
    for did, address in addresses.items():
        read = partial(_read, connection, did, address)
        found[did] = node.views.get(connection, "history", did, versions.get(address), read)
    return found


def history(node: Node, connection: Connection, did: str) -> IdentityHistory:
    """Return the registry history of one DID."""
    return histories(node, connection, [did])[did]


def read_history(connection: Connection, did: str) -> IdentityHistory:
    """Return the registry history of one DID, read anew."""
    return _read(connection, did, parse_did(did).address)


def _read(connection: Connection, did: str, address: str) -> IdentityHistory:
    return IdentityHistory.from_events(did_registry.did_events(connection, address), did=did)


def chain_snapshot(node: Node, connection: Connection, dids: Iterable[object]) -> ChainSnapshot:
    """Return what the last indexed block says of every member, and of the clients among these DIDs.

    Args:
        node: the node.
        connection: one read transaction; whatever is decided from the snapshot is decided as of one block.
        dids: who may have signed; what is no DID of this chain has no keys.

    Raises:
        CouldNotCheck: `index-empty`.
    """
    block = blocks.tip(connection)
    before = former.members(connection)  # in the network that this one continues
    told = member_registry.member_histories(connection)
    members = {address: history.after(before.get(address)) for address, history in told.items()}
    clients = {did for did in map(_did_text, dids) if did is not None and parse_did(did).address not in members}
    found = histories(node, connection, clients)
    return ChainSnapshot(
        chain_id=node.settings.chain.chain_id,
        block=block.number,
        block_time=block.timestamp,
        members=members,
        client_keys={did: known.keys_at(block.number, block.timestamp) for did, known in found.items()},
    )


def _did_text(value: object) -> str | None:
    try:
        return parse_did(value).text
    except InvalidInput:
        return None
