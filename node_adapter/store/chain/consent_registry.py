"""What ConsentRegistry says: which consents stand, known by their salted ids alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from node_adapter.store.chain.event_log import ChainEvent
from node_adapter.store.operations import in_parts
from node_adapter.store.schema import chain_block, chain_event

CONSENT_REGISTRY = "ConsentRegistry"
_TIMES = {"ConsentGranted": "granted_at", "ConsentWithdrawn": "withdrawn_at"}
_MS = 1000


@dataclass(frozen=True)
class ChainConsent:
    """What the chain says of a consent; times in ms, of the blocks that say it."""

    granted_at: int | None = None
    withdrawn_at: int | None = None

    @property
    def state(self) -> str:
        """none, granted or withdrawn."""
        return "withdrawn" if self.withdrawn_at is not None else "none" if self.granted_at is None else "granted"


def consents_on_chain(connection: Connection, ids: Iterable[str]) -> dict[str, ChainConsent]:
    """Return what the chain says of each consent (64 hex)."""
    wanted = list(ids)
    found = dict.fromkeys(wanted, ChainConsent())
    for part in in_parts(wanted):
        topics = ["0x" + consent_id for consent_id in part]
        statement = (
            select(chain_event.c.topic1, chain_event.c.name, chain_block.c.timestamp)
            .join(chain_block, chain_block.c.number == chain_event.c.block)
            .where(chain_event.c.contract == CONSENT_REGISTRY, chain_event.c.topic1.in_(topics))
        )
        for topic, name, seconds in connection.execute(statement):
            consent_id = topic.removeprefix("0x")
            if name in _TIMES:  # the contract takes each once
                found[consent_id] = replace(found[consent_id], **{_TIMES[name]: seconds * _MS})
    return found


def consents_in(events: Iterable[ChainEvent]) -> list[str]:
    """Return the consents (64 hex) that events of new blocks are about."""
    topics = (event.topic1 for event in events if event.contract == CONSENT_REGISTRY)
    return [topic.removeprefix("0x") for topic in topics if topic is not None]
