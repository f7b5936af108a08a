"""The sender against a chain's node that answers as each engine in trouble does."""

import pytest

from evidence.version2.log.anchors import FIRST_ANCHOR
from node_adapter.anchor_call import anchor_call
from node_adapter.chain.abi import directory_name
from node_adapter.chain.errors import JsonRpcError
from node_adapter.chain.sender import (
    GAP_AFTER_MS,
    MISSING_EVENT_MS,
    RESEND_AFTER_MS,
    RESEND_PATIENCE_MS,
    RETRY_REFUSED_MS,
    STUCK_AFTER_MS,
    Progress,
    Sender,
)
from node_adapter.keys.keystore import LocalSigner
from node_adapter.ports import MemberHead, TransactionOutcome
from node_adapter.store import alarms, anchors, outbox
from node_adapter.store.anchors import AnchorRow
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent
from node_adapter.store.chain.evidence_log import leaves_in
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata
from node_adapter.workflows.anchoring import settlement
from primitives.errors import VerificationFailed

TARGET = "0x" + "ab" * 20
SIGNER = LocalSigner(bytes([7]) * 32)
ROOT, NEXT, OTHER = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
BOUND = 1000
REVERTED = (3, "execution reverted", "0x")


class Node:
    """A chain's node: `nonce` of the account, `sent` raw transactions; `refuse` holds errors by method or by tag."""

    def __init__(self):
        self.nonce, self.nonces = 0, {}
        self.head = 10
        self.base_fee = "0x0"
        self.gas_price = "0x0"
        self.time = 0
        self.sent, self.refuse = [], {}

    def call(self, method, *params):
        refusal = self.refuse.get((method, params[-1]) if method == "eth_call" else method) or self.refuse.get(method)
        if refusal:
            raise JsonRpcError(method, *refusal)
        return getattr(self, method)(*params)

    def batch(self, calls):
        return [self.call(method, *params) for method, params in calls]

    def eth_getTransactionCount(self, _address, tag):
        return hex(self.nonces.get(tag, self.nonce))

    def eth_getBlockByNumber(self, _tag, _full):
        return {"gasLimit": hex(30_000_000), "baseFeePerGas": self.base_fee, "timestamp": hex(self.time)}

    def eth_estimateGas(self, _call):
        return hex(100_000)

    def eth_gasPrice(self):
        return self.gas_price

    def eth_sendRawTransaction(self, raw):
        self.sent.append(raw)
        return "0x" + "00" * 32

    def eth_blockNumber(self):
        return hex(self.head)

    def eth_call(self, _call, _tag):
        return "0x"


class Contracts:
    head_now = MemberHead(ROOT, OTHER, 5, 2)

    def head(self, _member):
        return self.head_now


class NotingSigner:
    address = SIGNER.address

    def sign_transaction(self, transaction):
        self.seen = transaction
        return SIGNER.sign_transaction(transaction)


