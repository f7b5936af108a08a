"""The node's own copy of the chain: headers, receipts and events at finality. The HTTP interface reads only this."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select

from did.member_log import ROLES
from node_adapter.store.schema import chain_block, chain_event
from primitives.errors import CouldNotCheck, Refused


@dataclass(frozen=True)
class ChainBlock:
    """A stored block. `receipts` are the encoded receipts in order; `timestamp` is in seconds."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    header: bytes
    receipts: tuple[bytes, ...]


@dataclass(frozen=True)
class ChainEvent:
    """A decoded event of one of our contracts.

    Attributes:
        block: the block's number.
        log_index: the index in the block.
        tx_index: the transaction's index in the block.
        log_position: the index in the transaction's receipt.
        tx_hash: the transaction.
        address: who emitted it, lower-case 0x hex.
        contract: that contract's name, such as `EvidenceAnchor`.
        name: the event's name.
        topic1: the first indexed argument as the 32-byte topic, 0x hex.
        args: by name; bytes and addresses as lower-case 0x hex, integers as integers.
        timestamp: the block's time in seconds (0 where it was not asked for).
    """

    block: int
    log_index: int
    tx_index: int
    log_position: int
    tx_hash: bytes
    address: str
    contract: str
    name: str
    topic1: str | None
    args: dict[str, Any]
    timestamp: int = 0


def address_topic(address: str) -> str:
    """Return an address as the 32-byte topic that `topic1` holds."""
    return "0x" + address.removeprefix("0x").rjust(64, "0")


def tip(connection: Connection) -> tuple[int, bytes] | None:
    """Return the number and hash of the newest stored block."""
    row = connection.execute(
        select(chain_block.c.number, chain_block.c.hash).order_by(chain_block.c.number.desc()).limit(1)
    ).first()
    return (row.number, row.hash) if row else None


def block_at(connection: Connection, number: int) -> ChainBlock:
    """Return a stored block.

    Raises:
        CouldNotCheck: `block-unknown`.
    """
    row = connection.execute(select(chain_block).where(chain_block.c.number == number)).first()
    if row is None:
        raise CouldNotCheck("block-unknown", f"block {number} is not in this node's index (yet)")
    return _block(row)


def block_hash(connection: Connection, number: int) -> bytes | None:
    """Return the hash of a stored block, or None."""
    found: bytes | None = connection.execute(
        select(chain_block.c.hash).where(chain_block.c.number == number)
    ).scalar_one_or_none()
    return found


def blocks_between(connection: Connection, first: int, last: int) -> list[ChainBlock]:
    """Return the stored blocks of a closed range, in order."""
    query = select(chain_block).where(chain_block.c.number.between(first, last)).order_by(chain_block.c.number)
    return [_block(row) for row in connection.execute(query)]


def first_block(connection: Connection) -> int | None:
    """Return the number of the oldest stored block."""
    found: int | None = connection.execute(select(func.min(chain_block.c.number))).scalar_one()
    return found


def events(
    connection: Connection,
    *,
    contract: str | None = None,
    name: str | None = None,
    topic1: str | None = None,
    up_to_block: int | None = None,
    after_block: int | None = None,
) -> list[ChainEvent]:
    """Return events in chain order, each with its block's time.

    Args:
        connection: a connection inside a transaction.
        contract: only this contract's, by name.
        name: only this event.
        topic1: only with this first indexed argument (`address_topic` makes one of an address).
        up_to_block: only of this block and earlier.
        after_block: only of later blocks.
    """
    query = _event_query()
    wanted = ((chain_event.c.contract, contract), (chain_event.c.name, name), (chain_event.c.topic1, topic1))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    if up_to_block is not None:
        query = query.where(chain_event.c.block <= up_to_block)
    if after_block is not None:
        query = query.where(chain_event.c.block > after_block)
    return [_event(row) for row in connection.execute(query)]


def last_event(connection: Connection, *, contract: str, name: str, topic1: str | None = None) -> ChainEvent | None:
    """Return the newest event of a kind, or None."""
    query = _event_query().where(chain_event.c.contract == contract, chain_event.c.name == name)
    if topic1 is not None:
        query = query.where(chain_event.c.topic1 == topic1)
    query = query.order_by(None).order_by(chain_event.c.block.desc(), chain_event.c.log_index.desc()).limit(1)
    row = connection.execute(query).first()
    return _event(row) if row else None


def contract_addresses(connection: Connection) -> dict[str, str]:
    """Return the current address of each contract that the Directory names, as of the index."""
    found = events(connection, contract="Directory", name="AddressSet")
    return {directory_text(event.args["name"]): event.args["target"] for event in found}


def directory_text(name: str) -> str:
    """Return a contract's name from the 32 bytes that the Directory keeps."""
    return bytes.fromhex(name.removeprefix("0x")).rstrip(b"\0").decode("ascii", "replace")


