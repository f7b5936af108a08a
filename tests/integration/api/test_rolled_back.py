"""A transaction that is not committed leaves nothing in the process, whoever writes the next record."""

from dataclasses import replace

import pytest

from evidence.documents.product_subject import product_subject
from node_adapter.store import records
from node_adapter.store.engine import open_store
from node_adapter.views import Views
from node_adapter.workflows.identity.staff import end_person, enrol_person, list_staff
from node_adapter.workflows.intake.facts import record_facts
from node_adapter.workflows.intake.house import house_of
from node_adapter.workflows.intake.submitting import submit_facts
from replay.wire.fact import read_fact
from suitability.domain import SUITABILITY
from tests.integration.api.test_staff import decision
from tests.refused_commit import refused_commit
from tests.world.payloads import rating
from tests.world.staff import Person, enrolled


@pytest.fixture
def other(broker):
    """Another process of the same node."""
    node = replace(broker.node, views=Views(), store=open_store(broker.path))
    yield node
    node.store.dispose()


def notice(broker, client):
    return broker.fact(client.subject, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})


def staff(node):
    return [(entry["name"], entry["state"]) for entry in list_staff(node)["staff"]]


def code_of(outcome):
    return getattr(outcome, "code", "accepted")


def test_who_was_not_enrolled_after_all_signs_nothing(broker, client, other, monkeypatch):
    person = Person("Li Wei")
    submit_facts(broker.node, [notice(broker, client)])
    with refused_commit(monkeypatch):
        enrol_person(broker.node, person.request(broker))
    assert code_of(*submit_facts(other, [notice(broker, client)])) == "accepted"
    assert staff(broker.node) == staff(other) == []
    signed = person.sign(broker, decision(broker, client))
    assert code_of(*submit_facts(broker.node, [signed])) == code_of(*submit_facts(other, [signed])) != "accepted"
    enrol_person(broker.node, person.request(broker))
    assert staff(broker.node) == staff(other) == [("Li Wei", "valid")]


def test_the_first_record_of_a_log_leaves_nothing_either(broker, monkeypatch):
    with broker.store.read() as connection:
        assert records.log_size(connection) == 0
    with refused_commit(monkeypatch):
        enrol_person(broker.node, Person("Li Wei").request(broker))
    assert staff(broker.node) == []
    assert broker.node.views.peek("roster", "").size == 0


def test_an_end_that_was_not_stored_is_stored_the_next_time(broker, client, other, monkeypatch):
    person = enrolled(broker, "Li Wei")
    end = {"key": person.key, "reason": "KEY_STOLEN"}
    with refused_commit(monkeypatch):
        end_person(broker.node, end)
    submit_facts(other, [notice(broker, client)])
    assert staff(broker.node) == staff(other) == [("Li Wei", "valid")]
    assert end_person(broker.node, end)["state"] == "ended"
    assert staff(broker.node) == staff(other) == [("Li Wei", "ended")]


def test_a_rating_by_another_process_is_seen_where_records_were_rolled_back(broker, client, other, monkeypatch):
    product = broker.post("/v1/subjects", {"client_ref": "fund", "product_id": "fund-1"}).get_json()["subject"]
    assert product == product_subject(broker.did, "fund-1")
    with refused_commit(monkeypatch), broker.store.write() as connection:
        for _ in range(2):  # the second one sees the first one's place in the log
            record_facts(broker.node, connection, [read_fact(notice(broker, client))])
    assert code_of(*submit_facts(other, [broker.fact(product, "PRODUCT_RATE", rating())])) == "accepted"
    with broker.store.read() as connection:
        seen, told = (
            house_of(node, connection, SUITABILITY, records.log_size(connection)) for node in (broker.node, other)
        )
    assert seen == told
    assert len(seen.of("fund-1")) == 1
