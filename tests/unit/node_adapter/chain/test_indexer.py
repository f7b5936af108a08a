"""The index against a chain in memory: finality, pages, resets and rewritten histories."""

import itertools

import pytest
from eth_hash.auto import keccak

from evidence.chain.patricia import EMPTY_ROOT
from evidence.chain.rlp_header import encode_header
from node_adapter.chain.errors import ChainUnavailable, HistoryMismatch
from node_adapter.chain.indexer import ODD_AFTER_MS, PAGE_BLOCKS, RESET_AFTER_MS, Indexer
from node_adapter.store.chain import blocks, evidence
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata
from primitives.errors import VerificationFailed

FIRST = 3
ZERO = "0x" + "00" * 32
MEMBER = "0x" + "11" * 20
TICKS = itertools.count(0, RESET_AFTER_MS)  # each look at the clock is later by what must pass


class Chain:
    """Blocks without transactions, whose headers hash to what they claim."""

    def __init__(self, length, mark=0):
        self.blocks = []
        self.grow(length, mark)

    def grow(self, count, mark=0):
        for _ in range(count):
            parent = self.blocks[-1]["hash"] if self.blocks else ZERO
            header = {
                "parentHash": parent,
                "sha3Uncles": ZERO,
                "miner": "0x" + "00" * 20,
                "stateRoot": ZERO,
                "transactionsRoot": ZERO,
                "receiptsRoot": "0x" + EMPTY_ROOT.hex(),
                "logsBloom": "0x" + "00" * 256,
                "difficulty": "0x0",
                "number": hex(len(self.blocks)),
                "gasLimit": "0x1",
                "gasUsed": "0x0",
                "timestamp": hex(1000 + len(self.blocks)),
                "extraData": "0x" + bytes([mark]).hex(),
                "mixHash": ZERO,
                "nonce": "0x" + "00" * 8,
                "baseFeePerGas": "0x0",
            }
            self.blocks.append(header | {"hash": "0x" + keccak(encode_header(header)).hex()})

    def cut(self, length):
        del self.blocks[length:]

    def call(self, method, *params):
        if method == "eth_blockNumber":
            return hex(len(self.blocks) - 1)
        number = int(params[0], 16)
        if number >= len(self.blocks):
            return None
        return self.blocks[number] if method == "eth_getBlockByNumber" else []

    def batch(self, calls):
        return [self.call(method, *params) for method, params in calls]


class NoContracts:
    def known_addresses(self):
        return {}

    def forget_addresses(self):
        pass


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "node.db")
    with store.write() as connection:
        metadata.create_all(connection)
    yield store
    store.dispose()


def indexer(store, chain, *, depth=1, resets=None, clock=None):
    made = Indexer(
        store,
        chain,
        NoContracts(),
        member=MEMBER,
        monotonic_ms=clock or (lambda: next(TICKS)),
        first_block=FIRST,
        finality_depth=depth,
        on_blocks=lambda *_: None,
        on_reset=lambda _connection, block: None if resets is None else resets.append(block),
    )
    made.start()
    return made


def run(made):
    while made.step():
        pass


def tip(store):
    with store.read() as connection:
        found = blocks.find_tip(connection)
        return found and (found.number, found.hash)


@pytest.mark.parametrize(("depth", "last"), [(1, 9), (3, 7), (7, 3), (8, None), (50, None)])
def test_a_block_is_taken_when_it_is_final(store, depth, last):
    run(indexer(store, Chain(10), depth=depth))
    assert (tip(store) or (None,))[0] == last
    if last is not None:
        with store.read() as connection:
            assert evidence.headers(connection)[0][0] == FIRST


def test_many_blocks_come_in_pages_and_a_new_start_goes_on(store):
    chain = Chain(2 * PAGE_BLOCKS + 10)
    first = indexer(store, chain)
    first.step()
    assert tip(store)[0] == FIRST + PAGE_BLOCKS - 1
    run(indexer(store, chain))
    assert tip(store)[0] == 2 * PAGE_BLOCKS + 9
    chain.grow(1)
    run(first_after_start := indexer(store, chain))
    assert first_after_start.chain_head == tip(store)[0] == 2 * PAGE_BLOCKS + 10


def test_a_change_above_finality_is_no_matter(store):
    chain = Chain(10)
    made = indexer(store, chain, depth=3)
    run(made)
    chain.cut(8)
    chain.grow(4, mark=1)
    run(made)
    assert tip(store)[0] == 9


