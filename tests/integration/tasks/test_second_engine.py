"""A task of another engine runs from proposal to records on the node as it is: one file in the engines' room is all."""

import json

import pytest

from mpc.engine import refusal_digest, result_digest
from node_adapter.store import tasks as task_store
from node_adapter.store.chain import task_registry
from node_adapter.workflows.tasks import steps, tasks
from primitives.errors import InvalidInput
from tests.integration.tasks.test_runs import error_of, uses_of
from tests.world.consortium import Consortium
from tests.world.second_engine import in_the_room


@pytest.fixture
def brokers(tmp_path, monkeypatch):
    with in_the_room(monkeypatch):
        made = Consortium(tmp_path)
        yield made
        for node in made.nodes:
            node.store.dispose()


def propose(brokers):
    """Propose a task of `count/1`: it has a question where the masked sum has statistics."""
    spec = brokers.spec(engine="count/1", question="How many?")
    del spec["statistics"]
    tasks.propose(brokers.nodes[0], spec)
    brokers.chain.mine()
    brokers.step()
    return spec["task_id"]


def test_it_runs_a_whole_task(brokers):
    task_id = propose(brokers)
    brokers.approve_and_run(task_id)
    brokers.step(10)
    assert brokers.states(task_id) == ["completed"] * 3
    expected = {"question": "How many?", "counts": dict.fromkeys(brokers.members, 12)}
    digest = result_digest("count/1", bytes.fromhex(task_id), expected).hex()
    for node in brokers.nodes:
        shown = tasks.show(node, task_id)
        assert (shown["result"], shown["result_digest"], shown["question"]) == (expected, digest, "How many?")
        uses = uses_of(node, task_id)
        assert len(uses) == 12
        assert {(use["output_kind"], use["result_hash"]) for use in uses.values()} == {("count", digest)}


def test_a_message_for_one_owner_goes_to_no_other(brokers):
    task_id = propose(brokers)
    brokers.approve_and_run(task_id)
    brokers.step(10)
    pairs = [(sender, to) for sender, to, body in brokers.sent if "heard" in body]
    assert sorted(pairs) == sorted((one, other) for one in brokers.members for other in brokers.members if one != other)


def test_killed_between_any_two_steps_it_goes_on(brokers):
    task_id = propose(brokers)
    brokers.approve_and_run(task_id)
    for _ in range(14):
        for at in range(3):
            brokers.step(1, only=[brokers.restart(brokers.nodes[at])])
    assert brokers.states(task_id) == ["completed"] * 3


def test_it_ends_a_task_with_a_code_of_its_own_and_under_its_own_tag(brokers):
    task_id = propose(brokers)
    brokers.approve_and_run(task_id)
    brokers.step(1)
    liar = brokers.nodes[2]
    with liar.store.write() as connection:
        row = task_store.find_task(connection, task_id)
        lie = json.dumps({**json.loads(row.engine_state), "count": 99}).encode()
        task_store.move(connection, task_id, "committed", "committed", brokers.clock.now, engine_state=lie)
    for node in (liar, *brokers.nodes[:2]):  # each finds out by itself, before a refusal is on the chain
        for _ in range(2):
            steps.step(node, brokers.clock.now)
    brokers.step(6)
    assert brokers.states(task_id) == ["refused"] * 3
    told = error_of(brokers.nodes[0], task_id)
    assert (told["code"], told["sender"]) == ("count-opened", liar.address)
    with brokers.nodes[0].store.read() as connection:
        refused = task_registry.chain_task(connection, task_id).refused
    assert refusal_digest("count/1", bytes.fromhex(task_id), "count-opened") in refused.values()


def test_messages_of_another_engine_are_none_of_the_task_s(brokers):
    task_id = propose(brokers)
    take = tasks.peer_handler("masked-sum/1")
    with pytest.raises(InvalidInput, match="messages of count/1"):
        take(brokers.nodes[0], brokers.members[1], {"task_id": task_id})


def test_both_engines_run_beside_each_other(brokers):
    counted, summed = propose(brokers), brokers.propose(task_id="cd" * 32)
    for task_id in (counted, summed):
        brokers.approve_and_run(task_id)
    brokers.step(10)
    assert [brokers.states(task_id) for task_id in (counted, summed)] == [["completed"] * 3] * 2
    assert steps.step(brokers.nodes[0], brokers.clock.now) == 0
