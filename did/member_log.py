"""The history of a consortium member from MemberRegistry's events: its role and keys, block by block.

A *term* is a stretch of blocks through which a member was active with one set of keys. It begins with an admission or
a change of keys and ends, without that block, where the keys change again or the member is suspended. A member that is
suspended has no open term. What a signature needs is answered from terms alone, so that "who held the key" and "who
was allowed" cannot be read from two moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from did.identifiers import CHECKPOINT_FRAGMENT, SIGNING_FRAGMENT

ROLES = ("none", "broker", "regulator", "operator")  # in the order of MemberRegistry's enumeration
ADMITTED, KEYS_CHANGED, SUSPENDED = "MemberAdmitted", "MemberKeysChanged", "MemberSuspended"
ED25519 = 1  # MemberRegistry's number of that algorithm; the only one before its keys had one
_MS = 1000
_KEYS = ("signing", "checkpoint", "agreement")


@dataclass(frozen=True)
class MemberEvent:
    """One event of the registry about one member, decoded.

    Attributes:
        block: number of its block.
        block_time: that block's time in seconds.
        name: the event's name; other names than the three above are skipped.
        args: the event's arguments by their Solidity names; keys as 0x hex.
    """

    block: int
    block_time: int
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True)
class Term:
    """Blocks through which a member was active with one set of keys.

    Attributes:
        name: the member's name.
        role: one of ROLES.
        signing: the key of the member's suite.
        agreement: the X25519 key.
        first_block: where it begins.
        first_time: that block's time in seconds.
        end_block: the block in which it ended; None while it is open.
        end_time: that block's time in seconds; None while it is open.
        algorithm: of the signing key, by MemberRegistry's number.
        checkpoint: the Ed25519 key of checkpoints; b"" in a registry of format 1, where the signing key was that one.
    """

    name: str
    role: str
    signing: bytes
    agreement: bytes
    first_block: int
    first_time: int
    end_block: int | None = None
    end_time: int | None = None
    algorithm: int = ED25519
    checkpoint: bytes = b""

    @property
    def ed25519(self) -> bytes:
        """The key of what is Ed25519 under every suite: credentials and status lists."""
        return self.signing if self.algorithm == ED25519 else self.checkpoint

    @property
    def ed25519_fragment(self) -> str:
        """The fragment of that key in the member's DID document."""
        return ed25519_fragment(self.algorithm)

    def covers_time(self, time_ms: int) -> bool:
        """Say whether a time in milliseconds lies in the term, by the times of its blocks."""
        return self.first_time * _MS <= time_ms and (self.end_time is None or time_ms < self.end_time * _MS)

    def covers_block(self, block: int) -> bool:
        """Say whether the term holds at the end of a block."""
        return self.first_block <= block and (self.end_block is None or block < self.end_block)


def ed25519_fragment(algorithm: int) -> str:
    """Return the fragment under which a member whose signing key is of this algorithm shows its Ed25519 key."""
    return SIGNING_FRAGMENT if algorithm == ED25519 else CHECKPOINT_FRAGMENT


@dataclass(frozen=True)
class MemberHistory:
    """A member's terms in order. Build it with `from_events`."""

    address: str
    terms: tuple[Term, ...]

    @classmethod
    def from_events(cls, address: str, events: Iterable[MemberEvent]) -> MemberHistory:
        """Read the terms from a member's events, given in chain order."""
        terms: list[Term] = []
        for event in events:
            if event.name not in (ADMITTED, KEYS_CHANGED, SUSPENDED):
                continue
            before = terms[-1] if terms else None
            if before is not None and before.end_block is None:
                terms[-1] = replace(before, end_block=event.block, end_time=event.block_time)
            if event.name == ADMITTED:
                terms.append(_term(event, event.args["name"], ROLES[event.args["role"]]))
            elif event.name == KEYS_CHANGED and before is not None:
                terms.append(_term(event, before.name, before.role))
        return cls(address, tuple(terms))

    def after(self, earlier: MemberHistory | None) -> MemberHistory:
        """Return this history with the terms that an earlier registry of the same chain told, up to its own first one.

        Where the member was active there until this one began, its term ends with that block.
        """
        if earlier is None or not self.terms:
            return self
        begun = self.terms[0]
        before = [term for term in earlier.terms if term.first_block < begun.first_block]
        if before and (before[-1].end_block is None or before[-1].end_block > begun.first_block):
            before[-1] = replace(before[-1], end_block=begun.first_block, end_time=begun.first_time)
        return MemberHistory(self.address, (*before, *self.terms))

    def to_json(self) -> list[dict[str, Any]]:
        """Return the terms as they are stored."""
        return [{**vars(term), **{key: getattr(term, key).hex() for key in _KEYS}} for term in self.terms]

    @classmethod
    def of_json(cls, address: str, kept: Iterable[Mapping[str, Any]]) -> MemberHistory:
        """Read what was stored."""
        terms = (Term(**{**term, **{key: bytes.fromhex(term.get(key, "")) for key in _KEYS}}) for term in kept)
        return cls(address, tuple(terms))

    @property
    def name(self) -> str:
        """The name under which the member was last admitted."""
        return self.terms[-1].name if self.terms else ""

    @property
    def now(self) -> Term | None:
        """The open term; None for a suspended member."""
        return self.terms[-1] if self.terms and self.terms[-1].end_block is None else None

    def at_block(self, block: int) -> Term | None:
        """Return the term that holds at the end of a block, or None."""
        return next((term for term in reversed(self.terms) if term.covers_block(block)), None)


def _term(event: MemberEvent, name: str, role: str) -> Term:
    args = event.args
    signing, checkpoint, agreement = (bytes.fromhex(args.get(key, "").removeprefix("0x")) for key in _KEYS)
    algorithm = args.get("algorithm", ED25519)
    return Term(
        name, role, signing, agreement, event.block, event.block_time, algorithm=algorithm, checkpoint=checkpoint
    )
