"""Putting a bundle together from what a node keeps: the maker's side of `evidence.verify.bundle`.

Everything is given as values: records, anchors, the log's tree, the map as of every anchor and the receipts of
blocks. What a verifier would miss is found by the verifier's own rule (`history_blocks`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.chain.engine import HeaderChain, address_topic, blocks_that_may_hold
from evidence.chain.engines import PROOF_KINDS
from evidence.documents.bundle import AnchorItem, BlockItem, Bundle, HistoryItem, RecordItem
from evidence.documents.promise import PromiseDocument
from evidence.documents.record import RedactedCopy
from evidence.documents.trust import TrustFile, blocks_of_other_contracts
from evidence.log.tree import Tree
from evidence.map.map_history import MapItem, prove_maps
from evidence.map.subject_map import SubjectMap
from primitives.errors import CouldNotCheck

Receipts = Callable[[int], Sequence[bytes]]


@dataclass(frozen=True)
class AnchorMaterial:
    """A final anchor of the member and where its event stands."""

    seq: int
    size: int
    block: int
    tx_index: int
    log_position: int
    checkpoint: str


@dataclass(frozen=True)
class SubjectMaterial:
    """A subject's records up to the last anchor: pairs of redacted copy and promise, in the order of `seq`."""

    subject: bytes
    records: Sequence[tuple[RedactedCopy, PromiseDocument]]


def history_blocks(trust: TrustFile, broker: str, client: str | None, up_to: int) -> list[int]:
    """Return the blocks that a bundle shows whole.

    Those that may hold a key change of the broker or the client, or an anchor under an EvidenceAnchor other than the
    last one's, and the last anchor's own: no change and no other anchor is hidden.
    """
    chain = HeaderChain(trust.headers)
    wanted = [("MemberRegistry", broker)] + ([("DidRegistry", client)] if client is not None else [])
    numbers = {up_to}
    for name, did in wanted:
        topic = address_topic(shapes.did_parts(did)[1])
        for entry in trust.entries(name):
            numbers.update(blocks_that_may_hold(chain.up_to(up_to), trust.rule, entry.address, topic))
    anchor, member = trust.address_at("EvidenceAnchor", up_to), address_topic(shapes.did_parts(broker)[1])
    numbers.update(blocks_of_other_contracts(trust, chain, "EvidenceAnchor", anchor, member, up_to))
    return sorted(numbers)


def assemble(
    *,
    trust: TrustFile,
    proof_kind: str,
    broker: str,
    client: str | None,
    case: str,
    made_at: str,
    history: SubjectMaterial,
    references: Sequence[SubjectMaterial],
    anchors: Sequence[AnchorMaterial],
    tree: Tree,
    maps: Iterable[SubjectMap],
    receipts: Receipts,
    rulesets: Sequence[Mapping[str, Any]] = (),
    pending: int,
) -> Bundle:
    """Return an unsigned bundle; `seal_bundle(bundle.body(), seed)` makes its bytes.

    Args:
        trust: this node's own headers and directory, at least up to the last anchor.
        proof_kind: how receipts are proved.
        broker: the member's DID.
        client: the subject's DID, None for a subject that is no person.
        case: the case number that the bundle answers.
        made_at: when it was made, as text.
        history: the subject's records, none after the last anchor.
        references: the whole histories of the subjects that those records refer to.
        anchors: all final anchors of the member by `seq`, from the first; the bundle is complete as of the last.
        tree: the member's log, at least up to the last anchor's size.
        maps: the subject map as of each of these anchors, in their order; each is used before the next is asked for.
        receipts: the encoded receipts of a block.
        rulesets: the documents of the rule sets that the records name.
        pending: how many records of the subject were accepted since.

    Raises:
        CouldNotCheck: `not-anchored`; there is no final anchor.
    """
    if not anchors:
        raise CouldNotCheck("not-anchored", "there is no final anchor yet; a bundle proves anchored records only")
    materials = (history, *references)
    numbered = ((anchor.seq, subjects) for anchor, subjects in zip(anchors, maps, strict=True))
    proofs = prove_maps(numbered, [material.subject for material in materials])
    items = [_history_item(material, anchors, tree, maps) for material, maps in zip(materials, proofs, strict=True)]
    kind = PROOF_KINDS[proof_kind]
    return Bundle(
        header_rule=trust.rule.name,
        proof_kind=proof_kind,
        chain_id=trust.chain_id,
        broker=broker,
        client=client,
        case=case,
        made_at=made_at,
        history=items[0],
        references=tuple(items[1:]),
        anchors=tuple(
            AnchorItem(
                anchor.seq,
                anchor.block,
                anchor.tx_index,
                anchor.log_position,
                anchor.checkpoint,
                tuple(kind.prove_one(receipts(anchor.block), anchor.tx_index)),
            )
            for anchor in anchors
        ),
        blocks=tuple(
            BlockItem(number, tuple(receipts(number)))
            for number in history_blocks(trust, broker, client, anchors[-1].block)
        ),
        rulesets=tuple(rulesets),
        pending=pending,
    )


def _history_item(
    material: SubjectMaterial, anchors: Sequence[AnchorMaterial], tree: Tree, maps: tuple[MapItem, ...]
) -> HistoryItem:
    last = anchors[-1]
    records = []
    for copy, promise in material.records:
        index = promise["log_index"]
        if index >= last.size:
            raise CouldNotCheck("not-anchored", f"the record at log index {index} is not anchored yet")
        first = anchors[bisect_right(anchors, index, key=lambda anchor: anchor.size)]
        records.append(
            RecordItem(
                copy,
                promise,
                first.seq,
                tuple(tree.inclusion(index, first.size)),
                tuple(tree.inclusion(index, last.size)),
            )
        )
    return HistoryItem(material.subject, tuple(records), maps)
