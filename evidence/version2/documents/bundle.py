"""The bundle `bonafides.bundle/2`: one subject's whole anchored history, proved under one block.

Specification: docs/spec/evidence-2.md, section 12. Reading checks shape and size only; what it says is checked by
`evidence.version2.verify.bundle`. The bytes must be the RFC 8785 form and the whole is signed, so that there is no
byte whose change goes unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence import shapes
from evidence.documents.bundle import MAX_BUNDLE_BYTES, MAX_BUNDLE_NODES, require_depth
from evidence.log.tree import MAX_PATH
from evidence.version2.documents.chain_evidence import (
    HEADER,
    NODE,
    AnchorItem,
    ChainEvidence,
    LogItem,
    MemberItem,
    log_item,
    member_items,
)
from evidence.version2.log.anchors import ANCHOR_MEMBERS, read_anchor
from evidence.version2.map.lookup import LOOKUP, Lookup
from evidence.version2.shapes import HASHES, hashes, hashes_text
from evidence.version2.state.did_changes import CHANGES, DidChange
from evidence.version2.state.directory import DIRECTORY, DirectoryEntry
from evidence.version2.state.headers import HEADER_RULE_NAME
from evidence.version2.state.member_keys import KEYS, MemberKeySet
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import encode_base64url
from primitives.shapes import Base64Url, Constant, Fields, Moment, Nullable, Object, Text, Time
from primitives.suite import SIGNATURE_BYTES
from primitives.suites import ALG, SUITE_NAME, SUITES
from primitives.timestamp import format_time

BUNDLE_FORMAT = "bonafides.bundle/2"
MAX_RECORDS = 100_000  # of one list; the bytes and the JSON values of the whole are what bounds a bundle
MAX_REFERENCES = MAX_RECORDS
MAX_NODES = 10_000
MAX_MEMBERS = 1_024
MAX_CHECKPOINT = 131_072
MAX_RULESETS = MAX_RECORDS


@dataclass(frozen=True)
class PromiseItem:
    """What a promise says beside its record: the signed batch in which it stands, and its term in milliseconds."""

    batch: int
    index: int
    path: tuple[bytes, ...]
    anchor_by: int


@dataclass(frozen=True)
class BatchItem:
    """What one signature promises; the bundle says by whom."""

    block: int
    count: int
    root: bytes
    value: bytes

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        value = encode_base64url(self.value)
        return {"block": self.block, "count": self.count, "root": self.root.hex(), "value": value}


@dataclass(frozen=True)
class RecordItem:
    """A record of a history: a redacted copy, or the stub of an erased one, and where it lies in the log."""

    shown: Mapping[str, Any]
    log_index: int
    promise: PromiseItem | None

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        promise = self.promise
        return {
            "record": dict(self.shown),
            "log_index": self.log_index,
            "promise": None
            if promise is None
            else {
                "batch": promise.batch,
                "index": promise.index,
                "path": hashes_text(promise.path),
                "anchor_by": format_time(promise.anchor_by),
            },
        }


@dataclass(frozen=True)
class HistoryItem:
    """One subject's records, in their order."""

    subject: bytes
    records: tuple[RecordItem, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "subject": self.subject.hex(),
            "records": [record.to_json() for record in self.records],
        }


@dataclass(frozen=True)
class Bundle:
    """A bundle of the right shape. `canonical`, `signed` and `signature` are for the checks of these names."""

    suite: str
    chain_id: int
    header_rule: str
    broker: str
    client: str | None
    case: str
    made_at: str
    header: bytes = field(repr=False)
    nodes: tuple[bytes, ...] = field(repr=False)
    directory: tuple[DirectoryEntry, ...]
    did: tuple[DidChange, ...]
    members: tuple[MemberItem, ...]
    keys: tuple[MemberKeySet, ...]
    log: LogItem
    checkpoint: str
    history: HistoryItem
    references: tuple[HistoryItem, ...]
    map: Lookup
    promises: tuple[BatchItem, ...]
    rulesets: tuple[Mapping[str, Any], ...]  # opaque here: a record names its own by digest
    pending: int
    canonical: bool = True  # whether it came in its one spelling
    signed: bytes = field(default=b"", repr=False)
    signature: bytes = field(default=b"", repr=False)

    @property
    def evidence(self) -> ChainEvidence:
        """What the bundle says of the chain."""
        return ChainEvidence(
            chain_id=self.chain_id,
            header_rule=self.header_rule,
            broker=self.broker,
            client=self.client,
            header=self.header,
            nodes=self.nodes,
            directory=self.directory,
            did=self.did,
            members=self.members,
            keys=self.keys,
            log=self.log,
            checkpoint=self.checkpoint,
        )

    @property
    def histories(self) -> tuple[HistoryItem, ...]:
        """The subject's history and the referenced ones."""
        return (self.history, *self.references)

    def body(self) -> dict[str, Any]:
        """Return the wire form without its signature."""
        return {
            "format": BUNDLE_FORMAT,
            "suite": self.suite,
            "chain_id": self.chain_id,
            "header_rule": self.header_rule,
            "broker": self.broker,
            "client": self.client,
            "case": self.case,
            "made_at": self.made_at,
            "header": encode_base64url(self.header),
            "nodes": [encode_base64url(node) for node in self.nodes],
            "directory": [entry.to_json() for entry in self.directory],
            "did": [change.to_json() for change in self.did],
            "members": [member.to_json() for member in self.members],
            "keys": [keys.to_json() for keys in self.keys],
            "log": self.log.to_json(),
            "checkpoint": self.checkpoint,
            "history": self.history.to_json(),
            "references": [reference.to_json() for reference in self.references],
            "map": self.map.to_json(),
            "promises": [batch.to_json() for batch in self.promises],
            "rulesets": [dict(ruleset) for ruleset in self.rulesets],
            "pending": self.pending,
        }


