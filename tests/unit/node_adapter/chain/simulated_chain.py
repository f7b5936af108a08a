"""A chain in memory whose node gives every answer that an honest one may give: late, early, partly, of another branch.

plain:<id>        done as often as it is mined
once:<id>         refused when it was done
after:<id>:<id>   refused before the other was done, and when it was done
never:<id>        refused
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from evidence.chain.patricia import EMPTY_ROOT
from evidence.chain.proof_kinds.ethereum_receipt_trie import encode_receipt, receipts_root
from evidence.chain.rlp_header import encode_header
from node_adapter.chain.errors import JsonRpcError

MEMBER = "0x" + "11" * 20
TARGET = "0x" + "ab" * 20
DEPTH = 3
ZERO = "0x" + "00" * 32
_NO_BLOOM = "0x" + "00" * 256


@dataclass(frozen=True)
class Transaction:
    """A member's transaction; `raw` is what it was sent as."""

    nonce: int
    price: int
    data: bytes

    @property
    def raw(self):
        return self.nonce.to_bytes(4) + self.price.to_bytes(8) + self.data

    @property
    def hash(self):
        return hashlib.sha256(self.raw).digest()

    @classmethod
    def read(cls, raw):
        return cls(int.from_bytes(raw[:4]), int.from_bytes(raw[4:12]), raw[12:])


class Signer:
    """Signs by writing down."""

    address = MEMBER

    def sign_transaction(self, transaction):
        made = Transaction(transaction["nonce"], transaction["gasPrice"], transaction["data"])
        return made.raw, made.hash


@dataclass(frozen=True)
class State:
    """The member's nonce, and the ids that were done, in order."""

    nonce: int = 0
    done: tuple[bytes, ...] = ()

    def call(self, data):
        """Return the state after a call, or None when it is refused."""
        kind, name, *needs = data.split(b":")
        refused = kind == b"never" or (kind != b"plain" and name in self.done) or any(n not in self.done for n in needs)
        return None if refused else State(self.nonce, (*self.done, name))

    def after(self, transaction):
        """Return the state after a transaction and whether it succeeded."""
        called = self.call(transaction.data)
        return State(self.nonce + 1, (called or self).done), called is not None


@dataclass(frozen=True)
class Block:
    """A block as JSON-RPC gives it, with the state after it."""

    header: dict
    receipts: tuple[dict, ...]
    transactions: tuple[Transaction, ...]
    state: State


def make_block(parent, transactions, mark):
    """Return the next block; `mark` tells branches apart."""
    state, receipts = parent.state if parent else State(), []
    for index, transaction in enumerate(transactions):
        state, succeeded = state.after(transaction)
        receipts.append(
            {
                "transactionHash": "0x" + transaction.hash.hex(),
                "transactionIndex": hex(index),
                "from": MEMBER,
                "status": "0x1" if succeeded else "0x0",
                "gasUsed": "0x5208",
                "cumulativeGasUsed": hex(21_000 * (index + 1)),
                "logsBloom": _NO_BLOOM,
                "logs": [],
            }
        )
    number = int(parent.header["number"], 16) + 1 if parent else 0
    root = receipts_root([encode_receipt(receipt) for receipt in receipts]) if receipts else EMPTY_ROOT
    header = {
        "parentHash": parent.header["hash"] if parent else ZERO,
        "sha3Uncles": ZERO,
        "miner": "0x" + "00" * 20,
        "stateRoot": "0x" + hashlib.sha256(repr(state).encode()).hexdigest(),
        "transactionsRoot": ZERO,
        "receiptsRoot": "0x" + root.hex(),
        "logsBloom": _NO_BLOOM,
        "difficulty": "0x0",
        "number": hex(number),
        "gasLimit": "0x1c9c380",
        "gasUsed": "0x0",
        "timestamp": hex(1000 + number),
        "extraData": "0x" + mark.to_bytes(4).hex(),
        "mixHash": ZERO,
        "nonce": "0x" + "00" * 8,
    }
    header["hash"] = "0x" + keccak(encode_header(header)).hex()
    return Block(header, tuple(receipts), tuple(transactions), state)


