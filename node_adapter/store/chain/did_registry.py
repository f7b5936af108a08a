"""What DidRegistry says: the history of each identity, and which of its calls were taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from did.registry_log import DidEvent
from evidence.chain.registry_events import DID_EVENTS
from evidence.version2.state.did_changes import DidChange
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainEvent, address_topic, raw
from node_adapter.store.operations import in_parts
from node_adapter.store.schema import ATTRIBUTE_CHANGES, ATTRIBUTE_VALUE, chain_event
from node_adapter.store.spelling import GreatestBytes

DID_REGISTRY = "DidRegistry"
Version = tuple[int, int, bytes]
_INTEGERS = ("previousChange", "validTo")
_MEMBERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "owner": ("owner", str),
    "delegateType": ("delegate_type", raw),
    "delegate": ("delegate", str),
    "name": ("name", raw),
    "value": ("value", raw),
    "validTo": ("valid_to", int),
}


def did_events(connection: Connection, address: str) -> list[DidEvent]:
    """Return the registry's events of an identity, in chain order."""
    return [
        DidEvent(
            block=event.block,
            tx_index=event.tx_index,
            log_index=event.log_index,
            name=event.name,
            args={name: int(value) if name in _INTEGERS else value for name, value in event.args.items()},
            block_time=event.timestamp,
        )
        for event in event_log.events(connection, contract=DID_REGISTRY, topic1=address_topic(address))
    ]


def did_changes(connection: Connection, address: str, registries: Sequence[str], up_to_block: int) -> list[DidChange]:
    """Return every change of an identity up to a block, as a bundle of format 2 carries them.

    Args:
        connection: a connection inside a transaction.
        address: the identity.
        registries: the registries that the Directory named, oldest first: each goes on where the former stopped.
        up_to_block: of this block and earlier.
    """
    found = event_log.events(connection, contract=DID_REGISTRY, topic1=address_topic(address), up_to_block=up_to_block)
    changes = event_log.of_successors((event for event in found if event.name in DID_EVENTS), registries)
    return [DidChange(event.name, event.block, event.timestamp, _values(event)) for event in changes]


def _values(event: ChainEvent) -> dict[str, Any]:
    """Return an event's members as evidence names them."""
    return {ours: read(event.args[written]) for written, (ours, read) in _MEMBERS.items() if written in event.args}


def is_in_a_did(connection: Connection, key: str) -> bool:
    """Say whether any DID ever held a key (hex), of whatever kind."""
    of_value = ATTRIBUTE_VALUE.in_(["0x" + key])
    statement = select(chain_event.c.block).where(ATTRIBUTE_CHANGES, of_value, chain_event.c.contract == DID_REGISTRY)
    return connection.execute(statement.limit(1)).first() is not None


def spent_calls(connection: Connection, address: str) -> int:
    """Return how many sponsored calls of an identity the registry has taken: the nonce of its next one."""
    topic = address_topic(address)
    last = event_log.last_event(connection, contract=DID_REGISTRY, name="DIDCallSponsored", topic1=topic)
    return 0 if last is None else int(last.args["nonce"]) + 1


def did_versions(connection: Connection, addresses: Iterable[str]) -> dict[str, Version]:
    """Return a value for each identity that has events; it changes when its history does."""
    topics = {address_topic(address): address for address in addresses}
    wanted = list(topics)
    found: dict[str, Version] = {}
    for part in in_parts(wanted):
        statement = (
            select(
                chain_event.c.topic1, func.count(), func.max(chain_event.c.block), GreatestBytes(chain_event.c.tx_hash)
            )
            .where(
                chain_event.c.contract == DID_REGISTRY,
                chain_event.c.topic1.in_(part),
            )
            .group_by(chain_event.c.topic1)
        )
        for topic, count, block, tx_hash in connection.execute(statement):
            found[topics[topic]] = (count, block, bytes(tx_hash))
    return found
