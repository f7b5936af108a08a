"""What other tables make of a record goes with it, and what is in force keeps its records."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from sqlalchemy import insert, select

from node_adapter.store import consents, credentials, replay_orders
from node_adapter.store.schema import task_client
from node_adapter.workflows.erasing import erasing, named
from node_adapter.workflows.erasing.erasing import erase_next
from node_adapter.workflows.identity.issue_witness import ERASED, published_witness
from primitives.timestamp import format_time
from tests.integration.api.test_clients import YEAR
from tests.integration.api.test_consent_door import giving, send, withdrawing
from tests.integration.api.test_erasures import OFFICERS, RULE, draft, files, order, pass_time, rows_of, signed
from tests.integration.replay.test_access import ordered
from tests.world.keys import seed
from tests.world.staff import Person

DAY = 86_400
USE = {
    "task_id": "aa" * 32,
    "purpose": "MARKET_RISK",
    "consent_id": "bb" * 32,
    "parties": [],
    "input_commitment": "cc" * 48,
    "output_kind": "TOTALS",
    "result_hash": "dd" * 32,
    "started_at": "2026-11-21T09:16:38.123+08:00",
}


@pytest.fixture(autouse=True)
def short_clock(monkeypatch):
    """A record is kept for a day: what outlives it is seen."""
    clocks = MappingProxyType({RULE: DAY * 1000})
    for module in (named, erasing):
        monkeypatch.setattr(module, "CLOCKS", clocks)


def of_type(broker, client, type_):
    return [row.seq for row in rows_of(broker, client) if row.type == type_]


def erase(broker, client, *types):
    places = [seq for type_ in types for seq in of_type(broker, client, type_)]
    assert places
    order(broker, signed(broker, draft(broker, client, records=places)))
    broker.anchor()
    assert erase_next(broker.node)


@pytest.fixture
def officers(broker):
    end = format_time(broker.clock.now + 2 * YEAR)
    for name in OFFICERS:
        assert Person(name, "compliance").enrol(broker, expires_at=end).status_code == 201


def age(broker, seconds=DAY):
    broker.anchor()
    pass_time(broker, seconds)


@pytest.mark.usefixtures("officers")
def test_a_consent_is_kept_until_its_end_and_goes_with_its_record(broker, client):
    given, fact = giving(broker, client)
    send(broker, fact)
    age(broker)
    [place] = of_type(broker, client, "CONSENT_GIVE")
    assert draft(broker, client, status=409, records=[place])["code"] == "erase-in-force"
    send(broker, withdrawing(broker, client, given["consent_id"]))
    age(broker)
    [end] = of_type(broker, client, "CONSENT_WITHDRAW")  # without it the consent would be in force again
    assert draft(broker, client, status=409, records=[end])["code"] == "erase-in-force"
    pass_time(broker, YEAR // 1000)
    erase(broker, client, "CONSENT_GIVE", "CONSENT_WITHDRAW")
    with broker.store.read() as connection:
        assert consents.of_subject(connection, client.subject) == []
    left = files(broker)
    assert not any(part.encode() in left for part in (given["credential"]["proof"]["proofValue"], given["signature"]))
    assert seed("consent salt") not in left


@pytest.mark.usefixtures("officers")
def test_a_credential_is_kept_until_its_end_and_its_text_goes_with_its_record(broker, client):
    broker.assess(client)
    issued = broker.post("/v1/credentials/issue", {"subject": client.subject}).get_json()
    age(broker)
    [place] = of_type(broker, client, "CREDENTIAL_ISSUE")
    assert draft(broker, client, status=409, records=[place])["code"] == "erase-in-force"
    assert broker.post(f"/v1/credentials/{issued['id']}/revoke", {}).status_code == 200
    age(broker)
    [revoked] = of_type(broker, client, "CREDENTIAL_REVOKE")  # it says that the credential has ended before its time
    assert draft(broker, client, status=409, records=[revoked])["code"] == "erase-in-force"
    with broker.store.read() as connection:
        reference = next(row.source_ref for row in rows_of(broker, client) if row.type == "CREDENTIAL_ISSUE")
    erase(broker, client, "CREDENTIAL_ISSUE")
    with broker.store.read() as connection:
        row = credentials.find_credential(connection, issued["id"])
    assert (row.body, row.revoked_at is None) == (credentials.LOST_BODY, False)  # its bit in the status list stays
    assert issued["proof"]["proofValue"].encode() not in files(broker)
    assert published_witness(broker.node, reference.partition(":")[2])["state"] == ERASED


@pytest.mark.usefixtures("officers")
def test_that_a_client_took_part_in_a_task_goes_with_the_use(broker, client):
    broker.submit(client, "DATA_USE", {**USE, "parties": [broker.did]})
    with broker.store.write() as connection:
        for task in (USE["task_id"], "ee" * 32):
            row = {"task_id": task, "pid": client.subject, "consent_id": USE["consent_id"]}
            connection.execute(insert(task_client).values(**row))
    age(broker)
    erase(broker, client, "DATA_USE")
    with broker.store.read() as connection:
        assert connection.execute(select(task_client.c.task_id)).scalars().all() == ["ee" * 32]


@pytest.mark.usefixtures("officers")
def test_the_message_of_an_order_goes_with_the_look_that_holds_it(broker, client):
    message = ordered(broker, client, "7")
    with broker.store.read() as connection:
        kept = replay_orders.find_order(connection, "7", client.did)
    look = {"reader": broker.did, "role": "compliance", "case": "7", "reason": "r", "fields": ["ID_VERIFY"]}
    broker.take(broker.fact(client.subject, "ACCESS_LOG", {**look, "approved_by": "regulator", "order": message}))
    age(broker)
    erase(broker, client, "ACCESS_LOG")
    with broker.store.read() as connection:
        assert replay_orders.find_order(connection, "7", client.did) == replace(kept, message=None)
    assert message["signature"].encode() not in files(broker)
