"""What a node answers that could not keep a promise: it takes the fact, and the promise follows the anchor."""

from dataclasses import replace

import pytest

from bonafides.promise_rows import is_owed
from evidence.documents.promise import parse_promise, verify_promise
from node_adapter.life import SignOfLife
from node_adapter.node import Node
from node_adapter.settings import AnchoringSettings
from node_adapter.store import anchors, records, tokens
from node_adapter.store.chain import blocks
from node_adapter.workflows.anchoring import owed_promises
from node_adapter.workflows.anchoring.outlook import CLOCK_TOLERANCE_MS, MAX_PROMISE_MS, outlook
from primitives.timestamp import parse_time
from tests.world.clock import START
from tests.world.payloads import PAYLOADS

BOOT_MS = 1_000_000  # where the kit's monotonic clock begins
WELL = SignOfLife("", 1, BOOT_MS, answered=BOOT_MS)
PATIENCE_MS = 30_000  # for a promise of ten minutes


def process_says(broker, sign):
    object.__setattr__(broker.node, "sign_of_life", lambda: sign)


def submit(broker, client, **more):
    return broker.post("/v1/facts", broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"], **more))


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
    assert body["log_index"] == 0
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
        assert outlook(broker.node, connection, 40_000).trouble is None  # four batches and one in flight: 501 s
        assert outlook(broker.node, connection, 50_001).trouble == "anchoring-behind"


def test_a_promise_ends_by_the_later_of_both_clocks(broker, client):
    slow = CLOCK_TOLERANCE_MS - 1
    process_says(broker, replace(WELL, chain_ahead=START - BOOT_MS + slow))
    promise = parse_promise(submit(broker, client).get_json()["promise"])
    assert (promise.accepted_at, promise.anchor_by) == (START, START + slow + 600_000)
    process_says(broker, replace(WELL, chain_ahead=START - BOOT_MS - 10**9))  # this clock is days ahead
    assert parse_promise(submit(broker, client).get_json()["promise"]).anchor_by == tip_ms(broker) + 600_000


def test_no_promise_is_longer_than_wallets_take(broker, client):
    anchoring = AnchoringSettings(1.0, MAX_PROMISE_MS / 1000, 3600.0, 10_000)
    broker.node = Node(**{**vars(broker.node), "settings": replace(broker.node.settings, anchoring=anchoring)})
    process_says(broker, replace(WELL, chain_ahead=START - BOOT_MS + 1000))
    with broker.store.read() as connection:
        found = outlook(broker.node, connection)
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
    assert owed_promises.keep(broker.node) == 1
    assert owed_promises.keep(broker.node) == 0

    promise = verify_promise(broker.post("/v1/promises", record_id).get_json()["promise"], broker.keys.signing_public)
    assert (promise.record_id, promise.log_index) == (owed["record_id"], owed["log_index"])
    assert promise.fingerprint.hex() == owed["fingerprint"]
    assert promise.accepted_at == START
    with broker.store.read() as connection:
        assert anchors.latest(connection).block_time * 1000 <= promise.anchor_by <= START + MAX_PROMISE_MS
    again = broker.post("/v1/facts", broker.fact_again)
    assert (again.status_code, parse_promise(again.get_json()["promise"])) == (201, promise)
    assert parse_promise(broker.post("/v1/receipts", record_id).get_json()["promise"]) == promise


def test_a_late_promise_of_a_long_outage_is_still_kept(broker, owed):
    broker.clock.sleep(3 * 86_400)
    broker.anchor()
    assert owed_promises.keep(broker.node) == 1
    answer = broker.post("/v1/promises", {"record_id": owed["record_id"]}).get_json()
    with broker.store.read() as connection:
        anchored_ms = anchors.latest(connection).block_time * 1000
    assert parse_time(answer["promise"]["anchor_by"], "anchor_by") == anchored_ms


def test_a_bulk_caller_fetches_what_was_owed(broker, client, owed):
    facts = [broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]) for _ in range(3)]
    answers = broker.lines("/v1/facts", facts)
    assert all(is_owed(answer) for answer in answers)
    rows = [{"record_id": answer["record_id"]} for answer in answers] + [{"record_id": "none"}, {}]
    assert [answer["status"] for answer in broker.lines("/v1/promises", rows)] == ["failed"] * 3 + ["refused"] * 2
    broker.anchor()
    assert owed_promises.keep(broker.node) == 4
    found = broker.lines("/v1/promises", rows)
    assert [answer["promise"]["log_index"] for answer in found[:3]] == [1, 2, 3]


def test_a_client_sees_the_own_promises_and_how_many_are_owed(broker, client, owed):
    with broker.store.write() as connection:
        tokens.insert_token(connection, "of the client", tokens.CLIENT_ROLE, name=client.did, did=client.did)

    def page(query=""):
        return broker.get(f"/v1/client/promises{query}", token="of the client").get_json()

    process_says(broker, WELL)
    given = submit(broker, client).get_json()["promise"]
    assert page() == {"promises": [given], "next_after": None, "owed": 1}
    broker.anchor()
    owed_promises.keep(broker.node)
    assert [promise["log_index"] for promise in page()["promises"]] == [0, 1]
    first = page("?limit=1")
    assert (len(first["promises"]), first["next_after"], first["owed"]) == (1, 1, 0)
    assert page("?after=1")["promises"] == [given]
