"""The bundle `bonafides.bundle/1`: one subject's whole anchored history with its proofs (docs/spec/evidence.md, 11).

Reading checks shape and size only; `evidence.verify.bundle` checks what it says. The bytes must be the RFC 8785 form
and the whole is signed, so that there is no byte whose change goes unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence import shapes
from evidence.chain.engines import HEADER_RULE, PROOF_KIND
from evidence.documents.promise import PromiseDocument, promise_document
from evidence.log.tree import MAX_PATH
from evidence.map.map_history import MAP_ITEM, MapItem
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput
from primitives.shapes import Anything, Bytes, Constant, Fields, Nullable, Object, Text, Time

BUNDLE_FORMAT = "bonafides.bundle/1"
MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_BUNDLE_NODES = 2_000_000  # twice what an honest bundle of 64 MiB holds
MAX_DEPTH = 32
MAX_RECORDS = 100_000
MAX_REFERENCES = 1_000
MAX_ANCHORS = 100_000
MAX_BLOCKS = 100_000
MAX_RECEIPTS = 100_000
MAX_PROOF_NODES = 64
MAX_CHECKPOINT = 16_384
MAX_RULESETS = 1_000


@dataclass(frozen=True)
class RecordItem:
    """One record of a history with its way into the first anchor that covers it and into the last."""

    copy: Mapping[str, Any]
    promise: PromiseDocument
    first_anchor: int
    first_path: tuple[bytes, ...]
    last_path: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "record": dict(self.copy),
            "promise": dict(self.promise),
            "first_anchor": self.first_anchor,
            "first_path": [node.hex() for node in self.first_path],
            "last_path": [node.hex() for node in self.last_path],
        }


@dataclass(frozen=True)
class HistoryItem:
    """One subject's chain of records and what the map of every anchor holds of it."""

    subject: bytes
    records: tuple[RecordItem, ...]
    maps: tuple[MapItem, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "subject": self.subject.hex(),
            "records": [record.to_json() for record in self.records],
            "maps": [item.to_json() for item in self.maps],
        }


@dataclass(frozen=True)
class AnchorItem:
    """One anchor: where its event stands, the proof of that receipt, and the checkpoint."""

    seq: int
    block: int
    tx_index: int
    log_position: int
    checkpoint: str
    proof: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "seq": self.seq,
            "block": self.block,
            "tx_index": self.tx_index,
            "log_position": self.log_position,
            "checkpoint": self.checkpoint,
            "proof": [node.hex() for node in self.proof],
        }


@dataclass(frozen=True)
class BlockItem:
    """All receipts of one block."""

    number: int
    receipts: tuple[bytes, ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"number": self.number, "receipts": [receipt.hex() for receipt in self.receipts]}


@dataclass(frozen=True)
class Bundle:
    """A bundle of the right shape. `canonical`, `signed` and `signature` are for the checks of these names."""

    header_rule: str
    proof_kind: str
    chain_id: int
    broker: str
    client: str | None
    case: str
    made_at: str
    history: HistoryItem
    references: tuple[HistoryItem, ...]
    anchors: tuple[AnchorItem, ...]
    blocks: tuple[BlockItem, ...]
    rulesets: tuple[Mapping[str, Any], ...]  # opaque here: a record names its own by digest
    pending: int
    canonical: bool = True  # whether it came in its one spelling
    signed: bytes = field(default=b"", repr=False)
    signature: bytes = field(default=b"", repr=False)

    @property
    def histories(self) -> tuple[HistoryItem, ...]:
        """The subject's history and the referenced ones."""
        return (self.history, *self.references)

    def body(self) -> dict[str, Any]:
        """Return the wire form without its signature."""
        return {
            "format": BUNDLE_FORMAT,
            "header_rule": self.header_rule,
            "proof_kind": self.proof_kind,
            "chain_id": self.chain_id,
            "broker": self.broker,
            "client": self.client,
            "case": self.case,
            "made_at": self.made_at,
            "history": self.history.to_json(),
            "references": [reference.to_json() for reference in self.references],
            "anchors": [anchor.to_json() for anchor in self.anchors],
            "blocks": [block.to_json() for block in self.blocks],
            "rulesets": [dict(ruleset) for ruleset in self.rulesets],
            "pending": self.pending,
        }