def append(connection: Connection, blocks: Sequence[ChainBlock], found: Iterable[ChainEvent]) -> None:
    """Store blocks and their events; the caller has checked that they follow the tip."""
    connection.execute(
        insert(chain_block),
        [
            {
                "number": block.number,
                "hash": block.hash,
                "parent_hash": block.parent_hash,
                "timestamp": block.timestamp,
                "header": block.header,
                "receipts": json.dumps([receipt.hex() for receipt in block.receipts]),
            }
            for block in blocks
        ],
    )
    rows = [
        {
            "block": event.block,
            "log_index": event.log_index,
            "tx_index": event.tx_index,
            "log_position": event.log_position,
            "tx_hash": event.tx_hash,
            "address": event.address,
            "contract": event.contract,
            "name": event.name,
            "topic1": event.topic1,
            "args": json.dumps(event.args),
        }
        for event in found
    ]
    if rows:
        connection.execute(insert(chain_event), rows)


def truncate(connection: Connection, last: int) -> None:
    """Forget every block after `last`, and its events."""
    connection.execute(delete(chain_block).where(chain_block.c.number > last))
    connection.execute(delete(chain_event).where(chain_event.c.block > last))


def _event_query() -> Select[Any]:
    return (
        select(chain_event, chain_block.c.timestamp)
        .join(chain_block, chain_block.c.number == chain_event.c.block)
        .order_by(chain_event.c.block, chain_event.c.log_index)
    )


def _block(row: Row[Any]) -> ChainBlock:
    receipts = tuple(bytes.fromhex(receipt) for receipt in json.loads(row.receipts))
    return ChainBlock(row.number, row.hash, row.parent_hash, row.timestamp, row.header, receipts)


def _event(row: Row[Any]) -> ChainEvent:
    return ChainEvent(
        block=row.block,
        log_index=row.log_index,
        tx_index=row.tx_index,
        log_position=row.log_position,
        tx_hash=row.tx_hash,
        address=row.address,
        contract=row.contract,
        name=row.name,
        topic1=row.topic1,
        args=json.loads(row.args),
        timestamp=row.timestamp,
    )


@dataclass(frozen=True)
class Member:
    """A member as the registry has it at the index's tip; a suspended one is not active."""

    address: str
    role: str
    name: str
    signing: bytes
    agreement: bytes
    compliance: str
    active: bool


def last_block(connection: Connection) -> ChainBlock:
    """Return the newest stored block.

    Raises:
        CouldNotCheck: `index-empty`.
    """
    row = connection.execute(select(chain_block).order_by(chain_block.c.number.desc()).limit(1)).first()
    if row is None:
        raise CouldNotCheck("index-empty", "this node has not read the chain yet; its chain process does that")
    return _block(row)


def members(connection: Connection) -> dict[str, Member]:
    """Return every member, active or suspended, by address."""
    found: dict[str, Member] = {}
    for event in events(connection, contract="MemberRegistry"):
        args = event.args
        if event.name == "MemberAdmitted":
            keys = _keys(args)
            found[args["member"]] = Member(args["member"], ROLES[args["role"]], args["name"], active=True, **keys)
        elif event.name == "MemberKeysChanged":
            found[args["member"]] = replace(found[args["member"]], **_keys(args))
        elif event.name == "MemberSuspended":
            found[args["member"]] = replace(found[args["member"]], active=False)
    return found


def require_active_member(connection: Connection, address: str) -> Member:
    """Return a member that is not suspended.

    Raises:
        Refused: `member-unknown`, `member-suspended`.
        CouldNotCheck: `index-empty`: before the chain was read, nobody is known to be no member.
    """
    member = members(connection).get(address)
    if member is None:
        last_block(connection)
        raise Refused("member-unknown", f"{address} is not a member of the consortium")
    if not member.active:
        raise Refused("member-suspended", f"{address} is suspended by the consortium")
    return member


@dataclass(frozen=True)
class RegisteredKeys:
    """The keys that the registry held of a member from a block on (its time in seconds)."""

    block: int
    timestamp: int
    signing: bytes
    agreement: bytes
    compliance: str


def registered_keys(connection: Connection, address: str, up_to_block: int | None = None) -> list[RegisteredKeys]:
    """Return every set of keys that a member ever had, up to a block, oldest first; a suspension changes none."""
    topic = address_topic(address)
    found = events(connection, contract="MemberRegistry", topic1=topic, up_to_block=up_to_block)
    return [
        RegisteredKeys(event.block, event.timestamp, **_keys(event.args)) for event in found if "signing" in event.args
    ]


def _keys(args: dict[str, Any]) -> dict[str, Any]:
    signing, agreement = (bytes.fromhex(args[name].removeprefix("0x")) for name in ("signing", "agreement"))
    return {"signing": signing, "agreement": agreement, "compliance": args["compliance"]}