class Bench:
    def __init__(self, store):
        self.store, self.rpc, self.contracts, self.signer = store, Node(), Contracts(), NotingSigner()
        self.block = -1  # nothing is indexed
        self.restart()

    def restart(self):
        self.waiting = set()
        self.sender = Sender(
            self.store,
            self.rpc,
            self.contracts,
            self.signer,
            chain_id=5,
            max_fee_per_gas=BOUND,
            waits=lambda _connection, row: row.key in self.waiting,
        )

    def step(self, tick):
        """A step at a tick; the wall clock goes its own way."""
        return self.sender.step(10**12 - 7 * tick, tick)

    def put(self, key="a", kind="did"):
        with self.store.write() as connection:
            return outbox.enqueue(connection, kind, key, TARGET, b"\x01\x02", 0)

    def put_anchor(self, seq=2):
        """An anchor that waits: five records under the first, two under each later one."""
        with self.store.write() as connection:
            row = anchor_row(seq)
            anchors.add(connection, row)
            call = anchor_call(connection, row)
        with self.store.write() as connection:
            return outbox.enqueue(connection, outbox.KIND_ANCHOR, row.key, TARGET, call or b"made too early", 0)

    def row(self, key="a"):
        with self.store.read() as connection:
            return outbox.by_key(connection, key)

    def attempts(self, key="a"):
        with self.store.read() as connection:
            return outbox.attempts(connection, outbox.by_key(connection, key).id)

    def alarms(self):
        with self.store.read() as connection:
            return [alarm.kind for alarm in alarms.list_alarms(connection)]

    def index(self, *mined, events=(), taken=False):
        """The index takes a block with transactions of this member, (hash, nonce, succeeded)."""
        self.block += 1
        block = ChainBlock(self.block, bytes([self.block]) * 32, b"", 0, b"", ())
        outcomes = [
            TransactionOutcome(tx_hash, self.block, block.hash, 0, succeeded, 1, nonce)
            for tx_hash, nonce, succeeded in mined
        ]
        with self.store.write() as connection:
            event_log.append(connection, [block], events)
            made = leaves_in(connection, events, SIGNER.address) if taken else []
            settlement.settle(connection, outcomes, made, now_ms=5, sign=lambda *_: "note", fault=lambda *_: None)

    def index_anchor(self, seq, *, root=None, taken=True, mined=()):
        """The index takes an anchor under our name; with `taken` it is ours, and settled with its block."""
        row, time = anchor_row(seq), 100 + self.block
        args = {
            "member": SIGNER.address,
            "seq": seq,
            "batchRoot": "0x" + (root or row.batch_root).hex(),
            "sizeBefore": row.size_before,
            "sizeAfter": row.size,
            "mapRoot": "0x" + row.map_root.hex(),
            "time": time,
            "keysDigest": "0x" + "0d" * 32,
            "keyVersion": 1,
        }
        zero = "0x" + "00" * 32
        opening = {"former": TARGET, "formerSeq": 0, "formerSize": 0, "formerRoot": zero, "formerMapRoot": zero}
        told = [("LogOpened", {**opening, "time": time})] if seq == FIRST_ANCHOR else []
        topic = event_log.address_topic(SIGNER.address)
        self.index(
            *mined,
            taken=taken,
            events=[
                ChainEvent(self.block + 1, at, 0, at, OTHER, TARGET, "EvidenceLog", name, topic, values)
                for at, (name, values) in enumerate([*told, ("Anchored", args)])
            ],
        )

    def lose(self, after):
        """The chain ends at a block, and the index with it."""
        with self.store.write() as connection:
            event_log.truncate(connection, after)
            settlement.reopen(connection, after, 10)
            alarms.close_alarm(connection, alarms.CHAIN_RESET, 10)
        self.block = after
        self.rpc.sent.clear()
        self.restart()

    def to_sent(self, key="a"):
        self.put(key)
        assert [self.step(1), self.step(1)] == [Progress.MOVED] * 2
        assert self.row(key).state == "sent"

    def lost(self, *, succeeded=True):
        """A row that was settled in a block which the chain has lost."""
        self.to_sent()
        self.index((self.row().tx_hash, self.row().nonce, succeeded))
        block = self.block
        self.lose(0)
        self.block = block
        with self.store.write() as connection:
            alarms.close_alarm(connection, alarms.TRANSACTION_FAILED, 10)


def anchor_row(seq):
    return AnchorRow(seq, 0 if seq == FIRST_ANCHOR else 2 * seq - 1, 2 * seq + 1, bytes([seq]) * 32, OTHER, 0)


@pytest.fixture
def bench(tmp_path):
    store = open_store(tmp_path / "node.db")
    with store.write() as connection:
        metadata.create_all(connection)
    made = Bench(store)
    name = "0x" + directory_name("EvidenceLog").hex()
    args = {"name": name, "target": TARGET, "fromBlock": 0, "previous": "0x" + "00" * 20}
    made.index(events=[ChainEvent(0, 0, 0, 0, OTHER, "0xd", "Directory", "AddressSet", name, args)])
    yield made
    store.dispose()


def test_nothing_to_do(bench):
    assert bench.step(1) is Progress.IDLE


def test_the_raw_transaction_is_kept_before_it_leaves(bench):
    bench.put()
    bench.step(1)
    row = bench.row()
    assert (row.state, row.nonce, bench.rpc.sent) == ("signed", 0, [])
    bench.step(1)
    assert bench.rpc.sent == ["0x" + row.raw.hex()]


@pytest.mark.parametrize(
    "said", ["transaction already imported", "already known", "Known transaction", "Nonce too low"]
)
def test_a_node_that_has_it_already_is_no_error(bench, said):
    bench.put()
    bench.step(1)
    bench.rpc.refuse["eth_sendRawTransaction"] = (-32000, said)
    bench.step(1)
    assert bench.row().state == "sent"


