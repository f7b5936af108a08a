"""The chain that answers is another one, or holds another history: the node refuses to start and says why."""

import shutil

import pytest
from sqlalchemy import delete, update

from node_adapter.chain import embedded
from node_adapter.chain.abi import encode_call
from node_adapter.chain.deploy import send_and_wait
from node_adapter.chain.errors import HistoryMismatch, WrongChain
from node_adapter.chain.rpc import HttpRpc
from node_adapter.init import configure
from node_adapter.store import alarms, anchors, identity, outbox
from node_adapter.store.chain import blocks, event_log
from node_adapter.store.schema import map_anchor, record
from primitives.errors import Refused, VerificationFailed
from tests.waiting import wait_for_end, wait_until

pytestmark = pytest.mark.chain


def final_size(node):
    with node.store.read() as connection:
        last = anchors.latest(connection)
    return last.size if last and last.block is not None else 0


def anchored_seqs(node):
    with node.store.read() as connection:
        topic = event_log.address_topic(node.address)
        events = event_log.events(connection, contract="EvidenceLog", name="Anchored", topic1=topic)
    return [event.args["seq"] for event in events]


def anchor_some(node, worker, add_records, drive, count):
    for _ in range(count):
        size = final_size(node)
        add_records(node, 2)
        drive(worker, lambda size=size: final_size(node) == size + 2)


def test_another_chain_id_is_refused(consortium):
    configure(consortium.homes[0], {"chain": {"chain_id": consortium.chain.chain_id + 1}})
    node = consortium.node()
    with pytest.raises(WrongChain, match="chain's id"):
        consortium.worker(node).run()
    with node.store.read() as connection:
        assert "wrong-chain" in identity.worker_status(connection).stopped


def test_another_genesis_is_refused(consortium):
    node = consortium.node()
    consortium.worker(node).step()
    with node.store.write() as connection:
        identity.put(connection, "genesis", "0x" + "11" * 32)
    with pytest.raises(WrongChain, match="genesis"):
        consortium.worker(node).run()


def test_other_code_at_the_directory_is_refused(consortium):
    node = consortium.node()
    consortium.worker(node).step()
    with node.store.write() as connection:
        identity.put(connection, f"code:{consortium.deployment.directory}", "22" * 32)
    with pytest.raises(WrongChain, match="code:"):
        consortium.worker(node).run()


def test_a_directory_that_is_not_there_is_refused(consortium):
    configure(consortium.homes[0], {"chain": {"directory": "0x" + "33" * 20}})
    with pytest.raises(WrongChain, match="no contract"):
        consortium.worker(consortium.node()).run()


def test_production_refuses_the_embedded_chain(consortium, monkeypatch):
    monkeypatch.setenv("BONAFIDES_ENVIRONMENT", "production")
    with pytest.raises(Refused, match="embedded-in-production"):
        consortium.worker(consortium.node()).run()
    with pytest.raises(Refused, match="embedded-in-production"):
        embedded.up(consortium.directory)


def snapshot(consortium, target):
    consortium.stop_chain()
    shutil.copy2(consortium.directory / "state.json", target)
    consortium.start_chain()


def restore(consortium, source):
    consortium.stop_chain()
    shutil.copy2(source, consortium.directory / "state.json")
    consortium.start_chain()


