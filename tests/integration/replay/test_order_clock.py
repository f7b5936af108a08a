"""A replay order has its clock: the broker is told before it is late, the regulator sees what was not answered in time.

At the regulator an order is answered by a bundle that holds under its own node's view of the chain, and by nothing that
the broker says.
"""

import hashlib
import json

import pytest

from node_adapter.peers.messages import sign_message
from node_adapter.store import alarms, replay_orders
from node_adapter.store.schema import replay_order
from node_adapter.workflows.replay.order_clock import watch_orders
from node_adapter.workflows.replay.orders import KIND
from primitives.errors import Refused
from primitives.timestamp import format_time, parse_time
from tests.world.broker import Broker
from tests.world.headers import over_headers
from tests.world.replays import replay

DAY, HOUR = 86_400_000, 3_600_000
CASE = "CASE-1"
URL = "http://127.0.0.1:8080"


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path / "broker", packaged="sac-bands@3")
    broker.chain.admit("regulator", role=2)
    yield broker
    broker.store.dispose()


@pytest.fixture
def regulator(tmp_path, broker):
    """A regulator's node on the same chain; its messages go straight into the broker's application."""

    def send(_url, message):
        answer = broker.http.post("/v1/peer/messages", json=message)
        if answer.status_code >= 400:
            raise Refused("peer-refused", str(answer.get_json()))
        return answer.get_json()

    peers = {broker.keys.address: URL}
    regulator = Broker(
        tmp_path / "regulator", broker.chain, "regulator", "regulator", broker.clock, peers=peers, send=send
    )
    yield regulator
    regulator.store.dispose()


@pytest.fixture
def client(broker):
    client = broker.enrol("client")
    broker.assess(client)
    broker.anchor()
    return client


def order(regulator, broker, client, **more):
    body = {"broker": broker.keys.address, "did": client.did, "case": CASE, **more}
    return regulator.post("/v1/replay-orders", body, role="regulator")


def listed(node, *, late=False):
    path = "/v1/replay-orders" + ("?state=late" if late else "")
    return node.get(path, role="compliance").get_json()["orders"]


def bundle_of(broker, client, case=CASE):
    return replay(broker.node, {"did": client.did, "case": case, "reason": "ordered", "lang": "en"})["bundle"].encode()


def answer(regulator, number, data):
    return regulator.http.post(
        f"/v1/replay-orders/{number}/answer", data=data, headers={"Authorization": "Bearer token of regulator"}
    )


def told(node):
    """The open alarms about orders, as an operator reads them."""
    watch_orders(node.node)
    with node.store.read() as connection:
        return [(alarm.about, alarm.detail.split(":")[0]) for alarm in alarms.list_alarms(connection)]


def test_an_order_says_until_when_it_is_to_be_answered_to_both_nodes(regulator, broker, client):
    until = format_time(broker.clock.now + 5 * DAY)
    given = order(regulator, broker, client, due_at=until).get_json()
    assert (given["due_at"], given["state"], given["answer"]) == (until, "open", None)
    [there] = listed(broker)
    assert (there["id"], there["due_at"], there["state"]) == (given["id"], until, "open")
    with broker.store.read() as connection:
        signed = json.loads(replay_orders.find_by_id(connection, given["id"]).message)
    assert signed["body"]["due_at"] == until


def test_without_a_word_it_is_to_be_answered_in_two_days(regulator, broker, client):
    given = order(regulator, broker, client).get_json()
    between = parse_time(given["due_at"], "due_at") - parse_time(given["ordered_at"], "ordered_at")
    assert between == 2 * DAY


@pytest.mark.parametrize(("due", "rule"), [("2020-01-01T00:00:00.000+08:00", "past"), ("soon", "record-time")])
def test_a_clock_that_is_none_is_refused(regulator, broker, client, due, rule):
    refused = order(regulator, broker, client, due_at=due)
    assert (refused.status_code, refused.get_json()["field"], refused.get_json()["rule"]) == (422, "due_at", rule)
    assert listed(broker) == []


BODY = {"id": "o-1", "case": CASE, "ordered_at": "2026-08-01T12:00:00.000+08:00"}


def given_by(regulator, broker, **body):
    """Have the broker's node take an order as it is."""
    return broker.http.post("/v1/peer/messages", json=sign_message(regulator.node, broker.keys.address, KIND, body))


@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("id", "", "length"),
        ("id", "x" * 201, "length"),
        ("id", "o\n1", "control-character"),
        ("case", "C\u200b1", "hidden-character"),
        ("ordered_at", "soon", "record-time"),
        ("ordered_at", 7, "record-time"),
        ("block", -1, "range"),
    ],
)
def test_an_order_that_no_look_could_record_is_not_taken(regulator, broker, client, member, value, rule):
    refused = given_by(regulator, broker, **BODY | {"did": client.did, member: value})
    assert (refused.status_code, refused.get_json().get("field")) == (422, f"body.{member}"), refused.get_json()
    assert refused.get_json()["rule"] == rule
    assert listed(broker) == []


def test_an_order_is_taken_and_kept_or_refused(regulator, broker, client):
    """Neither a number that is taken nor another regulator's case: what is called accepted is there."""
    broker.chain.admit("other-regulator", role=2)
    other = Broker(regulator.path.parent / "other", broker.chain, "other-regulator", "regulator", broker.clock)
    somebody = broker.enrol("another")
    for _ in range(2):
        assert given_by(regulator, broker, **BODY, did=client.did).get_json()["id"] == "o-1"
    again = given_by(regulator, broker, **BODY | {"id": "o-2"}, did=client.did)
    assert again.get_json() == {"status": "accepted", "id": "o-1"}  # of one regulator one case of a client is one order
    number = given_by(regulator, broker, **BODY, did=somebody.did).get_json()
    case = given_by(other, broker, **BODY | {"id": "o-3"}, did=client.did).get_json()
    other.store.dispose()
    assert (number["code"], number["detail"].split(":")[0]) == ("order-taken", "body.id")
    assert (case["code"], case["detail"].split(":")[0]) == ("order-taken", "body.case")
    assert [(one["id"], one["did"]) for one in listed(broker)] == [("o-1", client.did)]


