"""How often a client and a stranger may ask."""

import pytest

from api.limits import BURST, EXTENSION, PER_SECOND, Rates
from node_adapter.store import tokens
from primitives.errors import Refused

CHALLENGE = "/v1/client/sessions/challenge"


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(broker):
    clock = Clock()
    broker.app.extensions[EXTENSION] = Rates(clock)
    return clock


def ask(broker, client, address):
    return broker.http.post(CHALLENGE, json={"did": client.did}, environ_overrides={"REMOTE_ADDR": address})


def test_a_stranger_who_asks_too_often_is_told_to_wait_and_others_are_not(broker, client, clock):
    for _ in range(int(BURST)):
        assert ask(broker, client, "192.0.2.1").status_code == 201
    refused = ask(broker, client, "192.0.2.1")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too-many-requests")
    assert refused.headers["Retry-After"]
    assert ask(broker, client, "192.0.2.2").status_code == 201
    assert ask(broker, client, "127.0.0.1").status_code == 201
    clock.now += 1 / PER_SECOND
    assert ask(broker, client, "192.0.2.1").status_code == 201
    assert ask(broker, client, "192.0.2.1").status_code == 429


def test_a_clients_session_is_limited_and_a_brokers_system_is_not(broker, client, clock):
    with broker.store.write() as connection:
        tokens.insert_token(connection, "a session", tokens.CLIENT_ROLE, name=client.did, did=client.did)
    for _ in range(int(BURST)):
        assert broker.get("/v1/client/consents", token="a session").status_code == 200
    assert broker.get("/v1/client/consents", token="a session").status_code == 429
    for _ in range(int(BURST) + 1):
        assert broker.get("/v1/subjects/ref client one").status_code == 200


def test_what_is_remembered_does_not_grow(monkeypatch):
    clock = Clock()
    rates = Rates(clock)
    monkeypatch.setattr("api.limits._MOST_KEYS", 10)
    for number in range(100):
        rates.take(f"address {number}")
        assert len(rates._left) <= 10
    for _ in range(int(BURST) - 1):
        rates.take("address 99")
    with pytest.raises(Refused):
        rates.take("address 99")
