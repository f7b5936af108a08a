"""This member as a witness of other members' logs: what it answers to `add-checkpoint`.

Specification: docs/spec/evidence-2.md, sections 8 and 17. The new state is on the disk before the cosignature leaves,
and replaces the one that was read: of two requests at a time, in whatever processes, one is answered 409.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from evidence.log.note import read_tree_head, split_note
from evidence.log.tree import EMPTY_ROOT
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import OpeningLeaf
from evidence.version2.log.cosignature import cosign, witness_name
from evidence.version2.log.growth import ChainHead, GrowthState, GrowthStep, check_growth, check_kept, kept_peaks
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
from node_adapter.node import Node
from node_adapter.store import witnessed
from node_adapter.store.engine import Store
from node_adapter.workflows.identity.keys_in_force import keys_in_force
from primitives.errors import InvalidInput, VerificationFailed

_MS = 1000


@dataclass(frozen=True)
class WitnessedLog:
    """A broker's log, as this member knows it from its own chain and fetches it from the broker.

    Attributes:
        broker: its DID.
        public_key: its checkpoint key.
        keys_digest: the digest of the key set that this key is of.
        opening: leaf 1.
        head: gives what the chain says of the tree of so many leaves, from the peaks of the tree that was kept.
        growth: fetches what the broker shows of the anchors after a number.
    """

    broker: str
    public_key: bytes
    keys_digest: bytes
    opening: OpeningLeaf
    head: Callable[[int, Peaks], ChainHead]
    growth: Callable[[int], Growth]


FindLog = Callable[[str, int], WitnessedLog | None]
"""Gives the log of an origin as of the anchor of a number; None of one that this member is no witness of."""


GoingOver = Callable[[str], AbstractContextManager[object]]


def _at_once(_origin: str) -> AbstractContextManager[object]:
    return nullcontext()


def answer_as_member(node: Node, body: bytes, *, find: FindLog, going_over: GoingOver = _at_once) -> WitnessAnswer:
    """Answer with this member's checkpoint key, which the registry holds of it now.

    Raises:
        CouldNotCheck: as `answer_add_checkpoint`; `signing-key-not-held`; `node-restored`, a copy signs nothing.
    """
    with node.store.read() as connection:
        seed = keys_in_force(node, connection).checkpoint_seed
    now = node.clock.now_ms() // _MS
    name = witness_name(node.did)
    return answer_add_checkpoint(node.store, body, find=find, name=name, seed=seed, now=now, going_over=going_over)


def answer_add_checkpoint(
    store: Store, body: bytes, *, find: FindLog, name: str, seed: bytes, now: int, going_over: GoingOver = _at_once
) -> WitnessAnswer:
    """Check a checkpoint, keep it and cosign it, or say why not.

    One of the tree that is kept is held against what is kept, and nobody is asked for anything.

    Args:
        store: this member's database.
        body: of the request.
        find: gives the logs that this member is a witness of; its own is none of them.
        name: the name of this member's key as a witness.
        seed: of its checkpoint key.
        now: in seconds.
        going_over: is entered with the log's origin while the broker is asked for its growth.

    Raises:
        CouldNotCheck: the chain or the broker's growth could not be read: nothing is cosigned, nothing refused.
    """
    try:
        request = read_request(body)
        head = read_tree_head(split_note(request.note)[0])
    except InvalidInput as error:
        return WitnessAnswer(400, f"{error.detail}\n")
    log = find(head.origin, head.size)
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
        if kept is not None and kept.seq == head.size:  # a stranger may send what is public again and again
            check_kept(kept, request.note, broker=log.broker, public_key=log.public_key)
            return accepted(cosign(request.note, name, now, seed))
        with going_over(head.origin):
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
        head=log.head(seq, kept_peaks(state, first.peaks)),
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
