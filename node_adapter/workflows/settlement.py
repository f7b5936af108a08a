"""What a final block means for our own writes. It runs inside the transaction that stores the block.

1. A transaction of ours that succeeded makes its outbox row final; a reverted one makes it failed, with an alarm.
2. An `Anchored` event of this member makes its anchor final, whichever transaction carried it.
3. An `Anchored` event of this member that we did not make is a conflict: the key is used elsewhere.
4. A promise whose anchor came too late is broken, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from node_adapter.ports import TransactionOutcome
from node_adapter.store import alarms, anchored, anchors, outbox
from node_adapter.store.chain_index import ChainEvent
from node_adapter.store.engine import Store
from node_adapter.store.schema import record


def settle(
    connection: Connection,
    outcomes: Iterable[TransactionOutcome],
    events: Iterable[ChainEvent],
    *,
    member: str,
    now_ms: int,
) -> list[str]:
    """Take over what final blocks say; return the conflicts, each also raised as an alarm."""
    by_hash = {outcome.hash: outcome for outcome in outcomes}
    conflicts = []
    for event in events:
        if event.contract == "EvidenceAnchor" and event.name == "Anchored" and event.args["member"] == member:
            conflict = _settle_anchor(connection, event, by_hash[event.tx_hash], now_ms)
            if conflict:
                alarms.raise_alarm(connection, alarms.ANCHOR_CONFLICT, str(event.args["seq"]), conflict, now_ms)
                conflicts.append(conflict)
    for tx_hash, row_id in outbox.open_hashes(connection).items():
        outcome = by_hash.get(tx_hash)
        if outcome is not None:
            _settle_row(connection, row_id, outcome, now_ms)
    return conflicts


def reopen(connection: Connection, after_block: int, now_ms: int) -> int:
    """The chain has lost its newest blocks: what stood in them goes back to be sent again. Returns how many writes."""
    anchors.reopen(connection, after_block)
    count = outbox.reopen(connection, after_block, now_ms)
    detail = f"the chain ends at block {after_block}, before our index; {count} writes are sent again"
    alarms.raise_alarm(connection, alarms.CHAIN_RESET, f"{after_block}:{now_ms}", detail, now_ms)
    return count


def watch_promises(store: Store, now_ms: int) -> int:
    """Raise an alarm for each promise whose time has passed without a final anchor; return how many are new."""
    with store.read() as connection:
        late = _late_promises(connection, anchored.anchored_size(connection), None, now_ms)
    if late:  # a write takes the lock that facts are accepted under: only when there is something to say
        with store.write() as connection:
            _raise_broken(connection, late, now_ms)
    return len(late)


def differs(row: anchors.AnchorRow | None, args: Mapping[str, object]) -> str | None:
    """Say how an anchor on the chain differs from ours, or None when it is the same."""
    seq = args["seq"]
    if row is None:
        return f"anchor {seq} stands on the chain and this node did not make it"
    ours = {"root": "0x" + row.root.hex(), "size": row.size, "mapRoot": "0x" + row.map_root.hex()}
    for name, value in ours.items():
        if args[name] != value:
            return f"anchor {seq}: {name} is {args[name]} on the chain and {value} here"
    return None


def _settle_anchor(connection: Connection, event: ChainEvent, outcome: TransactionOutcome, now_ms: int) -> str | None:
    seq = int(event.args["seq"])
    row = anchors.by_seq(connection, seq)
    conflict = differs(row, event.args)
    if conflict or row is None:
        return conflict
    anchors.settle(
        connection,
        seq,
        block=outcome.block,
        block_hash=outcome.block_hash,
        tx_hash=event.tx_hash,
        log_position=event.log_position,
        block_time=outcome.block_time,
    )
    written = outbox.by_key(connection, row.key)
    if written is not None and written.state != outbox.FINAL:
        outbox.settle(connection, written.id, outcome, now_ms)
    before = anchors.by_seq(connection, seq - 1)
    late = _late_promises(connection, before.size if before else 0, row.size, outcome.block_time * 1000)
    _raise_broken(connection, late, now_ms)
    return None


def _settle_row(connection: Connection, row_id: int, outcome: TransactionOutcome, now_ms: int) -> None:
    row = outbox.by_id(connection, row_id)
    if row.state == outbox.FINAL:
        return
    if outcome.succeeded:
        outbox.settle(connection, row_id, outcome, now_ms)
        return
    error = f"the transaction reverted in block {outcome.block}"
    if row.kind == outbox.KIND_ANCHOR:  # an anchor is never given up: it is signed and sent anew
        outbox.unsign(connection, row_id, now_ms)
        alarms.raise_alarm(connection, alarms.ANCHOR_REFUSED, row.key, error, now_ms)
        return
    outbox.settle_failed(connection, row_id, outcome, error, now_ms)
    alarms.raise_alarm(connection, alarms.TRANSACTION_FAILED, row.key, error, now_ms)


def _late_promises(connection: Connection, start: int, stop: int | None, time_ms: int) -> list[tuple[str, int]]:
    query = select(record.c.record_id, record.c.anchor_by).where(record.c.log_index >= start)
    query = query.where(record.c.anchor_by < time_ms, ~alarms.is_raised(alarms.PROMISE_BROKEN, record.c.record_id))
    if stop is not None:
        query = query.where(record.c.log_index < stop)
    return [(row.record_id, row.anchor_by) for row in connection.execute(query.order_by(record.c.log_index))]


def _raise_broken(connection: Connection, late: Iterable[tuple[str, int]], now_ms: int) -> None:
    for record_id, anchor_by in late:
        detail = f"promised to stand on the chain by {anchor_by} (ms); it did not"
        alarms.raise_alarm(connection, alarms.PROMISE_BROKEN, record_id, detail, now_ms)
