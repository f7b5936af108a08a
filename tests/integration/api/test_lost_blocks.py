"""A chain that was set back: nothing is accepted before it is as long again as it was for the newest record."""

import pytest

from node_adapter.store import records
from node_adapter.store.chain import event_log
from node_adapter.workflows.anchoring import lost_blocks
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.operation.readiness import readiness
from primitives.errors import CouldNotCheck

NOTICE = {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 1}


@pytest.fixture
def set_back(broker, client):
    """A record was accepted at a block that is lost, with the two before it."""
    for _ in range(5):
        broker.chain.block()
    broker.submit(client, "DUTY_NOTICE", NOTICE)
    with broker.store.write() as connection:
        event_log.truncate(connection, broker.chain.height - 3)
    broker.chain.height -= 3
    return broker


def blocks_of(broker):
    with broker.store.read() as connection:
        return [records.accepted_at_block(connection, size) for size in range(1, records.log_size(connection) + 1)]


def test_no_fact_is_taken_before_the_chain_is_as_long_again(set_back, client):
    broker = set_back
    for lacking in (3, 2, 1):
        with pytest.raises(CouldNotCheck) as caught:
            submit_facts(broker.node, [broker.fact(client.subject, "DUTY_NOTICE", NOTICE)])
        assert (caught.value.code, str(lacking) in caught.value.detail) == (lost_blocks.CODE, True)
        assert readiness(broker.node)["index"] == lost_blocks.CODE
        broker.chain.block()
    broker.submit(client, "DUTY_NOTICE", NOTICE)
    assert readiness(broker.node)["index"] == "ok"
    found = blocks_of(broker)
    assert found == sorted(found)


def test_over_http_it_is_a_503_that_says_why(set_back, client):
    answer = set_back.post("/v1/facts", set_back.fact(client.subject, "DUTY_NOTICE", NOTICE))
    assert (answer.status_code, answer.get_json()["code"]) == (503, lost_blocks.CODE)
