"""This member as a witness of other members' logs: what it answers to `add-checkpoint`.

Specification: docs/spec/evidence-2.md, sections 8 and 17. The new state is on the disk before the cosignature leaves,
and replaces the one that was read: of two requests at a time, in whatever processes, one is answered 409.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from evidence.log.note import read_tree_head, split_note
from evidence.log.tree import EMPTY_ROOT
from evidence.version2.log.anchors import OpeningLeaf
from evidence.version2.log.cosignature import cosign
from evidence.version2.log.growth import ChainHead, GrowthState, GrowthStep, check_growth
from evidence.version2.log.growth_document import Growth
from evidence.version2.log.witness_protocol import (
    AddCheckpoint,
    WitnessAnswer,
    accepted,
    read_request,
    refuse_request,
    refused_growth,
    refused_old_size,
    unknown_log,
)
from node_adapter.store import witnessed
from node_adapter.store.engine import Store
from primitives.errors import InvalidInput, VerificationFailed


@dataclass(frozen=True)
class WitnessedLog:
    """A broker's log, as this member knows it from its own chain and fetches it from the broker.

    Attributes:
        broker: its DID.
        public_key: its checkpoint key.
        keys_digest: the digest of the key set that this key is of.
        opening: leaf 1.
        head: gives the chain's head, with the proof that the tree of so many leaves is a prefix of it.
        growth: fetches what the broker shows of the anchors after a number.
    """

    broker: str
    public_key: bytes
    keys_digest: bytes
    opening: OpeningLeaf
    head: Callable[[int], ChainHead]
    growth: Callable[[int], Growth]


def answer_add_checkpoint(
    store: Store, body: bytes, *, logs: Mapping[str, WitnessedLog], name: str, seed: bytes, now: int
) -> WitnessAnswer:
    """Check a checkpoint, keep it and cosign it, or say why not.

    Args:
        store: this member's database.
        body: of the request.
        logs: the logs that this member is a witness of, by origin; its own is none of them.
        name: the name of this member's key as a witness.
        seed: of its checkpoint key.
        now: in seconds.

    Raises:
        CouldNotCheck: the chain or the broker's growth could not be read: nothing is cosigned, nothing refused.
    """
    try:
        request = read_request(body)
        head = read_tree_head(split_note(request.note)[0])
    except InvalidInput as error:
        return WitnessAnswer(400, f"{error.detail}\n")
    log = logs.get(head.origin)
    if log is None:
        return unknown_log()
    with store.read() as connection:
        kept = witnessed.kept_state(connection, log.broker)
    refusal = refuse_request(
        request,
        public_keys=[log.public_key],
        kept_size=0 if kept is None else kept.seq,
        kept_root=EMPTY_ROOT if kept is None else kept.root,
    )
    if refusal is not None:
        return refusal
    try:
        after = _grown(log, kept, request, head.size)
    except InvalidInput as error:
        return WitnessAnswer(400, f"{error.detail}\n")
    except VerificationFailed as error:
        return refused_growth(error)
    with store.write() as connection:
        if not witnessed.replace_state(connection, log.broker, before=kept, after=after, note=request.note):
            newer = witnessed.kept_state(connection, log.broker)
            return refused_old_size(0 if newer is None else newer.seq)
    return accepted(cosign(request.note, name, now, seed))


def _grown(log: WitnessedLog, kept: GrowthState | None, request: AddCheckpoint, seq: int) -> GrowthState:
    state = GrowthState.opened(log.opening) if kept is None else kept
    first = log.growth(state.seq)
    return check_growth(
        state,
        request.note,
        broker=log.broker,
        public_key=log.public_key,
        keys_digest=log.keys_digest,
        head=log.head(seq),
        peaks=first.peaks,
        steps=_steps(log, first, state.seq, seq),
    )


def _steps(log: WitnessedLog, document: Growth, at: int, seq: int) -> Iterator[GrowthStep]:
    """Give the anchors from the one after `at` up to number `seq`, of as many documents as the broker makes of them."""
    while at < seq:
        if document.start != at or not document.steps:
            raise VerificationFailed("growth-order", f"the broker does not show what comes after anchor {at}")
        for step in document.steps:
            if at < seq:
                at = step.leaf.seq
                yield step
        if at < seq:
            document = log.growth(at)
