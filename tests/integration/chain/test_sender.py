"""The outbox against a real chain: whatever happens between two commits, each write lands once."""

import pytest

from evidence.version2.log.anchors import head_digest
from evidence.version2.log.checkpoint import read_anchor_checkpoint
from node_adapter.chain.abi import encode_call
from node_adapter.chain.deploy import send_and_wait
from node_adapter.chain.errors import ChainUnavailable
from node_adapter.init import configure
from node_adapter.store import alarms, anchor_tree, anchors, outbox, records
from node_adapter.store.chain import event_log
from node_adapter.workflows.anchoring.healing import find_wound, heal
from node_adapter.workflows.intake.rulesets import install_ruleset
from primitives.errors import VerificationFailed
from tests.world.broken import broken_promises

pytestmark = pytest.mark.chain


def final_size(node):
    with node.store.read() as connection:
        last = anchors.latest(connection)
    return last.size if last and last.block is not None else 0


def anchored_events(node):
    with node.store.read() as connection:
        topic = event_log.address_topic(node.address)
        return event_log.events(connection, contract="EvidenceLog", name="Anchored", topic1=topic)


def states(node):
    with node.store.read() as connection:
        return outbox.counts(connection)


def open_row(node):
    with node.store.read() as connection:
        return outbox.next_open(connection)


def test_records_are_anchored_once_and_in_order(consortium, add_records, drive):
    node = consortium.node()
    worker = consortium.worker(node)
    for batch in (1, 5, 20):
        add_records(node, batch)
        drive(worker, lambda: final_size(node) == _log_size(node))
    events = anchored_events(node)
    assert [event.args["seq"] for event in events] == [2, 3, 4]
    assert [event.args["sizeAfter"] for event in events] == [1, 6, 26]
    head = consortium.contracts.head(node.address)
    with node.store.read() as connection:
        last = anchors.latest(connection)
        root = anchor_tree.peaks_at(connection, last.seq).root()
    assert (head.head, head.size, head.seq) == (head_digest(last.seq, root), last.size, last.seq)
    assert head.map_root == last.map_root
    assert states(node) == {"new": 0, "signed": 0, "sent": 0, "final": 3, "failed": 0}


def _log_size(node):
    with node.store.read() as connection:
        return records.log_size(connection)


class Stop(Exception):
    """The process dies here."""


class DyingRpc:
    """Dies before or after the n-th call of a method, as a kill would."""

    def __init__(self, rpc, method, *, after):
        self._rpc, self._method, self._after = rpc, method, after

    def call(self, method, *params):
        if method != self._method:
            return self._rpc.call(method, *params)
        if self._after:
            self._rpc.call(method, *params)
        raise Stop

    def batch(self, calls):
        return self._rpc.batch(calls)


@pytest.mark.parametrize(
    ("method", "after", "state"),
    [
        ("eth_estimateGas", False, "new"),
        ("eth_sendRawTransaction", False, "signed"),
        ("eth_sendRawTransaction", True, "signed"),
    ],
)
def test_a_death_in_any_state_neither_loses_nor_doubles(consortium, add_records, drive, method, after, state):
    node = consortium.node()
    add_records(node, 3)
    dying = consortium.worker(node, DyingRpc(consortium.rpc, method, after=after))
    with pytest.raises(Stop):
        drive(dying, lambda: False)
    assert open_row(node).state == state
    node.store.dispose()
    reborn = consortium.node()
    worker = consortium.worker(reborn)
    drive(worker, lambda: final_size(reborn) == 3)
    assert [event.args["seq"] for event in anchored_events(reborn)] == [2]


def test_a_death_after_sent_is_settled_by_the_index(consortium, add_records, drive):
    node = consortium.node()
    add_records(node, 3)
    worker = consortium.worker(node)
    drive(worker, lambda: open_row(node) is not None and open_row(node).state == "sent")
    reborn = consortium.worker(node)
    drive(reborn, lambda: final_size(node) == 3)
    assert len(anchored_events(node)) == 1


def test_the_same_raw_transaction_again_is_harmless(consortium, add_records, drive):
    node = consortium.node()
    add_records(node, 1)
    worker = consortium.worker(node)
    drive(worker, lambda: final_size(node) == 1)
    with node.store.read() as connection:
        row = outbox.by_key(connection, "anchor:2")
    with node.store.write() as connection:
        outbox.mark_signed(connection, outbox.Attempt(row.tx_hash, row.id, row.nonce, 0, row.raw, 0))
    drive(worker, lambda: open_row(node) is None)
    assert states(node)["final"] == 1
    assert consortium.contracts.head(node.address).seq == 2


def test_a_nonce_used_elsewhere_is_signed_anew(consortium, add_records, drive):
    node = consortium.node()
    add_records(node, 2)
    dying = consortium.worker(node, DyingRpc(consortium.rpc, "eth_sendRawTransaction", after=False))
    with pytest.raises(Stop):
        drive(dying, lambda: False)
    send_and_wait(consortium.rpc, node.keys.signer(), consortium.chain.chain_id, node.address, b"")
    worker = consortium.worker(node)
    drive(worker, lambda: final_size(node) == 2)
    assert [event.args["seq"] for event in anchored_events(node)] == [2]


