"""What a node answers that could not keep a promise: it takes the fact, and the promise follows the anchor."""

from dataclasses import replace

import pytest

from bonafides.promise_rows import is_owed
from evidence.version2.promise import parse_promise, verify_promise
from node_adapter.life import SignOfLife
from node_adapter.settings import AnchoringSettings
from node_adapter.store import alarms, anchors, records, tokens
from node_adapter.store.chain import blocks
from node_adapter.workflows.anchoring import owed_promises
from node_adapter.workflows.anchoring.outlook import CLOCK_TOLERANCE_MS, MAX_PROMISE_MS, head_of, outlook
from tests.world.broken import broken_promises
from tests.world.clock import START
from tests.world.payloads import PAYLOADS

BOOT_MS = 1_000_000  # where the kit's monotonic clock begins
WELL = SignOfLife("", 1, BOOT_MS, answered=BOOT_MS)
PATIENCE_MS = 30_000  # for a promise of ten minutes


def process_says(broker, sign):
    object.__setattr__(broker.node, "sign_of_life", lambda: sign)


def submit(broker, client, **more):
    return broker.post("/v1/facts", broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"], **more))


def promised(answer):
    return parse_promise(answer.get_json()["promise"])[0]


def tip_ms(broker):
    with broker.store.read() as connection:
        return blocks.tip(connection).timestamp * 1000


TROUBLE = {
    "no chain process": (None, "process-silent"),
    "the chain process hangs": (replace(WELL, seen=BOOT_MS - PATIENCE_MS - 1), "process-silent"),
    "the chain never answered": (replace(WELL, answered=None), "chain-silent"),
    "the chain went away": (replace(WELL, answered=BOOT_MS - PATIENCE_MS - 1), "chain-silent"),
    "the chain answers and makes no block": (replace(WELL, in_flight=BOOT_MS - PATIENCE_MS - 1), "chain-stalled"),
    "anchors take long": (replace(WELL, anchor_took=400_000), "anchoring-behind"),
    "this clock is slow": (
        replace(WELL, chain_ahead=START - BOOT_MS + CLOCK_TOLERANCE_MS + 1),
        "clock-behind",
    ),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_a_fact_is_taken_without_a_promise_that_could_not_be_kept(broker, client, name):
    sign, code = TROUBLE[name]
    process_says(broker, sign)
    answer = submit(broker, client)
    body = answer.get_json()
    assert (answer.status_code, body["status"], body["promise_owed"]) == (202, "accepted", code)
    assert is_owed(body)
    assert body["log_index"] == 1  # after the opening, which is owed its promise, too
    with broker.store.read() as connection:
        (row,) = records.by_record_ids(connection, [body["record_id"]]).values()
    assert (row.promise, row.anchor_by, row.fingerprint.hex()) == (None, None, body["fingerprint"])


@pytest.mark.parametrize("silent", [{"seen": BOOT_MS - PATIENCE_MS}, {"answered": BOOT_MS - PATIENCE_MS}])
def test_a_short_silence_is_no_outage(broker, client, silent):
    process_says(broker, replace(WELL, **silent))
    assert submit(broker, client).status_code == 201


def test_what_waits_is_weighed_against_the_promised_time(broker, client):
    process_says(broker, replace(WELL, anchor_took=100_000))
    with broker.store.read() as connection:
        head = head_of(connection)
        assert outlook(broker.node, connection, head, 40_000).trouble is None  # four batches and one in flight: 501 s
        assert outlook(broker.node, connection, head, 50_001).trouble == "anchoring-behind"


def test_a_promise_ends_by_the_later_of_both_clocks(broker, client):
    slow = CLOCK_TOLERANCE_MS - 1
    process_says(broker, replace(WELL, chain_ahead=START - BOOT_MS + slow))
    promise = promised(submit(broker, client))
    assert (promise.recorded_at, promise.anchor_by) == (START, START + slow + 600_000)
    process_says(broker, replace(WELL, chain_ahead=START - BOOT_MS - 10**9))  # this clock is days ahead
    assert promised(submit(broker, client)).anchor_by == tip_ms(broker) + 600_000


def test_no_promise_is_longer_than_wallets_take(broker, client):
    anchoring = AnchoringSettings(1.0, MAX_PROMISE_MS / 1000, 3600.0, 10_000)
    broker.node = replace(broker.node, settings=replace(broker.node.settings, anchoring=anchoring))
    process_says(broker, replace(WELL, chain_ahead=START - BOOT_MS + 1000))
    with broker.store.read() as connection:
        found = outlook(broker.node, connection, head_of(connection))
    assert found.anchor_by(START, MAX_PROMISE_MS) == START + MAX_PROMISE_MS


@pytest.fixture
def owed(broker, client):
    """A record that was accepted while no chain process ran."""
    process_says(broker, None)
    fact = broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    answer = broker.post("/v1/facts", fact).get_json()
    broker.fact_again = fact
    return answer


def test_the_promise_follows_the_anchor_and_is_kept_when_it_is_made(broker, owed):
    assert owed_promises.keep(broker.node) == 0  # nothing is anchored
    record_id = {"record_id": owed["record_id"]}
    early = broker.post("/v1/promises", record_id)
    assert (early.status_code, early.get_json()["code"]) == (503, "promise-owed")
    again = broker.post("/v1/facts", broker.fact_again)
    assert (again.status_code, again.get_json()["promise_owed"]) == (202, "promise-owed")

    broker.anchor()
    assert broker.post("/v1/receipts", record_id).get_json()["code"] == "promise-owed"
    assert owed_promises.keep(broker.node) == 2  # with the opening's
    assert owed_promises.keep(broker.node) == 0

    promise = verify_promise(broker.post("/v1/promises", record_id).get_json()["promise"], broker.keys.signing_public)
    assert (promise.record_id, promise.log_index) == (owed["record_id"], owed["log_index"])
    assert promise.fingerprint.hex() == owed["fingerprint"]
    assert promise.recorded_at == START
    with broker.store.read() as connection:
        assert anchors.latest(connection).block_time * 1000 <= promise.anchor_by <= START + MAX_PROMISE_MS
    again = broker.post("/v1/facts", broker.fact_again)
    assert (again.status_code, promised(again)) == (201, promise)
    assert promised(broker.post("/v1/receipts", record_id)) == promise


def test_the_promise_of_an_outage_of_hours_ends_with_the_anchor(broker, owed):
    broker.clock.sleep(20 * 3600)
    broker.anchor()
    assert owed_promises.keep(broker.node) == 2
    answer = broker.post("/v1/promises", {"record_id": owed["record_id"]})
    with broker.store.read() as connection:
        assert promised(answer).anchor_by == anchors.latest(connection).block_time * 1000
        assert broken_promises(connection) == []


def test_a_promise_of_an_outage_of_days_is_broken_and_says_so(broker, owed):
    """It may be for a day at the most: whoever holds it has the proof of what the broker did not do."""
    broker.clock.sleep(3 * 86_400)
    broker.anchor()
    assert owed_promises.keep(broker.node) == 2
    answer = broker.post("/v1/promises", {"record_id": owed["record_id"]})
    assert promised(answer).anchor_by == START + MAX_PROMISE_MS
    with broker.store.read() as connection:
        assert owed["record_id"] in broken_promises(connection)
        [alarm] = [alarm for alarm in alarms.list_alarms(connection) if alarm.kind == alarms.PROMISE_BROKEN]
    assert alarm.closed_at is None


def test_owed_promises_of_several_blocks_are_signed_block_by_block(broker, client, owed):
    broker.chain.block()
    second = submit(broker, client).get_json()
    broker.anchor()
    assert owed_promises.keep(broker.node) == 3
    found = broker.lines("/v1/promises", [{"record_id": one["record_id"]} for one in (owed, second)])
    key = broker.keys.signing_public
    first, last = (verify_promise(answer["promise"], key) for answer in found)
    assert last.block == first.block + 1
    assert [answer["promise"]["batch"]["count"] for answer in found] == [2, 1]


def test_a_bulk_caller_fetches_what_was_owed(broker, client, owed):
    facts = [broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]) for _ in range(3)]
    answers = broker.lines("/v1/facts", facts)
    assert all(is_owed(answer) for answer in answers)
    rows = [{"record_id": answer["record_id"]} for answer in answers] + [{"record_id": "none"}, {}]
    assert [answer["status"] for answer in broker.lines("/v1/promises", rows)] == ["failed"] * 3 + ["refused"] * 2
    broker.anchor()
    assert owed_promises.keep(broker.node) == 5
    found = broker.lines("/v1/promises", rows)
    assert [answer["promise"]["log_index"] for answer in found[:3]] == [2, 3, 4]


def test_a_client_sees_the_own_promises_and_how_many_are_owed(broker, client, owed):
    with broker.store.write() as connection:
        tokens.insert_token(connection, "of the client", tokens.CLIENT_ROLE, name=client.did, did=client.did)

    def page(query=""):
        return broker.get(f"/v1/client/promises{query}", token="of the client").get_json()

    process_says(broker, WELL)
    given = submit(broker, client).get_json()["promise"]
    assert page() == {"promises": [given], "next_after": None, "owed": 2}
    broker.anchor()
    owed_promises.keep(broker.node)
    assert [promise["log_index"] for promise in page()["promises"]] == [0, 1, 2]
    first = page("?limit=1")
    assert (len(first["promises"]), first["next_after"], first["owed"]) == (1, 1, 0)
    assert page("?after=2")["promises"] == [given]
