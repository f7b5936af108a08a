"""Sends the outbox: one transaction of the member in flight, never lost, never doubled.

1. What cannot be undone is decided from blocks that the index has taken, never from two answers of the chain's node:
   its account may be ahead of its blocks, its blocks ahead of their receipts, and another endpoint behind both.
2. A nonce is used when an indexed block holds a transaction of this account with it (`store.own_transactions`). A write
   whose nonce is used while none of its transactions stands in the index can never be mined: it is signed anew.
3. The raw transaction is committed before it leaves, and every one that was ever signed for a write is kept: any of
   them settles it (`workflows.settlement`). To send again is harmless: "already known", "nonce too low" are no errors.
4. A refusal counts when the contract also refuses at the newest indexed block. Until then the write waits, and keeps
   no other back. An anchor is never given up.
5. An anchor is signed only on our tree as the index has it, and its call is made of that tree: after a reset the leaf
   before it is another one. Another anchor there under our number: the key is used elsewhere, and the sender stops.
6. What a chain reset lost goes out again in nonce order, and waits while its call would revert (it may depend on what
   another member has not sent again yet).
7. A transaction that pays too little is replaced by one that pays more at the same nonce, up to a bound: at most one of
   them can be mined.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from evidence.version2.log.anchors import AnchorLeaf
from node_adapter.anchor_call import anchor_call
from node_adapter.chain import fees
from node_adapter.chain.contracts import Contracts, call_raw, reverted
from node_adapter.chain.errors import ContractReverted, JsonRpcError
from node_adapter.chain.rpc import quantity
from node_adapter.ports import ChainRpc, TransactionSigner
from node_adapter.store import alarms, anchors, outbox, own_transactions
from node_adapter.store.alarms import Failed
from node_adapter.store.chain import blocks, evidence_log
from node_adapter.store.engine import Store
from node_adapter.store.outbox import Attempt, OutboxRow
from primitives.errors import VerificationFailed

RESEND_AFTER_MS = 2_000
RETRY_REFUSED_MS = 1_000  # an anchor that the contract refuses now, such as before this member is admitted
RESEND_PATIENCE_MS = 120_000
MISSING_EVENT_MS = 60_000
GAP_AFTER_MS = 10_000
STUCK_AFTER_MS = 60_000  # a transaction that pays enough and is not mined is replaced all the same
_MS = 1000
_GAS_MARGIN_PERCENT = 130
_TAKEN = ("already known", "already imported", "known transaction", "nonce too low", "alreadyknown")
_UNDERPAID = ("underpriced", "fee too low", "less than block base fee", "below current base fee", "gas price below")


Waits = Callable[[Connection, OutboxRow], bool]


class Progress(enum.Enum):
    """What a step did."""

    IDLE = "idle"  # nothing to send
    MOVED = "moved"  # a row changed its state
    WAITING = "waiting"  # for a block, or for another try


@dataclass(frozen=True)
class _Moment:
    """When a step is made, and what one snapshot of the store says: the first unused nonce, the newest block."""

    now: int  # to write down
    tick: int  # to wait by
    nonce: int | None
    tip: int | None


class Sender:
    """Moves the outbox forward by at most one transaction per step."""

    def __init__(
        self,
        store: Store,
        rpc: ChainRpc,
        contracts: Contracts,
        signer: TransactionSigner,
        *,
        chain_id: int,
        max_fee_per_gas: int,
        failed: Failed = alarms.raise_failed,
        waits: Waits = lambda _connection, _row: False,
    ) -> None:
        """Wire it.

        `max_fee_per_gas` is in wei; `failed` tells a person of what a contract has refused for good; `waits` says of a
        write whether it may not be sent yet.
        """
        self._store = store
        self._rpc = rpc
        self._contracts = contracts
        self._signer = signer
        self._chain_id = chain_id
        self._max_fee = max_fee_per_gas
        self._failed = failed
        self._waits = waits
        self._not_before: dict[int, int] = {}  # row id -> tick of the next try
        self._since: dict[tuple[str, int], int] = {}  # (what, row id) -> since when

    def step(self, now_ms: int, tick: int) -> Progress:
        """Work on the first open row.

        Args:
            now_ms: the time, to write down.
            tick: milliseconds of a clock that only goes forward, to wait by.

        Raises:
            ChainUnavailable: nobody answers; nothing changed that another step does not repeat.
            VerificationFailed: `anchor-conflict`, see rule 5.
        """
        self._not_before = {row_id: time for row_id, time in self._not_before.items() if tick < time}
        waiting = list(self._not_before)
        with self._store.read() as connection:
            row = outbox.next_open(connection, waiting)
            tip = blocks.find_tip(connection)
            at = _Moment(now_ms, tick, own_transactions.next_nonce(connection), None if tip is None else tip.number)
            waits = row is not None and self._waits(connection, row)
        if row is None:
            if not waiting:
                self._since.clear()
            return Progress.WAITING if waiting else Progress.IDLE
        if waits:
            return self._retry(row, at)
        if row.state == outbox.NEW:
            return self._sign_new(row, at)
        if row.nonce is not None and at.nonce is not None and at.nonce > row.nonce:
            return self._give_back(row, at)  # rule 2: the index would have settled it
        if row.id in self._not_before:
            return Progress.WAITING
        if self._follows_gap(row, at):
            return self._give_back(row, at)
        return self._send(row, at) if row.block is None else self._resend(row, at)

    # A new row: may it be sent, under which nonce, and for how much?

    def _sign_new(self, row: OutboxRow, at: _Moment) -> Progress:
        if row.kind == outbox.KIND_ANCHOR and (progress := self._held_back(row, at)) is not None:
            return progress
        nonce = self._free_nonce(at)
        if nonce is None:
            return self._retry(row, at)
        block = self._newest_block()
        try:
            gas = int(self._rpc.call("eth_estimateGas", self._call_of(row)), 16)
        except JsonRpcError as error:
            refusal = reverted(error)
            if not isinstance(refusal, ContractReverted):
                raise
            return self._refused(row, refusal, at)
        self._sign(row, nonce, fees.first_price(block, self._max_fee), gas, block, at)
        return Progress.MOVED

    def _free_nonce(self, at: _Moment) -> int | None:
        """Return the nonce to sign with, or None to wait until the index has come to what the account shows."""
        count = self._account_nonce()
        if at.nonce is not None and count <= at.nonce:
            return at.nonce
        # The index holds nothing of this account yet, or not what moved it last: it may never, when that was before the
        # index followed it. A block that the index has taken says which. The account's newest state does not: where the
        # chain takes that back, a nonce after a gap is signed, and the write is signed once more to fill the gap.
        settled = None if at.tip is None else self._nonce_at(at.tip)
        if settled is None or (at.nonce is not None and settled <= at.nonce):
            return None
        return settled

    def _nonce_at(self, block: int) -> int | None:
        """Return the account's nonce at a block; None when the node cannot say."""
        try:
            return int(self._rpc.call("eth_getTransactionCount", self._signer.address, quantity(block)), 16)
        except JsonRpcError:
            return None

    def _sign(
        self, row: OutboxRow, nonce: int, price: int, estimate: int, block: Mapping[str, Any], at: _Moment
    ) -> None:
        transaction = {
            "nonce": nonce,
            "gas": min(estimate * _GAS_MARGIN_PERCENT // 100, int(block["gasLimit"], 16)),
            "to": bytes.fromhex(row.target[2:]),
            "value": 0,
            "data": row.data,
            "chainId": self._chain_id,
            **fees.fields(price, has_base_fee=fees.base_fee(block) > 0),
        }
        raw, tx_hash = self._signer.sign_transaction(transaction)
        with self._store.write() as connection:
            outbox.mark_signed(connection, Attempt(tx_hash, row.id, nonce, price, raw, at.now))
        self._forget(row)

    def _held_back(self, row: OutboxRow, at: _Moment) -> Progress | None:
        """Let an anchor wait for the one before it, and make its call anew where our tree is another by now."""
        call = self._call_of_anchor(row, at)
        if call is None:
            return self._retry(row, at)
        if call == row.data:
            return None
        with self._store.write() as connection:
            outbox.renew(connection, row.id, call, at.now)
        self._not_before.pop(row.id, None)
        self._forget(row)
        return Progress.MOVED

    def _call_of_anchor(self, row: OutboxRow, at: _Moment) -> bytes | None:
        """Return an anchor's call on our tree as the index has it; None to wait until it has the anchor before."""
        seq = anchors.seq_of_key(row.key)
        with self._store.read() as connection:
            anchor = anchors.by_seq(connection, seq)
            last = evidence_log.last_anchored(connection, self._signer.address)
            call = None if anchor is None else anchor_call(connection, anchor)
        if anchor is None:
            raise VerificationFailed("anchor-conflict", f"the outbox holds {row.key}, which is not among the anchors")
        if last is None or last.leaf.seq < seq:
            return call
        difference = (
            anchor.difference(last.leaf) if isinstance(last.leaf, AnchorLeaf) and last.leaf.seq == seq else None
        )
        if last.leaf.seq > seq or difference:
            told = difference or f"the newest anchor of the index is number {last.leaf.seq}, and our {seq} is not final"
            detail = f"{told}: this member's key is used elsewhere, or the chain is not the one of this log"
            with self._store.write() as connection:
                alarms.raise_alarm(connection, alarms.ANCHOR_CONFLICT, str(seq), detail, at.now)
            raise VerificationFailed("anchor-conflict", detail)
        return None  # it stands there already: it settles with the index

    # The contract refuses.

    def _refused(self, row: OutboxRow, refusal: ContractReverted, at: _Moment) -> Progress:
        if row.kind == outbox.KIND_ANCHOR:
            self._note(row, alarms.ANCHOR_REFUSED, refusal.detail, at)
            self._watch_missing_event(row, at)
            return self._retry(row, at)
        # An older write that still waits may be what this one needs.
        final = None if min(self._not_before, default=row.id) < row.id else self._refusal_at(row, at)
        if final is None:
            self._note(row, alarms.CALL_REFUSED, refusal.detail, at)
            return self._retry(row, at)
        self._fail(row, final.detail, at)
        return Progress.MOVED

    def _refusal_at(self, row: OutboxRow, at: _Moment) -> ContractReverted | None:
        """Return what the contract says at the newest indexed block; None when it agrees, or the node cannot say."""
        if at.tip is None:
            return None
        try:
            call_raw(self._rpc, self._call_of(row), quantity(at.tip))
        except ContractReverted as refusal:
            return refusal
        except JsonRpcError:  # it does not have that block, or not its state any more: ask again at the next one
            return None
        return None

    def _watch_missing_event(self, row: OutboxRow, at: _Moment) -> None:
        if self._lasts("missing", row, at.tick) <= MISSING_EVENT_MS:
            return
        with self._store.read() as connection:
            anchor = anchors.by_seq(connection, anchors.seq_of_key(row.key))
        head = self._contracts.head(self._signer.address)
        if anchor is not None and (head.seq, head.size, head.map_root) == (anchor.seq, anchor.size, anchor.map_root):
            detail = "the contract's head holds this anchor, but no final block its event: the chain's state was torn"
            with self._store.write() as connection:
                alarms.raise_alarm(connection, alarms.ANCHOR_WITHOUT_EVENT, row.key, detail, at.now)

    def _fail(self, row: OutboxRow, detail: str, at: _Moment) -> None:
        with self._store.write() as connection:
            outbox.mark_failed(connection, row.id, detail, at.now)
            for kind in (alarms.CALL_REFUSED, alarms.RESEND_BLOCKED):
                alarms.close_alarm(connection, kind, at.now, row.key)
            self._failed(connection, row, detail, at.now)

    # A signed row: it goes out, again and again until the index has it.

    def _send(self, row: OutboxRow, at: _Moment) -> Progress:
        if row.state == outbox.SENT and self._replaced(row, at):
            return Progress.MOVED
        if not self._deliver(row, at):
            moved = self._replaced(row, at, is_refused=True)
            return Progress.MOVED if moved else self._retry(row, at, RESEND_AFTER_MS)
        self._retry(row, at, RESEND_AFTER_MS)
        if row.state == outbox.SENT:
            return Progress.WAITING
        with self._store.write() as connection:
            outbox.mark_sent(connection, row.id, at.now)
            alarms.close_alarm(connection, alarms.SEND_REFUSED, at.now, row.key)
        return Progress.MOVED

    def _follows_gap(self, row: OutboxRow, at: _Moment) -> bool:
        """Say whether the nonces before this one are missing: what a reset took away and was not ours to send again."""
        if row.nonce is None or (at.nonce is not None and row.nonce <= at.nonce):
            return False
        if row.block is not None and at.nonce is not None:
            return True
        if self._account_nonce() >= row.nonce:
            self._since.pop(("gap", row.id), None)
            return False
        return self._lasts("gap", row, at.tick) > GAP_AFTER_MS

    def _resend(self, row: OutboxRow, at: _Moment) -> Progress:
        """Send what stood in a final block that the chain has lost."""
        if row.kind == outbox.KIND_ANCHOR and (progress := self._held_back(row, at)) is not None:
            return progress
        # One that had failed in a lost block goes out as it is: it holds the place of its nonce.
        if row.state == outbox.SIGNED and row.error is None and not self._may_resend(row, at):
            return self._retry(row, at)
        return self._send(row, at)

    def _may_resend(self, row: OutboxRow, at: _Moment) -> bool:
        """Say whether a write that a reset took away goes through now."""
        try:
            call_raw(self._rpc, self._call_of(row))
        except ContractReverted as refusal:
            final = self._refusal_at(row, at) if self._lasts("blocked", row, at.tick) > RESEND_PATIENCE_MS else None
            if final is not None and row.kind != outbox.KIND_ANCHOR:
                self._fail(row, f"lost by a chain reset: {final.detail}", at)
                return False
            with self._store.write() as connection:
                alarms.raise_alarm(connection, alarms.RESEND_BLOCKED, row.key, refusal.detail, at.now)
            return False
        return True

    def _deliver(self, row: OutboxRow, at: _Moment) -> bool:
        """Hand the raw transaction over; that the node has it already is no error. False: it pays too little."""
        try:
            self._rpc.call("eth_sendRawTransaction", "0x" + (row.raw or b"").hex())
        except JsonRpcError as error:
            message = error.message.lower()
            if any(known in message for known in _TAKEN):
                return True
            if any(known in message for known in _UNDERPAID):
                return False
            self._note(row, alarms.SEND_REFUSED, error.detail, at)
            raise
        return True

    def _replaced(self, row: OutboxRow, at: _Moment, *, is_refused: bool = False) -> bool:
        """Sign the row again at its nonce for more, when it pays too little; return whether it was."""
        with self._store.read() as connection:
            signed = [attempt for attempt in outbox.attempts(connection, row.id) if attempt.nonce == row.nonce]
        last = max((attempt.max_fee for attempt in signed), default=0)
        block = self._newest_block()
        base = fees.base_fee(block)
        # By the chain's time: while it stands still, a higher price would not help.
        overdue = last > 0 and self._lasts("stuck", row, int(block["timestamp"], 16) * _MS) > STUCK_AFTER_MS
        if row.nonce is None or not (is_refused or last < base or overdue):
            return False
        asked = 0 if base else int(self._rpc.call("eth_gasPrice"), 16)
        if not (base or asked or last):
            return False  # a chain without fees: the pool holds another of our transactions for a while
        price = fees.higher_price(block, asked, last, self._max_fee)
        if price is None:
            detail = f"the chain asks more than chain.max_fee_per_gas, {self._max_fee} wei, allows"
            self._note(row, alarms.FEE_BOUND, detail, at)
            return False
        try:
            gas = int(self._rpc.call("eth_estimateGas", self._call_of(row)), 16)
        except JsonRpcError as error:
            if isinstance(reverted(error), ContractReverted):
                return False  # one of them is mined, or will be refused: the index says which
            raise
        self._sign(row, row.nonce, price, gas, block, at)
        return True

    def _give_back(self, row: OutboxRow, at: _Moment) -> Progress:
        """Its nonce is used, or lies after a gap: sign it anew, unless one of its transactions stands in the index."""
        with self._store.write() as connection:
            signed = [attempt.tx_hash for attempt in outbox.attempts(connection, row.id)]
            done = [mined for mined in own_transactions.find(connection, signed) if mined.succeeded]
            if done:
                outbox.settle(connection, row.id, done[0], at.now)
            else:
                outbox.unsign(connection, row.id, at.now)
        self._not_before.pop(row.id, None)
        self._forget(row)
        return Progress.MOVED

    def _note(self, row: OutboxRow, kind: str, detail: str, at: _Moment) -> None:
        with self._store.write() as connection:
            outbox.note_error(connection, row.id, detail)
            alarms.raise_alarm(connection, kind, row.key, detail, at.now)

    def _account_nonce(self) -> int:
        return int(self._rpc.call("eth_getTransactionCount", self._signer.address, "latest"), 16)

    def _newest_block(self) -> Mapping[str, Any]:
        block: Mapping[str, Any] = self._rpc.call("eth_getBlockByNumber", "latest", False)
        return block

    def _call_of(self, row: OutboxRow) -> dict[str, str]:
        return {"from": self._signer.address, "to": row.target, "data": "0x" + row.data.hex()}

    def _retry(self, row: OutboxRow, at: _Moment, after_ms: int = RETRY_REFUSED_MS) -> Progress:
        self._not_before[row.id] = at.tick + after_ms
        return Progress.WAITING

    def _lasts(self, what: str, row: OutboxRow, time: int) -> int:
        """Return for how long something has been so with a row, since it was first asked for."""
        return time - self._since.setdefault((what, row.id), time)

    def _forget(self, row: OutboxRow) -> None:
        self._since = {(what, row_id): time for (what, row_id), time in self._since.items() if row_id != row.id}
