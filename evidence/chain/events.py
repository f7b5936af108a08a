"""The contracts' events that evidence reads, decoded from logs by the Ethereum ABI (docs/spec/evidence.md, 9.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.abi_codec import AbiError, decode_arguments
from evidence.chain.engine import Log
from primitives.errors import VerificationFailed


@dataclass(frozen=True)
class EventType:
    """An event's name and its arguments as (name, ABI type, indexed)."""

    name: str
    arguments: tuple[tuple[str, str, bool], ...]

    @property
    def topic(self) -> bytes:
        """The first topic: keccak-256 of the signature."""
        return keccak(f"{self.name}({','.join(kind for _, kind, _ in self.arguments)})".encode())


@dataclass(frozen=True)
class Event:
    """A decoded event: addresses as lower-case 0x hex, bytes as bytes, numbers as int."""

    name: str
    args: Mapping[str, Any]


# How an event of MemberRegistry ends since a member's keys have an algorithm (docs/spec/evidence-2.md, 9.3).
_KEYS_BY_SUITE = (
    ("algorithm", "uint16", False),
    ("signing", "bytes", False),
    ("checkpoint", "bytes32", False),
    ("agreement", "bytes32", False),
    ("compliance", "address", False),
    ("previous_change", "uint256", False),
)
_EVENTS = (
    EventType(
        "Anchored",
        (
            ("member", "address", True),
            ("seq", "uint64", True),
            ("root", "bytes32", False),
            ("size", "uint64", False),
            ("prev_root", "bytes32", False),
            ("map_root", "bytes32", False),
        ),
    ),
    EventType(
        "MemberAdmitted",
        (
            ("member", "address", True),
            ("role", "uint8", False),
            ("name", "string", False),
            ("signing", "bytes32", False),
            ("agreement", "bytes32", False),
            ("compliance", "address", False),
            ("previous_change", "uint256", False),
        ),
    ),
    EventType(
        "MemberAdmitted",
        (("member", "address", True), ("role", "uint8", False), ("name", "string", False), *_KEYS_BY_SUITE),
    ),
    EventType("MemberSuspended", (("member", "address", True), ("previous_change", "uint256", False))),
    EventType(
        "MemberKeysChanged",
        (
            ("member", "address", True),
            ("signing", "bytes32", False),
            ("agreement", "bytes32", False),
            ("compliance", "address", False),
            ("previous_change", "uint256", False),
        ),
    ),
    EventType("MemberKeysChanged", (("member", "address", True), *_KEYS_BY_SUITE)),
    EventType(
        "DIDOwnerChanged",
        (("identity", "address", True), ("owner", "address", False), ("previous_change", "uint256", False)),
    ),
    EventType(
        "DIDDelegateChanged",
        (
            ("identity", "address", True),
            ("delegate_type", "bytes32", False),
            ("delegate", "address", False),
            ("valid_to", "uint256", False),
            ("previous_change", "uint256", False),
        ),
    ),
    EventType(
        "DIDAttributeChanged",
        (
            ("identity", "address", True),
            ("name", "bytes32", False),
            ("value", "bytes", False),
            ("valid_to", "uint256", False),
            ("previous_change", "uint256", False),
        ),
    ),
    EventType(
        "AddressSet",
        (
            ("name", "bytes32", True),
            ("target", "address", False),
            ("from_block", "uint64", False),
            ("previous", "address", False),
        ),
    ),
)
# An event may have had several forms, the earliest first; which one a log is of, its topic says.
FORMS: Mapping[str, tuple[EventType, ...]] = {
    name: tuple(kind for kind in _EVENTS if kind.name == name) for name in sorted({kind.name for kind in _EVENTS})
}
_BY_TOPIC: Mapping[bytes, EventType] = {kind.topic: kind for kind in _EVENTS}


def decode_event(log: Log) -> Event | None:
    """Decode a log of ours; None when its first topic is of no event that evidence reads.

    Whether its address is the right contract is the caller's question: anyone can emit these topics.

    Raises:
        VerificationFailed: check `event`; the topic is ours and the rest does not decode.
    """
    kind = _BY_TOPIC.get(log.topics[0]) if log.topics else None
    if kind is None:
        return None
    indexed = [(name, type_) for name, type_, is_indexed in kind.arguments if is_indexed]
    plain = [(name, _as_bytes(type_)) for name, type_, is_indexed in kind.arguments if not is_indexed]
    if len(log.topics) != len(indexed) + 1:
        raise VerificationFailed("event", f"{kind.name} has {len(log.topics)} topics")
    try:
        values = (
            *decode_arguments([type_ for _, type_ in indexed], b"".join(log.topics[1:])),
            *decode_arguments([type_ for _, type_ in plain], log.data),
        )
    except AbiError as error:
        raise VerificationFailed("event", f"{kind.name} does not decode") from error
    return Event(kind.name, dict(zip([name for name, _ in indexed + plain], values, strict=True)))


def _as_bytes(type_: str) -> str:
    """A name may be any bytes on the chain; text is encoded as bytes are, and nothing here reads it."""
    return "bytes" if type_ == "string" else type_
