"""A chain whose base fee rises a hundredfold under a transaction that is on its way."""

import pytest

from node_adapter.init import configure
from node_adapter.store import alarms, anchors, outbox
from node_adapter.store.chain import event_log

pytestmark = pytest.mark.chain
GWEI = 10**9


def base_fee(rpc):
    return int(rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)


def mine_at(rpc, fee):
    """Make a block with a base fee; the next ones follow from it by the rule of the chain."""
    rpc.call("anvil_setNextBlockBaseFeePerGas", hex(fee))
    rpc.call("evm_mine")
    assert base_fee(rpc) == fee


def open_row(node):
    with node.store.read() as connection:
        return outbox.next_open(connection)


def settled(node):
    with node.store.read() as connection:
        last = anchors.latest(connection)
        topic = event_log.address_topic(node.address)
        events = event_log.events(connection, contract="EvidenceLog", name="Anchored", topic1=topic)
    return last is not None and last.block is not None, events


@pytest.fixture
def paying(consortium):
    """A node whose account has money, on a chain that asks a fee; its writes wait in the pool."""
    configure(consortium.homes[0], {"chain": {"max_fee_per_gas": 1000 * GWEI}})
    node, rpc = consortium.node(), consortium.rpc
    rpc.call("anvil_setBalance", node.address, hex(10**20))
    mine_at(rpc, GWEI)
    rpc.call("evm_setAutomine", False)
    return node


def test_a_transaction_that_a_risen_fee_leaves_behind_is_replaced_and_settles_once(
    consortium, paying, add_records, drive
):
    node, rpc = paying, consortium.rpc
    worker = consortium.worker(node)
    add_records(node, 3)
    drive(worker, lambda: (row := open_row(node)) is not None and row.state == outbox.SENT)
    row = open_row(node)
    mine_at(rpc, 100 * GWEI)
    assert settled(node)[1] == [], "the fee did not keep the transaction out, so this test shows nothing"
    rpc.call("evm_setAutomine", True)
    drive(worker, lambda: settled(node)[0])
    with node.store.read() as connection:
        signed = outbox.attempts(connection, row.id)
        [event] = settled(node)[1]
        assert not alarms.list_alarms(connection)
    assert {attempt.nonce for attempt in signed} == {row.nonce}
    assert len(signed) > 1
    assert signed[0].max_fee < 100 * GWEI <= max(attempt.max_fee for attempt in signed)
    assert event.tx_hash in {attempt.tx_hash for attempt in signed[1:]}
    assert rpc.call("eth_getTransactionReceipt", "0x" + signed[0].tx_hash.hex()) is None


def test_above_the_bound_it_waits_with_an_alarm_until_the_fee_has_fallen(consortium, paying, add_records, drive):
    node, rpc = paying, consortium.rpc
    worker = consortium.worker(node)
    add_records(node, 3)
    drive(worker, lambda: (row := open_row(node)) is not None and row.state == outbox.SENT)

    def is_told():
        with node.store.read() as connection:
            return alarms.is_open(connection, alarms.FEE_BOUND)

    mine_at(rpc, 5000 * GWEI)
    drive(worker, is_told)
    mine_at(rpc, GWEI)
    rpc.call("evm_setAutomine", True)
    rpc.call("evm_mine")
    drive(worker, lambda: settled(node)[0])
    assert len(settled(node)[1]) == 1
