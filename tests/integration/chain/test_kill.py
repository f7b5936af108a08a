"""Random kills of a node's processes, of its supervisor and of the chain: nothing is lost, doubled or wedged.

A node takes facts, chain writes, and the registrations, rotations and acts of clients, while its processes and the
chain are killed at random (`kills`), the chain is stopped, and the chain is frozen; where the node's database is on a
server, that is killed as well. Each caller keeps its own list of answers (`kill_load`). At the end these lists are
compared with the events that the chain itself gives: each exactly once, in order; and every client makes another call.
"""

import itertools
import os
import secrets
import signal
import time

import pytest
from sqlalchemy import select

from evidence.version2.log.anchor_tree import batch_root
from evidence.version2.map.label_map import LabelMap
from node_adapter.chain import embedded
from node_adapter.chain.abi import contract_abi
from node_adapter.init import configure
from node_adapter.loopback_ports import reserve_port
from node_adapter.store import alarms, anchors, identity, outbox, records
from node_adapter.store.schema import record
from node_adapter.workflows.intake.rulesets import install_ruleset
from primitives.timestamp import format_time
from tests.integration.conftest import PASSWORD
from tests.waiting import wait_until
from tests.world.broken import broken_promises
from tests.world.databases import POSTGRESQL, SQLITE, move_to_server
from tests.world.kill_load import Facts, Wallets, Writes
from tests.world.kills import open_alarms
from tests.world.postgresql import running_server

_ASKED = os.environ.get("BONAFIDES_KILLS")  # `make kills` asks for a thousand
KILLS = {SQLITE: int(_ASKED or 50), POSTGRESQL: int(_ASKED or 10)}
TIMES_MORE = 4  # as many kills at most, where random ones missed a state
pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(60 * max(KILLS.values()))]  # for a hang alone

LEAST_SECONDS_FROZEN = 3
PROMISE_SECONDS = 15


@pytest.fixture(params=list(KILLS))
def server(request):
    """The server of the node's database, which the test kills; None where the database is a file."""
    if request.param == SQLITE:
        yield None
        return
    with running_server() as made:
        yield made


def test_kills_a_stopped_chain_and_a_frozen_one(make_consortium, killer_of, tmp_path, server):
    least_kills = KILLS[POSTGRESQL if server else SQLITE]
    seed = int(os.environ.get("BONAFIDES_SEED") or secrets.randbits(32))
    print(f"seed {seed}")  # noqa: T201 - to run a failure again
    consortium = make_consortium(anchoring={"period_seconds": 0.1, "promise_seconds": PROMISE_SECONDS})
    if server:
        move_to_server(server, consortium.homes[0])
    configure(consortium.homes[0], {"http": {"host": "127.0.0.1", "port": reserve_port(consortium.homes[0])}})
    node = consortium.node()
    install_ruleset(node, {"packaged": "sac-bands@1"})
    facts = Facts(consortium.node())
    writes = Writes(consortium.node(), consortium.contracts.address_of("MemberRegistry"))
    clients = 2 + least_kills // 20
    wallets = Wallets(consortium.node(), consortium.contracts, tmp_path / "wallet", clients=clients, seed=seed)
    loads = (facts, writes, wallets)
    killer = killer_of(consortium, node, loads, seed, PASSWORD, server)
    for load in loads:
        load.start()
    for victim in killer.victims:  # each kind at least once
        killer.round(victim)
    stop_the_chain(consortium, killer)
    freeze_the_chain(consortium, killer, node)
    most_kills = TIMES_MORE * least_kills
    while killer.count < least_kills or (killer.count < most_kills and set(outbox.STATES) - set(killer.states)):
        killer.round()
    killer.start()
    for load in loads:
        load.finish()
    print(f"{killer.count} kills: {dict(killer.kills)}; states at death: {dict(killer.states)}")  # noqa: T201
    assert set(killer.states) == set(outbox.STATES), "a state was never hit"
    rest(killer, node)
    compare_anchors(consortium, node, facts, wallets)
    compare_writes(consortium, node, writes)
    compare_identities(consortium, wallets)


def stop_the_chain(consortium, killer):
    """SIGTERM, under a node that works."""
    killer.start()
    killer.wait_until_it_works()
    consortium.stop_chain()
    time.sleep(1)
    consortium.start_chain()
    killer.wait_until_it_works()


def freeze_the_chain(consortium, killer, node):
    """It accepts connections and answers nothing, until a promise is broken; a kill in the middle of it."""
    killer.start()
    killer.wait_until_it_works()
    pid = embedded.status(consortium.directory).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(LEAST_SECONDS_FROZEN)
        killer.kill("api", "chain")
        killer.note("all")
        killer.start()
        wait_until(lambda: is_stalled(node), "word that the chain is away", logs=killer.logs())
        wait_until(lambda: has_broken_promises(node), "a broken promise", logs=killer.logs())
    finally:
        os.kill(pid, signal.SIGCONT)
    killer.wait_until_it_works()


def is_stalled(node):
    with node.store.read() as connection:
        return identity.worker_status(connection).stalled_since is not None


def has_broken_promises(node):
    with node.store.read() as connection:
        return bool(broken_promises(connection))