@dataclass
class SimulatedChain:
    """The branch that counts, those that were shown before, and the pool."""

    blocks: list[Block] = field(default_factory=list)
    shown: list[list[Block]] = field(default_factory=list)
    pool: dict[int, Transaction] = field(default_factory=dict)
    marks: int = 0

    def __post_init__(self):
        for _ in range(12):  # no endpoint lags behind the first of our contracts
            self.mine(full=False)

    @property
    def state(self):
        return self.blocks[-1].state if self.blocks else State()

    def mine(self, *, full=True, foreign=None):
        """Add a block, with what the pool holds, or with a transaction that somebody else sent with the key."""
        taken, nonce = [], self.state.nonce
        if foreign is not None:
            taken.append(Transaction(nonce, 0, foreign))
        elif full:
            while nonce in self.pool:
                taken.append(self.pool[nonce])
                nonce += 1
        self.marks += 1
        self.blocks = [*self.blocks, make_block(self.blocks[-1] if self.blocks else None, taken, self.marks)]
        self.pool = {n: t for n, t in self.pool.items() if n >= self.state.nonce}
        self.shown = [*self.shown[-4:], self.blocks]

    def reorganise(self, depth, *, keep):
        """Leave the newest blocks for a longer branch; their transactions go back to the pool, or are forgotten."""
        lost = [transaction for block in self.blocks[-depth:] for transaction in block.transactions]
        self.blocks = self.blocks[:-depth]
        if keep:
            self.pool = {t.nonce: t for t in lost} | self.pool
        for _ in range(depth + 1):
            self.mine(full=False)

    def forget(self):
        """The pool loses everything."""
        self.pool = {}


class Node:
    """JSON-RPC to that chain. `answers` are numbers that say how each answer errs: see `_view`."""

    def __init__(self, chain):
        self.chain = chain
        self.answers = [0]
        self.asked = 0
        self.before_call = lambda: None

    def call(self, method, *params):
        self.before_call()
        self.asked += 1
        answer = getattr(self, method)(*params)
        self.before_call()
        return answer

    def batch(self, calls):
        return [self.call(method, *params) for method, params in calls]

    def _view(self):
        """Return the branch that this answer knows, the state that it shows, and whether its newest block is whole."""
        code = self.answers[self.asked % len(self.answers)]
        lag, ahead, partial = code & 3, code >> 2 & 1, code >> 3 & 1
        blocks = self.chain.shown[-1 - min(lag, len(self.chain.shown) - 1)]
        state = blocks[-1].state
        if ahead:  # the account is shown before the block that moves it
            while state.nonce in self.chain.pool:
                state, _ = state.after(self.chain.pool[state.nonce])
        return blocks, state, not partial

    def eth_blockNumber(self):
        return hex(len(self._view()[0]) - 1)

    def eth_getBlockByNumber(self, number, _full):
        blocks = self._view()[0]
        if number == "latest":
            return blocks[-1].header
        return blocks[int(number, 16)].header if int(number, 16) < len(blocks) else None

    def eth_getBlockReceipts(self, number):
        blocks, _, whole = self._view()
        place = int(number, 16)
        if place >= len(blocks):
            return None
        is_newest = place == len(blocks) - 1
        return list(blocks[place].receipts) if whole or not is_newest else list(blocks[place].receipts)[1:]

    def eth_getTransactionByHash(self, tx_hash):
        known = [*self.chain.pool.values(), *(t for block in self._view()[0] for t in block.transactions)]
        return next(({"nonce": hex(t.nonce)} for t in known if "0x" + t.hash.hex() == tx_hash), None)

    def eth_getTransactionReceipt(self, tx_hash):
        blocks, _, whole = self._view()
        shown = blocks if whole else blocks[:-1]
        receipts = (receipt for block in shown for receipt in block.receipts)
        return next((receipt for receipt in receipts if receipt["transactionHash"] == tx_hash), None)

    def eth_getTransactionCount(self, _address, tag):
        blocks, state, _ = self._view()
        if tag == "latest":
            return hex(state.nonce)
        if int(tag, 16) >= len(blocks):
            raise JsonRpcError("eth_getTransactionCount", -32602, "unknown block")
        return hex(blocks[int(tag, 16)].state.nonce)

    def eth_estimateGas(self, call):
        _require(self._view()[1], call)
        return "0x5208"

    def eth_call(self, call, tag):
        blocks, state, _ = self._view()
        if tag != "latest":
            if int(tag, 16) >= len(blocks):
                raise JsonRpcError("eth_call", -32602, "unknown block")
            state = blocks[int(tag, 16)].state
        _require(state, call)
        return "0x"

    def eth_gasPrice(self):
        return "0x0"

    def eth_sendRawTransaction(self, raw):
        sent = Transaction.read(bytes.fromhex(raw[2:]))
        state = self._view()[1]
        if sent.nonce < state.nonce:
            raise JsonRpcError("eth_sendRawTransaction", -32000, "nonce too low")
        there = self.chain.pool.get(sent.nonce)
        if there == sent:
            raise JsonRpcError("eth_sendRawTransaction", -32000, "already known")
        if there is not None:
            raise JsonRpcError("eth_sendRawTransaction", -32000, "replacement transaction underpriced")
        if sent.nonce >= self.chain.state.nonce:
            self.chain.pool = {**self.chain.pool, sent.nonce: sent}
        return "0x" + sent.hash.hex()


def _require(state, call):
    if state.call(bytes.fromhex(call["data"][2:])) is None:
        raise JsonRpcError("eth_call", 3, "execution reverted", "0x")
