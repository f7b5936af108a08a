"""The claim `bonafides.breach/1`: proof that a promise was not kept (docs/spec/breach.md).

It stands on the promise, on trusted headers and on receipts of whole blocks, so anybody who holds the promise can make
it from any member's copy of the chain; the broker's help is not needed. Reading checks shape and size only;
`evidence.verify.breach` checks what it says, by the same rule of which blocks must be shown as the maker's here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence import shapes
from evidence.chain.engine import HeaderChain, address_topic, blocks_that_may_hold
from evidence.chain.engines import HEADER_RULE, PROOF_KIND, PROOF_KINDS
from evidence.documents.promise import Promise, PromiseDocument, parse_promise, promise_document
from evidence.documents.trust import DirectoryEntry, TrustFile
from evidence.log.tree import MAX_PATH
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.shapes import Anything, Bytes, Constant, Fields, Nullable
from primitives.timestamp import format_time

BREACH_FORMAT = "bonafides.breach/1"
MAX_BREACH_BYTES = 7 * 1024 * 1024  # with the words around it, a line of NDJSON that every reader takes
MAX_BLOCKS = 100_000
MAX_RECEIPTS = 100_000
MAX_PROOF_NODES = 64
ANCHOR_CONTRACT, MEMBER_CONTRACT = "EvidenceAnchor", "MemberRegistry"

_MS = 1000

Receipts = Callable[[int], Sequence[bytes]]


@dataclass(frozen=True)
class BreachAnchor:
    """An anchor of the broker: where its event stands, and the proof of that receipt."""

    seq: int
    block: int
    tx_index: int
    log_position: int
    proof: tuple[bytes, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "seq": self.seq,
            "block": self.block,
            "tx_index": self.tx_index,
            "log_position": self.log_position,
            "proof": [node.hex() for node in self.proof],
        }


@dataclass(frozen=True)
class OtherEntry:
    """Another entry at the promised place, with its way into the anchor's tree."""

    fingerprint: bytes
    path: tuple[bytes, ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"fingerprint": self.fingerprint.hex(), "path": [node.hex() for node in self.path]}


_ANCHOR = Fields(
    {
        "seq": shapes.POSITIVE,
        "block": shapes.NUMBER,
        "tx_index": shapes.NUMBER,
        "log_position": shapes.NUMBER,
        "proof": shapes.tuple_of(Bytes(), MAX_PROOF_NODES),
    }
).then(lambda anchor, _: BreachAnchor(**anchor))
_BLOCK = Fields({"number": shapes.NUMBER, "receipts": shapes.tuple_of(Bytes(), MAX_RECEIPTS)}).then(
    lambda block, _: (block["number"], block["receipts"])
)
_OTHER = Fields({"fingerprint": shapes.HASH, "path": shapes.tuple_of(shapes.HASH, MAX_PATH)}).then(
    lambda other, _: OtherEntry(**other)
)
CLAIM = Fields(
    {
        "format": Constant(BREACH_FORMAT),
        "header_rule": HEADER_RULE.then(lambda rule, _: rule.name),
        "proof_kind": PROOF_KIND.then(lambda kind, _: kind.name),
        "chain_id": shapes.POSITIVE,
        "promise": Anything().then(promise_document),
        "anchor": Nullable(_ANCHOR),
        "blocks": shapes.tuple_of(_BLOCK, MAX_BLOCKS),
        "other": Nullable(_OTHER),
    }
)


@dataclass(frozen=True)
class BreachClaim:
    """A claim of the right shape. `canonical` is for the check of that name."""

    header_rule: str
    proof_kind: str
    chain_id: int
    promise: PromiseDocument
    anchor: BreachAnchor | None
    blocks: tuple[tuple[int, tuple[bytes, ...]], ...] = field(repr=False)
    other: OtherEntry | None
    canonical: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "format": BREACH_FORMAT,
            "header_rule": self.header_rule,
            "proof_kind": self.proof_kind,
            "chain_id": self.chain_id,
            "promise": dict(self.promise),
            "anchor": None if self.anchor is None else self.anchor.to_json(),
            "blocks": [
                {"number": number, "receipts": [receipt.hex() for receipt in receipts]}
                for number, receipts in self.blocks
            ],
            "other": None if self.other is None else self.other.to_json(),
        }

    def to_bytes(self) -> bytes:
        """Return the claim's one spelling.

        Raises:
            InvalidInput: `max-bytes`, no reader would take it.
        """
        data = canonical_json(self.to_json())
        _check_size(data)
        return data


def parse_breach(data: bytes) -> BreachClaim:
    """Read a claim.

    Raises:
        InvalidInput: it is none: too long, or not of this shape.
    """
    _check_size(data)
    parsed = parse_json(data, field="breach", max_bytes=MAX_BREACH_BYTES)
    claim = CLAIM.read(parsed, "breach")
    del claim["format"]
    if claim["other"] is not None and claim["anchor"] is None:
        raise InvalidInput("breach.anchor", "required", "must name the anchor whose tree holds the other entry")
    return BreachClaim(**claim, canonical=canonical_json(parsed) == data)


