"""What evidence needs of any chain engine: headers, logs, and the two seams behind which engines differ.

A *header rule* turns bytes into a header; a *proof kind* shows what a block's transactions logged. Each is a file of
`evidence.chain.header_rules` or `evidence.chain.proof_kinds`, with a name that bundles and trust files state
(docs/spec/evidence.md, section 9); `evidence.chain.engines` finds it by that name, and nobody else names one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

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
    state_root: bytes = b""  # what a state proof opens under; empty where the rule reads none


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


@dataclass(frozen=True)
class SealRule:
    """How the validators of an engine show in a header that they agreed on its block.

    Attributes:
        check: (bytes, the validators in force, their place) -> nothing; VerificationFailed `header-seals` when too few
            of them sealed, or somebody else did.
        validators: (bytes, their place) -> the validators whom the header itself names, who are those that seal it.
    """

    check: Callable[[bytes, Sequence[str], str], None]
    validators: Callable[[bytes, str], tuple[str, ...]]


@dataclass(frozen=True)
class HeaderRule:
    """How one engine's headers are read, linked and made.

    Attributes:
        name: the name in bundles and trust files.
        parse: (bytes, their place) -> the header; InvalidInput when it is none.
        may_hold: (address, topic) -> a test of headers that is never False for a block with such a log.
        encode: (a block as the engine's JSON-RPC gives it) -> the bytes of its header.
        opens_state: whether format 2 may name it, which proves state under a header.
        seals: how the validators' agreement stands in a header; None where it does not.
        is_of: (a block as JSON-RPC gives it) -> whether it bears the mark of this engine.
    """

    name: str
    parse: Callable[[bytes, str], Header]
    may_hold: Callable[[str, bytes], Callable[[Header], bool]]
    encode: Callable[[Mapping[str, Any]], bytes]
    opens_state: bool = False
    seals: SealRule | None = None
    is_of: Callable[[Mapping[str, Any]], bool] = lambda _block: False


@dataclass(frozen=True)
class ProofKind:
    """How one engine shows what a block's transactions logged. Proof material is lists of byte strings.

    Attributes:
        name: the name in bundles.
        encode: (a receipt as the engine's JSON-RPC gives it) -> its bytes.
        commitment: (all receipts of a block) -> what its header states of them.
        prove_one: (all receipts of a block, a transaction's index) -> the proof of that transaction's receipt.
        open_one: (header, a transaction's index, proof) -> the logs of that transaction; VerificationFailed
            `receipt-proof` when the proof does not hold.
        open_all: (header, receipts) -> every log of the block; VerificationFailed `block-receipts` when these are not
            all its receipts.
    """

    name: str
    encode: Callable[[Mapping[str, Any]], bytes]
    commitment: Callable[[Sequence[bytes]], bytes]
    prove_one: Callable[[Sequence[bytes], int], list[bytes]]
    open_one: Callable[[Header, int, Sequence[bytes]], tuple[Log, ...]]
    open_all: Callable[[Header, Sequence[bytes]], tuple[PlacedLog, ...]]


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
