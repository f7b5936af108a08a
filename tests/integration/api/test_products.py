"""A product is enrolled by its id, and rated where everybody looks for its ratings."""

import pytest

from evidence.documents.product_subject import product_subject
from primitives.timestamp import format_time
from tests.earlier_door import rated_as_earlier
from tests.integration.api.test_facts import first_steps
from tests.world.payloads import rating


def enrol(broker, reference, **more):
    return broker.post("/v1/subjects", {"client_ref": reference, **more}).get_json()


def rate(broker, subject, product_id="fund-1"):
    answer = broker.post("/v1/facts", broker.fact(subject, "PRODUCT_RATE", rating(product_id))).get_json()
    return answer.get("code") or [finding["code"] for finding in answer["findings"]]


def test_a_product_lies_under_the_pseudonym_that_anybody_derives(broker):
    made = enrol(broker, "fund", product_id="fund-1")
    assert made["subject"] == product_subject(broker.did, "fund-1")
    assert enrol(broker, "fund", product_id="fund-1") == made
    assert rate(broker, made["subject"]) == []


def test_a_product_has_one_reference_and_a_reference_one_subject(broker):
    enrol(broker, "fund", product_id="fund-1")
    old = enrol(broker, "old")
    for reference, product_id in (("fund again", "fund-1"), ("fund", "fund-2"), ("old", "fund-3")):
        assert enrol(broker, reference, product_id=product_id)["code"] == "duplicate", (reference, product_id)
    assert enrol(broker, "old") == old


@pytest.mark.parametrize("product_id", ["", 7, None, "a b", "x" * 61, "产品"])
def test_an_id_that_no_rating_can_name_is_refused(broker, product_id):
    problem = enrol(broker, "fund", product_id=product_id)
    assert (problem["code"], problem["field"]) == ("invalid-input", "product_id")


def test_a_client_is_no_product(broker, client):
    body = {**client.registration(), "product_id": "fund-1"}
    assert broker.post("/v1/subjects", body).get_json()["rule"] == "one-of"


def test_a_product_is_not_rated_anew_under_a_second_pseudonym(broker):
    derived, second = enrol(broker, "fund", product_id="fund-1"), enrol(broker, "second")
    assert rate(broker, derived["subject"]) == []
    assert rate(broker, second["subject"]) == "product-subject"
    assert rate(broker, second["subject"], "fund-2") == ["RATING_NOT_DERIVED"]  # a first one is a fact all the same


def test_a_product_of_an_earlier_version_is_rated_where_it_was_until_it_is_moved(broker, monkeypatch):
    first, second = enrol(broker, "old"), enrol(broker, "another")
    with rated_as_earlier(monkeypatch):
        assert rate(broker, first["subject"]) == ["RATING_NOT_DERIVED"]
    assert rate(broker, first["subject"]) == ["RATING_NOT_DERIVED"]
    assert rate(broker, second["subject"]) == "product-subject"
    moved = enrol(broker, "moved", product_id="fund-1")
    assert rate(broker, moved["subject"]) == []
    assert rate(broker, first["subject"]) == "product-subject"


def test_two_ratings_of_one_request_are_judged_one_after_the_other(broker, monkeypatch):
    first, second = enrol(broker, "old"), enrol(broker, "another")
    with rated_as_earlier(monkeypatch):
        rate(broker, first["subject"])
    moved = enrol(broker, "moved", product_id="fund-1")
    rows = [broker.fact(row["subject"], "PRODUCT_RATE", rating()) for row in (first, first, second, moved, first)]
    answers = broker.lines("/v1/facts", rows)
    assert [answer["status"] for answer in answers] == ["accepted", "accepted", "refused", "accepted", "refused"]


def test_an_opinion_and_an_application_that_rest_on_such_a_rating_are_told(broker, client, monkeypatch):
    old = enrol(broker, "old")
    with rated_as_earlier(monkeypatch):
        rate(broker, old["subject"])
    first_steps(broker, client)
    told = []
    for _ in range(2):
        opinion = broker.fact(client.subject, "MATCH_OPINION", compute={"product_id": "fund-1"})
        application = {"application_id": f"a-{len(told)}", "kind": "BUY", "product_id": "fund-1", "amount_fen": 1}
        apply = broker.fact(client.subject, "BIZ_APPLY", application)
        for fact in (opinion, apply):
            findings = broker.post("/v1/facts", fact).get_json()["findings"]
            told.append("RATING_NOT_DERIVED" in [finding["code"] for finding in findings])
        rate(broker, enrol(broker, "moved", product_id="fund-1")["subject"])
        broker.clock.now += 1000
    assert told == [True, True, False, False]


def test_a_rating_in_the_clients_own_history_counts_for_nothing_once_the_product_has_its_place(
    broker, client, monkeypatch
):
    """Where nothing is in force at the derived place yet, nothing is in force: not what lies under the client."""
    first_steps(broker, client)
    assert rate(broker, client.subject) == "product-subject"  # the bundles of others would show this history
    with rated_as_earlier(monkeypatch):
        assert rate(broker, client.subject) == ["RATING_NOT_DERIVED"]
    broker.clock.now += 1000
    opinion = broker.fact(client.subject, "MATCH_OPINION", compute={"product_id": "fund-1"})
    first = broker.post("/v1/facts", opinion).get_json()
    moved = enrol(broker, "moved", product_id="fund-1")["subject"]
    later = {**rating(), "effective_from": format_time(broker.clock.now + 86_400_000)}
    broker.post("/v1/facts", broker.fact(moved, "PRODUCT_RATE", later))
    second = broker.post("/v1/facts", broker.fact(client.subject, "MATCH_OPINION", first["payload"])).get_json()
    told = [{finding["code"] for finding in answer["findings"]} for answer in (first, second)]
    assert ["PRODUCT_NOT_RATED" in codes for codes in told] == [False, True]
