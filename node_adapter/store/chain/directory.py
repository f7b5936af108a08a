"""What the Directory says: where each of our contracts is, and was."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from node_adapter.store.chain import event_log
from primitives.errors import CouldNotCheck

DIRECTORY = "Directory"


@dataclass(frozen=True)
class AddressRange:
    """An address that the Directory named, from one block to another (None: it still holds)."""

    name: str
    address: str
    from_block: int
    to_block: int | None

    def holds_at(self, block: int) -> bool:
        """Say whether the name stood for this address at a block."""
        return self.from_block <= block and (self.to_block is None or block <= self.to_block)


@dataclass(frozen=True)
class NamedContract:
    """A contract that took a name, in the block of that number and time (seconds)."""

    name: str
    target: str
    block: int
    time: int


def named_contracts(connection: Connection, up_to_block: int | None = None) -> list[NamedContract]:
    """Return the Directory's history up to a block, in its order: one entry for each name that was given."""
    found = event_log.events(connection, contract=DIRECTORY, name="AddressSet", up_to_block=up_to_block)
    return [
        NamedContract(name_of(event.args["name"]), event.args["target"], event.block, event.timestamp)
        for event in found
    ]


def address_ranges(connection: Connection) -> list[AddressRange]:
    """Return every address that the Directory ever named, with the blocks for which it holds, by name."""
    found: dict[str, list[tuple[str, int]]] = {}
    for event in event_log.events(connection, contract=DIRECTORY, name="AddressSet"):
        name = name_of(event.args["name"])
        found.setdefault(name, []).append((event.args["target"], int(event.args["fromBlock"])))
    ranges = []
    for name in sorted(found):
        entries = found[name]
        for place, (address, from_block) in enumerate(entries):
            to_block = entries[place + 1][1] - 1 if place + 1 < len(entries) else None
            if to_block is None or to_block >= from_block:  # an address replaced in its own block held for none
                ranges.append(AddressRange(name, address, from_block, to_block))
    return ranges


def find_address(connection: Connection, name: str) -> str | None:
    """Return the present address of a contract, or None before the index has reached the entry."""
    ranges = address_ranges(connection)
    return next((entry.address for entry in ranges if entry.name == name and entry.to_block is None), None)


def contract_address(connection: Connection, name: str) -> str:
    """Return the present address of a contract.

    Raises:
        CouldNotCheck: `contract-unknown`, the index has not reached the entry.
    """
    found = find_address(connection, name)
    if found is None:
        raise CouldNotCheck("contract-unknown", f"the index holds no address of {name} yet")
    return found


def name_of(name: str) -> str:
    """Return a contract's name from the 32 bytes that the Directory keeps, as 0x hex."""
    return event_log.raw(name).rstrip(b"\0").decode("ascii", "replace")
