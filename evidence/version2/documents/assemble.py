"""Putting a bundle of format 2 together from what a node keeps: the maker's side of `evidence.version2.verify.bundle`.

Everything is given as values or as functions that read one thing. No function here reads a number of things that grows
with the log, the map or the chain: only with the records of the histories, and the logarithms of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.log.tree import NodeReader
from evidence.version2.documents.bundle import BatchItem, Bundle, HistoryItem, PromiseItem, RecordItem
from evidence.version2.documents.chain_evidence import AnchorItem, LogItem, MemberItem
from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf
from evidence.version2.log.multiproof import make_multiproof
from evidence.version2.map.lookup import make_lookup
from evidence.version2.map.nodes import Node
from evidence.version2.promise import Promise, SignedBatch
from evidence.version2.state.did_changes import DidChange
from evidence.version2.state.directory import DirectoryEntry
from evidence.version2.state.member_keys import MemberKeySet


@dataclass(frozen=True)
class ChainMaterial:
    """What the node took at one block: the header, a pool of trie nodes, and the histories whose heads they open."""

    chain_id: int
    header_rule: str
    header: bytes
    nodes: Sequence[bytes]
    directory: Sequence[DirectoryEntry]
    did: Sequence[DidChange]
    members: Sequence[MemberItem]


@dataclass(frozen=True)
class LogMaterial:
    """The broker's log as of its last anchor.

    Attributes:
        seq: its number of leaves.
        opening: leaf 1.
        anchor: gives the anchor of a number.
        covering: gives the anchor under which a place of the log lies.
        node: gives the hash of a complete subtree of the tree of anchors.
        batch_node: gives, for an anchor, the same of the tree of its batch.
        keys: gives the key set of a digest.
        checkpoint: the note, with cosignatures.
        map: the topmost node of the map of the last anchor.
    """

    seq: int
    opening: OpeningLeaf
    anchor: Callable[[int], AnchorLeaf]
    covering: Callable[[int], AnchorLeaf]
    node: NodeReader
    batch_node: Callable[[AnchorLeaf], NodeReader]
    keys: Callable[[bytes], MemberKeySet]
    checkpoint: str
    map: Node


@dataclass(frozen=True)
class PromisedBy:
    """A record's promise as it was given."""

    promise: Promise
    batch: SignedBatch
    index: int
    path: Sequence[bytes]


@dataclass(frozen=True)
class RecordMaterial:
    """A record of a history: what is shown of it, its place in the log, its promise unless it is erased."""

    shown: Mapping[str, Any]
    log_index: int
    promised: PromisedBy | None


@dataclass(frozen=True)
class SubjectMaterial:
    """A subject's records up to the last anchor in their order, and the labels of all of them and of the next."""

    subject: bytes
    records: Sequence[RecordMaterial]
    labels: Sequence[bytes]


def assemble(
    *,
    chain: ChainMaterial,
    log: LogMaterial,
    suite: str,
    broker: str,
    client: str | None,
    case: str,
    made_at: str,
    history: SubjectMaterial,
    references: Sequence[SubjectMaterial] = (),
    before: Iterable[int] = (),
    rulesets: Sequence[Mapping[str, Any]] = (),
    pending: int = 0,
) -> Bundle:
    """Return an unsigned bundle; `seal_bundle(bundle.body(), secret)` makes its bytes.

    Args:
        chain: what one block says.
        log: the broker's log.
        suite: of the bundle's signature.
        broker: the member's DID.
        client: the subject's DID, None for a subject that is no person.
        case: the case number that the bundle answers.
        made_at: when it was made, as text.
        history: the subject's records.
        references: the whole histories of the subjects that those records refer to.
        before: anchors to show beside, since a key of theirs signed a promise, or ended before the next one.
        rulesets: the documents of the rule sets that the records name.
        pending: how many records of the subject were accepted since.
    """
    materials = (history, *references)
    indexes = [record.log_index for material in materials for record in material.records]
    places: dict[int, list[int]] = {}
    leaves: dict[int, AnchorLeaf] = {}
    for index in indexes:
        leaf = log.covering(index)
        leaves[leaf.seq] = leaf
        places.setdefault(leaf.seq, []).append(index - leaf.size_before)
    for seq in (*before, log.seq):
        leaves.setdefault(seq, log.anchor(seq))
    shown = [leaves[seq] for seq in sorted(leaves)]
    batches = _Batches()
    items = [
        HistoryItem(material.subject, tuple(_record(one, batches) for one in material.records))
        for material in materials
    ]
    return Bundle(
        suite=suite,
        chain_id=chain.chain_id,
        header_rule=chain.header_rule,
        broker=broker,
        client=client,
        case=case,
        made_at=made_at,
        header=chain.header,
        nodes=tuple(chain.nodes),
        directory=tuple(chain.directory),
        did=tuple(chain.did),
        members=tuple(chain.members),
        keys=tuple(log.keys(digest) for digest in dict.fromkeys(leaf.keys_digest for leaf in shown)),
        log=LogItem(
            seq=log.seq,
            opening=log.opening,
            path=tuple(make_multiproof([0, *(seq - 1 for seq in leaves)], log.seq, log.node)),
            anchors=tuple(_anchor(leaf, places.get(leaf.seq, ()), log) for leaf in shown),
        ),
        checkpoint=log.checkpoint,
        history=items[0],
        references=tuple(items[1:]),
        map=make_lookup(log.map, [label for material in materials for label in material.labels]),
        promises=batches.items,
        rulesets=tuple(rulesets),
        pending=pending,
    )


def _anchor(leaf: AnchorLeaf, places: Sequence[int], log: LogMaterial) -> AnchorItem:
    proof = make_multiproof(places, leaf.added, log.batch_node(leaf)) if places else []
    return AnchorItem(leaf, tuple(proof))


class _Batches:
    """The signed batches of promises, each once, in the order in which records name them."""

    def __init__(self) -> None:
        self._numbers: dict[SignedBatch, int] = {}

    def number(self, batch: SignedBatch) -> int:
        return self._numbers.setdefault(batch, len(self._numbers))

    @property
    def items(self) -> tuple[BatchItem, ...]:
        return tuple(BatchItem(batch.block, batch.count, batch.root, batch.signature) for batch in self._numbers)


def _record(record: RecordMaterial, batches: _Batches) -> RecordItem:
    promised = record.promised
    item = None
    if promised is not None:
        number = batches.number(promised.batch)
        item = PromiseItem(number, promised.index, tuple(promised.path), promised.promise.anchor_by)
    return RecordItem(record.shown, record.log_index, item)
