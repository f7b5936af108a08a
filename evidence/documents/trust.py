"""The trust file `bonafides.trust/1`: what a verifier takes on trust, and nothing else (docs/spec/evidence.md, 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from evidence import shapes
from evidence.chain.engine import Header, HeaderChain, HeaderRule, blocks_that_may_hold
from evidence.chain.engines import HEADER_RULE
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.shapes import Bytes, Constant, Fields, Nullable, Text

TRUST_FORMAT = "bonafides.trust/1"
MAX_TRUST_BYTES = 128 * 1024 * 1024
MAX_TRUST_NODES = 200_000
MAX_DIRECTORY = 1_000
MAX_HEADERS = 100_000


@dataclass(frozen=True)
class DirectoryEntry:
    """An address of a named contract, from one block to another (None: it still holds)."""

    name: str
    address: str
    from_block: int
    to_block: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "name": self.name,
            "address": self.address,
            "from_block": self.from_block,
            "to_block": self.to_block,
        }


def _entry(members: dict[str, Any], where: str) -> DirectoryEntry:
    entry = DirectoryEntry(**members)
    if entry.to_block is not None and entry.to_block < entry.from_block:
        raise InvalidInput(f"{where}.to_block", "range", "must not be before from_block")
    return entry


_ENTRY = Fields(
    {
        "name": Text(32, controls=True),
        "address": shapes.ADDRESS,
        "from_block": shapes.NUMBER,
        "to_block": Nullable(shapes.NUMBER),
    }
).then(_entry)
TRUST = Fields(
    {
        "format": Constant(TRUST_FORMAT),
        "chain_id": shapes.POSITIVE,
        "header_rule": HEADER_RULE,
        "directory": shapes.tuple_of(_ENTRY, MAX_DIRECTORY),
        "first": shapes.NUMBER,
        "last": shapes.NUMBER,
        "headers": shapes.tuple_of(Bytes(), MAX_HEADERS, 1),
    }
)


@dataclass(frozen=True)
class TrustFile:
    """A trust file of the right shape; whether its headers link is a check of the verification."""

    chain_id: int
    rule: HeaderRule
    directory: tuple[DirectoryEntry, ...]
    headers: tuple[Header, ...] = field(repr=False)

    def address_at(self, name: str, block: int) -> str:
        """Return the address that a contract has at a block.

        Raises:
            CouldNotCheck: `trust-directory`; the file names none for it.
        """
        for entry in self.entries(name):
            if entry.from_block <= block and (entry.to_block is None or block <= entry.to_block):
                return entry.address
        raise CouldNotCheck("trust-directory", f"the trust file names no {name} for block {block}")

    def entries(self, name: str) -> tuple[DirectoryEntry, ...]:
        """Return every address that a contract had, in order."""
        return tuple(entry for entry in self.directory if entry.name == name)


def blocks_of_other_contracts(
    trust: TrustFile, chain: HeaderChain, name: str, contract: str, topic: bytes, up_to: int
) -> list[int]:
    """Return the blocks up to `up_to` that may hold logs with a topic of other contracts that had the name then.

    Raises:
        CouldNotCheck: the headers do not reach back to the time of such a contract.
    """
    numbers: set[int] = set()
    for entry in trust.entries(name):
        if entry.address == contract or entry.from_block > up_to:
            continue
        chain.at(entry.from_block)
        end = up_to if entry.to_block is None else min(up_to, entry.to_block)
        reign = [header for header in chain.up_to(end) if header.number >= entry.from_block]
        numbers.update(blocks_that_may_hold(reign, trust.rule, entry.address, topic))
    return sorted(numbers)


def build_trust(
    chain_id: int, rule: str, directory: Sequence[DirectoryEntry], first: int, headers: Sequence[bytes]
) -> bytes:
    """Return the bytes of a trust file; `headers` are contiguous, the first of them of block `first`."""
    return canonical_json(
        {
            "format": TRUST_FORMAT,
            "chain_id": chain_id,
            "header_rule": rule,
            "directory": [entry.to_json() for entry in directory],
            "first": first,
            "last": first + len(headers) - 1,
            "headers": [header.hex() for header in headers],
        }
    )


def parse_trust(data: bytes) -> TrustFile:
    """Read a trust file.

    Raises:
        InvalidInput: not a trust file, too long, or of a header rule that this version does not know.
    """
    parsed = parse_json(data, field="trust", max_bytes=MAX_TRUST_BYTES, max_nodes=MAX_TRUST_NODES)
    value = TRUST.read(parsed, "trust")
    _check_ranges(value["directory"])
    rule: HeaderRule = value["header_rule"]
    headers = tuple(rule.parse(data, f"trust.headers[{number}]") for number, data in enumerate(value["headers"]))
    if (headers[0].number, headers[-1].number) != (value["first"], value["last"]):
        raise InvalidInput("trust.headers", "range", "must run from block `first` to block `last`")
    return TrustFile(value["chain_id"], rule, value["directory"], headers)


def _check_ranges(directory: Sequence[DirectoryEntry]) -> None:
    for one, other in pairwise(sorted(directory, key=lambda entry: (entry.name, entry.from_block))):
        if one.name == other.name and (one.to_block is None or one.to_block >= other.from_block):
            raise InvalidInput("trust.directory", "range", f"{one.name} has two addresses for block {other.from_block}")
