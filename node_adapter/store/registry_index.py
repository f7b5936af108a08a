"""What the registries say, read from the node's own index of final events: DIDs, consents, contract addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select, text

from node_adapter.store import chain_index
from node_adapter.store.chain_index import ChainEvent, address_topic
from node_adapter.store.schema import ATTRIBUTE_CHANGES, ATTRIBUTE_VALUE, chain_block, chain_event
from primitives.errors import CouldNotCheck

Version = tuple[int, int, bytes]
_DID_REGISTRY = "DidRegistry"
_CONSENT_TIMES = {"ConsentGranted": "granted_at", "ConsentWithdrawn": "withdrawn_at"}
_MAX_VARIABLES = 500
_MS = 1000


@dataclass(frozen=True)
class TipBlock:
    """The newest indexed block, final by the node's setting. `timestamp` is in seconds."""

    number: int
    hash: bytes
    timestamp: int


def tip_block(connection: Connection) -> TipBlock:
    """Return the newest indexed block, without its receipts.

    Raises:
        CouldNotCheck: `index-empty`.
    """
    statement = select(chain_block.c.number, chain_block.c.hash, chain_block.c.timestamp)
    row = connection.execute(statement.order_by(chain_block.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        raise CouldNotCheck("index-empty", "this node has not read the chain yet; its chain process does that")
    return TipBlock(*row)


def did_events(connection: Connection, address: str) -> list[ChainEvent]:
    """Return the registry's events of an identity, in chain order."""
    return chain_index.events(connection, contract=_DID_REGISTRY, topic1=address_topic(address))


def is_in_a_did(connection: Connection, key: str) -> bool:
    """Say whether any DID ever held a key (hex), of whatever kind."""
    of_value = text(f"{ATTRIBUTE_VALUE} = :value").bindparams(value="0x" + key)
    statement = select(chain_event.c.block).where(ATTRIBUTE_CHANGES, of_value, chain_event.c.contract == _DID_REGISTRY)
    return connection.execute(statement.limit(1)).first() is not None


def spent_calls(connection: Connection, address: str) -> int:
    """Return how many sponsored calls of an identity the registry has taken: the nonce of its next one."""
    last = chain_index.last_event(
        connection, contract=_DID_REGISTRY, name="DIDCallSponsored", topic1=address_topic(address)
    )
    return 0 if last is None else int(last.args["nonce"]) + 1


def did_versions(connection: Connection, addresses: Iterable[str]) -> dict[str, Version]:
    """Return a value for each identity that has events; it changes when its history does."""
    topics = {address_topic(address): address for address in addresses}
    wanted = list(topics)
    found: dict[str, Version] = {}
    for start in range(0, len(wanted), _MAX_VARIABLES):
        statement = (
            select(chain_event.c.topic1, func.count(), func.max(chain_event.c.block), func.max(chain_event.c.tx_hash))
            .where(
                chain_event.c.contract == _DID_REGISTRY,
                chain_event.c.topic1.in_(wanted[start : start + _MAX_VARIABLES]),
            )
            .group_by(chain_event.c.topic1)
        )
        for topic, count, block, tx_hash in connection.execute(statement):
            found[topics[topic]] = (count, block, bytes(tx_hash))
    return found


@dataclass(frozen=True)
class ChainConsent:
    """What ConsentRegistry says of a consent; times in ms, of the blocks that say it."""

    granted_at: int | None = None
    withdrawn_at: int | None = None

    @property
    def state(self) -> str:
        """none, granted or withdrawn."""
        return "withdrawn" if self.withdrawn_at is not None else "none" if self.granted_at is None else "granted"


def consents_on_chain(connection: Connection, ids: Iterable[str]) -> dict[str, ChainConsent]:
    """Return what the chain says of each consent (64 hex), as of the index's last block."""
    wanted = list(ids)
    found = dict.fromkeys(wanted, ChainConsent())
    for start in range(0, len(wanted), _MAX_VARIABLES):
        topics = ["0x" + consent_id for consent_id in wanted[start : start + _MAX_VARIABLES]]
        statement = (
            select(chain_event.c.topic1, chain_event.c.name, chain_block.c.timestamp)
            .join(chain_block, chain_block.c.number == chain_event.c.block)
            .where(chain_event.c.contract == "ConsentRegistry", chain_event.c.topic1.in_(topics))
        )
        for topic, name, seconds in connection.execute(statement):
            consent_id = topic.removeprefix("0x")
            if name in _CONSENT_TIMES:  # the contract takes each once
                found[consent_id] = replace(found[consent_id], **{_CONSENT_TIMES[name]: seconds * _MS})
    return found


def contract_address(connection: Connection, name: str) -> str:
    """Return the current address of a contract, as the Directory names it.

    Raises:
        CouldNotCheck: `contract-unknown`, the index has not reached the entry.
    """
    found = chain_index.contract_addresses(connection).get(name)
    if found is None:
        raise CouldNotCheck("contract-unknown", f"the index holds no address of {name} yet")
    return found
