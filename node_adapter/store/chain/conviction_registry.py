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


def statements_against(connection: Connection, convicted: str) -> list[Statement]:
    """Return what was recorded against a member, in whatever deployment of the contract, oldest first."""
    topic = address_topic(convicted)
    return statements_in(event_log.events(connection, contract=CONVICTIONS, topic1=topic))


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
