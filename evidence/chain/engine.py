"""What evidence needs of any chain engine: headers, logs, and two Protocols behind which engines differ.

A *header rule* turns bytes into a header; a *proof kind* shows what a block's transactions logged. Both have names that
bundles and trust files state (docs/spec/evidence.md, section 9); `evidence.chain.engines` maps the names to code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from primitives.errors import CouldNotCheck, VerificationFailed


@dataclass(frozen=True)
class Header:
    """A block's header as far as evidence reads it. `timestamp` is in seconds."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int
    commitment: bytes  # what a proof kind proves against: Ethereum's receiptsRoot
    filter: int = field(default=0, repr=False)  # the engine's log filter as a number: Ethereum's logsBloom


@dataclass(frozen=True)
class Log:
    """One event as a contract emitted it. `address` is lower-case 0x hex."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class PlacedLog:
    """A log and its place: transaction in the block, index in the transaction's receipt."""

    tx_index: int
    log_position: int
    log: Log


class HeaderRule(Protocol):
    """How one engine's headers are read and linked."""

    @property
    def name(self) -> str:
        """The name in bundles and trust files."""

    def parse(self, data: bytes, field: str) -> Header:
        """Read a header; InvalidInput when it is none."""

    def may_hold(self, address: str, topic: bytes) -> Callable[[Header], bool]:
        """Return a test of headers that is never False for a block with a log of this address and topic."""


class ProofKind(Protocol):
    """How one engine shows what a block's transactions logged. Proof material is lists of byte strings."""

    @property
    def name(self) -> str:
        """The name in bundles."""

    def prove_one(self, receipts: Sequence[bytes], tx_index: int) -> list[bytes]:
        """Make the proof of one transaction's receipt from all receipts of its block."""

    def open_one(self, header: Header, tx_index: int, proof: Sequence[bytes]) -> tuple[Log, ...]:
        """Return the logs of one transaction; VerificationFailed `receipt-proof` when the proof does not hold."""

    def open_all(self, header: Header, receipts: Sequence[bytes]) -> tuple[PlacedLog, ...]:
        """Return every log of a block; VerificationFailed `block-receipts` when these are not all its receipts."""


class HeaderChain:
    """Trusted headers, contiguous from `first` to `last`."""

    def __init__(self, headers: Sequence[Header]) -> None:
        """Link the headers.

        Raises:
            VerificationFailed: check `header-chain`; a gap, or a parent that is another block.
        """
        if not headers:
            raise VerificationFailed("header-chain", "there is no header")
        for parent, child in pairwise(headers):
            if child.number != parent.number + 1 or child.parent != parent.hash:
                raise VerificationFailed("header-chain", f"block {child.number} does not follow block {parent.number}")
            if child.timestamp < parent.timestamp:
                raise VerificationFailed("header-chain", f"block {child.number} is older than its parent")
        self._headers = tuple(headers)

    @property
    def first(self) -> int:
        """The number of the first header."""
        return self._headers[0].number

    @property
    def last(self) -> int:
        """The number of the last header."""
        return self._headers[-1].number

    def reaches(self, number: int) -> bool:
        """Tell whether a block is among the trusted headers."""
        return self.first <= number <= self.last

    def at(self, number: int) -> Header:
        """Return the header of a block.

        Raises:
            CouldNotCheck: `trust-range`; the block is not among the trusted headers.
        """
        if not self.reaches(number):
            raise CouldNotCheck(
                "trust-range", f"block {number} is not among the trusted headers {self.first} to {self.last}"
            )
        return self._headers[number - self.first]

    def up_to(self, number: int) -> tuple[Header, ...]:
        """Return the headers up to a block."""
        return self._headers[: max(0, number - self.first + 1)]

    def after(self, number: int) -> tuple[Header, ...]:
        """Return the headers after a block."""
        return self._headers[max(0, number - self.first + 1) :]


def blocks_that_may_hold(headers: Sequence[Header], rule: HeaderRule, address: str, topic: bytes) -> list[int]:
    """Return the blocks whose receipts must be read to know every log of (address, topic)."""
    test = rule.may_hold(address, topic)
    return [header.number for header in headers if test(header)]


def address_topic(address: str) -> bytes:
    """Return an address as the 32-byte topic of an indexed argument."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