def test_any_other_refusal_keeps_the_row_and_says_so_until_it_is_sent(bench):
    bench.put()
    bench.step(1)
    bench.rpc.refuse["eth_sendRawTransaction"] = (-32000, "insufficient funds for gas")
    with pytest.raises(JsonRpcError):
        bench.step(1)
    assert (bench.row().state, bench.alarms()) == ("signed", [alarms.SEND_REFUSED])
    assert "insufficient funds" in bench.row().error
    del bench.rpc.refuse["eth_sendRawTransaction"]
    bench.step(2)
    assert (bench.row().state, bench.alarms()) == ("sent", [])


def test_a_transaction_that_the_pool_dropped_is_sent_again(bench):
    bench.to_sent()
    assert bench.step(10) is Progress.WAITING
    assert len(bench.rpc.sent) == 1
    bench.step(1 + RESEND_AFTER_MS)
    assert bench.step(2 + RESEND_AFTER_MS) is Progress.WAITING
    assert len(bench.rpc.sent) == 2
    assert len(set(bench.rpc.sent)) == 1
    bench.restart()
    bench.step(3 + RESEND_AFTER_MS)
    assert len(bench.rpc.sent) == 3


def test_an_account_that_is_ahead_of_its_receipts_loses_nothing(bench):
    bench.to_sent()
    raw = bench.row().raw
    bench.rpc.nonce = 1  # the engine shows the account before the block that holds the transaction
    for now in range(10, 60_000, 500):
        bench.step(now)
    assert (bench.row().state, bench.row().raw, len(bench.attempts())) == ("sent", raw, 1)
    bench.index((bench.row().tx_hash, 0, True))
    assert bench.row().state == "final"


def test_a_nonce_that_another_transaction_used_in_an_indexed_block_is_signed_anew(bench):
    bench.to_sent()
    first = bench.row()
    bench.index((OTHER, 0, True))
    assert bench.step(10) is Progress.MOVED
    assert bench.row().state == "new"
    bench.step(20)
    assert bench.row().nonce == 1
    assert [attempt.tx_hash for attempt in bench.attempts()] == [first.tx_hash, bench.row().tx_hash]


def test_the_nonce_is_the_first_that_no_indexed_block_uses_whatever_an_endpoint_that_lags_says(bench):
    bench.index((OTHER, 6, True))
    bench.rpc.nonce = 3
    bench.put()
    bench.step(1)
    assert bench.row().nonce == 7


def test_no_nonce_is_taken_from_a_state_that_no_indexed_block_holds(bench):
    bench.rpc.nonce = 2  # two blocks that the chain may take back
    with bench.store.write() as connection:
        event_log.truncate(connection, -1)
    bench.put()
    assert bench.step(1) is Progress.WAITING
    bench.index()
    bench.rpc.nonces = {"0x1": 1}  # one of them stands in the indexed block
    bench.step(2_000)
    assert bench.row().nonce == 1


def test_an_account_ahead_of_the_index_is_waited_for(bench):
    bench.index((OTHER, 6, True))
    bench.rpc.nonce, bench.rpc.nonces = 9, {"0x1": 7}
    bench.put()
    for now in range(1, 60_000, 500):
        assert bench.step(now) is Progress.WAITING
    bench.index((NEXT, 7, True), (ROOT, 8, True))
    bench.step(61_000)
    assert bench.row().nonce == 9


def test_what_moved_the_account_before_the_index_followed_it_counts_at_an_indexed_block(bench):
    bench.index((OTHER, 6, True))
    bench.rpc.nonce, bench.rpc.nonces = 9, {"0x1": 9}
    bench.put()
    bench.step(1)
    assert bench.row().nonce == 9


def test_the_first_nonce_of_all_is_that_of_an_indexed_block(bench):
    bench.index()
    bench.rpc.nonce, bench.rpc.nonces = 2, {"0x1": 0}  # what moved it since may still be left behind by the chain
    bench.put()
    bench.step(1)
    assert bench.row().nonce == 0


