"""What is left of an erased record is proved like all the rest: a stranger verifies it, and is told what is gone."""

import pytest

from domain.erasure import CLOCKS
from node_adapter.store import records, replays
from node_adapter.workflows.erasing.asking import draft_erasure, order_erasure
from node_adapter.workflows.erasing.erasing import erase_next
from node_adapter.workflows.identity.staff import enrol_person
from node_adapter.workflows.replay.asked import ask_replay, keep_replay, next_replay, show_replay
from node_adapter.workflows.replay.replay import make_replay
from replay.verification import verify_history
from tests.world.headers import over_headers
from tests.world.keys import both_suites
from tests.world.payloads import PAYLOADS
from tests.world.replays import replay, word
from tests.world.staff import Person

YEARS = CLOCKS["retention-20-years"] // 1000
OFFICERS = [Person(name, "compliance") for name in ("Sun Yu", "He Lin")]
WORD = "a word that stands nowhere else"


@pytest.fixture
def broker(tmp_path, suite):
    broker = over_headers(tmp_path, suite=suite)
    yield broker
    broker.store.dispose()


@pytest.fixture
def old(broker):
    client = broker.enrol("one")
    broker.assess(client)
    basics = {**PAYLOADS["INFO_COLLECT"]["basics"], "name": WORD}
    broker.submit(client, "INFO_COLLECT", {**PAYLOADS["INFO_COLLECT"], "basics": basics})
    broker.anchor()
    broker.clock.sleep(YEARS)
    broker.chain.block()
    for officer in OFFICERS:
        enrol_person(broker.node, officer.request(broker))
    return client


def order(broker, client, **asked):
    fact = draft_erasure(broker.node, {"subject": client.subject, **asked})
    for officer in OFFICERS:
        fact = officer.sign(broker, fact)
    return order_erasure(broker.node, fact)


def run(broker, client):
    return replay(broker.node, {"did": client.did, "case": "7", "reason": "dispute", "lang": "en"})


def verified(broker, answer):
    trusted = word(broker.node)
    return verify_history(answer["bundle"].encode(), trusted.file, trust_keys=[trusted.key])


def rows_of(broker, client):
    with broker.store.read() as connection:
        return records.of_subject(connection, client.subject)


@both_suites
def test_the_history_of_erased_records_verifies_and_says_what_is_gone(broker, old):
    order(broker, old)
    gone = [row.seq for row in rows_of(broker, old) if row.type not in ("OPENING", "ERASE")]
    before = verified(broker, run(broker, old))  # the ERASE is not anchored: nothing is missing
    assert (before.ok, before.report.reach.erased) == (True, ())
    broker.anchor()
    assert erase_next(broker.node)
    answer = run(broker, old)
    after = verified(broker, answer)
    assert after.ok, after.report.verdict
    assert list(after.report.reach.erased) == gone
    assert WORD not in str(answer)
    assert answer["reach"]["erased"] == gone


def test_a_kept_replay_goes_with_the_records_that_it_shows(broker, old):
    asked = ask_replay(broker.node, {"did": old.did, "case": "7", "reason": "dispute"})
    waiting = next_replay(broker.node)
    number, wanted = waiting.id, waiting.asked
    with_it = make_replay(broker.node, wanted, 0)
    keep_replay(broker.node, number, wanted, with_it)
    assert show_replay(broker.node, asked["id"])["state"] == "done"
    waiting = ask_replay(broker.node, {"did": old.did, "case": "8", "reason": "dispute"})["id"]
    order(broker, old)
    broker.anchor()
    assert erase_next(broker.node)
    with broker.store.read() as connection:
        assert replays.find(connection, asked["id"]) is None
    keep_replay(broker.node, waiting, wanted, with_it)  # it was being made meanwhile: of what is gone now
    assert show_replay(broker.node, waiting)["state"] == "waiting"
    keep_replay(broker.node, waiting, wanted, make_replay(broker.node, wanted, 0))
    assert show_replay(broker.node, waiting)["state"] == "done"


def test_a_look_whose_reason_names_a_record_that_went_is_replayed_all_the_same(broker, old):
    gone = next(row for row in rows_of(broker, old) if row.type == "INFO_COLLECT")
    order(broker, old)
    broker.anchor()
    assert erase_next(broker.node)
    answer = replay(broker.node, {"did": old.did, "case": "9", "reason": f"where is record {gone.record_id}"})
    broker.anchor()
    assert gone.record_id not in answer["bundle"]  # the look itself was not anchored yet
    again = replay(broker.node, {"did": old.did, "case": "9", "reason": "again"})
    assert verified(broker, again).ok
    assert gone.record_id in again["bundle"]
