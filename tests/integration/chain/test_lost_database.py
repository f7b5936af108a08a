"""The server of a node's database is killed again and again under facts: nothing is lost, doubled or wedged.

The processes of the node live on: while the server is away they answer 503 and keep what they owe. At the end the
callers' own lists of answers are compared with the events of the chain, as in `test_kill`.
"""

import os
import random
import secrets
import time
from functools import partial

import pytest

from node_adapter.init import configure
from node_adapter.loopback_ports import reserve_port
from node_adapter.store import anchors
from node_adapter.workflows.intake.rulesets import install_ruleset
from tests.integration.chain.test_kill import compare_anchors, rest
from tests.integration.conftest import PASSWORD
from tests.waiting import wait_until
from tests.world.databases import move_to_server
from tests.world.kill_load import Facts
from tests.world.postgresql import running_server

KILLS = int(os.environ.get("BONAFIDES_DATABASE_KILLS", "5"))
LEAST_ANSWERS = 3  # that are anchored between two kills
pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(60 * (KILLS + 5))]  # for a hang alone


@pytest.fixture
def server():
    with running_server() as made:
        yield made


def test_a_database_server_that_is_killed_loses_nothing(make_consortium, killer_of, server):
    seed = int(os.environ.get("BONAFIDES_SEED") or secrets.randbits(32))
    print(f"seed {seed}")  # noqa: T201 - to run a failure again
    consortium = make_consortium(anchoring={"period_seconds": 0.1, "promise_seconds": 60})
    home, chance = consortium.homes[0], random.Random(seed)
    move_to_server(server, home)
    configure(home, {"http": {"host": "127.0.0.1", "port": reserve_port(home)}})
    node = consortium.node()
    install_ruleset(node, {"packaged": "sac-bands@1"})
    facts = Facts(consortium.node())
    killer = killer_of(consortium, node, (facts,), seed, PASSWORD)
    killer.start()
    facts.start()
    for _ in range(KILLS):
        goes_on = partial(reaches, len(facts.answers) + LEAST_ANSWERS, facts, node)
        wait_until(goes_on, "facts in an anchor", logs=killer.logs())
        time.sleep(chance.uniform(0, 0.5))
        server.kill()
        time.sleep(chance.uniform(0, 1))
        server.start()
    facts.finish()
    assert [name for name, process in killer.processes.items() if process.poll() is not None] == []
    rest(killer, node)
    assert facts.unavailable  # the server was asked while it was away
    compare_anchors(consortium, node, facts)


def reaches(goal, facts, node):
    """Say whether so many records are in the chain's anchors, as the node knows, or nobody asks any more."""
    with node.store.read() as connection:
        return facts.error is not None or anchors.anchored_size(connection) >= goal
