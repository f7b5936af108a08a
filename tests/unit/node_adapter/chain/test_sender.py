"""The sender against a chain's node that answers as each engine in trouble does."""

import pytest

from node_adapter.chain.errors import JsonRpcError
from node_adapter.chain.sender import MISSING_EVENT_MS, RESEND_AFTER_MS, RESEND_PATIENCE_MS, Progress, Sender
from node_adapter.keystore import LocalSigner
from node_adapter.ports import MemberHead, TransactionOutcome
from node_adapter.store import alarms, anchors, outbox
from node_adapter.store.anchors import AnchorRow
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata
from primitives.errors import VerificationFailed

TARGET = "0x" + "ab" * 20
SIGNER = LocalSigner(bytes([7]) * 32)
ROOT, NEXT, OTHER = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


class Node:
    """A chain's node: `nonces` by tag; `sent` are raw transactions; `refuse` holds errors by method."""

    def __init__(self):
        self.nonces = {"latest": 0}
        self.head = 10
        self.base_fee = "0x0"
        self.sent, self.refuse, self.receipts, self.seen = [], {}, {}, []

    def call(self, method, *params):
        self.seen.append((method, params))
        if method in self.refuse:
            raise JsonRpcError(method, *self.refuse[method])
        return getattr(self, method)(*params)

    def batch(self, calls):
        return [self.call(method, *params) for method, params in calls]

    def eth_getTransactionCount(self, _address, tag):
        return hex(self.nonces.get(tag, self.nonces["latest"]))

    def eth_getBlockByNumber(self, _tag, _full):
        return {"gasLimit": hex(30_000_000), "baseFeePerGas": self.base_fee}

    def eth_estimateGas(self, _call):
        return hex(100_000)

    def eth_sendRawTransaction(self, raw):
        self.sent.append(raw)
        return "0x" + "00" * 32

    def eth_getTransactionReceipt(self, tx_hash):
        return self.receipts.get(tx_hash)

    def eth_blockNumber(self):
        return hex(self.head)

    def eth_call(self, _call, _tag):
        return "0x"


class Contracts:
    head_now = MemberHead(ROOT, 5, 1, 0, OTHER)

    def head(self, _member):
        return self.head_now


class NotingSigner:
    address = SIGNER.address

    def sign_transaction(self, transaction):
        self.seen = transaction
        return SIGNER.sign_transaction(transaction)


class Bench:
    def __init__(self, store, depth=1):
        self.store, self.rpc, self.contracts = store, Node(), Contracts()
        self.sender = Sender(store, self.rpc, self.contracts, SIGNER, chain_id=5, finality_depth=depth)

    def put(self, key="a", kind="did"):
        with self.store.write() as connection:
            return outbox.enqueue(connection, kind, key, TARGET, b"\x01\x02", 0)

    def put_anchor(self):
        with self.store.write() as connection:
            anchors.add(connection, AnchorRow(2, 7, NEXT, ROOT, OTHER, "note", 0))
        return self.put("anchor:2", outbox.KIND_ANCHOR)

    def row(self, key="a"):
        with self.store.read() as connection:
            return outbox.by_key(connection, key)

    def alarms(self):
        with self.store.read() as connection:
            return [alarm.kind for alarm in alarms.list_alarms(connection)]

    def to_sent(self, key="a"):
        self.put(key)
        assert [self.sender.step(1), self.sender.step(1)] == [Progress.MOVED] * 2
        assert self.row(key).state == "sent"

    def lost(self, key="a"):
        """A row that was final in a block which the chain has lost."""
        self.to_sent(key)
        outcome = TransactionOutcome(self.row(key).tx_hash, 9, ROOT, 0, True, 1)
        with self.store.write() as connection:
            outbox.settle(connection, self.row(key).id, outcome, 5)
            outbox.reopen(connection, 8, 10)
        self.rpc.sent.clear()


@pytest.fixture
def make(tmp_path):
    store = open_store(tmp_path / "node.db")
    with store.write() as connection:
        metadata.create_all(connection)
    yield lambda depth=1: Bench(store, depth)
    store.dispose()


def test_nothing_to_do(make):
    assert make().sender.step(1) is Progress.IDLE


def test_the_raw_transaction_is_kept_before_it_leaves(make):
    bench = make()
    bench.put()
    bench.sender.step(1)
    row = bench.row()
    assert (row.state, row.nonce, bench.rpc.sent) == ("signed", 0, [])
    bench.sender.step(1)
    assert bench.rpc.sent == ["0x" + row.raw.hex()]


@pytest.mark.parametrize(
    "said", ["transaction already imported", "already known", "Known transaction", "Nonce too low"]
)
def test_a_node_that_has_it_already_is_no_error(make, said):
    bench = make()
    bench.put()
    bench.sender.step(1)
    bench.rpc.refuse["eth_sendRawTransaction"] = (-32000, said)
    bench.sender.step(1)
    assert bench.row().state == "sent"


def test_any_other_refusal_keeps_the_row_and_says_so(make):
    bench = make()
    bench.put()
    bench.sender.step(1)
    bench.rpc.refuse["eth_sendRawTransaction"] = (-32000, "insufficient funds for gas")
    with pytest.raises(JsonRpcError):
        bench.sender.step(1)
    assert (bench.row().state, bench.alarms()) == ("signed", [alarms.SEND_REFUSED])
    assert "insufficient funds" in bench.row().error