def test_nonces_that_will_never_come_are_a_gap(bench):
    bench.rpc.nonce = 2
    bench.to_sent()
    bench.rpc.nonce = 0
    for now in (RESEND_AFTER_MS, 2 * RESEND_AFTER_MS, GAP_AFTER_MS):
        bench.step(1 + now)
        assert bench.row().nonce == 2
    assert bench.step(2 * GAP_AFTER_MS) is Progress.MOVED
    bench.step(2 * GAP_AFTER_MS + 1)
    assert bench.row().nonce == 0


def test_a_node_in_trouble_at_estimating_is_no_refusal(bench):
    bench.put()
    bench.rpc.refuse["eth_estimateGas"] = (-32603, "state trie does not contain state root")
    with pytest.raises(JsonRpcError):
        bench.step(1)
    assert (bench.row().state, bench.alarms()) == ("new", [])


def test_a_refusal_counts_when_the_newest_indexed_block_refuses_too(bench):
    bench.index()
    bench.put()
    bench.put("b")
    bench.rpc.refuse["eth_estimateGas"] = bench.rpc.refuse["eth_call", "0x1"] = REVERTED
    assert bench.step(1) is Progress.MOVED
    assert (bench.row().state, bench.alarms()) == ("failed", [alarms.TRANSACTION_FAILED])


@pytest.mark.parametrize("at_tip", [None, (-32602, "BlockOutOfRangeError: block height is 6 but requested was 5")])
def test_a_refusal_of_an_endpoint_that_lags_decides_nothing_and_keeps_no_other_write_back(bench, at_tip):
    bench.index()
    bench.put()
    bench.put("b")
    bench.rpc.refuse["eth_estimateGas"] = REVERTED
    if at_tip:
        bench.rpc.refuse["eth_call", "0x1"] = at_tip
    assert bench.step(1) is Progress.WAITING
    assert (bench.row().state, bench.alarms()) == ("new", [alarms.CALL_REFUSED])
    del bench.rpc.refuse["eth_estimateGas"]
    bench.step(2)
    assert (bench.row("b").state, bench.row().state) == ("signed", "new")
    bench.step(2)
    bench.index((bench.row("b").tx_hash, 0, True))
    bench.step(1 + RETRY_REFUSED_MS)
    assert bench.row().state == "signed"


def test_a_lost_write_waits_while_it_would_revert_and_is_given_up_at_last(bench):
    bench.lost()
    bench.index()
    bench.rpc.refuse["eth_call"] = REVERTED
    assert bench.step(20) is Progress.WAITING
    assert (bench.row().state, bench.rpc.sent, bench.alarms()) == ("signed", [], [alarms.RESEND_BLOCKED])
    bench.step(20 + RESEND_PATIENCE_MS + 1)
    assert (bench.row().state, bench.alarms()) == ("failed", [alarms.TRANSACTION_FAILED])
    bench.index((bench.attempts()[0].tx_hash, 0, True))  # and the chain had it after all
    assert bench.row().state == "final"


def test_a_lost_write_goes_out_again_as_it_was(bench):
    bench.lost()
    bench.step(20)
    assert bench.rpc.sent == ["0x" + bench.row().raw.hex()]


def test_a_lost_revert_goes_out_again_too_for_it_holds_the_place_of_its_nonce(bench):
    bench.lost(succeeded=False)
    bench.rpc.refuse["eth_call"] = REVERTED
    bench.step(20)
    assert (bench.row().state, bench.rpc.sent) == ("sent", ["0x" + bench.row().raw.hex()])


def test_a_lost_write_after_a_gap_is_signed_anew(bench):
    bench.index((OTHER, 2, True))
    bench.lost()
    bench.block = 0
    bench.index((OTHER, 0, True))
    assert bench.row().nonce == 3
    assert bench.step(20) is Progress.MOVED
    bench.step(21)
    assert (bench.row().state, bench.row().nonce) == ("signed", 1)


def test_a_write_that_has_to_wait_is_not_signed_and_keeps_no_other_back(bench):
    bench.put("first")
    bench.put("second")
    bench.waiting.add("first")
    assert bench.step(1) is Progress.WAITING
    assert bench.step(2) is Progress.MOVED
    assert (bench.row("first").state, bench.row("second").state) == ("new", "signed")
    bench.step(3)
    bench.index((bench.row("second").tx_hash, 0, True))
    bench.waiting.clear()
    assert bench.step(2 + RETRY_REFUSED_MS) is Progress.MOVED
    assert bench.row("first").state == "signed"


