"""The claim `bonafides.claim/2`: that a promise was not kept (docs/spec/evidence-2.md, section 7.1).

It stands under one trusted block on what any member serves, so whoever holds the promise makes it without the broker.
No part of it grows with the log: of the anchors it shows the one that covers the promised place, or the last one.
Reading checks shape and size only; `evidence.version2.verify.claim` checks what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from evidence import shapes
from evidence.log import note as notes
from evidence.log.tree import MAX_PATH, NodeReader
from evidence.version2.documents.assemble import ChainMaterial
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
from evidence.version2.log.anchors import ANCHOR_LEAF, FIRST_ANCHOR, AnchorLeaf, OpeningLeaf
from evidence.version2.log.convict import PRESENT, PresentEntry
from evidence.version2.log.multiproof import make_multiproof
from evidence.version2.map.label_map import ABSENCE, Absence, entry_under, prove_label
from evidence.version2.map.nodes import Node
from evidence.version2.promise import PROMISE, Promise, PromiseDocument, SignedBatch
from evidence.version2.shapes import hashes, hashes_text
from evidence.version2.state.directory import DIRECTORY, DirectoryEntry
from evidence.version2.state.headers import HEADER_RULE_NAME
from evidence.version2.state.member_keys import KEYS, MemberKeySet
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import encode_base64url
from primitives.shapes import AnyOf, Anything, Constant, Fields, Nullable, Text

CLAIM_FORMAT = "bonafides.claim/2"
MAX_CLAIM_BYTES = 262_144
MAX_CLAIM_NODES = 10_000
MAX_ANCHORS = 8
_MAX_TRIE_NODES = 1_000


class ShownLog(Protocol):
    """What a claim shows of a broker's log as of its last leaf; a bundle's `LogMaterial` has it, and more."""

    @property
    def seq(self) -> int:
        """The number of leaves."""

    @property
    def opening(self) -> OpeningLeaf:
        """Leaf 1."""

    @property
    def anchor(self) -> Callable[[int], AnchorLeaf]:
        """Gives the anchor of a number."""

    @property
    def node(self) -> NodeReader:
        """Gives the hash of a complete subtree of the tree of anchors."""

    @property
    def keys(self) -> Callable[[bytes], MemberKeySet]:
        """Gives the key set of a digest."""


@dataclass(frozen=True)
class PlacedEntry:
    """What an anchor's batch holds at the promised place, with its path."""

    entry: bytes
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"entry": self.entry.hex(), "path": hashes_text(self.path)}


@dataclass(frozen=True)
class BrokenPromiseClaim:
    """A claim of the right shape.

    Attributes:
        document: the promise as it was given.
        promise: the same, read.
        signed: what the promise's signature covers.
        header: of the trusted block.
        members: the broker as an active member, or nobody.
        keys: the key sets that the anchors' leaves name.
        log: the broker's log; None where the contracts keep none of it.
        place: what lies at the promised place, where the anchor came in time.
        counted: what the anchor's map holds under the promised label.
        checkpoint: a note that names the anchor as wrong.
        canonical: whether it came in its one spelling.
    """

    document: PromiseDocument
    promise: Promise
    signed: SignedBatch
    chain_id: int
    header_rule: str
    header: bytes
    nodes: tuple[bytes, ...]
    directory: tuple[DirectoryEntry, ...]
    members: tuple[MemberItem, ...]
    keys: tuple[MemberKeySet, ...]
    log: LogItem | None
    place: PlacedEntry | None
    counted: PresentEntry | Absence | None
    checkpoint: str | None
    canonical: bool = True

    @property
    def evidence(self) -> ChainEvidence:
        """What the claim says of the chain."""
        return ChainEvidence(
            chain_id=self.chain_id,
            header_rule=self.header_rule,
            broker=self.promise.broker,
            client=None,
            header=self.header,
            nodes=self.nodes,
            directory=self.directory,
            did=(),
            members=self.members,
            keys=self.keys,
            log=self.log,
            checkpoint=self.checkpoint or "",
        )

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "format": CLAIM_FORMAT,
            "chain_id": self.chain_id,
            "header_rule": self.header_rule,
            "header": encode_base64url(self.header),
            "nodes": [encode_base64url(node) for node in self.nodes],
            "directory": [entry.to_json() for entry in self.directory],
            "members": [member.to_json() for member in self.members],
            "keys": [keys.to_json() for keys in self.keys],
            "log": None if self.log is None else _log_json(self.log),
            "promise": dict(self.document),
            "place": None if self.place is None else self.place.to_json(),
            "map": None if self.counted is None else self.counted.to_json(),
            "checkpoint": self.checkpoint,
        }


