"""The changes of a client's DID as a bundle carries them, and the keys in force (docs/spec/evidence-2.md, 9.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from evidence import shapes
from evidence.chain.registry_events import DID_EVENTS, ED25519_ATTRIBUTE, RegistryEvent, attribute_keys
from evidence.version2.state.heads import DID_HISTORY, Change, event_digest, head_of
from evidence.version2.state.member_keys import KEY_BYTES
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Bytes, Cases, Fields, Object, OneOf, Text

CHECK = "client-keys"
MAX_CHANGES = 100_000  # so many that no client can make his own history unshowable
KEY_ATTRIBUTES: Mapping[int, bytes] = MappingProxyType(
    {1: ED25519_ATTRIBUTE, 2: b"did/pub/SM2/veriKey/hex".ljust(32, b"\0")}
)
"""The attribute under which a DID keeps its keys of an algorithm (section 1.1)."""

_MAX_WORD = 2**256 - 1


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
        """Return CHANGE, the wire form: bytes as hex, numbers of the chain as decimal text."""
        values = {name: _written(value) for name, value in self.values.items()}
        return {"event": self.event, "block": self.block, "time": self.time, "values": values}


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


def client_keys(changes: Sequence[DidChange], algorithm: int, block: int, time: int) -> Mapping[str, bytes]:
    """Return the keys of an algorithm in force at the end of a block, whose time is given in seconds, the newest last.

    They are named as in the DID document, `delegate-N`: N counts the changes of delegates and public keys.
    """
    events = [
        RegistryEvent(change.block, place, 0, change.event, change.values) for place, change in enumerate(changes)
    ]
    return attribute_keys(events, block, time, attribute=KEY_ATTRIBUTES[algorithm], key_bytes=KEY_BYTES[algorithm])


def _written(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value) if isinstance(value, int) else value


def _number(text: str, where: str) -> int:
    number = int(text)
    if number > _MAX_WORD:
        raise InvalidInput(where, "range", "must be a number of at most 32 bytes")
    return number


_WORD_NUMBER = Text(78, pattern="0|[1-9][0-9]*", rule="decimal").then(_number)
_VALUES = {
    "DIDOwnerChanged": Fields({"owner": shapes.ADDRESS}),
    "DIDDelegateChanged": Fields({"delegate_type": shapes.HASH, "delegate": shapes.ADDRESS, "valid_to": _WORD_NUMBER}),
    "DIDAttributeChanged": Fields({"name": shapes.HASH, "value": Bytes(), "valid_to": _WORD_NUMBER}),
}
CHANGE = Cases(
    Fields(
        {
            "event": OneOf(*sorted(DID_EVENTS)),
            "block": shapes.NUMBER,
            "time": shapes.NUMBER,
            "values": Object(),
        }
    ),
    by="event",
    member="values",
    cases=_VALUES,
).then(lambda members, _where: DidChange(**members))
"""CHANGE of a bundle, read as `DidChange`."""

CHANGES = shapes.tuple_of(CHANGE, MAX_CHANGES)
