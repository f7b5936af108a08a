"""An operator names anchors of this member as wrong, and the log goes on (docs/spec/evidence-2.md, section 8.4).

What stands on the chain as an anchor of this member is not what its records say: the key was used elsewhere, such as by
an old copy of this node, or the store is not what it was. The chain process stops there and signs nothing of it. Nobody
but a person decides that it goes on: the promises that break convict the broker. Then, in one transaction:

1. The leaves become part of our tree, since they are part of the chain's; the wrong anchors get no checkpoint, and
   every later one names them.
2. The map is the one of the last anchor before them again.
3. The records that they were to anchor, and all after, get the places that follow, in their order: the batch of the
   next anchor begins where the wrong ones end. A promise names its place: what was given is broken, another is owed.
4. What was anchored here and never stood on the chain is not sent any more.

The next anchor needs a record: the contract takes none without a batch that has another map than the one before it. So
each wrong anchor is a matter of the house, whose history the node opens (`state_wrong`), whatever else waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from evidence.version2.batch_tree import BatchTree
from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf
from evidence.version2.log.checkpoint import MAX_WRONG
from evidence.version2.map.append_proof import make_append_proof
from evidence.version2.opening import house_subject
from node_adapter.node import Node
from node_adapter.store import (
    alarms,
    anchor_tree,
    anchors,
    erasures,
    log_growth,
    outbox,
    records,
    subjects,
    wrong_anchors,
)
from node_adapter.store.anchors import AnchorRow
from node_adapter.store.chain import blocks, evidence_log
from node_adapter.store.chain.evidence_log import LeafEvent
from node_adapter.store.wrong_anchors import WrongAnchor
from node_adapter.workflows.anchoring.growth import own_fault
from node_adapter.workflows.intake.facts import record_facts
from node_adapter.workflows.intake.house_subjects import open_house
from node_adapter.workflows.intake.openings import opening_fact
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput, Refused
from primitives.timestamp import format_time

MATTER = "wrong-anchor"
MAX_REASON = 1_000
_CODE_TAG, _CODE_CHARACTERS = "bonafides/wrong-anchors/1", 12
_CHAIN_PROCESS = "chain"
_MS = 1000


@dataclass(frozen=True)
class Wound:
    """Anchors of this member on the chain that this database cannot take over, the first of which is not its own.

    Attributes:
        opening: leaf 1 where the tree lacks it, too.
        events: the anchors, in their order.
        why: what of the first one is not what the records say.
        before: the number of the last anchor that is counted; 0 where there is none.
        promises: how many promises would be broken.
    """

    opening: OpeningLeaf | None
    events: tuple[LeafEvent, ...]
    why: str
    before: int
    promises: int

    @property
    def anchors(self) -> list[AnchorLeaf]:
        """Their leaves."""
        return [event.leaf for event in self.events if isinstance(event.leaf, AnchorLeaf)]

    @property
    def code(self) -> str:
        """What an operator repeats who has seen these leaves, and no others."""
        return tagged_sha256(_CODE_TAG, *(leaf.hash() for leaf in self.anchors)).hex()[:_CODE_CHARACTERS]

    def to_json(self) -> dict[str, Any]:
        """Return what an operator is shown."""
        return {
            "anchors": [
                {
                    "seq": leaf.seq,
                    "block": leaf.block,
                    "time": format_time(leaf.time * _MS),
                    "size_before": leaf.size_before,
                    "size_after": leaf.size_after,
                }
                for leaf in self.anchors
            ],
            "why": self.why,
            "last_counted": self.before,
            "promises_broken": self.promises,
            "confirm": self.code,
        }


def leaves_to_take(node: Node, connection: Connection) -> list[LeafEvent]:
    """Return the leaves of the index that our tree lacks: none, unless a conflict or a lost record stopped it."""
    address, size = node.address, anchor_tree.tree_size(connection)
    newest = evidence_log.last_anchored(connection, address)
    if newest is None or newest.leaf.seq <= size:
        return []
    last = anchor_tree.find_leaf(connection, size)
    found = evidence_log.leaf_events(
        connection,
        address,
        evidence_log.contracts(connection),
        after_block=None if last is None else last.block - 1,
    )
    return [event for event in found if event.leaf.seq > size]


def find_wound(node: Node, connection: Connection) -> Wound:
    """Return the anchors that stop this node.

    Raises:
        Refused: `nothing-wrong`, the chain holds no anchor of this member that this database lacks, or the first one is
            its own, and is taken over at the next start.
    """
    waiting = leaves_to_take(node, connection)
    opening = waiting[0].leaf if waiting and isinstance(waiting[0].leaf, OpeningLeaf) else None
    events = tuple(event for event in waiting if isinstance(event.leaf, AnchorLeaf))
    if not events:
        raise Refused("nothing-wrong", "the chain holds no anchor of this member that is not in this database's tree")
    first = events[0].leaf
    why = _difference(node, connection, first) if isinstance(first, AnchorLeaf) else None
    if why is None:
        raise Refused(
            "nothing-wrong", f"anchor {first.seq} is this database's own: start the node, which takes it over"
        )
    counted = anchors.latest_counted(connection, first.seq)
    found = Wound(opening, events, why, 0 if counted is None else counted.seq, 0)
    start, by = _move(connection, found)
    promises = records.promised_count_from(connection, start) if by else 0
    return Wound(opening, events, why, found.before, promises)


def heal(node: Node, *, reason: str, confirm: str) -> dict[str, Any]:
    """Name the anchors that stop this node as wrong, for good.

    Args:
        node: this node, whose processes stand still.
        reason: why, in the operator's words; it is kept and shown.
        confirm: the code that was shown with the anchors.

    Returns:
        {"named": numbers, "promises_broken", "moved_by": places}.

    Raises:
        InvalidInput: `reason` is empty or too long.
        Refused: `nothing-wrong`; `not-confirmed`, the code is not of these anchors; `too-many-wrong`.
        VerificationFailed: check `local-map`, the map before them is not kept.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise InvalidInput("reason", "length", f"must be 1 to {MAX_REASON} characters")
    now = node.clock.now_ms()
    with node.store.write() as connection:
        wound = find_wound(node, connection)
        if confirm != wound.code:
            raise Refused("not-confirmed", f"confirm: these anchors have the code {wound.code}: look at them first")
        seqs = [leaf.seq for leaf in wound.anchors]
        if len({*wrong_anchors.named(connection), *seqs}) > MAX_WRONG:
            raise Refused("too-many-wrong", f"a checkpoint names at most {MAX_WRONG} anchors as wrong")
        start, by = _move(connection, wound)
        node.label_map.take_back(connection, wound.before)  # (2)
        log_growth.drop_from(connection, seqs[0])
        for key in anchors.drop_from(connection, seqs[0]):  # (4)
            outbox.drop(connection, key)
        if wound.opening is not None:
            anchor_tree.append_leaf(connection, wound.opening)
        broken = _broken(connection, start, by, now) if by else []  # (3)
        for event, leaf in zip(wound.events, wound.anchors, strict=True):  # (1)
            count = len(broken) if leaf.seq == seqs[0] else 0
            wrong_anchors.name(connection, WrongAnchor(leaf.seq, reason, now, count))
            _take(connection, event, leaf, now)
        _tell(connection, seqs, broken, now)
    return {"named": seqs, "promises_broken": len(broken), "moved_by": by}


