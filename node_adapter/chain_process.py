"""The chain process: reads the chain, sends the outbox, anchors the log and watches the promises.

Each turn of its loop: index -> send -> anchor -> watch the promises. Every step leaves the store whole, so a kill at
any instant loses nothing: the next start reads the store and the chain, and goes on.

It ends by itself only when going on would be wrong (exit status 2, the reason in the log and in `worker.stopped`):
another chain, another history, or a log that is not the one that was anchored. A chain that does not answer is waited
for; `worker.stalled_since` says since when.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from sqlalchemy import Connection

from node_adapter.chain.chain_time import ChainTime
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.errors import JsonRpcError
from node_adapter.chain.guard import check_chain
from node_adapter.chain.indexer import PAGE_BLOCKS, Indexer
from node_adapter.chain.rpc import JsonRpc
from node_adapter.chain.sender import Progress, Sender
from node_adapter.life import SignOfLife, boot_id, write_sign
from node_adapter.node import Node
from node_adapter.ports import ChainRpc, TransactionOutcome
from node_adapter.process import Ready, main
from node_adapter.replay_worker import replay_worker
from node_adapter.state_worker import state_worker
from node_adapter.store import alarms, anchors, identity, outbox, restored
from node_adapter.store.chain.consent_registry import consents_in
from node_adapter.store.chain.conviction_registry import statements_in
from node_adapter.store.chain.event_log import ChainEvent
from node_adapter.store.chain.evidence_log import leaves_in
from node_adapter.store.changes import Changes
from node_adapter.store.identity import WorkerStatus
from node_adapter.store.outbox import OutboxRow
from node_adapter.workflows.anchoring import lost_blocks, owed_promises, settlement
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.anchoring.cosigning import asking
from node_adapter.workflows.anchoring.timestamping import stamping
from node_adapter.workflows.consent import truths
from node_adapter.workflows.consent.call import consent_of_key
from node_adapter.workflows.convictions.fetching import fetching, note_recorded
from node_adapter.workflows.erasing.erasing import erase_next
from node_adapter.workflows.identity.keys_in_force import checkpoint_note, rotation_waits
from node_adapter.workflows.operation.letting_go import letting_go
from node_adapter.workflows.replay.order_clock import watch_orders
from primitives.errors import CouldNotCheck, Refused, VerificationFailed

NAME = "chain"
RPC_TIMEOUT_SECONDS = 5.0
IDLE_SECONDS = 0.05
STATUS_EVERY_MS = 1_000
WATCH_EVERY_MS = 500
ORDERS_EVERY_MS = 60_000
LOOK_EVERY_MS = 500  # at what nothing was committed to: what waits for a reader of the file to end, say
STALLED_AFTER_MS = 1_000
SHOW_LIFE_EVERY_MS = 250
PROGRESS_EVERY_MS = 10_000
RECHECK_EVERY_MS = 10_000
FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 0.05, 1.0
# After a reset, the members' nodes must all have seen the shorter chain before one of them makes it grow again.
RESET_PAUSE_MS = 3_000
_PARTS_OF_LOST_BLOCKS = 4  # made at once is a part of what is lacking: others send again what stood in them

_log = logging.getLogger("node_adapter.chain")


class ChainProcess:
    """The loop. `pause` waits for a number of seconds, or less when the process is asked to end."""

    def __init__(
        self, node: Node, rpc: ChainRpc, *, pause: Callable[[float], object], should_stop: Callable[[], bool]
    ) -> None:
        """Wire the parts; nothing is read yet."""
        settings = node.settings.chain
        self._node = node
        self._rpc = rpc
        self._pause = pause
        self._should_stop = should_stop
        self._contracts = Contracts(rpc, settings.directory)
        self._indexer = Indexer(
            node.store,
            rpc,
            self._contracts,
            member=node.address,
            monotonic_ms=node.clock.monotonic_ms,
            first_block=settings.directory_block,
            finality_depth=settings.finality_depth,
            on_blocks=self._on_blocks,
            on_reset=self._on_reset,
        )
        self._is_broker = node.settings.member.role == "broker"
        self._sender = Sender(
            node.store,
            rpc,
            self._contracts,
            node.keys.signer(),
            chain_id=settings.chain_id,
            max_fee_per_gas=settings.max_fee_per_gas,
            failed=self._on_failed,
            waits=self._waits,
        )
        self._anchoring = Anchoring(node)
        self._log_changes, self._log_waits = Changes(node.store), True
        self._outbox_changes, self._outbox_is_done = Changes(node.store), False
        self._boot = boot_id()
        self._connected = False
        self._catches_up = False
        self._restored = False
        self._consents_compared = False
        self._conflicts: list[str] = []
        self._lacking = 0  # blocks, before the write that is next may be sent
        sign = node.sign_of_life()
        # A process that starts while the chain is away must know when a promise is over all the same.
        self._chain_time = ChainTime(None if sign is None else sign.chain_ahead, node.clock.monotonic_ms())
        self._hold_sending_until = 0  # this and all that follows by the monotonic clock
        self._unanswered_since: int | None = None
        self._answered: int | None = None
        self._shown = 0
        self._shown_flight: int | None = None
        self._backoff = FIRST_BACKOFF_SECONDS
        self._due: dict[str, int] = {}

    def run(self, ready: Ready = lambda: None) -> None:
        """Go on until asked to end; `ready` is called after the first look at the chain.

        Raises:
            Refused: another chain or history.
            VerificationFailed: the log and the chain contradict each other.
        """
        try:
            self._anchoring.load()
            self._turn()
            ready()
            while not self._should_stop():
                self._turn()
        except (Refused, VerificationFailed) as error:
            self._report(stopped=str(error))
            raise

    def _turn(self) -> None:
        try:
            busy = self.step()
        except CouldNotCheck as error:  # the store is busy or full: what was not written is done again
            _log.warning("cannot go on now: %s", error)
            self._pause(LAST_BACKOFF_SECONDS)
            return
        if self._unanswered_since is not None:
            self._pause(self._backoff)
            self._backoff = min(2 * self._backoff, LAST_BACKOFF_SECONDS)
        elif not busy:
            self._pause(IDLE_SECONDS)

    def step(self) -> bool:
        """Do each part once; return whether there may be more to do at once."""
        now = self._node.clock.now_ms()
        busy = self._follow_chain(now)
        self._show_life()
        if self._is_broker:
            busy |= self._keep_log(now)
            if self._is_due("watch", WATCH_EVERY_MS):
                settlement.watch_promises(self._node.store, now, self._chain_now())
            if not self._restored:
                busy |= self._watch_consents()
            self._show_life()
        if self._is_due("orders", ORDERS_EVERY_MS):
            watch_orders(self._node)
        if self._is_due("status", STATUS_EVERY_MS):
            self._report()
        return busy

    def _keep_log(self, now: int) -> bool:
        """Do what the store asks for: owed promises, anchors, erasures. Where it is as it was, there is nothing new."""
        self._log_waits |= self._log_changes.any() or self._anchoring.is_due() or self._is_due("log", LOOK_EVERY_MS)
        if not self._log_waits:
            return False
        did = not self._restored and owed_promises.keep(self._node) > 0
        did |= self._anchoring.step(now)
        did |= not self._restored and erase_next(self._node)
        self._log_waits = did
        return did

    def _watch_consents(self) -> bool:
        """Compare all consents once, and what differs again and again; return whether there is more to compare."""
        if not self._consents_compared:
            self._consents_compared = not truths.compare_some(self._node)
            return not self._consents_compared
        if self._is_due("consents", RECHECK_EVERY_MS):
            truths.recheck(self._node)
        return False

    def _follow_chain(self, now: int) -> bool:
        tick = self._node.clock.monotonic_ms()
        try:
            if not self._connected:
                check_chain(self._node.store, self._rpc, self._contracts, self._node.settings)
                self._indexer.start()
                self._look_back(now)
                self._connected = True
            busy = self._indexer.step()
            self._tell_progress()
            self._refuse_conflicts()
            if self._indexer.behind == 0:
                self._answered = tick
            self._chain_time.ask(self._rpc, tick)
            if self._restored:
                if not busy:
                    self._finish_restoring(now)
            elif tick >= self._hold_sending_until and not self._indexer.in_doubt:
                busy |= self._send(now)
        except CouldNotCheck as error:
            if error.code not in ("chain-unreachable", "json-rpc-error"):
                raise
            self._lost_chain(error, tick)
            return False
        if self._unanswered_since is not None:
            _log.info("the chain answers again")
            self._unanswered_since, self._backoff = None, FIRST_BACKOFF_SECONDS
            self._report()
        return busy

    def _tell_progress(self) -> None:
        """After a long absence: say now and then how far the index is."""
        behind = self._indexer.behind or 0
        if behind > PAGE_BLOCKS and self._is_due("progress", PROGRESS_EVERY_MS):
            _log.info("the index catches up: %d blocks of %d are still to be read", behind, self._indexer.chain_head)
            self._catches_up = True
        elif behind == 0 and self._catches_up:
            _log.info("the index has caught up, at block %d", self._indexer.chain_head)
            self._catches_up = False

    def _look_back(self, now: int) -> None:
        """Mark the database as a restored copy when the chain holds more anchors of ours than it; nobody signs then."""
        with self._node.store.read() as connection:
            self._restored = restored.since(connection) is not None
            newest = anchors.latest(connection)
        ours, head = newest.seq if newest else 0, self._contracts.head(self._node.address).seq
        if self._restored or head > ours:
            detail = f"the chain holds {head} anchors of this member, the database {ours}: it is an older copy"
            with self._node.store.write() as connection:
                restored.mark(connection, now)
                alarms.raise_alarm(connection, alarms.RESTORED, "database", detail, now)
            _log.warning("%s; nothing is signed before the chain was read", detail)
            self._restored = True

    def _finish_restoring(self, now: int) -> None:
        """The index stands at the newest final block: go on signing when every anchor of ours is there."""
        self._anchoring.require_whole()
        with self._node.store.read() as connection:
            newest = anchors.latest(connection)
        if self._contracts.head(self._node.address).seq > (newest.seq if newest else 0):
            return  # the newest are not final yet
        with self._node.store.write() as connection:
            restored.clear(connection)
            truths.forget_comparison(connection)
            alarms.close_alarm(connection, alarms.RESTORED, now)
        self._restored = self._consents_compared = False
        _log.info("the restored database is whole again")

    def _send(self, now: int) -> bool:
        if not self._outbox_changes.any() and self._outbox_is_done:
            return False
        self._lacking, self._outbox_is_done = 0, False
        progress = self._sender.step(now, self._node.clock.monotonic_ms())
        if self._lacking and progress is Progress.WAITING:
            self._grow_back()
        if progress is Progress.MOVED:  # signed: it leaves at once, and the index looks for it in the next turn
            progress = self._sender.step(now, self._node.clock.monotonic_ms())
        self._outbox_is_done = progress is Progress.IDLE
        return progress is Progress.MOVED

    def _lost_chain(self, error: CouldNotCheck, tick: int) -> None:
        self._connected = False  # what answers next may be another chain
        if self._unanswered_since is None:
            _log.warning("the chain cannot be used now: %s", error)
            self._unanswered_since = tick
            self._report()

    def _on_blocks(
        self, connection: Connection, outcomes: Sequence[TransactionOutcome], events: Sequence[ChainEvent]
    ) -> None:
        now = self._node.clock.now_ms()
        rebuild = self._anchoring.rebuild if self._restored else None
        self._conflicts += settlement.settle(
            connection,
            outcomes,
            leaves_in(connection, events, self._node.address),
            now_ms=now,
            sign=partial(checkpoint_note, self._node),
            rebuild=rebuild,
            failed=self._on_failed,
        )
        truths.compare_ids(self._node, connection, consents_in(events))
        note_recorded(connection, statements_in(events), now)

    def _on_failed(self, connection: Connection, row: OutboxRow, error: str, now_ms: int) -> None:
        consent = consent_of_key(row.key)
        # Refused because the chain has it already it is no trouble, else the two truths differ and that is the alarm.
        if consent is None or not truths.compare_ids(self._node, connection, [consent]):
            alarms.raise_failed(connection, row, error, now_ms)

    def _waits(self, connection: Connection, row: OutboxRow) -> bool:
        self._lacking = lost_blocks.missing_for(connection, row)
        unsigned = row.state == outbox.NEW  # one that is signed has its place among the nonces
        return bool(self._lacking) or (self._is_broker and unsigned and rotation_waits(self._node, connection, row))

    def _grow_back(self) -> None:
        """Have an embedded chain make, empty, some of the blocks that it lost and an anchor waits for.

        It makes none by itself, and the other members' writes go first. An engine that makes blocks by time refuses.
        """
        with suppress(JsonRpcError):
            self._rpc.call("anvil_mine", hex(-(-self._lacking // _PARTS_OF_LOST_BLOCKS)))

    def _on_reset(self, connection: Connection, last_block: int) -> None:
        now = self._node.clock.now_ms()
        count = settlement.reopen(connection, last_block, now)
        truths.forget_comparison(connection)
        self._consents_compared = False
        self._hold_sending_until = self._node.clock.monotonic_ms() + RESET_PAUSE_MS
        _log.warning("the chain was reset to block %d; %d writes are sent again", last_block, count)

    def _refuse_conflicts(self) -> None:
        if self._conflicts:
            raise VerificationFailed("anchor-conflict", "; ".join(self._conflicts))

    def _is_due(self, name: str, every_ms: int) -> bool:
        tick = self._node.clock.monotonic_ms()
        if name in self._due and tick < self._due[name]:
            return False
        self._due[name] = tick + every_ms
        return True

    def _chain_now(self) -> int:
        """Return the chain's time in ms, as far as this process has seen it."""
        return self._node.clock.monotonic_ms() + (self._chain_time.ahead or 0)

    def _show_life(self) -> None:
        tick = self._node.clock.monotonic_ms()
        flight = self._anchoring.in_flight
        if tick - self._shown < SHOW_LIFE_EVERY_MS and flight == self._shown_flight:
            return
        self._shown, self._shown_flight = tick, flight
        sign = SignOfLife(
            boot=self._boot,
            pid=os.getpid(),
            seen=tick,
            answered=self._answered,
            chain_ahead=self._chain_time.ahead,
            chain_told=self._chain_time.told,
            in_flight=flight,
            anchor_took=self._anchoring.took,
        )
        write_sign(self._node.settings.home, sign)

    def _report(self, stopped: str | None = None) -> None:
        now, since = self._node.clock.now_ms(), self._unanswered_since
        waited = 0 if since is None else self._node.clock.monotonic_ms() - since
        stalled = now - waited if waited >= STALLED_AFTER_MS else None
        with self._node.store.write() as connection:
            identity.put_worker_status(connection, WorkerStatus(now, stalled, self._indexer.chain_head, stopped))


def run(node: Node, stop: threading.Event, ready: Ready) -> None:
    """Follow the chain for a node until asked to end."""
    rpc = JsonRpc(node.settings.rpc_endpoint, timeout_seconds=RPC_TIMEOUT_SECONDS)
    try:
        with state_worker(node), replay_worker(node), asking(node), fetching(node), stamping(node), letting_go(node):
            ChainProcess(node, rpc, pause=stop.wait, should_stop=stop.is_set).run(ready)
    finally:
        rpc.close()


if __name__ == "__main__":
    sys.exit(main(NAME, run))