def test_a_chain_that_lost_its_newest_blocks_gets_them_again_in_order(consortium, add_records, drive, tmp_path):
    node = consortium.node()
    worker = consortium.worker(node)
    anchor_some(node, worker, add_records, drive, 2)
    snapshot(consortium, tmp_path / "old.json")
    anchor_some(node, worker, add_records, drive, 3)
    with node.store.write() as connection:
        data = encode_call("MemberRegistry", "proposeAction", b"\x04" * 32, b"\x05" * 32)
        outbox.enqueue(connection, "vote", "action:5", consortium.contracts.address_of("MemberRegistry"), data, 0)
    drive(worker, lambda: outbox_state(node, "action:5") == "final")
    before = raw_by_key(node)
    restore(consortium, tmp_path / "old.json")
    assert consortium.contracts.head(node.address).seq == 3

    reborn = consortium.node()
    worker = consortium.worker(reborn)
    drive(worker, lambda: was_reset(reborn))
    with reborn.store.read() as connection:
        assert outbox.counts(connection)["signed"] == 4
    assert final_size(reborn) == 0 or final_size(reborn) == 10 - 6
    drive(worker, lambda: final_size(reborn) == 10 and outbox_state(reborn, "action:5") == "final")
    assert anchored_seqs(reborn) == [2, 3, 4, 5, 6]
    # The very same transactions, but of an anchor whose leaf before it is another one: it names another block.
    after = raw_by_key(reborn)
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == {"anchor:5", "anchor:6"}
    anchor_some(reborn, worker, add_records, drive, 1)
    assert anchored_seqs(reborn) == [2, 3, 4, 5, 6, 7]


def test_records_of_lost_blocks_are_anchored_once_the_chain_is_as_long_again(consortium, add_records, drive, tmp_path):
    """No verifier takes a record that states a later block of acceptance than its anchor's."""
    node = consortium.node()
    worker = consortium.worker(node)
    anchor_some(node, worker, add_records, drive, 1)
    snapshot(consortium, tmp_path / "old.json")
    with consortium_rpc(consortium) as rpc:
        rpc.call("anvil_mine", hex(30))
    accepted = tip_of(node) + 30
    drive(worker, lambda: tip_of(node) >= accepted)
    add_records(node, 2, block=accepted)
    drive(worker, lambda: final_size(node) == 4)
    restore(consortium, tmp_path / "old.json")

    reborn = consortium.node()
    worker = consortium.worker(reborn)
    drive(worker, lambda: was_reset(reborn))
    assert tip_of(reborn) < accepted
    drive(worker, lambda: final_size(reborn) == 4, seconds=60)
    with reborn.store.read() as connection:
        assert anchors.latest(connection).block > accepted


def tip_of(node):
    with node.store.read() as connection:
        return blocks.tip(connection).number


def test_a_chain_that_grew_another_way_after_a_reset_is_refused(consortium, add_records, drive, tmp_path):
    node = consortium.node()
    worker = consortium.worker(node)
    snapshot(consortium, tmp_path / "old.json")
    anchor_some(node, worker, add_records, drive, 3)
    restore(consortium, tmp_path / "old.json")
    regulator = consortium.node(1)
    with consortium_rpc(consortium) as rpc:
        send_and_wait(rpc, regulator.keys.signer(), consortium.chain.chain_id, regulator.address, b"")
    with pytest.raises(HistoryMismatch, match="not a part of ours"):
        consortium.worker(consortium.node()).run()


def test_a_chain_that_grew_past_our_index_another_way_is_refused(consortium, add_records, drive, tmp_path):
    node = consortium.node()
    worker = consortium.worker(node)
    snapshot(consortium, tmp_path / "old.json")
    anchor_some(node, worker, add_records, drive, 1)
    restore(consortium, tmp_path / "old.json")
    regulator = consortium.node(1)
    with consortium_rpc(consortium) as rpc:
        for _ in range(3):
            send_and_wait(rpc, regulator.keys.signer(), consortium.chain.chain_id, regulator.address, b"")
    with pytest.raises(HistoryMismatch):
        drive(worker, lambda: False)


def test_a_chain_without_our_contracts_is_refused(consortium):
    node = consortium.node()
    consortium.worker(node).step()
    consortium.stop_chain()
    for file in consortium.directory.glob("state*.json"):
        file.unlink()
    consortium.start_chain()
    with pytest.raises((WrongChain, HistoryMismatch), match=r"genesis|before our contracts|begin at|reset"):
        consortium.worker(consortium.node()).run()


def test_a_second_worker_on_one_node_is_refused(consortium, start_worker):
    first = start_worker(consortium.homes[0])
    node = consortium.node()

    def seen():
        with node.store.read() as connection:
            return identity.worker_status(connection).seen_at is not None

    wait_until(seen, "the first worker", processes=[first])
    second = start_worker(consortium.homes[0])
    assert wait_for_end(second) == 2
    assert "process-running" in (consortium.homes[0] / "logs" / "chain.log").read_text(encoding="utf-8")
    first.terminate()
    assert wait_for_end(first) == 0