_PROMISE = Fields(
    {"batch": shapes.NUMBER, "index": shapes.NUMBER, "path": hashes(MAX_PATH), "anchor_by": Moment()}
).then(lambda promise, _: PromiseItem(**promise))
_RECORD = Fields({"record": Object(), "log_index": shapes.NUMBER, "promise": Nullable(_PROMISE)}).then(
    lambda item, _: RecordItem(item["record"], item["log_index"], item["promise"])
)
_HISTORY = Fields(
    {
        "subject": shapes.HASH,
        "records": shapes.tuple_of(_RECORD, MAX_RECORDS, 1),
    }
).then(lambda history, _: HistoryItem(**history))
_ANCHOR = Fields({**ANCHOR_MEMBERS, "batch": HASHES}).then(
    lambda anchor, where: AnchorItem(read_anchor(anchor, where), anchor["batch"])
)
_BATCH = Fields(
    {"block": shapes.NUMBER, "count": shapes.POSITIVE, "root": shapes.HASH, "value": Base64Url(SIGNATURE_BYTES)}
).then(lambda batch, _: BatchItem(**batch))
_BODY = {
    "format": Constant(BUNDLE_FORMAT),
    "suite": SUITE_NAME,
    "chain_id": shapes.POSITIVE,
    "header_rule": HEADER_RULE_NAME,
    "broker": shapes.ETHR_DID,
    "client": Nullable(shapes.ETHR_DID),
    "case": shapes.WORDS,
    "made_at": Time(),
    "header": HEADER,
    "nodes": shapes.tuple_of(NODE, MAX_NODES),
    "directory": DIRECTORY,
    "did": CHANGES,
    "members": member_items(1, MAX_MEMBERS),
    "keys": shapes.tuple_of(KEYS, MAX_RECORDS, 1),
    "log": log_item(_ANCHOR, 2 * MAX_RECORDS),
    "checkpoint": Text(MAX_CHECKPOINT, controls=True),
    "history": _HISTORY,
    "references": shapes.tuple_of(_HISTORY, MAX_REFERENCES),
    "map": LOOKUP,
    "promises": shapes.tuple_of(_BATCH, MAX_RECORDS),
    "rulesets": shapes.tuple_of(Object(), MAX_RULESETS),
    "pending": shapes.NUMBER,
}
_SIGNATURE = Fields({"key": shapes.WORDS, "alg": ALG, "value": Base64Url(SIGNATURE_BYTES)})
_BUNDLE = Fields({**_BODY, "signature": _SIGNATURE})


def seal_bundle(body: Mapping[str, Any], secret: bytes) -> bytes:
    """Return the bytes of a bundle: its body, signed with the member's signing key.

    Raises:
        InvalidInput: the result would not be read by `parse_bundle`.
    """
    suite = SUITES[SUITE_NAME.read(body.get("suite"), "bundle.suite")]
    signature = {
        "key": shapes.signing_key_id(shapes.ETHR_DID.read(body.get("broker"), "bundle.broker")),
        "alg": suite.alg,
        "value": encode_base64url(suite.sign(secret, canonical_json(dict(body)))),
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
    Constant(SUITES[value["suite"]].alg).read(value["signature"]["alg"], "bundle.signature.alg")
    return Bundle(
        **{name: value[name] for name in _BODY if name != "format"},
        canonical=canonical_json(parsed) == data,
        signed=canonical_json({name: parsed[name] for name in _BODY}),
        signature=value["signature"]["value"],
    )