def last_in_time(chain: HeaderChain, anchor_by: int) -> int:
    """Return the number of the last block whose time is at most `anchor_by` (milliseconds).

    Raises:
        CouldNotCheck: `trust-range`; the trusted headers end before `anchor_by` is over, or begin after it.
    """
    after = next((header for header in chain.after(chain.first - 1) if header.timestamp * _MS > anchor_by), None)
    if after is None:
        raise CouldNotCheck("trust-range", f"the trusted headers do not reach past {format_time(anchor_by)}")
    if after.number == chain.first:
        raise CouldNotCheck("trust-range", f"the trusted headers begin after {format_time(anchor_by)}")
    return after.number - 1


def anchor_ranges(trust: TrustFile, anchor_block: int | None, last: int) -> Iterator[tuple[DirectoryEntry, int, int]]:
    """Give each address of EvidenceAnchor with the first and last block in which an anchor could stand unseen.

    A contract's logs only grow, so before an anchor that is shown nothing longer stands at the same address; at any
    other address everything must be shown.
    """
    for entry in trust.entries(ANCHOR_CONTRACT):
        end = last if entry.to_block is None else min(last, entry.to_block)
        shown = anchor_block is not None and entry.from_block <= anchor_block <= end
        start = anchor_block if shown and anchor_block is not None else entry.from_block
        if start <= end:
            yield entry, start, end


def anchor_blocks(
    trust: TrustFile, chain: HeaderChain, broker: str, anchor_block: int | None, last: int
) -> dict[int, str]:
    """Return the blocks that may hold an anchor in time beyond the one that is shown, with the contract's address.

    Raises:
        CouldNotCheck: `trust-range`, the trusted headers begin too late; `trust-directory`, no contract is named.
    """
    trust.address_at(ANCHOR_CONTRACT, last)
    topic = address_topic(shapes.did_parts(broker)[1])
    found: dict[int, str] = {}
    for entry, start, end in anchor_ranges(trust, anchor_block, last):
        chain.at(start)
        headers = [header for header in chain.up_to(end) if header.number >= start]
        found |= dict.fromkeys(blocks_that_may_hold(headers, trust.rule, entry.address, topic), entry.address)
    return found


def member_blocks(trust: TrustFile, chain: HeaderChain, broker: str, block: int) -> list[int]:
    """Return the blocks that may hold a change of the broker's keys up to a block."""
    registry = trust.address_at(MEMBER_CONTRACT, block)
    topic = address_topic(shapes.did_parts(broker)[1])
    return blocks_that_may_hold(chain.up_to(block), trust.rule, registry, topic)


def assemble_breach(
    *,
    trust: TrustFile,
    chain: HeaderChain,
    proof_kind: str,
    promise: PromiseDocument,
    anchor: BreachAnchor | None,
    receipts: Receipts,
    other: OtherEntry | None = None,
) -> BreachClaim:
    """Return a claim.

    Args:
        trust: the maker's own headers and directory.
        chain: its headers, linked.
        proof_kind: how receipts are proved.
        promise: the promise, as the broker signed it.
        anchor: with `other`, an anchor whose tree holds it; else the last anchor in time, None when there is none.
        receipts: the encoded receipts of a block.
        other: the other entry at the promised place.

    Raises:
        CouldNotCheck: the headers do not reach far enough.
    """
    parsed: Promise = parse_promise(promise)
    chain.at(parsed.block)
    wanted = set(member_blocks(trust, chain, parsed.broker, parsed.block))
    if other is None:
        last = last_in_time(chain, parsed.anchor_by)
        wanted.update(anchor_blocks(trust, chain, parsed.broker, None if anchor is None else anchor.block, last))
    return BreachClaim(
        header_rule=trust.rule.name,
        proof_kind=proof_kind,
        chain_id=trust.chain_id,
        promise=promise,
        anchor=None if anchor is None else _proved(anchor, proof_kind, receipts),
        blocks=tuple((number, tuple(receipts(number))) for number in sorted(wanted)),
        other=other,
    )


def _proved(anchor: BreachAnchor, proof_kind: str, receipts: Receipts) -> BreachAnchor:
    proof = PROOF_KINDS[proof_kind].prove_one(receipts(anchor.block), anchor.tx_index)
    return BreachAnchor(anchor.seq, anchor.block, anchor.tx_index, anchor.log_position, tuple(proof))


def _check_size(data: bytes) -> None:
    if len(data) > MAX_BREACH_BYTES:
        raise InvalidInput("breach", "max-bytes", f"is longer than {MAX_BREACH_BYTES} bytes")
