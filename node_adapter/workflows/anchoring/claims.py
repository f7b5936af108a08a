"""Making the claim that a promise was not kept, of what this node has: its index, and the state proof of one block.

The broker's help is needed for what its batch and its map hold, and for nothing else. Nobody is accused by what our own
verifier refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from evidence.chain.engines import HEADER_RULES
from evidence.log.tree import NodeReader
from evidence.version2.documents.claim import assemble_claim
from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf
from evidence.version2.promise import Promise, PromiseDocument
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.verify.claim import ClaimReport, verify_claim
from node_adapter.node import Node
from node_adapter.store.chain import log_trees, member_registry
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.workflows.anchoring.log_evidence import LogEvidence
from node_adapter.workflows.replay.chain_material import Parties, take_chain_material
from node_adapter.workflows.replay.trust_file import own_word
from primitives.errors import CouldNotCheck

_PATIENCE_MS = 5_000


@dataclass(frozen=True)
class Made:
    """A claim, and what our own verifier says of it."""

    data: bytes
    report: ClaimReport


@dataclass(frozen=True)
class ClaimedLog:
    """A broker's log as this node's index has it: what a claim shows of it."""

    seq: int
    opening: OpeningLeaf
    anchor: Callable[[int], AnchorLeaf]
    node: NodeReader
    keys: Callable[[bytes], MemberKeySet]


@dataclass(frozen=True)
class ShownEvidence:
    """What a broker showed that convicts it.

    Attributes:
        evidence: of the place, checked.
        named_wrong: whether its checkpoint names the covering anchor as wrong.
        checkpoint_seq: the number of the checkpoint's anchor.
    """

    evidence: LogEvidence
    named_wrong: bool = False
    checkpoint_seq: int | None = None


def make_claim(
    node: Node, document: PromiseDocument, promise: Promise, broker: str, shown: ShownEvidence | None = None
) -> Made:
    """Make a claim under the newest block of which the chain's state can be proved; it may prove nothing.

    Args:
        node: any member's node.
        document: the promise as it was given.
        promise: the same, read.
        broker: the address of the member that gave it.
        shown: what it showed of the place; None where the leaves alone decide.

    Raises:
        CouldNotCheck: the state is not proved (`state-not-proved`), or the index is behind; `log-not-read`, the tree of
            the broker's log is still being made: ask again; `node-restored`.
        VerificationFailed: the index does not hold what a head of the chain says.
    """
    chain_settings = node.settings.chain
    parties = Parties(chain_settings.chain_id, chain_settings.directory, broker)
    chain = take_chain_material(node.store, node.state, parties)
    number = HEADER_RULES[chain.header_rule].parse(chain.header, "header").number
    _grow_tree(node, broker, number)
    with node.store.read() as connection:
        word = own_word(node, connection, number)
        log = LogLeaves.of(connection, broker, number)
        covering = log.covering(promise.log_index)
        showing = shown if covering is not None else None
        data = assemble_claim(
            document,
            chain=chain,
            log=_indexed(connection, log),
            covering=covering,
            place=None if showing is None else showing.evidence.place,
            counted=None if showing is None else showing.evidence.counted,
            checkpoint=showing.evidence.checkpoint if showing is not None and showing.named_wrong else None,
            also=_also(log, promise, showing),
            members=[item for item in chain.members if item.member == promise.broker and covering is None],
        )
    return Made(data, verify_claim(data, [word.file], {bytes.fromhex(word.key)}))


def leaves_at_promise(log: LogLeaves, promise: Promise) -> list[AnchorLeaf]:
    """Return the anchor that was the last one at the promise's block, and the one after: their keys may have signed."""
    found = (log.last(promise.block), log.after(promise.block))
    return [leaf for leaf in found if leaf is not None]


def _grow_tree(node: Node, broker: str, block: int) -> None:
    until = node.clock.monotonic_ms() + _PATIENCE_MS
    whole = False
    while not whole:
        with node.store.write() as connection:
            whole = log_trees.extend(LogLeaves.of(connection, broker, block))
        if not whole and node.clock.monotonic_ms() >= until:
            raise CouldNotCheck("log-not-read", "the tree of this broker's log is being made; ask again in a moment")


def _indexed(connection: Connection, log: LogLeaves) -> ClaimedLog | None:
    opening, last = log.opening, log.last()
    if opening is None or last is None:
        return None
    sets = member_registry.key_sets(connection, log.member)
    return ClaimedLog(
        seq=last.seq,
        opening=opening,
        anchor=log.anchor,
        node=lambda level, position: log_trees.node(connection, log.member, level, position),
        keys=sets.__getitem__,
    )


def _also(log: LogLeaves, promise: Promise, shown: ShownEvidence | None) -> list[int]:
    also = [leaf.seq for leaf in leaves_at_promise(log, promise)]
    return [*also, shown.checkpoint_seq] if shown is not None and shown.checkpoint_seq is not None else also
