"""The changes of a client's DID as a bundle carries them, and the keys in force (docs/spec/evidence-2.md, 9.3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any

from evidence import shapes
from evidence.chain.registry_events import PUBLIC_KEY
from evidence.version2.state.heads import DID_HISTORY, Change, event_digest, head_of
from evidence.version2.state.member_keys import KEY_BYTES
from evidence.version2.state.slots import WORD_BYTES
from primitives.address import NO_ADDRESS
from primitives.ed25519 import MAX_KEYS_IN_FORCE
from primitives.errors import VerificationFailed
from primitives.shapes import Bytes, Fields, Object, OneOf, Shape
from primitives.suites import SUITES

CHECK = "client-keys"
OWNER_CHANGED = "DIDOwnerChanged"
DELEGATE_CHANGED = "DIDDelegateChanged"
ATTRIBUTE_CHANGED = "DIDAttributeChanged"
MAX_CHANGES = 100_000  # so many that no client can make his own history unshowable
KEY_ATTRIBUTES: Mapping[int, bytes] = MappingProxyType({suite.algorithm: suite.attribute for suite in SUITES.values()})
"""The attribute under which a DID keeps its keys of an algorithm (section 1.1)."""


@dataclass(frozen=True)
class DidChange:
    """A change of a DID: the event's name, its block, that block's time in seconds, its members by their names."""

    event: str
    block: int
    time: int
    values: Mapping[str, Any]

    def digest(self) -> bytes:
        """Return the digest of what changed."""
        return event_digest(self.event, self.values)

    def to_json(self) -> dict[str, Any]:
        """Return CHANGE, the wire form: every member as 0x hex, numbers as words."""
        members = {_WRITTEN_NAMES.get(name, name): _written(value) for name, value in self.values.items()}
        return {"event": self.event, "block": self.block, "time": self.time, **members}


End = tuple[int, int]
"""When a key ends: the time in seconds, and the block of the change that ends it then, `NO_BLOCK` of a stated end."""

NO_BLOCK = 0


@dataclass(frozen=True)
class ClientKey:
    """A client's public key under the name that the DID document gives it.

    Attributes:
        name: in the DID document.
        key: the public key.
        end: when it stopped to be in force, in seconds, as far as the changes say.
        ended_in: the block of the change that ended it then; `NO_BLOCK` where the end was stated with the key.
    """

    name: str
    key: bytes
    end: int
    ended_in: int = NO_BLOCK

    def is_in_force(self, time: int, block: int) -> bool:
        """Say whether its end lies after a block and its time: of two blocks of one second their order says it."""
        return (self.end, self.ended_in) > (time, block)


def did_head(changes: Sequence[DidChange]) -> bytes:
    """Return the head of a DID's history after all its changes."""
    return head_of(DID_HISTORY, [Change(change.block, change.time, change.digest()) for change in changes])


def check_did_history(changes: Sequence[DidChange], head: bytes) -> None:
    """Check that these are all changes of a DID, in their order: they give the head that the registry keeps.

    Raises:
        VerificationFailed: `client-keys`.
    """
    if did_head(changes) != head:
        raise VerificationFailed(CHECK, f"{len(changes)} changes do not give the head that the registry keeps")


def keys_at(changes: Sequence[DidChange], algorithm: int, block: int) -> tuple[ClientKey, ...]:
    """Return the keys of an algorithm in force at the end of a block; who asks often makes a `KeyHistory` once."""
    return KeyHistory(changes, algorithm).at(block)


class KeyHistory:
    """A DID's keys of an algorithm at every block, from one reading of its changes.

    They are named as in the DID document, `delegate-N`: N counts the changes of delegates and public keys. Each comes
    with its end (section 13), which later changes move. None is in force once the DID's owner is zero, and of those
    that are, the newest `MAX_KEYS_IN_FORCE` count.
    """

    def __init__(self, changes: Sequence[DidChange], algorithm: int) -> None:
        """Read all changes of the DID, in their order."""
        ends = _ends(changes, algorithm)
        kept: dict[bytes, ClientKey] = {}
        self._blocks: list[int] = []
        self._in_force: list[tuple[ClientKey, ...]] = []
        number = 0
        for place, change in enumerate(changes):
            if _ends_all(change):
                self._note(change.block, ())
                return
            number += _takes_number(change)
            if _sets_key(change, algorithm):
                value = change.values["value"]
                kept.pop(value, None)
                if change.values["valid_to"] > change.time:
                    kept[value] = ClientKey(f"delegate-{number}", value, *ends[place])
                self._note(change.block, tuple(islice(reversed(kept.values()), MAX_KEYS_IN_FORCE))[::-1])

    def at(self, block: int) -> tuple[ClientKey, ...]:
        """Return the keys that the changes up to the end of a block put in force, the newest last."""
        place = bisect_right(self._blocks, block)
        return self._in_force[place - 1] if place else ()

    def _note(self, block: int, keys: tuple[ClientKey, ...]) -> None:
        self._blocks.append(block)
        self._in_force.append(keys)


