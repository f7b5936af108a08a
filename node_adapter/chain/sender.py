"""Sends the outbox: one transaction of the member in flight, never lost, never doubled.

1. Nonce from `latest` at sign time; no counter of ours. The raw transaction is committed before it leaves.
2. Signing is deterministic and the contracts number what matters: the same raw transaction again is harmless, and so
   "already known" and "nonce too low" are no errors.
3. The index decides what is final (`workflows.settlement`); the sender never reads success from an answer to a send.
4. An anchor is signed only on the contract's head. The head at our number with another root: the key is used
   elsewhere, and the sender stops.
5. A nonce that another transaction used, at finality, can never carry ours: the write is signed anew.
6. What a chain reset lost goes out again in nonce order, and waits while its call would revert (it may depend on what
   another member has not sent again yet).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from node_adapter.chain.contracts import Contracts, call_raw, reverted
from node_adapter.chain.errors import ContractReverted, JsonRpcError
from node_adapter.chain.rpc import quantity
from node_adapter.ports import ChainRpc, TransactionSigner
from node_adapter.store import alarms, anchors, outbox
from node_adapter.store.engine import Store
from node_adapter.store.outbox import OutboxRow
from primitives.errors import VerificationFailed

POLL_MS = 100
RESEND_AFTER_MS = 2_000
RETRY_REFUSED_MS = 1_000  # an anchor that the contract refuses now, such as before this member is admitted
RESEND_PATIENCE_MS = 120_000
MISSING_EVENT_MS = 60_000
_GAS_MARGIN_PERCENT = 130
_TAKEN = ("already known", "already imported", "known transaction", "nonce too low", "alreadyknown")


class Progress(enum.Enum):
    """What a step did."""

    IDLE = "idle"  # nothing to send
    MOVED = "moved"  # a row changed its state
    WAITING = "waiting"  # for a block, or for another try


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
        finality_depth: int,
    ) -> None:
        """Wire it."""
        self._store = store
        self._rpc = rpc
        self._contracts = contracts
        self._signer = signer
        self._chain_id = chain_id
        self._depth = finality_depth
        self._not_before: dict[int, int] = {}  # row id -> time of the next try

    def step(self, now_ms: int) -> Progress:
        """Work on the first open row.

        Raises:
            ChainUnavailable: nobody answers; nothing changed that another step does not repeat.
            VerificationFailed: `anchor-conflict`, see rule 4.
        """
        with self._store.read() as connection:
            row = outbox.next_open(connection)
        if row is None:
            self._not_before.clear()
            return Progress.IDLE
        if now_ms < self._not_before.get(row.id, 0):
            return Progress.WAITING
        if row.state == outbox.NEW:
            return self._sign(row, now_ms)
        if row.state == outbox.SIGNED:
            return self._send_signed(row, now_ms)
        return self._check_sent(row, now_ms)

    def _sign(self, row: OutboxRow, now_ms: int) -> Progress:
        if row.kind == outbox.KIND_ANCHOR and not self._follows_head(row, now_ms):
            if now_ms - row.updated_at > MISSING_EVENT_MS:
                self._alarm_missing_event(row, now_ms)
            return self._retry(row, now_ms)  # it stands on the chain already: the index will say so
        call = self._call_of(row)
        nonce, block = self._rpc.batch(
            [("eth_getTransactionCount", [self._signer.address, "latest"]), ("eth_getBlockByNumber", ["latest", False])]
        )
        try:
            gas = int(self._rpc.call("eth_estimateGas", call), 16)
        except JsonRpcError as error:
            refusal = reverted(error)
            if not isinstance(refusal, ContractReverted):
                raise
            return self._refused(row, refusal, now_ms)
        raw, tx_hash = self._signer.sign_transaction(self._transaction(row, int(nonce, 16), gas, block))
        with self._store.write() as connection:
            outbox.mark_signed(connection, row.id, int(nonce, 16), raw, tx_hash, now_ms)
        return Progress.MOVED

    def _transaction(self, row: OutboxRow, nonce: int, gas: int, block: Mapping[str, Any]) -> dict[str, Any]:
        limit = min(gas * _GAS_MARGIN_PERCENT // 100, int(block["gasLimit"], 16))
        return {
            "nonce": nonce,
            "gasPrice": 2 * int(block.get("baseFeePerGas") or "0x0", 16),  # zero on a chain without fees
            "gas": limit,
            "to": bytes.fromhex(row.target[2:]),
            "value": 0,
            "data": row.data,
            "chainId": self._chain_id,
        }

    def _follows_head(self, row: OutboxRow, now_ms: int) -> bool:
        seq = anchors.seq_of_key(row.key)
        with self._store.read() as connection:
            anchor = anchors.by_seq(connection, seq)
        if anchor is None:
            raise VerificationFailed("anchor-conflict", f"the outbox holds {row.key}, which is not among the anchors")
        head = self._contracts.head(self._signer.address)
        if head.seq > seq:
            return False
        expected = anchor.root if head.seq == seq else anchor.prev_root
        if head.seq < seq - 1 or head.root != expected:
            detail = (
                f"the contract's head is number {head.seq} with root 0x{head.root.hex()}; our anchor {seq} expects "
                f"0x{expected.hex()}: this member's key is used elsewhere, or the chain is not the one of this log"
            )
            with self._store.write() as connection:
                alarms.raise_alarm(connection, alarms.ANCHOR_CONFLICT, str(seq), detail, now_ms)
            raise VerificationFailed("anchor-conflict", detail)
        return head.seq < seq

    def _alarm_missing_event(self, row: OutboxRow, now_ms: int) -> None:
        detail = "the contract's head holds this anchor, but no final block its event: the chain's state was torn"
        with self._store.write() as connection:
            alarms.raise_alarm(connection, alarms.ANCHOR_WITHOUT_EVENT, row.key, detail, now_ms)

    def _refused(self, row: OutboxRow, refusal: ContractReverted, now_ms: int) -> Progress:
        if row.kind == outbox.KIND_ANCHOR:
            with self._store.write() as connection:
                outbox.note_error(connection, row.id, refusal.detail, now_ms)
                alarms.raise_alarm(connection, alarms.ANCHOR_REFUSED, row.key, refusal.detail, now_ms)
            return self._retry(row, now_ms)
        with self._store.write() as connection:
            outbox.mark_failed(connection, row.id, refusal.detail, now_ms)
            alarms.raise_alarm(connection, alarms.TRANSACTION_FAILED, row.kind, f"{row.key}: {refusal.detail}", now_ms)
        return Progress.MOVED

    def _send_signed(self, row: OutboxRow, now_ms: int) -> Progress:
        if row.block is not None:  # it was final once: the chain was reset
            count = self._nonce()
            if row.nonce is not None and count < row.nonce:
                return self._give_back(row, now_ms)
            if count == row.nonce and not self._may_resend(row, now_ms):
                return self._retry(row, now_ms)
        self._deliver(row, now_ms)
        with self._store.write() as connection:
            if outbox.by_id(connection, row.id).state == outbox.SIGNED:
                outbox.mark_sent(connection, row.id, now_ms)
        return Progress.MOVED

    def _may_resend(self, row: OutboxRow, now_ms: int) -> bool:
        try:
            call_raw(self._rpc, self._call_of(row))
        except ContractReverted as refusal:
            with self._store.write() as connection:
                if now_ms - row.updated_at > RESEND_PATIENCE_MS:
                    outbox.mark_failed(connection, row.id, f"lost by a chain reset: {refusal.detail}", now_ms)
                alarms.raise_alarm(connection, alarms.RESEND_BLOCKED, row.key, refusal.detail, now_ms)
            return False
        return True

    def _check_sent(self, row: OutboxRow, now_ms: int) -> Progress:
        # The count first: when it is past our nonce and the receipt asked for afterwards is not there, ours is lost.
        count = self._nonce(self._final_tag())
        receipt = self._rpc.call("eth_getTransactionReceipt", "0x" + (row.tx_hash or b"").hex())
        if receipt is not None:
            return self._retry(row, now_ms, POLL_MS)  # mined: the index takes it at finality
        if row.nonce is not None and (count > row.nonce or self._nonce() < row.nonce):
            return self._give_back(row, now_ms)
        self._deliver(row, now_ms)
        return self._retry(row, now_ms, RESEND_AFTER_MS)

    def _deliver(self, row: OutboxRow, now_ms: int) -> None:
        """Hand the raw transaction over; that the node has it already is no error."""
        try:
            self._rpc.call("eth_sendRawTransaction", "0x" + (row.raw or b"").hex())
        except JsonRpcError as error:
            if any(known in error.message.lower() for known in _TAKEN):
                return
            with self._store.write() as connection:
                outbox.note_error(connection, row.id, error.detail, now_ms)
                alarms.raise_alarm(connection, alarms.SEND_REFUSED, row.key, error.detail, now_ms)
            raise

    def _give_back(self, row: OutboxRow, now_ms: int) -> Progress:
        """Its nonce is used by another transaction, or lies after a gap: sign it anew."""
        with self._store.write() as connection:
            if outbox.by_id(connection, row.id).state in (outbox.SIGNED, outbox.SENT):
                outbox.unsign(connection, row.id, now_ms)
        return Progress.MOVED

    def _nonce(self, tag: str = "latest") -> int:
        return int(self._rpc.call("eth_getTransactionCount", self._signer.address, tag), 16)

    def _final_tag(self) -> str:
        if self._depth == 1:
            return "latest"
        head = int(self._rpc.call("eth_blockNumber"), 16)
        return quantity(max(head - self._depth + 1, 0))

    def _call_of(self, row: OutboxRow) -> dict[str, str]:
        return {"from": self._signer.address, "to": row.target, "data": "0x" + row.data.hex()}

    def _retry(self, row: OutboxRow, now_ms: int, after_ms: int = RETRY_REFUSED_MS) -> Progress:
        self._not_before[row.id] = now_ms + after_ms
        return Progress.WAITING
