"""Follows the chain at finality: headers, receipts and events go into the store with the cursor, in one transaction.

1. Every block is recomputed (`blocks.verify_block`) and must follow the one before it.
2. A block is taken when `finality_depth` blocks stand on the chain from it on; what was taken never changes.
3. A chain that ends before our index, and whose last block is ours, has lost its newest blocks (an embedded chain that
   was killed): the index is cut back and what we wrote into the lost blocks is sent again.
4. Any other history is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from node_adapter.abi import contract_abi
from node_adapter.chain.blocks import VerifiedBlock, verify_block
from node_adapter.chain.contracts import DIRECTORY, Contracts
from node_adapter.chain.errors import ChainUnavailable, HistoryMismatch
from node_adapter.chain.rpc import quantity
from node_adapter.ports import ChainRpc, TransactionOutcome
from node_adapter.store import chain_index
from node_adapter.store.chain_index import ChainBlock, ChainEvent
from node_adapter.store.engine import Store

PAGE_BLOCKS = 64

OnBlocks = Callable[[Connection, Sequence[TransactionOutcome], Sequence[ChainEvent]], None]
OnReset = Callable[[Connection, int], None]


class Indexer:
    """Keeps the store's copy of one chain. The cursor is the newest stored block."""

    def __init__(
        self,
        store: Store,
        rpc: ChainRpc,
        contracts: Contracts,
        *,
        member: str,
        first_block: int,
        finality_depth: int,
        on_blocks: OnBlocks,
        on_reset: OnReset,
    ) -> None:
        """Wire it; `start` must run before `step`.

        Args:
            store: the node's store.
            rpc: the chain's node.
            contracts: our contracts.
            member: this member's account; the nonces of its transactions are read with the blocks.
            first_block: the block of the first of our contracts.
            finality_depth: with 1 a block is final when it is there.
            on_blocks: called in the transaction that stores blocks.
            on_reset: called in the transaction that cuts the index back to a block.
        """
        self._store = store
        self._rpc = rpc
        self._contracts = contracts
        self._member = member
        self._first_block = first_block
        self._depth = finality_depth
        self._on_blocks = on_blocks
        self._on_reset = on_reset
        self._known: dict[str, str] = {}
        self._tip: tuple[int, bytes] | None = None
        self.chain_head: int | None = None

    @property
    def behind(self) -> int | None:
        """How many final blocks were not taken when the chain last answered; None before it did."""
        return None if self.chain_head is None else max(0, self.chain_head - self._depth + 2 - self._next_number())

    def start(self) -> None:
        """Compare the chain with the index, and learn our contracts' addresses.

        Raises:
            HistoryMismatch: the chain has another history.
            WrongChain: the contracts are not there.
            ChainUnavailable: nobody answers.
        """
        with self._store.read() as connection:
            self._tip = chain_index.tip(connection)
        head = int(self._rpc.call("eth_blockNumber"), 16)
        if self._tip is not None:
            self._compare(head, self._tip)
        self._known = self._contracts.known_addresses()

    def step(self) -> bool:
        """Take over what is final and new, at most one page; return whether there was anything.

        Raises:
            HistoryMismatch: the chain has another history.
            VerificationFailed: a block does not hash to what it claims.
            ChainUnavailable: nobody answers.
        """
        following = self._next_number()
        head_text, block, receipts = self._rpc.batch([("eth_blockNumber", []), *_block_calls(following)])
        head = self.chain_head = int(head_text, 16)
        if self._tip is not None and head < self._tip[0]:
            self._compare(head, self._tip)
            return True
        last = min(head - self._depth + 1, following + PAGE_BLOCKS - 1)
        if last < following:
            return False
        if block is None or receipts is None:  # mined between the parts of the batch
            return True
        raw = [(block, receipts), *self._fetch(following + 1, last)]
        self._take([verify_block(*pair) for pair in raw])
        return True

    def _next_number(self) -> int:
        return self._first_block if self._tip is None else self._tip[0] + 1

    def _fetch(self, first: int, last: int) -> list[tuple[Any, Any]]:
        calls = [call for number in range(first, last + 1) for call in _block_calls(number)]
        answers = self._rpc.batch(calls)
        pairs = list(zip(answers[::2], answers[1::2], strict=True))
        if any(block is None or receipts is None for block, receipts in pairs):
            raise ChainUnavailable(f"the chain's node does not give the blocks {first} to {last}")
        return pairs

    def _take(self, blocks: Sequence[VerifiedBlock]) -> None:
        tip = self._tip
        for block in blocks:
            if tip is not None and (block.number != tip[0] + 1 or block.parent_hash != tip[1]):
                raise HistoryMismatch(
                    f"block {block.number} does not follow our block {tip[0]} (0x{tip[1].hex()}): "
                    "the chain was rewritten below finality, or it is another one"
                )
            tip = (block.number, block.hash)
        events = [event for block in blocks for event in self._events_of(block)]
        nonces = self._own_nonces(blocks)
        outcomes = [outcome for block in blocks for outcome in _outcomes(block, nonces)]
        with self._store.write() as connection:
            chain_index.append(connection, [_stored(block) for block in blocks], events)
            self._on_blocks(connection, outcomes, events)
        self._tip = tip

    def _own_nonces(self, blocks: Sequence[VerifiedBlock]) -> dict[bytes, int]:
        """Return the nonce of each of this member's transactions: the hash stands for it, so any answer will do."""
        own = [item.hash for block in blocks for item in block.transactions if item.sender == self._member]
        answers = self._rpc.batch([("eth_getTransactionByHash", ["0x" + tx_hash.hex()]) for tx_hash in own])
        if any(answer is None for answer in answers):
            raise ChainUnavailable("the chain's node does not give a transaction of a block that it gives")
        return {tx_hash: int(answer["nonce"], 16) for tx_hash, answer in zip(own, answers, strict=True)}

    def _events_of(self, block: VerifiedBlock) -> list[ChainEvent]:
        found = []
        for transaction in block.transactions:
            for log in transaction.logs:
                contract = self._known.get(log.address)
                if contract is None:
                    continue
                event = contract_abi(contract).decode_event(log.topics, log.data)
                if event is None:
                    continue
                args = {name: json_value(value) for name, value in event.args.items()}
                if contract == DIRECTORY and event.name == "AddressSet":
                    self._learn(args)
                topic1 = "0x" + log.topics[1].hex() if len(log.topics) > 1 else None
                found.append(
                    ChainEvent(
                        block=block.number,
                        log_index=log.log_index,
                        tx_index=transaction.index,
                        log_position=log.position,
                        tx_hash=transaction.hash,
                        address=log.address,
                        contract=contract,
                        name=event.name,
                        topic1=topic1,
                        args=args,
                    )
                )
        return found

    def _learn(self, args: Mapping[str, Any]) -> None:
        self._known[args["target"]] = chain_index.directory_text(args["name"])
        self._contracts.forget_addresses()

    def _compare(self, head: int, tip: tuple[int, bytes]) -> None:
        number = min(head, tip[0])
        block = self._rpc.call("eth_getBlockByNumber", quantity(number), False)
        with self._store.read() as connection:
            ours = chain_index.block_hash(connection, number)
        theirs = bytes.fromhex(block["hash"].removeprefix("0x")) if block else None
        if ours is None:
            raise HistoryMismatch(
                f"the chain ends at block {head}, before our contracts (block {self._first_block}): it was reset; "
                "deploy the contracts again and make new nodes, or bring the chain's state back"
            )
        if ours != theirs:
            raise HistoryMismatch(
                f"block {number} is 0x{theirs.hex() if theirs else ''} on the chain and was 0x{ours.hex()}: the chain "
                "was reset or rewritten under this node, and its history is not a part of ours"
            )
        if head < tip[0]:
            with self._store.write() as connection:
                chain_index.truncate(connection, head)
                self._on_reset(connection, head)
            self._tip = (number, ours)


def json_value(value: Any) -> Any:
    """Return an argument as JSON holds it: bytes as 0x hex, structs as lists."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return value


def _block_calls(number: int) -> list[tuple[str, list[Any]]]:
    return [("eth_getBlockByNumber", [quantity(number), False]), ("eth_getBlockReceipts", [quantity(number)])]


def _outcomes(block: VerifiedBlock, nonces: Mapping[bytes, int]) -> list[TransactionOutcome]:
    return [
        TransactionOutcome(
            hash=item.hash,
            block=block.number,
            block_hash=block.hash,
            block_time=block.timestamp,
            succeeded=item.succeeded,
            gas_used=item.gas_used,
            nonce=nonces.get(item.hash),
        )
        for item in block.transactions
    ]


def _stored(block: VerifiedBlock) -> ChainBlock:
    return ChainBlock(block.number, block.hash, block.parent_hash, block.timestamp, block.header, block.receipts)
