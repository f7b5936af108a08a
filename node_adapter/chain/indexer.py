"""Follows the chain at finality: headers, receipts and events go into the store with the cursor, in one transaction.

1. Every block is recomputed (`blocks.verify_block`) and must follow the one before it.
2. A block is taken when `finality_depth` blocks stand on the chain from it on, which the links of their headers show:
   the number of the newest block may be the answer of another endpoint. What was taken never changes.
3. A chain that ends before our index, and whose last block is ours, has lost its newest blocks (an embedded chain that
   was killed): the index is cut back and what we wrote into the lost blocks is sent again. A node that lags says the
   same for a moment, so it must be so for a while.
4. Answers that do not fit each other are of two moments: they are asked for again, and refused when that does not help.
5. Any other history is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from node_adapter.chain.abi import KNOWN, contract_abi
from node_adapter.chain.blocks import VerifiedBlock, verify_block
from node_adapter.chain.contracts import DIRECTORY, Contracts
from node_adapter.chain.errors import ChainUnavailable, HistoryMismatch
from node_adapter.chain.rpc import quantity
from node_adapter.ports import ChainRpc, TransactionOutcome
from node_adapter.store.chain import blocks, directory, event_log
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent
from node_adapter.store.engine import Store
from primitives.errors import VerificationFailed

PAGE_BLOCKS = 64
RESET_AFTER_MS = 3_000
ODD_AFTER_MS = 60_000

Value = TypeVar("Value")
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
        monotonic_ms: Callable[[], int],
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
            monotonic_ms: a clock that only goes forward.
            first_block: the block of the first of our contracts.
            finality_depth: with 1 a block is final when it is there.
            on_blocks: called in the transaction that stores blocks.
            on_reset: called in the transaction that cuts the index back to a block.
        """
        self._store = store
        self._rpc = rpc
        self._contracts = contracts
        self._member = member
        self._monotonic_ms = monotonic_ms
        self._first_block = first_block
        self._depth = finality_depth
        self._on_blocks = on_blocks
        self._on_reset = on_reset
        self._known: dict[str, str] = {}
        self._tip: tuple[int, bytes] | None = None
        self._short_since: int | None = None  # since when every answer ends before our index
        self._odd_since: int | None = None  # since when no answer fits
        self.chain_head: int | None = None

    @property
    def behind(self) -> int | None:
        """How many final blocks were not taken when the chain last answered; None before it did."""
        return None if self.chain_head is None else max(0, self.chain_head - self._depth + 2 - self._next_number())

    @property
    def in_doubt(self) -> bool:
        """Whether the chain seems to end before our index: nothing should be sent before it is known if it does."""
        return self._short_since is not None

    def start(self) -> None:
        """Compare the chain with the index, and learn our contracts' addresses.

        Raises:
            HistoryMismatch: the chain has another history.
            WrongChain: the contracts are not there.
            ChainUnavailable: nobody answers.
        """
        with self._store.read() as connection:
            found = blocks.find_tip(connection)
        self._tip = None if found is None else (found.number, found.hash)
        head = int(self._rpc.call("eth_blockNumber"), 16)
        if self._tip is not None and self._shared(head, self._tip) >= self._first_block:
            self._compare(self._shared(head, self._tip))
        self._known = self._contracts.known_addresses()

    def step(self) -> bool:
        """Take over what is final and new, at most one page; return whether there was anything.

        Raises:
            HistoryMismatch: the chain has another history.
            VerificationFailed: a block does not hash to what it claims, whenever it is asked for.
            ChainUnavailable: nobody answers, or the answers do not fit each other.
        """
        following = self._next_number()
        head_text, block, receipts = self._rpc.batch([("eth_blockNumber", []), *_block_calls(following)])
        head = self.chain_head = int(head_text, 16)
        if self._tip is not None and head < self._tip[0]:
            return self._is_shorter(head, self._tip)
        self._short_since = None
        last = min(head - self._depth + 1, following + PAGE_BLOCKS - 1)
        if last < following:
            return False
        if block is None or receipts is None:  # mined between the parts of the batch
            return True
        raw = [(block, receipts), *self._fetch(following + 1, last)]
        self._take(self._verified(raw, self._headers(last + 1, last + self._depth - 1)))
        return True

    def _is_shorter(self, head: int, tip: tuple[int, bytes]) -> bool:
        """The chain ends before our index: cut the index back when that stays so; return whether it was."""
        now = self._monotonic_ms()
        if self._short_since is None:
            self._short_since = now
        if now - self._short_since < RESET_AFTER_MS:
            return False
        self._short_since = None
        last = self._shared(head, tip)
        ours = self._compare(last)
        with self._store.write() as connection:
            event_log.truncate(connection, last)
            self._on_reset(connection, last)
        self._tip = (last, ours)
        return True

    def _verified(self, raw: Sequence[tuple[Any, Any]], headers: Sequence[Any]) -> list[VerifiedBlock]:
        """Recompute blocks, and see that they and the headers above them are one chain."""

        def verified() -> list[VerifiedBlock]:
            blocks = [verify_block(*pair) for pair in raw]
            _check_links(blocks, headers)
            return blocks

        return self._fitting(verified)

    def _fitting(self, check: Callable[[], Value]) -> Value:
        """Return what a check of answers returns.

        Raises:
            ChainUnavailable: they do not fit; the node may have answered of two moments.
            VerificationFailed: and this for too long.
        """
        try:
            value = check()
        except VerificationFailed as error:
            now = self._monotonic_ms()
            if self._odd_since is None:
                self._odd_since = now
            if now - self._odd_since >= ODD_AFTER_MS:
                raise
            raise ChainUnavailable(f"the chain's node gives answers that do not fit each other: {error}") from error
        self._odd_since = None
        return value

    def _next_number(self) -> int:
        return self._first_block if self._tip is None else self._tip[0] + 1

    def _fetch(self, first: int, last: int) -> list[tuple[Any, Any]]:
        calls = [call for number in range(first, last + 1) for call in _block_calls(number)]
        answers = self._rpc.batch(calls)
        pairs = list(zip(answers[::2], answers[1::2], strict=True))
        if any(block is None or receipts is None for block, receipts in pairs):
            raise ChainUnavailable(f"the chain's node does not give the blocks {first} to {last}")
        return pairs

    def _headers(self, first: int, last: int) -> list[Any]:
        """Return blocks without their receipts, of a closed range."""
        headers = self._rpc.batch([_block_calls(number)[0] for number in range(first, last + 1)])
        if any(header is None for header in headers):
            raise ChainUnavailable(f"the chain's node does not give the blocks {first} to {last}")
        return headers

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
            event_log.append(connection, [_stored(block) for block in blocks], events)
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
        name = directory.name_of(args["name"])
        if name in KNOWN:  # the members may vote for a contract of a later release, which this one does not read
            self._known[args["target"]] = name
        self._contracts.forget_addresses()

    def _shared(self, head: int, tip: tuple[int, bytes]) -> int:
        """Return the newest block that is final on a chain of that height and stands in the index, if any does."""
        return min(head - self._depth + 1, tip[0])

    def _compare(self, number: int) -> bytes:
        """Compare a block of the index with the chain's, which is final there; return its hash."""
        with self._store.read() as connection:
            ours = blocks.find_block(connection, number)
        if ours is None:
            raise HistoryMismatch(
                f"the chain ends before our contracts (block {self._first_block}): it was reset; deploy the contracts "
                "again and make new nodes, or bring the chain's state back"
            )
        headers = self._headers(number, number + self._depth - 1)
        self._fitting(lambda: _check_links([], headers))
        theirs = bytes.fromhex(headers[0]["hash"].removeprefix("0x"))
        if ours.hash != theirs:
            raise HistoryMismatch(
                f"block {number} is 0x{theirs.hex()} on the chain and was 0x{ours.hash.hex()}: the chain was reset or "
                "rewritten under this node, and its history is not a part of ours"
            )
        return ours.hash


def _check_links(blocks: Sequence[VerifiedBlock], headers: Sequence[Mapping[str, Any]]) -> None:
    links = [(block.number, block.parent_hash, block.hash) for block in blocks]
    for header in headers:
        parent, own = (bytes.fromhex(header[name].removeprefix("0x")) for name in ("parentHash", "hash"))
        links.append((int(header["number"], 16), parent, own))
    for (_, _, before), (number, parent, _) in itertools.pairwise(links):
        if parent != before:
            raise VerificationFailed("block-link", f"block {number} does not follow the one before it")


def json_value(value: object) -> Any:
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
