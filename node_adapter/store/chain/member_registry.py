"""What MemberRegistry says of the members: who they are, whether they are active, which keys they had when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from did.member_log import ADMITTED, ED25519, KEYS_CHANGED, ROLES, SUSPENDED, MemberEvent, MemberHistory
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.store.chain import blocks, event_log
from node_adapter.store.chain.event_log import ChainEvent, address_topic, raw
from primitives.errors import Refused

MEMBER_REGISTRY = "MemberRegistry"
_CHANGES = (ADMITTED, KEYS_CHANGED, SUSPENDED)


@dataclass(frozen=True)
class RegisteredKeys:
    """The keys that the registry held of a member from a block on (its time in seconds)."""

    block: int
    timestamp: int
    algorithm: int
    signing: bytes
    checkpoint: bytes
    agreement: bytes
    compliance: str

    def key_set(self) -> MemberKeySet:
        """Return them as leaves of a log name them, by their digest."""
        return MemberKeySet(self.algorithm, self.signing, self.checkpoint, self.agreement, self.compliance.lower())


@dataclass(frozen=True)
class Member:
    """A member as the registry has it at the index's tip, with its latest keys; a suspended one is not active."""

    address: str
    role: str
    name: str
    held: RegisteredKeys
    active: bool


@dataclass(frozen=True)
class ActiveMember:
    """An active member as the registry's tree holds it: its number is the order of first admission, from 0."""

    address: str
    number: int
    role: int
    held: MemberKeySet


@dataclass(frozen=True)
class _Change:
    """What one event changes of a member: of an admission all, of a rotation the keys, of a suspension neither."""

    member: str
    role: str | None
    name: str | None
    held: RegisteredKeys | None


def members(connection: Connection) -> dict[str, Member]:
    """Return every member, active or suspended, by address."""
    found: dict[str, Member] = {}
    for change in _changes(event_log.events(connection, contract=MEMBER_REGISTRY)):
        member, keys = change.member, change.held
        if keys is None:
            found[member] = replace(found[member], active=False)
        elif change.role is not None and change.name is not None:
            found[member] = Member(member, change.role, change.name, keys, active=True)
        else:
            found[member] = replace(found[member], held=keys)
    return found


def active_members(connection: Connection, registry: str, block: int) -> list[ActiveMember]:
    """Return the members that are active after a block in one deployment of the registry (its address), by number.

    Read are the first admission of each member, which gives its number, and the newest event of each kind.
    """
    newest = partial(
        event_log.newest_of_each, connection, contract=MEMBER_REGISTRY, address=registry, up_to_block=block
    )
    admitted = newest(names=(ADMITTED,), oldest=True)
    state: dict[str, tuple[int, MemberKeySet] | None] = {}
    roles: dict[str, int] = {}
    for event in newest(names=_CHANGES):
        member = event.args["member"].lower()
        if event.name == ADMITTED:
            roles[member] = event.args["role"]
        if event.name == SUSPENDED:
            state[member] = None
        elif event.name == ADMITTED or state.get(member) is not None:
            state[member] = (roles[member], _key_set(event))
    numbered = ((number, event.args["member"].lower()) for number, event in enumerate(admitted))
    return [ActiveMember(member, number, *found) for number, member in numbered if (found := state[member]) is not None]


def _key_set(event: ChainEvent) -> MemberKeySet:
    return _keys(event).key_set()


def require_active_member(connection: Connection, address: str) -> Member:
    """Return a member that is not suspended.

    Raises:
        Refused: `member-unknown`, `member-suspended`.
        CouldNotCheck: `index-empty`: before the chain was read, nobody is known to be no member.
    """
    member = members(connection).get(address)
    if member is None:
        blocks.tip(connection)
        raise Refused("member-unknown", f"{address} is not a member of the consortium")
    if not member.active:
        raise Refused("member-suspended", f"{address} is suspended by the consortium")
    return member


def registered_keys(connection: Connection, address: str, up_to_block: int | None = None) -> list[RegisteredKeys]:
    """Return every set of keys that a member ever had, up to a block, oldest first; a suspension changes none."""
    found = event_log.events(
        connection, contract=MEMBER_REGISTRY, topic1=address_topic(address), up_to_block=up_to_block
    )
    return [change.held for change in _changes(found) if change.held is not None]


def key_sets(connection: Connection, address: str, up_to_block: int | None = None) -> dict[bytes, MemberKeySet]:
    """Return every key set that a member ever had, up to a block, by the digest under which leaves name it."""
    held = (keys.key_set() for keys in registered_keys(connection, address, up_to_block))
    return {keys.digest(): keys for keys in held}


def agreement_keys(connection: Connection, block: int) -> dict[str, bytes]:
    """Return the X25519 keys of the members that are active at a block: all owners must take the same ones."""
    keys: dict[str, bytes] = {}
    for change in _changes(event_log.events(connection, contract=MEMBER_REGISTRY, up_to_block=block)):
        if change.held is None:
            keys.pop(change.member, None)
        else:
            keys[change.member] = change.held.agreement
    return keys


def is_signing_key(connection: Connection, key: bytes) -> bool:
    """Say whether any member has, or ever had, a key that signs."""
    changes = _changes(event_log.events(connection, contract=MEMBER_REGISTRY))
    return any(change.held is not None and key in (change.held.signing, change.held.checkpoint) for change in changes)


def member_histories(connection: Connection) -> dict[str, MemberHistory]:
    """Return the history of everybody who ever was a member, by address."""
    found: dict[str, list[MemberEvent]] = {}
    for event in event_log.events(connection, contract=MEMBER_REGISTRY):
        if "member" in event.args:
            found.setdefault(event.args["member"], []).append(_told(event))
    return {address: MemberHistory.from_events(address, rows) for address, rows in found.items()}


def history_in(connection: Connection, address: str, registry: str | None, up_to_block: int) -> MemberHistory:
    """Return a member's history up to a block as one deployment of the registry (its address) told it."""
    topic = address_topic(address)
    found = event_log.events(connection, contract=MEMBER_REGISTRY, topic1=topic, up_to_block=up_to_block)
    return MemberHistory.from_events(address, [_told(event) for event in found if event.address == registry])


def _told(event: ChainEvent) -> MemberEvent:
    return MemberEvent(event.block, event.timestamp, event.name, event.args)


def _changes(events: list[ChainEvent]) -> list[_Change]:
    return [_change(event) for event in events if event.name in _CHANGES]


def _keys(event: ChainEvent) -> RegisteredKeys:
    """Read the keys that an event registers; before they had an algorithm, an Ed25519 key signed checkpoints too."""
    args = event.args
    return RegisteredKeys(
        event.block,
        event.timestamp,
        algorithm=args.get("algorithm", ED25519),
        signing=raw(args["signing"]),
        checkpoint=raw(args.get("checkpoint", args["signing"])),
        agreement=raw(args["agreement"]),
        compliance=args["compliance"],
    )


def _change(event: ChainEvent) -> _Change:
    args = event.args
    keys = None if event.name == SUSPENDED else _keys(event)
    admitted = event.name == ADMITTED
    role, name = (ROLES[args["role"]], args["name"]) if admitted else (None, None)
    return _Change(args["member"].lower(), role, name, keys)