def test_a_refused_call_fails_with_the_contracts_own_words(consortium, drive):
    node = consortium.node()
    worker = consortium.worker(node)
    data = encode_call("MemberRegistry", "vote", 77)
    with node.store.write() as connection:
        target = consortium.contracts.address_of("MemberRegistry")
        row_id = outbox.enqueue(connection, "vote", "vote:77", target, data, 0)
        assert outbox.enqueue(connection, "vote", "vote:77", target, data, 0) == row_id
    drive(worker, lambda: states(node)["failed"] == 1)
    with node.store.read() as connection:
        row = outbox.by_key(connection, "vote:77")
        raised = alarms.list_alarms(connection, alarms.TRANSACTION_FAILED)
    assert "MemberRegistryNotOpen(77)" in row.error
    assert [(alarm.about, alarm.detail[:8]) for alarm in raised] == [("vote", "vote:77:")]


def test_an_anchor_under_our_number_that_is_not_ours_stops_the_worker(consortium, add_records, drive):
    node = consortium.node()
    add_records(node, 2)
    dying = consortium.worker(node, DyingRpc(consortium.rpc, "eth_estimateGas", after=False))
    with pytest.raises(Stop):
        drive(dying, lambda: False)
    foreign = encode_call("EvidenceLog", "anchor", 2, [], b"\x07" * 32, 5, b"\x08" * 32)
    target = consortium.contracts.address_of("EvidenceLog")
    send_and_wait(consortium.rpc, node.keys.signer(), consortium.chain.chain_id, target, foreign)
    worker = consortium.worker(node)
    with pytest.raises(VerificationFailed, match="anchor-conflict"):
        drive(worker, lambda: False)
    with node.store.read() as connection:
        assert alarms.list_alarms(connection, alarms.ANCHOR_CONFLICT)
    again = consortium.worker(node)
    with pytest.raises(VerificationFailed, match="local-log"):
        again.run()
    go_on_after_it_was_named_wrong(consortium, node, drive)


def go_on_after_it_was_named_wrong(consortium, node, drive):
    """What an operator's decision makes of it, under the contract's own rules."""
    install_ruleset(node, {"packaged": "sac-bands@1"})
    with node.store.read() as connection:
        code = find_wound(node, connection).code
    told = heal(node, reason="another machine has the key", confirm=code)
    assert told == {"named": [2], "promises_broken": 2, "moved_by": 5}
    with node.store.write() as connection:  # these records are no more than entries: nobody can promise them again
        for place in (5, 6):
            records.put_promise(connection, place, "{}", 0)
    worker = consortium.worker(node)
    worker._anchoring.load()
    drive(worker, lambda: final_size(node) == _log_size(node) and consortium.contracts.head(node.address).seq == 3)
    with node.store.read() as connection:
        note = anchors.last_signed(connection).checkpoint
        anchored = anchors.latest(connection)
    assert (anchored.size_before, anchored.size) == (5, 5 + 2 + 1)  # the opening of the history about it, too
    assert read_anchor_checkpoint(note.partition("\n\n")[0] + "\n").wrong == (2,)
    assert states(node)["failed"] == 0


def test_a_heartbeat_is_anchored_when_nothing_happens(make_consortium, drive):
    consortium = make_consortium(anchoring={"heartbeat_seconds": 1})
    node = consortium.node()
    worker = consortium.worker(node)
    drive(worker, lambda: len(anchored_events(node)) == 2)
    assert [event.args["sizeAfter"] for event in anchored_events(node)] == [0, 0]


def test_a_broken_promise_raises_an_alarm(consortium, add_records, drive):
    node = consortium.node()
    names = add_records(node, 2, promise_ms=-5_000)
    worker = consortium.worker(node)
    drive(worker, lambda: final_size(node) == 2)
    with node.store.read() as connection:
        assert broken_promises(connection) == names
        assert [alarm.count for alarm in alarms.list_alarms(connection, alarms.PROMISE_BROKEN, with_closed=True)] == [2]


def test_an_unreachable_chain_is_waited_for(consortium, add_records, drive):
    node = consortium.node()
    add_records(node, 2)
    worker = consortium.worker(node)
    consortium.stop_chain()
    for _ in range(3):
        assert worker.step() in (True, False)
    with pytest.raises(ChainUnavailable):
        consortium.rpc.call("eth_blockNumber")
    consortium.start_chain()
    drive(worker, lambda: final_size(node) == 2)


def test_an_anchor_is_final_only_at_its_depth(make_consortium, add_records, drive):
    consortium = make_consortium()
    configure(consortium.homes[0], {"chain": {"finality_depth": 3}})
    node = consortium.node()
    worker = consortium.worker(node)
    for _ in range(2):
        consortium.rpc.call("evm_mine")  # the contracts themselves must be final first
    add_records(node, 2)
    drive(worker, lambda: states(node)["sent"] == 1)
    consortium.rpc.call("evm_mine")
    for _ in range(20):
        worker.step()
    assert final_size(node) == 0
    consortium.rpc.call("evm_mine")
    drive(worker, lambda: final_size(node) == 2)