def _present_at_last(history: dict[str, Any], where: str) -> HistoryItem:
    if history["maps"][-1].proof.entry is None:
        raise InvalidInput(f"{where}.maps", "presence", "must end with a proof of presence")
    return HistoryItem(**history)


_RECORD = Fields(
    {
        "record": Object(),
        "promise": Anything().then(promise_document),
        "first_anchor": shapes.POSITIVE,
        "first_path": shapes.tuple_of(shapes.HASH, MAX_PATH),
        "last_path": shapes.tuple_of(shapes.HASH, MAX_PATH),
    }
).then(lambda item, _: RecordItem(item.pop("record"), **item))
_HISTORY = Fields(
    {
        "subject": shapes.HASH,
        "records": shapes.tuple_of(_RECORD, MAX_RECORDS),
        "maps": shapes.tuple_of(MAP_ITEM, MAX_ANCHORS, 1),
    }
).then(_present_at_last)
_ANCHOR = Fields(
    {
        "seq": shapes.POSITIVE,
        "block": shapes.NUMBER,
        "tx_index": shapes.NUMBER,
        "log_position": shapes.NUMBER,
        "checkpoint": Text(MAX_CHECKPOINT, controls=True),
        "proof": shapes.tuple_of(Bytes(), MAX_PROOF_NODES),
    }
).then(lambda anchor, _: AnchorItem(**anchor))
_BLOCK = Fields({"number": shapes.NUMBER, "receipts": shapes.tuple_of(Bytes(), MAX_RECEIPTS)}).then(
    lambda block, _: BlockItem(**block)
)
_BODY = {
    "format": Constant(BUNDLE_FORMAT),
    "header_rule": HEADER_RULE.then(lambda rule, _: rule.name),
    "proof_kind": PROOF_KIND.then(lambda kind, _: kind.name),
    "chain_id": shapes.POSITIVE,
    "broker": shapes.ETHR_DID,
    "client": Nullable(shapes.ETHR_DID),
    "case": shapes.WORDS,
    "made_at": Time(),
    "history": _HISTORY,
    "references": shapes.tuple_of(_HISTORY, MAX_REFERENCES),
    "anchors": shapes.tuple_of(_ANCHOR, MAX_ANCHORS, 1),
    "blocks": shapes.tuple_of(_BLOCK, MAX_BLOCKS),
    "rulesets": shapes.tuple_of(Object(), MAX_RULESETS),
    "pending": shapes.NUMBER,
}
_BUNDLE = Fields({**_BODY, "signature": shapes.SIGNATURE})


def seal_bundle(body: Mapping[str, Any], seed: bytes) -> bytes:
    """Return the bytes of a bundle: its body, signed with the member's Ed25519 signing seed.

    Raises:
        InvalidInput: the result would not be read by `parse_bundle`.
    """
    signature = {
        "key": shapes.signing_key_id(shapes.ETHR_DID.read(body.get("broker"), "bundle.broker")),
        "alg": "Ed25519",
        "value": encode_base64url(ed25519.sign(seed, canonical_json(dict(body)))),
    }
    data = canonical_json({**body, "signature": signature})
    parse_bundle(data)
    return data


def parse_bundle(data: bytes) -> Bundle:
    """Read a bundle.

    Raises:
        InvalidInput: it is not one: too long, too deep, or not of this shape.
    """
    parsed = parse_json(data, field="bundle", max_bytes=MAX_BUNDLE_BYTES, max_nodes=MAX_BUNDLE_NODES)
    require_depth(parsed, "bundle")
    value = _BUNDLE.read(parsed, "bundle")
    shapes.require_signing_key(value["signature"], value["broker"], "bundle.signature")
    return Bundle(
        **{name: value[name] for name in _BODY if name != "format"},
        canonical=canonical_json(parsed) == data,
        signed=canonical_json({name: parsed[name] for name in _BODY}),
        signature=value["signature"]["value"],
    )


def require_depth(value: object, where: str) -> None:
    """Bound the nesting without recursion: what comes after may recurse.

    Raises:
        InvalidInput: `depth`.
    """
    level: Sequence[object] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    raise InvalidInput(where, "depth", f"is nested more than {MAX_DEPTH} deep")