_LEAF = ANCHOR_LEAF.then(lambda leaf, _: AnchorItem(leaf, ()))
PLACE = Fields({"entry": shapes.HASH, "path": hashes(MAX_PATH)}).then(lambda place, _: PlacedEntry(**place))
COUNTED = AnyOf(PRESENT, ABSENCE)
"""What a map holds under a label, read as `PresentEntry` or `Absence`."""
CLAIM = Fields(
    {
        "format": Constant(CLAIM_FORMAT),
        "chain_id": shapes.POSITIVE,
        "header_rule": HEADER_RULE_NAME,
        "header": HEADER,
        "nodes": shapes.tuple_of(NODE, _MAX_TRIE_NODES),
        "directory": DIRECTORY,
        "members": member_items(0, 1),
        "keys": shapes.tuple_of(KEYS, MAX_ANCHORS),
        "log": Nullable(log_item(_LEAF, MAX_ANCHORS)),
        "promise": Anything(),
        "place": Nullable(PLACE),
        "map": Nullable(COUNTED),
        "checkpoint": Nullable(Text(notes.MAX_NOTE_BYTES, controls=True)),
    }
)


def parse_claim(data: bytes) -> BrokenPromiseClaim:
    """Read a claim.

    Raises:
        InvalidInput: it is none: too long, or not of this shape.
        VerificationFailed: check `promise`; the promise's path is not that of its place.
    """
    parsed = parse_json(data, field="claim", max_bytes=MAX_CLAIM_BYTES, max_nodes=MAX_CLAIM_NODES)
    value = CLAIM.read(parsed, "claim")
    promise, signed = PROMISE.read(value["promise"], "claim.promise")
    names = ("chain_id", "header_rule", "header", "nodes", "directory", "members", "keys", "log", "place", "checkpoint")
    return BrokenPromiseClaim(
        document=value["promise"],
        promise=promise,
        signed=signed,
        counted=value["map"],
        canonical=canonical_json(parsed) == data,
        **{name: value[name] for name in names},
    )


def assemble_claim(
    document: PromiseDocument,
    *,
    chain: ChainMaterial,
    log: ShownLog | None,
    covering: AnchorLeaf | None = None,
    place: PlacedEntry | None = None,
    counted: PresentEntry | Absence | None = None,
    checkpoint: str | None = None,
    also: Iterable[int] = (),
    members: Iterable[MemberItem] = (),
) -> bytes:
    """Return the bytes of a claim, from what any member serves.

    Args:
        document: the promise as it was given.
        chain: what one block says of no client: the state proof of a bundle without one.
        log: the broker's log as of that block; None where the contracts keep none of it.
        covering: the anchor that covers the promised place; None where there is none.
        place: what that anchor's batch holds at the place, where it came in time.
        counted: what its map holds under the promised label, where that entry is the promised one.
        checkpoint: the note that names this anchor as wrong, in place of `counted`.
        also: anchors to show beside, since a key of theirs signed the promise, or the checkpoint.
        members: the broker as an active member, where its present key signed the promise.

    Raises:
        InvalidInput: the result would not be read by `parse_claim`.
    """
    promise, signed = PROMISE.read(document, "promise")
    leaves = [] if log is None else _shown(log, covering, also)
    item = None
    if log is not None:
        path = make_multiproof([0, *(leaf.seq - 1 for leaf in leaves)], log.seq, log.node)
        item = LogItem(log.seq, log.opening, tuple(path), tuple(AnchorItem(leaf, ()) for leaf in leaves))
    claim = BrokenPromiseClaim(
        document=document,
        promise=promise,
        signed=signed,
        chain_id=chain.chain_id,
        header_rule=chain.header_rule,
        header=chain.header,
        nodes=tuple(chain.nodes),
        directory=tuple(chain.directory),
        members=tuple(members),
        keys=() if log is None else tuple(log.keys(one) for one in dict.fromkeys(leaf.keys_digest for leaf in leaves)),
        log=item,
        place=place,
        counted=counted,
        checkpoint=checkpoint,
    )
    data = canonical_json(claim.to_json())
    parse_claim(data)
    return data


def counted_under(top: Node, label: bytes) -> PresentEntry | Absence:
    """Return what the map with this topmost node holds under a label, proved.

    Raises:
        InvalidInput: `length`.
    """
    proof = prove_label(top, label)
    return proof if isinstance(proof, Absence) else PresentEntry(entry_under(top, label), proof.path)


def _shown(log: ShownLog, covering: AnchorLeaf | None, also: Iterable[int]) -> list[AnchorLeaf]:
    """Return the leaves that decide: the covering one and the one before, or the last one; then those asked for."""
    wanted = {log.seq} if covering is None else {covering.seq, max(covering.seq - 1, FIRST_ANCHOR)}
    return [log.anchor(seq) for seq in sorted(wanted | set(also))]


def _log_json(log: LogItem) -> Mapping[str, Any]:
    return {**log.to_json(), "anchors": [item.leaf.to_json() for item in log.anchors]}