def rest(killer, node):
    """Let the node come to rest, and end it as an operator would."""

    def counts():
        with node.store.read() as connection:
            return outbox.counts(connection)

    def at_rest():
        open_rows = sum(count for state, count in counts().items() if state in ("new", "signed", "sent"))
        with node.store.read() as connection:
            return not open_rows and anchors.anchored_size(connection) == records.log_size(connection)

    wait_until(at_rest, counts, seconds=90, processes=killer.processes.values(), logs=killer.logs())
    killer.end()


def chain_events(consortium, contract, event):
    """Ask the chain itself, without the node."""
    abi = contract_abi(contract)
    topic = next(signature for signature in abi.events.values() if signature.name == event).hash
    wanted = {"fromBlock": "0x0", "toBlock": "latest", "address": consortium.contracts.address_of(contract)}
    logs = consortium.rpc.call("eth_getLogs", {**wanted, "topics": ["0x" + topic.hex()]})
    return [
        abi.decode_event(
            [bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"].removeprefix("0x"))
        ).args
        for log in logs
    ]


def compare_anchors(consortium, node, *loads):
    assert open_alarms(node, alarms.ANCHOR_CONFLICT) == []
    events = [event for event in chain_events(consortium, "EvidenceLog", "Anchored") if event["member"] == node.address]
    with node.store.read() as connection:
        log = whole_log(connection)
        broken = set(broken_promises(connection))
    # 1. the callers' lists of answers are a log: each place once, without a gap but for the openings that the node
    # writes before them, and in each caller's order
    answers = {answer["log_index"]: answer for load in loads for answer in load.answers}
    assert len(answers) == sum(len(load.answers) for load in loads)
    written = {row.log_index for row in log if row.source_ref == f"opening:{row.pid}"}
    assert sorted(written | answers.keys()) == list(range(len(log)))
    assert not written & answers.keys()
    for load in loads:
        places = [answer["log_index"] for answer in load.answers]
        assert places == sorted(places)
    for place, answer in answers.items():
        assert log[place].fingerprint.hex() == answer["fingerprint"]
        assert answer["promise"] is None or log[place].entry.hex() == answer["promise"]["entry"]
    # 2. the chain's anchors are the log of those records, each once and in order
    assert [event["seq"] for event in events] == list(range(2, len(events) + 2))
    assert [event["sizeBefore"] for event in events] == [0, *(event["sizeAfter"] for event in events[:-1])]
    assert events[-1]["sizeAfter"] == len(log)
    for event in events:
        batch = log[event["sizeBefore"] : event["sizeAfter"]]
        assert event["batchRoot"] == batch_root(row.entry for row in batch)
    assert events[-1]["mapRoot"] == LabelMap().insert({row.label: row.entry for row in log}).root
    # 3. every promise is kept or its breach is an alarm
    late = set()
    for event in events:
        for place in range(event["sizeBefore"], event["sizeAfter"]):
            promise = answers[place]["promise"] if place in answers else None  # none while the chain was away
            if promise is not None and format_time(event["time"] * 1000) > promise["anchor_by"]:
                late.add(promise["record_id"])
    unanswered = sum(load.unanswered for load in loads)
    print(  # noqa: T201 - the numbers are a part of the result
        f"{len(log)} records in {len(events)} anchors, {unanswered} questions without an answer, "
        f"{len(broken)} promises broken and said so"
    )
    assert late <= broken
    assert len(broken) < len(log)


def whole_log(connection):
    """Return every record in the order of the log."""
    rows = connection.execute(select(record).order_by(record.c.log_index)).mappings()
    return [records.RecordRow(**row) for row in rows]


def compare_writes(consortium, node, writes):
    """Every other write stands on the chain once, in the caller's order, and what is refused failed once."""
    proposed = chain_events(consortium, "MemberRegistry", "ProposalCreated")
    assert [event["digest"] for event in proposed if node.address in event.values()] == writes.digests
    with node.store.read() as connection:
        failed = outbox.in_state(connection, outbox.FAILED)
    assert sorted(row.key for row in failed) == sorted(f"no-{number}" for number in range(writes.refusals))
    print(f"{len(proposed)} other writes, {len(failed)} refused")  # noqa: T201


def compare_identities(consortium, wallets):
    """Each call of a client stands on the chain once: the keys that it set and ended are its own list."""
    calls = chain_events(consortium, "DidRegistry", "DIDCallSponsored")
    changes = chain_events(consortium, "DidRegistry", "DIDAttributeChanged")
    for did, keys in wallets.keys.items():
        address = did.rpartition(":")[2]
        own = [event["nonce"] for event in calls if event["identity"] == address]
        assert own == list(range(2 * len(keys) - 1)), did
        told = [(event["value"], event["validTo"] > 0) for event in changes if event["identity"] == address]
        expected = [(keys[0], True)]
        for old, new in itertools.pairwise(keys):
            expected += [(new, True), (old, False)]
        assert told == expected, did
    print(f"{len(wallets.keys)} clients, {len(calls)} calls; told to learn anew: {dict(wallets.told)}")  # noqa: T201