def test_a_change_below_finality_is_refused(store):
    chain = Chain(10)
    made = indexer(store, chain, depth=2)
    run(made)
    chain.cut(8)
    chain.grow(6, mark=1)
    with pytest.raises(HistoryMismatch, match="does not follow"):
        run(made)
    with pytest.raises(HistoryMismatch, match="not a part of ours"):
        indexer(store, chain, depth=2)
    assert tip(store)[0] == 8


def test_a_shorter_chain_that_is_ours_is_taken_as_reset(store):
    chain, resets = Chain(10), []
    made = indexer(store, chain, resets=resets)
    run(made)
    chain.cut(6)
    assert not made.step()
    assert (tip(store)[0], resets) == (9, [])
    made.step()
    assert (tip(store)[0], resets) == (5, [5])
    chain.grow(3, mark=1)
    run(made)
    assert tip(store)[0] == 8


def test_a_chain_that_was_cut_is_compared_where_it_is_final(store):
    chain, resets = Chain(12), []
    made = indexer(store, chain, depth=3, resets=resets)
    run(made)
    chain.cut(7)
    chain.grow(2, mark=1)  # blocks 7 and 8 of another branch, above what is final
    for _ in range(2):
        made.step()
    assert (tip(store)[0], resets) == (6, [6])


def test_a_head_that_lags_by_less_than_the_depth_is_no_reset(store):
    chain, resets = Chain(10), []
    made = indexer(store, chain, depth=3, resets=resets)
    run(made)
    chain.cut(9)
    run(made)
    assert (tip(store)[0], resets) == (7, [])


def test_a_node_that_lags_for_a_moment_is_no_reset(store):
    chain, resets, now = Chain(10), [], [0]
    made = indexer(store, chain, resets=resets, clock=lambda: now[0])
    run(made)
    kept = list(chain.blocks)
    for _ in range(20):  # every second answer comes from an endpoint that is behind
        now[0] += RESET_AFTER_MS // 2
        chain.cut(7)
        made.step()
        chain.blocks[:] = kept
        made.step()
    assert (tip(store)[0], resets) == (9, [])


class Mixed(Chain):
    """A balancer: the newest number and the first block come from one node, the rest from another."""

    def __init__(self, length, other):
        super().__init__(length)
        self.other = other

    def call(self, method, *params):
        behind = method == "eth_getBlockByNumber" and int(params[0], 16) >= len(self.other.blocks) - 1
        return self.other.call(method, *params) if behind else super().call(method, *params)


def test_a_block_of_an_endpoint_that_will_lose_it_is_not_taken_on_the_word_of_another(store):
    """With depth 3, block 7 of the lagging endpoint stands on a branch that the chain has left."""
    lagging = Chain(7)
    chain = Mixed(10, lagging)
    lagging.grow(1, mark=1)
    made = indexer(store, chain, depth=3)
    with pytest.raises(ChainUnavailable):
        run(made)
    assert (tip(store) or (0,))[0] < 7
    chain.other = chain_without_end = Chain(0)
    chain_without_end.blocks = [*chain.blocks, None]
    run(indexer(store, chain, depth=3))
    assert tip(store)[0] == 7


def test_a_shorter_chain_that_is_not_ours_is_refused(store):
    made = indexer(store, Chain(10))
    run(made)
    with pytest.raises(HistoryMismatch, match="not a part of ours"):
        indexer(store, Chain(7, mark=1))
    made = indexer(store, Chain(2))
    assert not made.step()
    with pytest.raises(HistoryMismatch, match="before our contracts"):
        made.step()


def test_a_header_that_does_not_hash_is_not_stored(store):
    chain = Chain(10)
    chain.blocks[5] = chain.blocks[5] | {"timestamp": "0x1"}
    now = [0]
    made = indexer(store, chain, clock=lambda: now[0])
    for now[0] in (0, ODD_AFTER_MS - 1):  # it may be the answers of two moments
        with pytest.raises(ChainUnavailable, match="block-header"):
            run(made)
    now[0] = ODD_AFTER_MS
    with pytest.raises(VerificationFailed, match="block-header"):
        run(made)
    assert tip(store) is None


def test_a_node_that_does_not_give_a_block_is_asked_again_later(store):
    chain = Chain(10)
    made = indexer(store, chain)
    chain.blocks[6] = None
    with pytest.raises(ChainUnavailable):
        run(made)
    assert tip(store) is None
