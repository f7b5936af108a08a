"""What proofs are made of: headers, receipts, and the changes of keys as the registries told them."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainEvent, address_topic
from node_adapter.store.schema import chain_block
from primitives.errors import CouldNotCheck


def headers(connection: Connection) -> list[tuple[int, bytes, bytes]]:
    """Return (number, hash, RLP header) of the stored blocks, in order."""
    statement = select(chain_block.c.number, chain_block.c.hash, chain_block.c.header)
    return [(row.number, row.hash, row.header) for row in connection.execute(statement.order_by(chain_block.c.number))]


def header(connection: Connection, number: int) -> tuple[bytes, bytes]:
    """Return hash and bytes of the header of a block.

    Raises:
        CouldNotCheck: `block-unknown`.
    """
    of_block = select(chain_block.c.hash, chain_block.c.header).where(chain_block.c.number == number)
    row = connection.execute(of_block).one_or_none()
    if row is None:
        raise CouldNotCheck("block-unknown", f"block {number} is not in this node's index")
    return row.hash, row.header


def receipts(connection: Connection, number: int) -> tuple[bytes, ...]:
    """Return the encoded receipts of a block.

    Raises:
        CouldNotCheck: `block-unknown`.
    """
    text = connection.execute(select(chain_block.c.receipts).where(chain_block.c.number == number)).scalar_one_or_none()
    if text is None:
        raise CouldNotCheck("block-unknown", f"block {number} is not in this node's index")
    return tuple(bytes.fromhex(receipt) for receipt in json.loads(text))


def key_events(
    connection: Connection, member: str, identity: str | None, up_to_block: int | None
) -> tuple[ChainEvent, ...]:
    """Return what the registries told of a member and of an identity (addresses), up to a block, in chain order."""
    wanted = [("MemberRegistry", member)] + ([] if identity is None else [("DidRegistry", identity)])
    return tuple(
        event
        for contract, address in wanted
        for event in event_log.events(
            connection, contract=contract, topic1=address_topic(address), up_to_block=up_to_block
        )
    )