def test_a_transaction_that_the_pool_dropped_is_sent_again(make):
    bench = make()
    bench.to_sent()
    assert bench.sender.step(10) is Progress.WAITING
    assert bench.sender.step(11) is Progress.WAITING
    assert len(bench.rpc.sent) == 2
    bench.sender.step(11 + RESEND_AFTER_MS)
    assert len(set(bench.rpc.sent)) == 1
    assert len(bench.rpc.sent) == 3


def test_a_mined_transaction_waits_for_the_index(make):
    bench = make()
    bench.to_sent()
    bench.rpc.receipts["0x" + bench.row().tx_hash.hex()] = {"status": "0x1"}
    bench.rpc.nonces["latest"] = 1
    assert bench.sender.step(10) is Progress.WAITING
    assert (bench.row().state, len(bench.rpc.sent)) == ("sent", 1)


def test_a_nonce_used_by_another_transaction_at_finality_is_signed_anew(make):
    bench = make(depth=4)
    bench.to_sent()
    bench.rpc.nonces = {"latest": 1, hex(7): 0}
    assert bench.sender.step(10) is Progress.WAITING  # it may still come back: nothing is final
    bench.rpc.nonces = {"latest": 1, hex(7): 1}
    assert bench.sender.step(10 + RESEND_AFTER_MS) is Progress.MOVED
    assert bench.row().state == "new"
    bench.sender.step(20 + RESEND_AFTER_MS)
    assert bench.row().nonce == 1


def test_a_chain_that_asks_fees_gets_twice_the_base_fee(make):
    bench = make()
    bench.rpc.base_fee = hex(7)
    signer = NotingSigner()
    bench.sender = Sender(bench.store, bench.rpc, bench.contracts, signer, chain_id=5, finality_depth=1)
    bench.put()
    bench.sender.step(1)
    assert (signer.seen["gasPrice"], signer.seen["gas"], signer.seen["chainId"]) == (14, 130_000, 5)


def test_a_node_in_trouble_at_estimating_is_no_refusal(make):
    bench = make()
    bench.put()
    bench.rpc.refuse["eth_estimateGas"] = (-32603, "state trie does not contain state root")
    with pytest.raises(JsonRpcError):
        bench.sender.step(1)
    assert (bench.row().state, bench.alarms()) == ("new", [])


def test_a_lost_write_waits_while_it_would_revert_and_is_given_up_at_last(make):
    bench = make()
    bench.lost()
    bench.rpc.refuse["eth_call"] = (3, "execution reverted", "0x")
    assert bench.sender.step(20) is Progress.WAITING
    assert (bench.row().state, bench.rpc.sent, bench.alarms()) == ("signed", [], [alarms.RESEND_BLOCKED])
    bench.sender.step(20 + RESEND_PATIENCE_MS + 1)
    assert bench.row().state == "failed"


def test_a_lost_write_goes_out_again_as_it_was(make):
    bench = make()
    bench.lost()
    bench.sender.step(20)
    assert bench.rpc.sent == ["0x" + bench.row().raw.hex()]


def test_a_lost_write_after_a_gap_is_signed_anew(make):
    bench = make()
    bench.rpc.nonces["latest"] = 3
    bench.lost()
    bench.rpc.nonces["latest"] = 1
    assert bench.sender.step(20) is Progress.MOVED
    bench.sender.step(21)
    assert (bench.row().state, bench.row().nonce) == ("signed", 1)


def test_an_anchor_goes_out_on_the_contracts_head(make):
    bench = make()
    bench.put_anchor()
    assert bench.sender.step(1) is Progress.MOVED
    assert bench.row("anchor:2").state == "signed"


@pytest.mark.parametrize(
    "head",
    [
        MemberHead(OTHER, 5, 1, 0, OTHER),  # our number is next, and what is before it is not ours
        MemberHead(OTHER, 7, 2, 0, OTHER),  # our number with another root
        MemberHead(ROOT, 5, 0, 0, OTHER),  # an anchor of ours is missing
    ],
)
def test_another_head_stops_the_sender(make, head):
    bench = make()
    bench.put_anchor()
    bench.contracts.head_now = head
    with pytest.raises(VerificationFailed, match="anchor-conflict"):
        bench.sender.step(1)
    assert bench.alarms() == [alarms.ANCHOR_CONFLICT]
    assert bench.rpc.sent == []


def test_an_anchor_that_stands_already_waits_for_its_event(make):
    bench = make()
    bench.put_anchor()
    bench.contracts.head_now = MemberHead(NEXT, 7, 2, 0, OTHER)
    assert bench.sender.step(1) is Progress.WAITING
    assert bench.alarms() == []
    bench.sender.step(MISSING_EVENT_MS + 2000)
    assert bench.alarms() == [alarms.ANCHOR_WITHOUT_EVENT]
    assert bench.rpc.sent == []


def test_an_anchor_that_the_contract_refuses_now_is_tried_again(make):
    bench = make()
    bench.put_anchor()
    bench.rpc.refuse["eth_estimateGas"] = (3, "execution reverted: not a broker", "0x")
    assert bench.sender.step(1) is Progress.WAITING
    assert (bench.row("anchor:2").state, bench.alarms()) == ("new", [alarms.ANCHOR_REFUSED])
    del bench.rpc.refuse["eth_estimateGas"]
    assert bench.sender.step(2) is Progress.WAITING  # not at once
    assert bench.sender.step(1002) is Progress.MOVED


def test_an_anchor_in_the_outbox_alone_is_a_conflict(make):
    bench = make()
    bench.put("anchor:9", outbox.KIND_ANCHOR)
    with pytest.raises(VerificationFailed, match="not among the anchors"):
        bench.sender.step(1)
