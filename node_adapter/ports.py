"""What the use cases and the processes need from outside, as Protocols; `bootstrap` and `chain_process` wire the real.

Everything that is not a value comes through one of these: time, entropy, the chain, the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from evidence.chain.engine import Header


class Clock(Protocol):
    """The time, and the passing of it. Somebody may set the time: what lasts is measured by `monotonic_ms`."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, for what is told to people and written into records."""

    def monotonic_ms(self) -> int:
        """Milliseconds of a clock that only goes forward; all processes of this machine share it until it restarts."""

    def sleep(self, seconds: float) -> None:
        """Wait; may return early when the process is asked to end."""


class Entropy(Protocol):
    """Where random bytes come from."""

    def __call__(self, count: int, /) -> bytes:
        """Draw `count` bytes that no one can predict."""


class TransactionSigner(Protocol):
    """What signs a member's transactions; the key may be in memory or behind a device."""

    @property
    def address(self) -> str:
        """The account, lower-case 0x hex."""

    def sign_transaction(self, transaction: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Return the raw signed transaction and its hash."""


class ChainRpc(Protocol):
    """JSON-RPC to one node of the chain. Nothing else about the engine is assumed."""

    def call(self, method: str, *params: Any) -> Any:
        """Make one call and return its result."""

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Make several calls in one request; results stand in the order of the calls."""


@dataclass(frozen=True)
class PeerAnswer:
    """What another member's node answered, whatever its status is below 500."""

    status: int
    content_type: str
    body: bytes


class AskPeer(Protocol):
    """What posts bytes to a path of another member's node."""

    def __call__(self, url: str, content: bytes, content_type: str, *, max_bytes: int) -> PeerAnswer:
        """Return the answer, which may take long and may be refused.

        Raises:
            CouldNotCheck: `peer-unreachable`, `peer-failed`, `peer-address`.
        """


@dataclass(frozen=True)
class MemberHead:
    """A member's log as EvidenceLog keeps it: `head` is the digest of its tree, `seq` 0 before the first anchor."""

    head: bytes
    map_root: bytes
    size: int
    seq: int


@dataclass(frozen=True)
class TransactionOutcome:
    """What became of one transaction of a final block. `block_time` is in seconds.

    `nonce` is there when the transaction is of this member's account, and None when it is another's.
    """

    hash: bytes
    block: int
    block_hash: bytes
    block_time: int
    succeeded: bool
    gas_used: int
    nonce: int | None = None


@dataclass(frozen=True)
class TakenState:
    """State at a block of the chain, with its proof.

    Attributes:
        rule: the name of the header's rule.
        header: what the header says.
        data: the bytes of the header.
        nodes: the pool that opens what was asked for, and nothing else.
        tries: how often it was asked for.
    """

    rule: str
    header: Header
    data: bytes = field(repr=False)
    nodes: tuple[bytes, ...] = field(repr=False)
    tries: int = 1


StateSource = Callable[[Mapping[str, Sequence[bytes]]], TakenState]
"""Takes the proofs of accounts, by 0x address, and of storage slots of theirs (32 bytes each), all at one block.

An account may be asked for without a slot. Where the proofs cannot be had it raises CouldNotCheck, such as
`state-not-proved`.
"""