def state_wrong(node: Node) -> None:
    """Open the history of each wrong anchor that has none.

    Raises:
        CouldNotCheck, Refused: nothing can be recorded now.
    """
    with node.store.read() as connection:
        lacking = [
            seq
            for seq in wrong_anchors.named(connection)
            if subjects.find_by_pid(connection, house_subject(node.did, _opens(seq))) is None
        ]
    for seq in lacking:
        with node.store.write() as connection:
            now = node.clock.now_ms()
            subject = open_house(node, connection, _opens(seq), now)
            record_facts(node, connection, [opening_fact(node, subject, now)])


def _opens(seq: int) -> str:
    return f"{MATTER}:{seq}"


def _difference(node: Node, connection: Connection, leaf: AnchorLeaf) -> str | None:
    """Say how an anchor on the chain differs from what this database would anchor there; None where it does not."""
    row = anchors.by_seq(connection, leaf.seq)
    if row is not None:
        return row.difference(leaf) or own_fault(connection, leaf)
    batch = records.labelled(connection, leaf.size_before, leaf.size_after)
    if len(batch) != leaf.added:
        return f"anchor {leaf.seq} covers {leaf.added} records, of which {len(batch)} are here"
    if BatchTree.of_entries(entry for _, entry in batch).root != leaf.batch_root:
        return f"anchor {leaf.seq} is of other records than those that are here"
    newest = node.label_map.newest(connection)
    top = None if newest is None else node.label_map.view(connection).top
    if make_append_proof(top, dict(batch)).new != leaf.map_root:
        return f"anchor {leaf.seq} counts other records than those that are here"
    return None


def _move(connection: Connection, wound: Wound) -> tuple[int, int]:
    """Return which place the records that wait begin at, and by how many places they have to go on."""
    base, end = wound.anchors[0].size_before, wound.anchors[-1].size_after
    start = records.first_from(connection, base)
    return (base, 0) if start is None else (start, end - start)


def _broken(connection: Connection, start: int, by: int, now_ms: int) -> list[str]:
    broken = records.move_from(connection, start, by, now_ms)
    erasures.move_from(connection, start, by)
    # What was answered with a promise that is broken is not answered again.
    erasures.forget_answers(connection, erasures.answers_that_show(connection, broken))
    return broken


def _take(connection: Connection, event: LeafEvent, leaf: AnchorLeaf, now_ms: int) -> None:
    """Make a leaf of the chain part of our tree, with a row that says the same, as of any other anchor."""
    anchor_tree.append_leaf(connection, leaf)
    row = AnchorRow(leaf.seq, leaf.size_before, leaf.size_after, leaf.batch_root, leaf.map_root, now_ms)
    anchors.add(connection, row)
    block_hash = blocks.block_at(connection, leaf.block).hash
    anchors.settle(
        connection,
        leaf.seq,
        checkpoint="",
        block=leaf.block,
        block_hash=block_hash,
        tx_hash=event.tx_hash,
        log_position=event.log_position,
        block_time=leaf.time,
    )
    outbox.settle_elsewhere(connection, row.key, event.contract, (leaf.block, block_hash, event.tx_hash), now_ms)


def _tell(connection: Connection, seqs: list[int], broken: list[str], now_ms: int) -> None:
    for seq in seqs:
        alarms.close_alarm(connection, alarms.ANCHOR_CONFLICT, now_ms, str(seq))
    alarms.close_alarm(connection, alarms.PROCESS_STOPPED, now_ms, _CHAIN_PROCESS)
    told = f"{len(broken)} promises are broken" + (f", {broken[0]} to {broken[-1]}" if broken else "")
    alarms.raise_alarm(connection, alarms.ANCHOR_NAMED_WRONG, f"{seqs[0]}-{seqs[-1]}", told, now_ms)