def test_an_anchor_goes_out_on_our_tree_as_the_index_has_it(bench):
    bench.put_anchor()
    bench.step(1)
    bench.index_anchor(2, mined=[(bench.row("anchor:2").tx_hash, 0, True)])
    bench.put_anchor(3)
    assert bench.step(1) is Progress.MOVED
    assert bench.row("anchor:3").state == "signed"
    with bench.store.read() as connection:
        assert bench.signer.seen["data"] == anchor_call(connection, anchor_row(3))


@pytest.mark.parametrize(
    ("seq", "root"),
    [
        (3, ROOT),  # our number with another batch
        (4, None),  # our number is there, and another after it
    ],
)
def test_another_anchor_in_the_index_stops_the_sender(bench, seq, root):
    bench.put_anchor()
    bench.step(1)
    bench.index_anchor(2, mined=[(bench.row("anchor:2").tx_hash, 0, True)])
    bench.put_anchor(3)
    bench.index_anchor(seq, root=root, taken=False)
    with pytest.raises(VerificationFailed, match="anchor-conflict"):
        bench.step(1)
    assert bench.alarms() == [alarms.ANCHOR_CONFLICT]
    assert bench.rpc.sent == []


def test_an_anchor_waits_for_the_one_before_it(bench):
    bench.put_anchor(3)
    assert bench.step(1) is Progress.WAITING
    assert (bench.row("anchor:3").state, bench.alarms(), bench.rpc.sent) == ("new", [], [])


def test_an_anchor_that_stands_already_is_not_signed(bench):
    bench.put_anchor()
    bench.index_anchor(2, taken=False)
    assert bench.step(1) is Progress.WAITING
    assert (bench.row("anchor:2").state, bench.alarms()) == ("new", [])


def test_after_a_reset_an_anchors_call_is_made_of_the_tree_that_there_is_then(bench):
    """The leaf before it is another one, since it names another block: the call that was signed would be refused."""
    for seq in (2, 3):
        bench.put_anchor(seq)
        bench.step(1)
        bench.step(1)
        bench.index_anchor(seq, mined=[(bench.row(f"anchor:{seq}").tx_hash, seq - 2, True)])
    signed = bench.row("anchor:3")
    bench.lose(0)
    assert bench.step(10) is Progress.MOVED  # the first one goes out as it is: it needs no leaf before it
    assert bench.rpc.sent == ["0x" + bench.row("anchor:2").raw.hex()]
    bench.index()
    bench.index_anchor(2, mined=[(bench.row("anchor:2").tx_hash, 0, True)])
    assert (bench.step(20), bench.row("anchor:3").state) == (Progress.MOVED, "new")
    with bench.store.read() as connection:
        call = anchor_call(connection, anchor_row(3))
    assert signed.data != call == bench.row("anchor:3").data
    bench.step(30)
    bench.step(30)
    assert (bench.row("anchor:3").state, bench.row("anchor:3").nonce, bench.signer.seen["data"]) == ("sent", 1, call)
    bench.index_anchor(3, mined=[(bench.row("anchor:3").tx_hash, 1, True)])
    assert (bench.row("anchor:3").state, bench.alarms()) == ("final", [])


def test_after_a_reset_an_anchor_is_not_sent_before_the_one_before_it_is_there(bench):
    for seq in (2, 3):
        bench.put_anchor(seq)
        bench.step(1)
        bench.step(1)
        bench.index_anchor(seq, mined=[(bench.row(f"anchor:{seq}").tx_hash, seq - 2, True)])
    bench.lose(0)
    with bench.store.write() as connection:  # as where the write of the first one waits for another reason
        outbox.unsign(connection, outbox.by_key(connection, "anchor:2").id, 10)
    assert bench.step(10) is Progress.WAITING
    assert (bench.row("anchor:3").state, bench.rpc.sent) == ("signed", [])


def test_an_anchor_that_the_contract_holds_without_an_event_is_told(bench):
    bench.put_anchor()
    bench.contracts.head_now = MemberHead(NEXT, OTHER, 5, 2)
    bench.rpc.refuse["eth_estimateGas"] = REVERTED
    assert bench.step(1) is Progress.WAITING
    assert bench.alarms() == [alarms.ANCHOR_REFUSED]
    bench.step(MISSING_EVENT_MS + 2000)
    assert bench.alarms() == [alarms.ANCHOR_REFUSED, alarms.ANCHOR_WITHOUT_EVENT]
    assert bench.rpc.sent == []


