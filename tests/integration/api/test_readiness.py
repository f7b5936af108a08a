"""Readiness tries what it claims: each thing is broken once, and its check says which."""

import os
from collections import namedtuple
from dataclasses import replace

import pytest
from sqlalchemy import event

from api.app import create_health_app
from evidence.verify.times import CLOCK_MS
from node_adapter.life import SignOfLife, boot_id, read_sign, write_sign
from node_adapter.node import Watched
from node_adapter.store import identity
from node_adapter.store.chain import blocks
from node_adapter.store.engine import open_store
from node_adapter.workflows.anchoring.outlook import CLOCK_TOLERANCE_MS, TOLD_MS
from node_adapter.workflows.operation import readiness as module
from node_adapter.workflows.operation.readiness import readiness
from tests.world.clock import START
from tests.world.payloads import PAYLOADS

TICK = 1_000_000
WELL = SignOfLife("", 1, TICK, answered=TICK, chain_ahead=START - TICK, chain_told=TICK)


@pytest.fixture
def watched(broker):
    return Watched(broker.node.settings, broker.store, broker.clock, lambda: WELL)


def wrong(node, sign=WELL):
    checks = readiness(replace(node, sign_of_life=lambda: sign))
    return {name: code for name, code in checks.items() if code != "ok"}


def test_a_node_that_is_well_is_ready(watched):
    assert wrong(watched) == {}
    assert len(readiness(watched)) == 8


def test_a_locked_store_is_told_with_what_could_not_be_asked(broker, watched):
    other = open_store(broker.path)
    with other.write():
        found = wrong(watched)
    other.dispose()
    assert found == {"store": "store-busy"} | dict.fromkeys(("index", "member", "anchoring", "clock"), "not-checked")


@pytest.mark.parametrize(("behind", "code"), [(65, "ok"), (66, "index-behind")])
def test_an_index_that_has_much_to_read_is_told(broker, watched, behind, code):
    with broker.store.write() as connection:
        tip = blocks.tip(connection).number
        identity.put_worker_status(connection, identity.WorkerStatus(START, None, tip + behind - 1, None))
    assert readiness(watched)["index"] == code


def another(broker, client):
    return broker.post("/v1/facts", broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))


def test_a_store_that_takes_no_page_more_is_full_and_recovers_without_a_loss(broker, client, watched):
    fact = broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    first = broker.post("/v1/facts", fact).get_json()
    assert first["status"] == "accepted"
    engine = broker.store._engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit = [pages]

    @event.listens_for(engine, "checkout")
    def _limit(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count={limit[0]}")

    refused = []
    while another(broker, client).status_code == 201:
        assert len(refused) < 1000
        refused.append(1)
    full = another(broker, client)
    assert (full.status_code, full.get_json()["code"]) == (507, "store-full")
    limit[0] = pages * 100
    assert wrong(watched) == {}
    assert broker.post("/v1/facts", fact).get_json() == first  # what was answered before is there
    assert another(broker, client).status_code == 201
    broker.anchor()


@pytest.mark.parametrize("free", [module.LEAST_FREE_BYTES - 1, 0])
def test_a_disk_that_is_nearly_full_is_told_before_it_is_full(watched, monkeypatch, free):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: usage(2**40, 2**40 - free, free))
    assert wrong(watched) == {"disk": "disk-low"}


SIGNS = {
    "no chain process": (None, {"process": "process-silent", "chain": "not-checked", "anchoring": "not-checked",
                                "clock": "not-checked"}),
    "it hangs": (replace(WELL, seen=TICK - 31_000), {"process": "process-silent", "chain": "not-checked"}),
    "the chain is away": (replace(WELL, answered=TICK - 31_000), {"chain": "chain-silent"}),
    "anchors wait": (replace(WELL, in_flight=TICK - 31_000), {"chain": "chain-stalled", "anchoring": "not-checked"}),
    "anchors take long": (replace(WELL, anchor_took=700_000), {"anchoring": "anchoring-behind"}),
    "the clock is slow": (
        replace(WELL, chain_ahead=START - TICK + CLOCK_TOLERANCE_MS + 1), {"clock": "clock-behind"},
    ),
    "the clock is fast": (replace(WELL, chain_ahead=START - TICK - 10**6), {"clock": "clock-ahead"}),
    "the chain is idle": (replace(WELL, chain_ahead=START - TICK - 10**6, chain_told=None), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNS)
def test_the_chain_process_s_sign_of_life_is_read(broker, watched, name):
    sign, expected = SIGNS[name]
    if name in ("the clock is fast", "the chain is idle"):
        broker.clock.now = START + CLOCK_TOLERANCE_MS + 60_000
    assert wrong(watched, sign) == expected


def test_the_health_application_needs_no_key_and_writes_once_a_second(watched, monkeypatch):
    asked = []
    monkeypatch.setattr("api.resources.health.readiness", lambda node: asked.append(node) or {"store": "ok"})
    http = create_health_app(watched).test_client()
    assert [http.get("/readyz").status_code for _ in range(5)] == [200] * 5
    assert http.get("/healthz").get_json() == {"status": "ok"}
    assert http.get("/v1/status").status_code == 404
    assert len(asked) == 1


def test_a_sign_of_life_is_of_this_start_of_the_machine(tmp_path):
    assert read_sign(tmp_path) is None
    mine = replace(WELL, boot=boot_id(), pid=os.getpid())
    write_sign(tmp_path, mine)
    assert read_sign(tmp_path) == mine
    write_sign(tmp_path, replace(mine, boot="another"))
    assert read_sign(tmp_path) is None
    (tmp_path / "chain.life").write_text("{", "ascii")
    assert read_sign(tmp_path) is None
    write_sign(tmp_path / "missing", mine)  # as on a full disk: nothing is raised


@pytest.mark.parametrize(
    ("ahead", "told", "code"),
    [
        (CLOCK_MS + 1, TICK, "clock-ahead"),
        (CLOCK_MS, TICK, None),
        (CLOCK_MS + 1, TICK - TOLD_MS - 1, None),  # a chain that stands still says nothing of the clock
        (86_400_000, None, None),  # nor one that makes a block with a transaction alone, and shows no pending one
    ],
)
def test_no_fact_is_taken_that_would_contradict_its_anchor(broker, client, ahead, told, code):
    newest = 1000 * (broker.chain.time + broker.chain.height)  # of its blocks
    sign = replace(WELL, chain_ahead=newest - TICK, chain_told=told)
    broker.app.extensions["bonafides"] = replace(broker.node, sign_of_life=lambda: sign)
    broker.clock.now = newest + ahead
    answer = another(broker, client)
    assert answer.get_json().get("code") == code
    assert answer.status_code == (503 if code else 201)
