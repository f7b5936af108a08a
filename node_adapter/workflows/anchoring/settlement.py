"""What a final block means for our own writes. It runs inside the transaction that stores the block.

1. A transaction of ours that succeeded makes its outbox row final, in whatever state the row is and however often it
   was signed. A reverted one makes it failed, with an alarm, unless another transaction of the row succeeded.
2. An `Anchored` event of this member makes its anchor final, whichever transaction carried it: its leaf becomes part of
   our tree, and the checkpoint of that tree is signed.
3. An `Anchored` event of this member that we did not make, or that is not what our records say, is a conflict: it gets
   no checkpoint, and nothing goes on before an operator has named the anchor wrong (`healing`).
4. A promise whose anchor came too late is broken, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import Connection

from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf
from node_adapter.ports import TransactionOutcome
from node_adapter.store import (
    alarms,
    anchor_tree,
    anchors,
    former,
    outbox,
    own_transactions,
    records,
    retention,
    wrong_anchors,
)
from node_adapter.store.alarms import Failed
from node_adapter.store.anchors import AnchorRow
from node_adapter.store.chain import blocks
from node_adapter.store.chain.evidence_log import LeafEvent
from node_adapter.store.engine import Store
from node_adapter.store.outbox import OutboxRow
from node_adapter.workflows.anchoring.growth import own_fault

_MS = 1000

# What kept one write back, named by its key; that the write is settled ends it.
_OBSTACLES = (
    alarms.ANCHOR_WITHOUT_EVENT,
    alarms.ANCHOR_REFUSED,
    alarms.SEND_REFUSED,
    alarms.CALL_REFUSED,
    alarms.RESEND_BLOCKED,
    alarms.FEE_BOUND,
)


Rebuild = Callable[[Connection, LeafEvent], AnchorRow | None]
SignCheckpoint = Callable[[Connection, AnchorLeaf, bytes], str]
FindFault = Callable[[Connection, AnchorLeaf], str | None]


def settle(
    connection: Connection,
    outcomes: Iterable[TransactionOutcome],
    made: Iterable[LeafEvent],
    *,
    now_ms: int,
    sign: SignCheckpoint,
    rebuild: Rebuild | None = None,
    failed: Failed = alarms.raise_failed,
    fault: FindFault = own_fault,
) -> list[str]:
    """Take over what final blocks say; return the conflicts, each also raised as an alarm.

    Args:
        connection: of the transaction that stores the blocks.
        outcomes: of every transaction in them.
        made: the leaves in them that bear our name.
        now_ms: the time.
        sign: makes the checkpoint of a tree whose last leaf and root it is given.
        rebuild: makes the row of an anchor of ours that this database does not hold, while it is a restored copy.
        failed: tells a person that the contract has refused a write for good.
        fault: says what does not hold of an anchor of ours; such a one gets no checkpoint.
    """
    by_hash = {outcome.hash: outcome for outcome in outcomes}
    own = [outcome for outcome in by_hash.values() if outcome.nonce is not None]
    for outcome in own:
        own_transactions.add(connection, outcome)
    conflicts = take_leaves(connection, made, by_hash, now_ms=now_ms, sign=sign, rebuild=rebuild, fault=fault)
    for outcome in own:
        row = outbox.row_of_attempt(connection, outcome.hash)
        if row is not None:
            _settle_row(connection, row, outcome, now_ms, failed)
    return conflicts


def take_leaves(
    connection: Connection,
    made: Iterable[LeafEvent],
    outcomes: Mapping[bytes, TransactionOutcome],
    *,
    now_ms: int,
    sign: SignCheckpoint,
    rebuild: Rebuild | None = None,
    fault: FindFault = own_fault,
) -> list[str]:
    """Put new leaves into our tree, each with the anchor that it is of; return and raise the conflicts.

    A leaf whose records are not there is left out, and so is every one after it: `rebuild` has noted them.

    Args:
        connection: a connection inside a write transaction.
        made: our leaves in their order, the first of which the tree does not hold.
        outcomes: of the transactions that made them, by hash, as far as they are known.
        now_ms: the time.
        sign: as of `settle`.
        rebuild: as of `settle`.
        fault: as of `settle`.
    """
    conflicts = []
    for event in made:
        leaf = event.leaf
        if isinstance(leaf, OpeningLeaf):
            if told := _other_log(connection, leaf):
                alarms.raise_alarm(connection, alarms.ANCHOR_CONFLICT, "1", told, now_ms)
                conflicts.append(told)
                return conflicts
            anchor_tree.append_leaf(connection, leaf)
            continue
        row = anchors.by_seq(connection, leaf.seq)
        if row is None and rebuild is not None:
            row = rebuild(connection, event)
            if row is None:
                continue
        conflict = _conflict(connection, row, leaf) or _fault(connection, leaf, fault)
        if conflict or row is None:
            alarms.raise_alarm(connection, alarms.ANCHOR_CONFLICT, str(leaf.seq), str(conflict), now_ms)
            conflicts.append(str(conflict))
            continue
        peaks = anchor_tree.append_leaf(connection, leaf)
        note = sign(connection, leaf, peaks.root())
        _settle_anchor(connection, row, event, leaf, note, outcomes.get(event.tx_hash), now_ms)
    return conflicts


def reopen(connection: Connection, after_block: int, now_ms: int) -> int:
    """The chain has lost its newest blocks: what stood in them goes back to be sent again. Returns how many writes.

    The leaves of our anchors in them are taken back: the same anchors get new ones, which name other blocks.

    Raises:
        Refused: `reset-too-far`, what stood in them is not kept any more.
    """
    retention.require_kept(connection, after_block)
    anchors.reopen(connection, after_block)
    kept = anchors.last_final(connection)
    anchor_tree.truncate(connection, 0 if kept is None else kept.seq)
    own_transactions.truncate(connection, after_block)
    count = outbox.reopen(connection, after_block, now_ms)
    detail = f"the chain ends at block {after_block}, before our index; {count} writes are sent again"
    alarms.raise_alarm(connection, alarms.CHAIN_RESET, "chain", detail, now_ms)
    return count


def watch_promises(store: Store, now_ms: int, chain_ms: int) -> int:
    """Note each promise whose time has passed without a final anchor; return how many are new.

    Whether a promise is over, the chain's time says (`chain_ms`): nobody else can prove it by another one. They are one
    alarm, since one thing keeps the anchors back. It is closed when nothing overdue waits any more.
    """
    with store.read() as connection:
        size = anchors.anchored_size(connection)
        late = records.late_promises(connection, size, None, chain_ms)
        overdue = records.is_overdue(connection, size, chain_ms)
        stale = not overdue and alarms.is_open(connection, alarms.PROMISE_BROKEN)
    if late or stale:  # a write takes the lock that facts are accepted under: only when there is something to say
        with store.write() as connection:
            raise_broken(connection, late, now_ms)
            if stale:
                alarms.close_alarm(connection, alarms.PROMISE_BROKEN, now_ms)
    return len(late)


def close_ended(store: Store, kind: str, now_ms: int, about: str | None = None) -> None:
    """Close an alarm whose cause has ended; without one nothing is written, and no lock is taken."""
    with store.read() as connection:
        found = alarms.is_open(connection, kind, about)
    if found:
        with store.write() as connection:
            alarms.close_alarm(connection, kind, now_ms, about)


def _other_log(connection: Connection, opening: OpeningLeaf) -> str | None:
    """Say how the log that leaf 1 names as the former one differs from the one that this node goes on with."""
    log = former.find_log(connection)
    theirs = opening.former_seq, opening.former_root.hex(), opening.former_size, opening.former_map_root.hex()
    if log is None:  # of a broker that never anchored the contract says no more than this
        return f"leaf 1 continues {theirs[2]} records of format 1, which are not here" if theirs[0] else None
    ours = log.seq, log.root, log.size, log.map_root
    if theirs == ours:
        return None
    return f"leaf 1 continues a log of format 1 with seq, root, size and map root {theirs}; ours ended with {ours}"


def _conflict(connection: Connection, row: AnchorRow | None, leaf: AnchorLeaf) -> str | None:
    if row is None:
        return f"anchor {leaf.seq} stands on the chain and this node did not make it"
    if leaf.seq != anchor_tree.tree_size(connection) + 1:
        return f"anchor {leaf.seq} stands on the chain, and the one before it is not ours"
    return row.difference(leaf)


def _fault(connection: Connection, leaf: AnchorLeaf, fault: FindFault) -> str | None:
    """Say what does not hold of an anchor that is the one we made; of one that is named wrong nothing is asked."""
    found = None if wrong_anchors.is_named(connection, leaf.seq) else fault(connection, leaf)
    return None if found is None else f"anchor {leaf.seq} is not what the records say: {found}"


def _settle_anchor(
    connection: Connection,
    row: AnchorRow,
    event: LeafEvent,
    leaf: AnchorLeaf,
    note: str,
    outcome: TransactionOutcome | None,
    now_ms: int,
) -> None:
    anchors.settle(
        connection,
        row.seq,
        checkpoint=note,
        block=leaf.block,
        block_hash=blocks.block_at(connection, leaf.block).hash,
        tx_hash=event.tx_hash,
        log_position=event.log_position,
        block_time=leaf.time,
    )
    written = outbox.by_key(connection, row.key)
    if outcome is not None and written is not None and written.state != outbox.FINAL:
        outbox.settle(connection, written.id, outcome, now_ms)
    _close_obstacles(connection, row.key, now_ms)
    late = records.late_promises(connection, row.size_before, row.size, leaf.time * _MS)
    raise_broken(connection, late, now_ms)


def _settle_row(
    connection: Connection, row: OutboxRow, outcome: TransactionOutcome, now_ms: int, failed: Failed
) -> None:
    if row.state == outbox.FINAL:
        return
    signed = [attempt.tx_hash for attempt in outbox.attempts(connection, row.id)]
    for mined in own_transactions.find(connection, signed):
        if mined.succeeded:
            outbox.settle(connection, row.id, mined, now_ms)
            _close_obstacles(connection, row.key, now_ms)
            return
    if row.nonce != outcome.nonce:  # an earlier attempt; the row was given up or signed anew since
        return
    error = f"the transaction reverted in block {outcome.block}"
    if row.kind == outbox.KIND_ANCHOR:  # an anchor is never given up: it is signed and sent anew
        outbox.unsign(connection, row.id, now_ms)
        alarms.raise_alarm(connection, alarms.ANCHOR_REFUSED, row.key, error, now_ms)
        return
    outbox.settle_failed(connection, row.id, outcome, error, now_ms)
    _close_obstacles(connection, row.key, now_ms)
    failed(connection, row, error, now_ms)


def _close_obstacles(connection: Connection, key: str, now_ms: int) -> None:
    for kind in _OBSTACLES:
        alarms.close_alarm(connection, kind, now_ms, key)


def raise_broken(connection: Connection, late: Sequence[str], now_ms: int) -> None:
    """Note that the promises of these records are broken, and tell a person; nothing where there is none."""
    if not late:
        return
    records.mark_broken(connection, late, now_ms)
    detail = f"{len(late)} more records do not stand on the chain as promised, {late[0]} to {late[-1]}"
    alarms.raise_alarm(connection, alarms.PROMISE_BROKEN, "anchoring", detail, now_ms, count=len(late))