def test_an_anchor_that_the_contract_refuses_now_is_tried_again(bench):
    bench.put_anchor()
    bench.rpc.refuse["eth_estimateGas"] = (3, "execution reverted: not a broker", "0x")
    assert bench.step(1) is Progress.WAITING
    assert (bench.row("anchor:2").state, bench.alarms()) == ("new", [alarms.ANCHOR_REFUSED])
    del bench.rpc.refuse["eth_estimateGas"]
    assert bench.step(2) is Progress.WAITING  # not at once
    assert bench.step(1002) is Progress.MOVED


def test_an_anchor_in_the_outbox_alone_is_a_conflict(bench):
    bench.put("anchor:9", outbox.KIND_ANCHOR)
    with pytest.raises(VerificationFailed, match="not among the anchors"):
        bench.step(1)


def test_a_chain_that_asks_fees_gets_twice_the_base_fee(bench):
    bench.rpc.base_fee = hex(7)
    bench.put()
    bench.step(1)
    assert {name: bench.signer.seen[name] for name in ("maxFeePerGas", "maxPriorityFeePerGas", "gas", "chainId")} == {
        "maxFeePerGas": 14,
        "maxPriorityFeePerGas": 2,
        "gas": 130_000,
        "chainId": 5,
    }


def prices(bench):
    return [(attempt.nonce, attempt.max_fee) for attempt in bench.attempts()]


def test_a_base_fee_that_rises_replaces_the_transaction_at_its_nonce(bench):
    bench.rpc.base_fee = hex(2)
    bench.to_sent()
    bench.rpc.base_fee = hex(200)
    assert bench.step(1 + RESEND_AFTER_MS) is Progress.MOVED
    assert prices(bench) == [(0, 4), (0, 400)]
    bench.step(2 + RESEND_AFTER_MS)
    assert (bench.row().state, bench.rpc.sent[-1]) == ("sent", "0x" + bench.attempts()[1].raw.hex())
    bench.index((bench.attempts()[0].tx_hash, 0, True))  # the cheap one was mined after all
    assert (bench.row().state, bench.row().tx_hash) == ("final", bench.attempts()[0].tx_hash)


def test_no_more_is_offered_than_was_allowed(bench):
    bench.rpc.base_fee = hex(400)
    bench.to_sent()
    bench.rpc.base_fee = hex(5000)
    now = 1
    for _ in range(6):
        now += RESEND_AFTER_MS
        bench.step(now)
    assert prices(bench) == [(0, 800), (0, BOUND)]
    assert bench.alarms() == [alarms.FEE_BOUND]
    bench.index((bench.row().tx_hash, 0, True))
    assert bench.alarms() == []


def test_a_pool_that_asks_more_than_nothing_gets_what_the_node_names(bench):
    bench.rpc.gas_price = hex(9)
    bench.put()
    bench.step(1)
    bench.rpc.refuse["eth_sendRawTransaction"] = (-32000, "transaction underpriced")
    assert bench.step(1) is Progress.MOVED
    assert prices(bench) == [(0, 0), (0, 9)]


def test_a_transaction_that_pays_enough_is_replaced_when_the_chain_goes_on_without_it(bench):
    bench.rpc.base_fee = hex(8)
    bench.to_sent()
    bench.step(1 + 2 * STUCK_AFTER_MS)  # by our clock alone nothing is late: the chain may stand still
    assert prices(bench) == [(0, 16)]
    bench.rpc.time = STUCK_AFTER_MS // 1000 + 1
    bench.step(1 + 3 * STUCK_AFTER_MS)
    assert prices(bench) == [(0, 16), (0, 19)]


def test_a_transaction_that_may_be_mined_already_is_not_replaced(bench):
    bench.rpc.base_fee = hex(2)
    bench.to_sent()
    bench.rpc.base_fee = hex(200)
    bench.rpc.refuse["eth_estimateGas"] = REVERTED  # as it is when the call is done
    bench.step(1 + RESEND_AFTER_MS)
    assert prices(bench) == [(0, 4)]
