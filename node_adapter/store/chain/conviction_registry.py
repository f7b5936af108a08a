"""What ConvictionRegistry says: which member says that it holds which document against whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from node_adapter.chain.abi import CONVICTIONS
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainEvent, address_topic, raw


@dataclass(frozen=True)
class Statement:
    """One entry: a member says that it holds the document of this digest (64 hex); `time` of its block, in seconds."""

    convicted: str
    member: str
    kind: int
    digest: str
    block: int
    time: int


def statements_against(connection: Connection, convicted: str, digest: str | None = None) -> list[Statement]:
    """Return what was recorded against a member, or of one document, in whatever deployment, oldest first."""
    topic = address_topic(convicted)
    said = event_log.events(connection, contract=CONVICTIONS, topic1=topic, holding=digest)
    return [one for one in statements_in(said) if digest in (None, one.digest)]


def statements_in(events: Iterable[ChainEvent]) -> list[Statement]:
    """Return the entries that events tell."""
    return [
        Statement(
            event.args["convicted"].lower(),
            event.args["member"].lower(),
            event.args["kind"],
            raw(event.args["digest"]).hex(),
            event.block,
            event.timestamp,
        )
        for event in events
        if event.contract == CONVICTIONS
    ]