def keys_ever(changes: Sequence[DidChange]) -> dict[bytes, int]:
    """Return every key that a DID ever had, of any algorithm, also those that were revoked, with its first block."""
    attributes = frozenset(KEY_ATTRIBUTES.values())
    return {
        change.values["value"]: change.block
        for change in reversed(changes)
        if change.event == ATTRIBUTE_CHANGED and change.values["name"] in attributes
    }


def _ends(changes: Sequence[DidChange], algorithm: int) -> dict[int, End]:
    """Return, by the place of each change that sets a key, when that key stops to be in force, as far as all say.

    A later change of the same key whose time is before the end moves it, to its own time at the earliest; that no
    change of the owner comes later than its own is the contract's word. Read backwards, each change is looked at once.
    """
    closed = next(((change.time, change.block) for change in changes if _ends_all(change)), None)
    found: dict[int, End] = {}
    following: dict[bytes, tuple[int, End]] = {}  # by key: the time of its next change, and the end from there on
    for place in range(len(changes) - 1, -1, -1):
        change = changes[place]
        if not _sets_key(change, algorithm):
            continue
        value, stated = change.values["value"], (change.values["valid_to"], NO_BLOCK)
        later = following.get(value)
        found[place] = _moved(stated, later, closed)
        following[value] = (change.time, _moved(max(stated, (change.time, change.block)), later, closed))
    return found


def _moved(end: End, later: tuple[int, End] | None, closed: End | None) -> End:
    if later is not None and later[0] < end[0]:
        end = later[1]
    return end if closed is None else min(end, closed)


def _sets_key(change: DidChange, algorithm: int) -> bool:
    return (
        change.event == ATTRIBUTE_CHANGED
        and change.values["name"] == KEY_ATTRIBUTES[algorithm]
        and len(change.values["value"]) == KEY_BYTES[algorithm]
    )


def _takes_number(change: DidChange) -> bool:
    """Tell whether a change takes the next N of `delegate-N`: one of a delegate or of any public key does."""
    if change.event == ATTRIBUTE_CHANGED:
        return bool(change.values["name"].startswith(PUBLIC_KEY))
    return change.event == DELEGATE_CHANGED


def _ends_all(change: DidChange) -> bool:
    return change.event == OWNER_CHANGED and change.values["owner"] == NO_ADDRESS


def _written(value: bytes | str | int) -> str:
    if isinstance(value, int):
        value = value.to_bytes(WORD_BYTES)
    return "0x" + value.hex() if isinstance(value, bytes) else value


_WORD, _ANY = Bytes(WORD_BYTES, "0x"), Bytes(prefix="0x")
_NUMBER_WORD = _WORD.then(lambda data, _where: int.from_bytes(data))
_MEMBERS: Mapping[str, Mapping[str, Shape[Any]]] = {
    OWNER_CHANGED: {"owner": shapes.ADDRESS},
    DELEGATE_CHANGED: {"delegateType": _WORD, "delegate": shapes.ADDRESS, "validTo": _NUMBER_WORD},
    ATTRIBUTE_CHANGED: {"name": _WORD, "value": _ANY, "validTo": _NUMBER_WORD},
}
_NAMES = {"delegateType": "delegate_type", "validTo": "valid_to"}  # as events are decoded here
_WRITTEN_NAMES = {ours: written for written, ours in _NAMES.items()}
_EVENT: Shape[str] = OneOf(*_MEMBERS)
_PLACED: Mapping[str, Shape[Any]] = {"event": _EVENT, "block": shapes.NUMBER, "time": shapes.NUMBER}
_CHANGES = {event: Fields({**_PLACED, **members}) for event, members in _MEMBERS.items()}


def _change(value: dict[str, Any], where: str) -> DidChange:
    event = _EVENT.read(value.get("event"), f"{where}.event")
    members = _CHANGES[event].read(value, where)
    placed = {name: members.pop(name) for name in _PLACED}
    return DidChange(**placed, values={_NAMES.get(name, name): member for name, member in members.items()})


CHANGE = Object().then(_change)
"""CHANGE of a bundle, read as `DidChange`."""

CHANGES = shapes.tuple_of(CHANGE, MAX_CHANGES)