def test_the_broker_is_told_before_it_is_late_and_the_regulator_sees_what_is(regulator, broker, client):
    number = order(regulator, broker, client).get_json()["id"]
    assert (told(broker), listed(broker, late=True)) == ([], [])
    broker.clock.now += 39 * HOUR  # of 48
    assert (told(broker), told(regulator)) == ([(number, "due")], [(number, "due")])
    assert [one["state"] for one in listed(broker)] == ["due"]
    assert listed(regulator, late=True) == []
    broker.clock.now += 10 * HOUR
    assert (told(broker), told(regulator)) == ([(number, "late")], [(number, "late")])
    assert [(one["id"], one["state"]) for one in listed(regulator, late=True)] == [(number, "late")]
    assert told(broker) == [(number, "late")]
    with broker.store.read() as connection:
        [alarm] = alarms.list_alarms(connection)
    assert alarm.count == 2, "the same news is told once"


def test_that_the_broker_made_the_replay_answers_nothing_at_the_regulator(regulator, broker, client):
    order(regulator, broker, client)
    bundle_of(broker, client)
    assert [one["state"] for one in listed(broker)] == ["answered"]
    assert told(broker) == []
    broker.clock.now += 3 * DAY
    assert [one["state"] for one in listed(regulator)] == ["late"]


def test_a_bundle_that_holds_answers_it_when_it_comes(regulator, broker, client):
    number = order(regulator, broker, client).get_json()["id"]
    broker.clock.now += 40 * HOUR
    assert told(regulator) == [(number, "due")]
    data = bundle_of(broker, client)
    taken = answer(regulator, number, data)
    assert taken.status_code == 200, taken.get_json()
    one = taken.get_json()
    assert (one["state"], one["answer"]["sha256"]) == ("answered", hashlib.sha256(data).hexdigest())
    assert parse_time(one["answered_at"], "answered_at") >= broker.clock.now - 60_000
    assert told(regulator) == []
    broker.clock.now += 3 * DAY
    again = answer(regulator, number, bundle_of(broker, client)).get_json()
    assert (again["answered_at"], again["answer"]) == (one["answered_at"], one["answer"])  # the first one counts


def test_one_that_comes_too_late_is_called_so(regulator, broker, client):
    number = order(regulator, broker, client).get_json()["id"]
    data = bundle_of(broker, client)  # made in time, as the broker says
    broker.clock.now += 3 * DAY
    assert answer(regulator, number, data).get_json()["state"] == "answered-late"
    assert listed(regulator, late=True) == []


def test_what_proves_nothing_answers_nothing(regulator, broker, client):
    number = order(regulator, broker, client).get_json()["id"]
    data = bundle_of(broker, client)
    bent = json.loads(data)
    del bent["history"]["records"][-1]
    refused = answer(regulator, number, json.dumps(bent).encode())
    assert (refused.status_code, refused.get_json()["code"]) == (422, "structure")
    assert answer(regulator, number, b"{}").get_json()["rule"] == "required"
    assert answer(regulator, number, bundle_of(broker, client, "CASE-2")).get_json()["code"] == "order-other-matter"
    other = broker.enrol("another")
    broker.assess(other)
    broker.anchor()
    assert answer(regulator, number, bundle_of(broker, other)).get_json()["code"] == "order-other-matter"
    assert answer(regulator, "o-17", data).status_code == 404
    assert [one["answered_at"] for one in listed(regulator)] == [None]


def test_a_bundle_from_before_the_order_hides_what_happened_since(regulator, broker, client):
    old = bundle_of(broker, client)
    broker.clock.now += 60_000
    broker.assess(client)
    broker.anchor()
    number = order(regulator, broker, client).get_json()["id"]
    refused = answer(regulator, number, old).get_json()
    assert (refused["code"], refused["detail"].split(":")[0]) == ("order-older-bundle", "bundle.header")
    assert [one["answered_at"] for one in listed(regulator)] == [None]
    taken = answer(regulator, number, bundle_of(broker, client)).get_json()
    assert taken["state"] == "answered"
    assert taken["answer"]["records"] > len(json.loads(old)["history"]["records"])


def test_an_order_of_an_earlier_release_names_no_block_and_is_given_anew(regulator, broker, client):
    number = order(regulator, broker, client).get_json()["id"]
    data = bundle_of(broker, client)
    for message in (None, json.dumps({"body": {"id": number}})):
        with regulator.store.write() as connection:
            connection.execute(replay_order.update().values(message=message))
        refused = answer(regulator, number, data).get_json()
        assert (refused["code"], refused["detail"].split(":")[0]) == ("order-older-bundle", "id")


def test_no_other_regulator_takes_it_and_no_other_role(regulator, broker, client):
    number = order(regulator, broker, client).get_json()["id"]
    data = bundle_of(broker, client)
    path = f"/v1/replay-orders/{number}/answer"
    headers = {"Authorization": "Bearer token of compliance"}
    assert regulator.http.post(path, data=data, headers=headers).status_code == 403
    assert answer(broker, number, data).get_json()["code"] == "order-other-regulator"
