"""What proofs are made of, from the node's own copy of the chain: headers, receipts, the Directory's entries."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from node_adapter.store import chain_index
from node_adapter.store.schema import chain_block
from primitives.errors import CouldNotCheck


@dataclass(frozen=True)
class AddressRange:
    """An address that the Directory named, from one block to another (None: it still holds)."""

    name: str
    address: str
    from_block: int
    to_block: int | None


def headers(connection: Connection) -> list[tuple[int, bytes, bytes]]:
    """Return (number, hash, RLP header) of the stored blocks, in order."""
    statement = select(chain_block.c.number, chain_block.c.hash, chain_block.c.header)
    return [(row.number, row.hash, row.header) for row in connection.execute(statement.order_by(chain_block.c.number))]


def receipts(connection: Connection, number: int) -> tuple[bytes, ...]:
    """Return the encoded receipts of a block.

    Raises:
        CouldNotCheck: `block-unknown`.
    """
    text = connection.execute(select(chain_block.c.receipts).where(chain_block.c.number == number)).scalar_one_or_none()
    if text is None:
        raise CouldNotCheck("block-unknown", f"block {number} is not in this node's index")
    return tuple(bytes.fromhex(receipt) for receipt in json.loads(text))


def address_ranges(connection: Connection) -> list[AddressRange]:
    """Return every address that the Directory ever named, with the blocks for which it holds."""
    found: dict[str, list[tuple[str, int]]] = {}
    for event in chain_index.events(connection, contract="Directory", name="AddressSet"):
        name = chain_index.directory_text(event.args["name"])
        found.setdefault(name, []).append((event.args["target"], int(event.args["fromBlock"])))
    ranges = []
    for name in sorted(found):
        entries = found[name]
        for place, (address, from_block) in enumerate(entries):
            to_block = entries[place + 1][1] - 1 if place + 1 < len(entries) else None
            if to_block is None or to_block >= from_block:  # an address replaced in its own block held for none
                ranges.append(AddressRange(name, address, from_block, to_block))
    return ranges
