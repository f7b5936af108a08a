"""The worker when its own machine is in trouble: it waits, loses nothing, and goes on."""

import logging
import re
import sqlite3
from dataclasses import replace

import pytest

from node_adapter import chain_process, process, task_process
from node_adapter.store import alarms, anchors, identity
from node_adapter.store.engine import open_store
from primitives.errors import Refused
from tests.waiting import wait_for_end

pytestmark = pytest.mark.chain


def impatient(node):
    return replace(node, store=open_store(node.settings.database, busy_timeout_seconds=0.05))


def anchored_size(node):
    with node.store.read() as connection:
        return anchors.anchored_size(connection)


def test_a_locked_database_is_waited_for(consortium, add_records, drive):
    node = impatient(consortium.node())
    add_records(node, 3)
    worker = consortium.worker(node)
    lock = sqlite3.connect(node.settings.database_path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        worker._turn()  # it logs, and does not end
    assert anchored_size(node) == 0
    lock.execute("ROLLBACK")
    lock.close()
    drive(worker, lambda: anchored_size(node) == 3)
    node.store.dispose()


def test_a_full_disk_is_waited_for(consortium, add_records, drive):
    node = impatient(consortium.node())
    worker = consortium.worker(node)
    drive(worker, lambda: consortium_is_indexed(node))
    add_records(node, 40)
    pages = set_page_limit(node, 1)  # no page more than there are now
    for _ in range(20):
        worker._turn()
    full = anchored_size(node) < 40
    set_page_limit(node, pages * 100)
    drive(worker, lambda: anchored_size(node) == 40)
    assert full, "the limit did not bite, so this test shows nothing"
    node.store.dispose()


def consortium_is_indexed(node):
    with node.store.read() as connection:
        return identity.worker_status(connection).seen_at is not None


def set_page_limit(node, pages):
    with node.store.read() as connection:  # one thread, so it is always the pool's one connection
        return connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar_one()


def test_a_tasks_trouble_is_an_alarm_and_no_end(consortium, monkeypatch):
    def trouble(_node, _now):
        raise Refused("task-odd", "something that nobody thought of")

    monkeypatch.setattr(task_process.steps, "step", trouble)
    node = consortium.node()
    assert not task_process.TaskProcess(node).step()
    with node.store.read() as connection:
        assert [alarm.about for alarm in alarms.list_alarms(connection, alarms.TASK_TROUBLE)] == ["task-odd"]
        assert identity.tasks_seen(connection) is not None


def test_the_regulators_worker_only_reads(consortium, drive):
    node = consortium.node(1)
    worker = consortium.worker(node)
    drive(worker, lambda: consortium_is_indexed(node))
    for _ in range(5):
        worker.step()
    assert anchored_size(node) == 0


def test_sigterm_ends_it_cleanly_and_a_wrong_password_is_named(consortium, start_worker, monkeypatch):
    running = start_worker(consortium.homes[0])
    node = consortium.node()
    while not consortium_is_indexed(node):
        assert running.poll() is None
    running.terminate()
    assert wait_for_end(running) == 0
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", "another password")
    assert process.main(chain_process.NAME, chain_process.run, ["--node", str(consortium.homes[0])]) == 2


def test_a_node_that_was_away_says_how_much_it_has_still_to_read(consortium, drive, caplog):
    node = consortium.node()
    worker = consortium.worker(node)
    drive(worker, lambda: consortium_is_indexed(node))
    consortium.rpc.call("anvil_mine", hex(300), hex(5))
    with caplog.at_level(logging.INFO, logger="node_adapter.chain"):
        drive(worker, lambda: worker._indexer.chain_head >= 300 and worker._indexer.behind == 0)
    said = [entry.getMessage() for entry in caplog.records if "the index" in entry.getMessage()]
    assert len(said) == 2, said
    assert re.fullmatch(r"the index catches up: 2\d\d blocks of 3\d\d are still to be read", said[0])
    assert said[1].startswith("the index has caught up, at block 3")


def test_a_process_that_starts_while_the_chain_is_away_knows_when_a_promise_is_over(consortium, drive):
    node = consortium.node()
    first = consortium.worker(node)
    drive(first, lambda: node.sign_of_life() is not None and node.sign_of_life().chain_ahead is not None)
    told = first._chain_now()
    again = consortium.worker(node)  # it has asked nobody yet
    assert again._chain_now() >= told
