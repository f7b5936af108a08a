"""What a request asks of the database does not grow with what the node, or the client, has recorded before."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from node_adapter.store import records, tokens
from node_adapter.views import Views
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake.house import house_of
from suitability.domain import SUITABILITY
from tests.world.payloads import PAYLOADS, rating

TOKEN = "of the client"
GRAIN = 20
MORE = 300


@contextmanager
def counted(store):
    """Count the steps of SQLite's engine on every connection of a store, in a list of one."""
    taken = [0]

    def tick():
        taken[0] += GRAIN

    def watch(connection, *_):
        connection.set_progress_handler(tick, GRAIN)

    def let_be(connection, *_):
        connection.set_progress_handler(None, GRAIN)

    event.listen(store._engine, "checkout", watch)
    event.listen(store._engine, "checkin", let_be)
    try:
        yield taken
    finally:
        event.remove(store._engine, "checkout", watch)
        event.remove(store._engine, "checkin", let_be)


def record(broker, client, count):
    facts = [broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]) for _ in range(count)]
    assert all(answer["status"] == "accepted" for answer in broker.lines("/v1/facts", facts))
    broker.anchor()


def a_fact(broker, client):
    fact = broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    assert (
        broker.post(
            "/v1/facts", fact, headers={"Idempotency-Key": fact["source_ref"].replace(" ", "-") + "-key"}
        ).status_code
        == 201
    )


def a_page(name):
    def ask(broker, _client):
        page = broker.get(f"/v1/client/{name}?after=3&limit=5", token=TOKEN).get_json()
        assert (len(page[name]), page["next_after"]) == (5, 8)

    return ask


def the_first_rating(broker, _client):
    """What a new process reads of the log before it takes a fact."""
    fresh = replace(broker.node, views=Views())
    with broker.store.read() as connection:
        size = records.log_size(connection)
        house_of(fresh, connection, SUITABILITY, size)
        roster_of(fresh, connection, size)


REQUESTS = {
    "fact": a_fact,
    "receipts": a_page("receipts"),
    "promises": a_page("promises"),
    "first reads": the_first_rating,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_costs_the_same_in_a_longer_log(broker, client, name):
    with broker.store.write() as connection:
        tokens.insert_token(connection, TOKEN, tokens.CLIENT_ROLE, name=client.did, did=client.did)
    product = broker.post("/v1/subjects", {"client_ref": "fund", "product_id": "fund-1"}).get_json()["subject"]
    assert broker.post("/v1/facts", broker.fact(product, "PRODUCT_RATE", rating())).status_code == 201
    record(broker, client, 20)
    costs = []
    for more in (0, MORE):
        if more:
            record(broker, client, more)
        REQUESTS[name](broker, client)  # what this process keeps in memory is there
        with counted(broker.store) as taken:
            REQUESTS[name](broker, client)
        costs.append(taken[0])
    assert 0 < costs[1] <= costs[0] + MORE, costs
