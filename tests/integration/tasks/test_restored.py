"""A joint task in a database that was restored: nothing happens while it is marked, and nothing is committed twice."""

import hashlib
import shutil
import sqlite3

import pytest

from node_adapter.store import restored
from node_adapter.store.chain import blocks, event_log, task_registry
from node_adapter.store.chain.event_log import ChainBlock
from node_adapter.workflows.tasks import steps, tasks
from primitives.errors import CouldNotCheck
from tests.integration.tasks.test_runs import brokers, error_of, uses_of
from tests.world.clock import START

__all__ = ["brokers"]


def copy_of(node, target):
    with sqlite3.connect(node.settings.database_path) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    return target


def put_back(brokers, copy):
    """Put a copy of the first node's database back, marked, and let it read the chain up to the end."""
    first, path = brokers.nodes[0], brokers.nodes[0].settings.database_path
    first.store.dispose()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, path)
    first = brokers.restart(first)
    with first.store.read() as connection:
        tip = blocks.tip(connection).number
    with brokers.nodes[1].store.read() as connection:
        missed = [event for event in event_log.events(connection, contract="TaskRegistry") if event.block > tip]
    with first.store.write() as connection:
        restored.mark(connection, brokers.clock.now)
        for event in sorted(missed, key=lambda event: event.block):
            digest = hashlib.sha256(b"%d" % event.block).digest()
            block = ChainBlock(event.block, digest, b"", START // 1000 + event.block, b"", ())
            event_log.append(connection, [block], [event])
    return first


def committed(node, task_id):
    with node.store.read() as connection:
        return task_registry.chain_task(connection, task_id).commitments[node.address]


@pytest.fixture
def lost(brokers, tmp_path):
    """Restore the first node to before its commitment, which the chain holds; return it and the task."""
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    copy = copy_of(brokers.nodes[0], tmp_path / "copy.db")
    brokers.step(2)
    first = put_back(brokers, copy)
    brokers.sent.clear()
    return first, task_id


def test_a_marked_copy_does_nothing_for_a_task(brokers, lost):
    first, task_id = lost
    for _ in range(3):
        brokers.clock.now += 20_000
        assert steps.step(first, brokers.clock.now) == 0
    assert [sent for sent in brokers.sent if sent[0] == first.address] == []
    assert tasks.show(first, task_id)["state"] == "approved"
    for ask in (lambda: tasks.run(first, task_id), lambda: tasks.approve(first, task_id)):
        with pytest.raises(CouldNotCheck) as caught:
            ask()
        assert caught.value.code == "node-restored"


def test_a_commitment_of_the_chain_ends_the_task_and_is_told_to_every_client(brokers, lost):
    first, task_id = lost
    with first.store.write() as connection:
        restored.clear(connection)
    for _ in range(3):
        steps.step(first, brokers.clock.now)
    shown = tasks.show(first, task_id)
    assert (shown["state"], error_of(first, task_id)["code"]) == ("refused", "task-input-lost")
    assert shown["commitment"] == committed(first, task_id).hex()
    assert "refuse" in shown["outbox"]
    uses = uses_of(first, task_id)
    assert len(uses) == 12
    assert {use["input_commitment"] for use in uses.values()} == {committed(first, task_id).hex()}
    assert {use["output_kind"] for use in uses.values()} == {"refused:task-input-lost"}


def test_a_result_that_was_posted_before_is_what_the_records_say(brokers, tmp_path):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    copy = copy_of(brokers.nodes[0], tmp_path / "copy.db")
    brokers.step(6)
    digest = tasks.show(brokers.nodes[0], task_id)["result_digest"]
    first = put_back(brokers, copy)
    with first.store.write() as connection:
        restored.clear(connection)
    for _ in range(3):
        steps.step(first, brokers.clock.now)
    uses = uses_of(first, task_id)
    assert len(uses) == 12
    assert {(use["output_kind"], use["result_hash"]) for use in uses.values()} == {("joint-totals", digest)}
    assert "refuse" not in tasks.show(first, task_id)["outbox"], "the result stands"