def was_reset(node):
    with node.store.read() as connection:
        return bool(alarms.list_alarms(connection, alarms.CHAIN_RESET))


def outbox_state(node, key):
    with node.store.read() as connection:
        return outbox.by_key(connection, key).state


def raw_by_key(node):
    with node.store.read() as connection:
        keys = [f"anchor:{seq}" for seq in range(4, 7)] + ["action:5"]
        return {key: outbox.by_key(connection, key).raw for key in keys}


class consortium_rpc:  # noqa: N801 - reads as a function
    def __init__(self, consortium):
        self.rpc = HttpRpc(consortium.chain.rpc_url)

    def __enter__(self):
        return self.rpc

    def __exit__(self, *_):
        self.rpc.close()


def test_two_running_nodes_bring_a_reset_chain_back_together(make_consortium, add_records, start_worker, tmp_path):
    consortium = make_consortium(brokers=2)
    nodes = [consortium.node(index) for index in (0, 1)]
    workers = [start_worker(home) for home in consortium.homes[:2]]

    def anchor(size):
        for node in nodes:
            add_records(node, 2)
        wait_until(lambda: [final_size(node) for node in nodes] == [size, size], "anchors", processes=workers)

    anchor(2)
    snapshot(consortium, tmp_path / "old.json")
    for size in (4, 6, 8):
        anchor(size)
    restore(consortium, tmp_path / "old.json")

    wait_until(lambda: all(was_reset(node) for node in nodes), "alarms", processes=workers)
    wait_until(lambda: [final_size(node) for node in nodes] == [8, 8], "anchors", processes=workers)
    assert [anchored_seqs(node) for node in nodes] == [[2, 3, 4, 5]] * 2
    for worker in workers:
        worker.terminate()
    assert [wait_for_end(worker) for worker in workers] == [0, 0]


@pytest.mark.parametrize("damage", ["altered", "cut", "map"])
def test_a_log_that_is_not_the_one_that_was_anchored_is_refused(consortium, add_records, drive, damage):
    node = consortium.node()
    worker = consortium.worker(node)
    anchor_some(node, worker, add_records, drive, 2)
    consortium.worker(node).step()
    with node.store.write() as connection:
        if damage == "altered":
            connection.execute(update(record).where(record.c.log_index == 3).values(entry=b"\x05" * 32))
        elif damage == "cut":
            connection.execute(delete(record).where(record.c.log_index == 3))
        else:
            connection.execute(update(map_anchor).values(root=b"\x05" * 32))
    with pytest.raises(VerificationFailed, match="local-log"):
        consortium.worker(node).run()


def test_an_old_copy_of_the_database_is_refused(consortium, add_records, drive, tmp_path):
    node = consortium.node()
    worker = consortium.worker(node)
    anchor_some(node, worker, add_records, drive, 1)
    node.store.dispose()
    shutil.copytree(consortium.homes[0], tmp_path / "copy")
    node = consortium.node()
    anchor_some(node, consortium.worker(node), add_records, drive, 1)
    node.store.dispose()
    shutil.rmtree(consortium.homes[0])
    shutil.copytree(tmp_path / "copy", consortium.homes[0])
    old = consortium.node()
    with pytest.raises(VerificationFailed, match="records-lost"):
        drive(consortium.worker(old), lambda: False)
    with pytest.raises(VerificationFailed, match="records-lost"):
        consortium.worker(old).run()


def test_a_node_knows_its_chain_again_after_many_restarts(consortium):
    """Each start of the embedded chain makes another block 0; a node that met it would rightly stop."""
    node = consortium.node()
    for _ in range(7):
        consortium.worker(node).step()
        consortium.stop_chain()
        consortium.start_chain()
    with node.store.read() as connection:
        assert identity.worker_status(connection).stopped is None
    consortium.worker(node).step()
