"""The bundle `bonafides.bundle/1`: one subject's whole anchored history with its proofs (docs/spec/evidence.md, 11).

Reading checks shape and size only; `evidence.verify` checks what it says. The bytes must be the RFC 8785 form and the
whole is signed, so that there is no byte whose change goes unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence import shapes
from evidence.engines import header_rule, proof_kind
from evidence.log import MAX_PATH
from evidence.map_history import MapItem, parse_map_item
from evidence.promise import parse_promise
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput
from primitives.timestamp import parse_time

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

_BODY = frozenset(
    [
        "format",
        "header_rule",
        "proof_kind",
        "chain_id",
        "broker",
        "client",
        "case",
        "made_at",
        "history",
        "references",
        "anchors",
        "blocks",
        "rulesets",
        "pending",
    ]
)
_HISTORY = frozenset({"subject", "records", "maps"})
_RECORD = frozenset({"record", "promise", "first_anchor", "first_path", "last_path"})
_ANCHOR = frozenset({"seq", "block", "tx_index", "log_position", "checkpoint", "proof"})
_BLOCK = frozenset({"number", "receipts"})
_SIGNATURE = frozenset({"key", "alg", "value"})


@dataclass(frozen=True)
class RecordItem:
    """One record of a history with its way into the first anchor that covers it and into the last."""

    copy: Mapping[str, Any]
    promise: Mapping[str, Any]
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


def seal_bundle(body: Mapping[str, Any], seed: bytes) -> bytes:
    """Return the bytes of a bundle: its body, signed with the member's Ed25519 signing seed.

    Raises:
        InvalidInput: the result would not be read by `parse_bundle`.
    """
    signature = {
        "key": shapes.signing_key_id(shapes.ethr_did(body.get("broker"), "bundle.broker")),
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
    _check_depth(parsed)
    value = shapes.members(parsed, "bundle", _BODY | {"signature"})
    shapes.constant(value["format"], "bundle.format", BUNDLE_FORMAT)
    signature = shapes.members(value["signature"], "bundle.signature", _SIGNATURE)
    broker = shapes.ethr_did(value["broker"], "bundle.broker")
    shapes.constant(signature["key"], "bundle.signature.key", shapes.signing_key_id(broker))
    shapes.constant(signature["alg"], "bundle.signature.alg", "Ed25519")
    parse_time(value["made_at"], "bundle.made_at")
    client = value["client"]
    return Bundle(
        header_rule=header_rule(value["header_rule"], "bundle.header_rule").name,
        proof_kind=proof_kind(value["proof_kind"], "bundle.proof_kind").name,
        chain_id=shapes.integer(value["chain_id"], "bundle.chain_id", minimum=1),
        broker=broker,
        client=None if client is None else shapes.ethr_did(client, "bundle.client"),
        case=shapes.text(value["case"], "bundle.case"),
        made_at=value["made_at"],
        history=_parse_history(value["history"], "bundle.history"),
        references=shapes.items(value["references"], "bundle.references", _parse_history, MAX_REFERENCES),
        anchors=_some(shapes.items(value["anchors"], "bundle.anchors", _parse_anchor, MAX_ANCHORS), "bundle.anchors"),
        blocks=shapes.items(value["blocks"], "bundle.blocks", _parse_block, MAX_BLOCKS),
        rulesets=shapes.items(value["rulesets"], "bundle.rulesets", _object, MAX_RULESETS),
        pending=shapes.integer(value["pending"], "bundle.pending"),
        canonical=canonical_json(parsed) == data,
        signed=canonical_json({name: value[name] for name in _BODY}),
        signature=decode_base64url(signature["value"], "bundle.signature.value", ed25519.SIGNATURE_BYTES),
    )


def _parse_history(value: object, place: str) -> HistoryItem:
    history = shapes.members(value, place, _HISTORY)
    maps = shapes.items(history["maps"], f"{place}.maps", parse_map_item, MAX_ANCHORS)
    if not maps or maps[-1].proof.entry is None:
        raise InvalidInput(f"{place}.maps", "presence", "must end with a proof of presence")
    records = shapes.items(history["records"], f"{place}.records", _parse_record, MAX_RECORDS)
    return HistoryItem(shapes.hash32(history["subject"], f"{place}.subject"), records, maps)


def _parse_record(value: object, place: str) -> RecordItem:
    item = shapes.members(value, place, _RECORD)
    parse_promise(item["promise"], f"{place}.promise")
    if not isinstance(item["record"], dict):
        raise InvalidInput(f"{place}.record", "object", "must be an object")
    return RecordItem(
        copy=item["record"],
        promise=item["promise"],
        first_anchor=shapes.integer(item["first_anchor"], f"{place}.first_anchor", minimum=1),
        first_path=shapes.path(item["first_path"], f"{place}.first_path", maximum=MAX_PATH),
        last_path=shapes.path(item["last_path"], f"{place}.last_path", maximum=MAX_PATH),
    )


def _parse_anchor(value: object, place: str) -> AnchorItem:
    anchor = shapes.members(value, place, _ANCHOR)
    return AnchorItem(
        seq=shapes.integer(anchor["seq"], f"{place}.seq", minimum=1),
        block=shapes.integer(anchor["block"], f"{place}.block"),
        tx_index=shapes.integer(anchor["tx_index"], f"{place}.tx_index"),
        log_position=shapes.integer(anchor["log_position"], f"{place}.log_position"),
        checkpoint=shapes.text(anchor["checkpoint"], f"{place}.checkpoint", maximum=MAX_CHECKPOINT),
        proof=shapes.items(anchor["proof"], f"{place}.proof", shapes.raw, MAX_PROOF_NODES),
    )


def _parse_block(value: object, place: str) -> BlockItem:
    block = shapes.members(value, place, _BLOCK)
    receipts = shapes.items(block["receipts"], f"{place}.receipts", shapes.raw, MAX_RECEIPTS)
    return BlockItem(shapes.integer(block["number"], f"{place}.number"), receipts)


def _object(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(place, "object", "must be an object")
    return value


def _some(items: tuple[AnchorItem, ...], place: str) -> tuple[AnchorItem, ...]:
    if not items:
        raise InvalidInput(place, "min-items", "must hold at least one anchor")
    return items


def _check_depth(value: Any) -> None:
    """Bound the nesting without recursion: what comes after may recurse."""
    level: Sequence[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    raise InvalidInput("bundle", "depth", f"is nested more than {MAX_DEPTH} deep")
