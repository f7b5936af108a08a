"""Heads of histories: one word in storage that no other list of changes gives (docs/spec/evidence-2.md, 9.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.abi_codec import encode_arguments
from evidence.chain.events import FORMS, EventType
from evidence.chain.registry_events import DID_EVENTS, MEMBER_EVENTS

DID_HISTORY = keccak(b"bonafides/did-history/2")
MEMBER_HISTORY = keccak(b"bonafides/member-history/2")
DIRECTORY_HISTORY = keccak(b"bonafides/directory-history/2")
TASK_HISTORY = keccak(b"bonafides/task-history/2")
CONVICTION_HISTORY = keccak(b"bonafides/conviction-history/2")
NO_HEAD = bytes(32)
_LEFT_OUT = "previous_change"
_TASK_EVENTS = (
    EventType(
        "TaskProposed",
        (
            ("task_id", "bytes32", True),
            ("proposer", "address", True),
            ("spec_hash", "bytes32", False),
            ("purpose", "uint8", False),
            ("dataset_ids", "bytes32[]", False),
        ),
    ),
    EventType("TaskApproved", (("task_id", "bytes32", True), ("owner", "address", True))),
    EventType(
        "InputCommitted", (("task_id", "bytes32", True), ("owner", "address", True), ("commitment", "bytes", False))
    ),
    EventType(
        "ResultPosted", (("task_id", "bytes32", True), ("owner", "address", True), ("result_hash", "bytes32", False))
    ),
    EventType(
        "TaskRefused", (("task_id", "bytes32", True), ("owner", "address", True), ("reason_hash", "bytes32", False))
    ),
)
_CONVICTION_RECORDED = EventType(
    "ConvictionRecorded",
    (
        ("convicted", "address", True),
        ("member", "address", True),
        ("kind", "uint8", False),
        ("digest", "bytes32", False),
    ),
)
CHANGES: Mapping[str, EventType] = {
    **{name: FORMS[name][-1] for name in sorted(DID_EVENTS | MEMBER_EVENTS)},  # heads are younger than former forms
    **{kind.name: kind for kind in (*_TASK_EVENTS, _CONVICTION_RECORDED)},
}
"""The events that are changes of a history, by their names."""


@dataclass(frozen=True)
class Change:
    """A change of a history: its block, the time of that block in seconds, the digest of what changed."""

    block: int
    time: int
    digest: bytes


def head_of(history: bytes, changes: Iterable[Change]) -> bytes:
    """Return the head of a history after all its changes, given in their order."""
    head = NO_HEAD
    for number, change in enumerate(changes, 1):
        head = next_head(history, head, number, change)
    return head


def next_head(history: bytes, head: bytes, number: int, change: Change) -> bytes:
    """Return the head after one more change, the `number`th, counted from 1."""
    kinds = ("bytes32", "bytes32", "uint256", "uint256", "uint256", "bytes32")
    return keccak(encode_arguments(kinds, (history, head, number, change.block, change.time, change.digest)))


def event_digest(name: str, values: Mapping[str, Any]) -> bytes:
    """Return the digest of a change that an event told.

    The event's members count, in their order, but for the first, whose history it is, and the block of the change
    before: keccak-256(topic 0 || abi.encode(them)). Text is taken as its bytes.
    """
    kind = CHANGES[name]
    members = [(member, type_) for member, type_, _ in kind.arguments[1:] if member != _LEFT_OUT]
    types = ["bytes" if type_ == "string" else type_ for _, type_ in members]
    return keccak(kind.topic + encode_arguments(types, [values[member] for member, _ in members]))


def directory_digest(name: bytes, target: str, code_hash: bytes) -> bytes:
    """Return the digest of a change of the Directory: a name (32 bytes), its contract from now on, that one's code."""
    return keccak(encode_arguments(("bytes32", "address", "bytes32"), (name, target, code_hash)))
