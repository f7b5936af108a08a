"""Key histories from registry events, with proof that none is missing (docs/spec/evidence.md, 9.4; ADR 16).

Every trusted block that may hold a change of the identity is read whole, and the changes link by `previousChange`: an
earlier one shows as a link to nowhere, a later or same-block one stands in receipts that had to be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.chain.engine import HeaderChain, HeaderRule, PlacedLog, address_topic, blocks_that_may_hold
from evidence.chain.events import FORMS, decode_event
from primitives.address import NO_ADDRESS
from primitives.ed25519 import MAX_KEYS_IN_FORCE
from primitives.errors import CouldNotCheck, VerificationFailed

MEMBER_EVENTS = frozenset({"MemberAdmitted", "MemberSuspended", "MemberKeysChanged"})
DID_EVENTS = frozenset({"DIDOwnerChanged", "DIDDelegateChanged", "DIDAttributeChanged"})
ED25519_ATTRIBUTE = b"did/pub/Ed25519/veriKey/hex".ljust(32, b"\0")
ROLE_BROKER = 1
PUBLIC_KEY = b"did/pub/"
_KEY_BYTES = 32


@dataclass(frozen=True)
class RegistryEvent:
    """A change of an identity, placed on the chain."""

    block: int
    tx_index: int
    log_position: int
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True)
class KeysAtBlock:
    """What the registry holds of a member at a block."""

    role: int
    signing: bytes


def read_history(
    chain: HeaderChain,
    rule: HeaderRule,
    blocks: Mapping[int, Sequence[PlacedLog]],
    *,
    registry: str,
    identity: str,
    names: frozenset[str],
    up_to: int,
    check: str,
) -> tuple[RegistryEvent, ...]:
    """Return every change of an identity in a registry up to a block.

    Args:
        chain: the trusted headers.
        rule: how they are read.
        blocks: the logs of whole blocks, proved against their headers.
        registry: the registry's address.
        identity: the identity's address.
        names: the events that are changes.
        up_to: the last block that counts.
        check: the name of the check to raise under.

    Raises:
        VerificationFailed: a block that may hold a change was not shown, or the changes do not link.
        CouldNotCheck: the history begins before the first trusted header.
    """
    topic = address_topic(identity)
    topics = {form.topic for name in names for form in FORMS[name]}
    events = []
    for number in blocks_that_may_hold(chain.up_to(up_to), rule, registry, topic):
        if number not in blocks:
            raise VerificationFailed(check, f"block {number} may hold a change of {identity} and is not shown")
        for placed in blocks[number]:
            log = placed.log
            if log.address == registry and log.topics[1:2] == (topic,) and log.topics[0] in topics:
                event = decode_event(log)
                if event is not None:
                    events.append(RegistryEvent(number, placed.tx_index, placed.log_position, event.name, event.args))
    _check_links(events, chain.first, identity, check)
    return tuple(events)


def _check_links(events: Sequence[RegistryEvent], first_trusted: int, identity: str, check: str) -> None:
    before = 0
    for event in events:
        stated = event.args["previous_change"]
        if before == 0 and 0 < stated < first_trusted:
            raise CouldNotCheck(
                "trust-range", f"{identity} was changed in block {stated}, before the first trusted header"
            )
        if stated != before:
            raise VerificationFailed(
                check, f"the change of {identity} in block {event.block} follows block {stated}, not {before}"
            )
        before = event.block


def client_keys(events: Sequence[RegistryEvent], block: int, block_time: int) -> Mapping[str, bytes]:
    """Return the Ed25519 keys of a client's DID in force at a block (its time in seconds), the newest last.

    They are named as in the DID document, `delegate-N`: N counts the changes of delegates and public keys. No more than
    the newest `MAX_KEYS_IN_FORCE` count.
    """
    keys: dict[bytes, str] = {}
    number = 0
    for event in events:
        if event.block > block:
            break
        if event.name == "DIDOwnerChanged":
            if event.args["owner"] == NO_ADDRESS:
                return {}
            continue
        if event.name == "DIDAttributeChanged" and not event.args["name"].startswith(PUBLIC_KEY):
            continue
        number += 1
        if event.name == "DIDAttributeChanged" and event.args["name"] == ED25519_ATTRIBUTE:
            value = event.args["value"]
            keys.pop(value, None)
            if event.args["valid_to"] > block_time and len(value) == _KEY_BYTES:
                keys[value] = f"delegate-{number}"
    return {name: value for value, name in list(keys.items())[-MAX_KEYS_IN_FORCE:]}


def ed25519_keys_ever(events: Sequence[RegistryEvent]) -> dict[bytes, int]:
    """Return every Ed25519 key that a client's DID ever had, also those that were revoked, with its first block."""
    changes = [event for event in reversed(events) if event.name == "DIDAttributeChanged"]
    return {event.args["value"]: event.block for event in changes if event.args["name"] == ED25519_ATTRIBUTE}


def signing_keys_ever(events: Sequence[RegistryEvent]) -> list[bytes]:
    """Return every signing key that a member ever had."""
    return [event.args["signing"] for event in events if "signing" in event.args]


def member_keys(events: Sequence[RegistryEvent], block: int) -> KeysAtBlock | None:
    """Return a member's role and signing key in force at a block; None before admission and while suspended."""
    keys: KeysAtBlock | None = None
    role = 0
    for event in events:
        if event.block > block:
            break
        if event.name == "MemberSuspended":
            keys = None
            continue
        role = event.args.get("role", role)
        keys = KeysAtBlock(role, event.args["signing"])
    return keys
