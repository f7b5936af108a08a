"""What the index knows of DIDs: histories, keys at a block, members' keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sqlalchemy import Connection

from did.identifiers import SIGNING_FRAGMENT, parse_did, parse_did_url
from did.registry_log import DidEvent, IdentityHistory
from node_adapter.node import Node
from node_adapter.store import chain_index, registry_index
from primitives.errors import VerificationFailed

_INTEGERS = ("previousChange", "validTo")
_MS = 1000


def histories(node: Node, connection: Connection, dids: Iterable[str]) -> Mapping[str, IdentityHistory]:
    """Return the registry history of each DID; one that never changed has an empty history."""
    addresses = {did: parse_did(did).address for did in dids}
    versions = registry_index.did_versions(connection, addresses.values())
    found: dict[str, IdentityHistory] = {}
    for did, address in addresses.items():
        read = partial(_read, connection, did, address)
        found[did] = node.views.get("history", did, versions.get(address), read)
    return found


def history(node: Node, connection: Connection, did: str) -> IdentityHistory:
    """Return the registry history of one DID."""
    return histories(node, connection, [did])[did]


def _read(connection: Connection, did: str, address: str) -> IdentityHistory:
    events = [
        DidEvent(
            block=row.block,
            tx_index=row.tx_index,
            log_index=row.log_index,
            name=row.name,
            args={name: int(value) if name in _INTEGERS else value for name, value in row.args.items()},
            block_time=row.timestamp,
        )
        for row in registry_index.did_events(connection, address)
    ]
    return IdentityHistory.from_events(events, did=did)


def key_resolver(node: Node, connection: Connection, signed_ms: int | None = None) -> Callable[[str], bytes]:
    """Return what finds a verification method's Ed25519 key.

    A member's key is the one that the registry held at `signed_ms` (now, when None); the member must be active now. A
    client's key must hold at the last indexed block: what a client signs counts when it is accepted.
    """

    def resolve(method: str) -> bytes:
        did, fragment = parse_did_url(method)
        if did.chain_id != node.settings.chain.chain_id:
            raise VerificationFailed("key", f"{did} is of another chain")
        if fragment == SIGNING_FRAGMENT:
            member = chain_index.require_active_member(connection, did.address)
            return member.signing if signed_ms is None else _member_key(connection, did.address, signed_ms)
        block = registry_index.tip_block(connection)
        keys = history(node, connection, did.text).ed25519_keys_at(block.number, block.timestamp)
        if method not in keys:
            raise VerificationFailed("key", f"{method} is no valid key at block {block.number}")
        return keys[method]

    return resolve


def _member_key(connection: Connection, address: str, signed_ms: int) -> bytes:
    found = None
    topic = chain_index.address_topic(address)
    for event in chain_index.events(connection, contract="MemberRegistry", topic1=topic):
        if "signing" in event.args and (found is None or event.timestamp * _MS <= signed_ms):
            found = bytes.fromhex(event.args["signing"].removeprefix("0x"))
    if found is None:
        raise VerificationFailed("key", f"{address} had no signing key then")
    return found
