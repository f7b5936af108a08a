"""Record 1 of every history says whose it is; a client's acts witness what came before them, each once."""

import json

import pytest

from did.identifiers import ethr_did
from domain.opening import OPENING
from evidence.version2.act import verify_act
from evidence.version2.history import check_history
from evidence.version2.record import open_redacted, redact, restore
from node_adapter.store import records, subjects
from tests.world.chain import CHAIN_ID
from tests.world.keys import seed
from tests.world.payloads import PAYLOADS, rating
from tests.world.staff import enrolled


def history(broker, subject):
    """The whole history, opened as a verifier opens it, and checked for itself."""
    with broker.store.read() as connection:
        rows = records.of_subject(connection, subject)
    copies = [redact(restore(row.envelope, json.loads(row.payload), row.root_salt)) for row in rows]
    return check_history(broker.did, bytes.fromhex(subject), [open_redacted(copy) for copy in copies])


def types(checked):
    return [record.envelope["type"] for record in checked.records]


def opened(broker, client):
    """A client whose wallet opened the history before anything else."""
    broker.take(client.opening(broker.clock.now))
    client.opened = True
    return client


def confirm(client, subject=None):
    fields = {"level_ref": "00" * 32, "level": "C4", "lang": "zh", "text_sha256": seed("text").hex()}
    draft = {"type": "LEVEL_CONFIRM", "broker": client.broker, "subject": subject or client.subject}
    return {**draft, "document": "level-confirm@1", "ruleset": None, "fields": fields}


def refused(broker, fact):
    answer = broker.post("/v1/facts", fact)
    assert answer.status_code >= 400, answer.get_json()
    return answer.get_json()


def test_a_clients_wallet_opens_the_history(broker, client):
    answer = broker.post("/v1/facts", client.opening(broker.clock.now))
    assert answer.status_code == 201, answer.get_json()
    assert answer.get_json()["findings"] == []
    broker.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    checked = history(broker, client.subject)
    assert types(checked) == [OPENING, "ID_VERIFY"]
    assert (checked.opened.client, checked.opened.joined_at) == (client.did, None)
    envelope = checked.records[0].envelope
    assert (envelope["document"], envelope["ruleset"], envelope["known"]["count"]) == (None, None, 0)
    assert broker.get(f"/v1/subjects/{client.reference}").get_json()["opened"] is True


def test_what_comes_first_opens_an_unsigned_history_that_the_client_joins_once(broker, client):
    broker.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    checked = history(broker, client.subject)
    assert types(checked) == [OPENING, "ID_VERIFY"]
    assert (checked.opened.first.kind, checked.opened.client) == ("unsigned-client", None)
    assert checked.records[0].envelope["signatures"] == []
    assert broker.get(f"/v1/subjects/{client.reference}").get_json()["opened"] is False
    assert refused(broker, client.sign(confirm(client), broker.clock.now))["code"] == "not-opened"
    opened(broker, client)
    checked = history(broker, client.subject)
    assert (checked.opened.client, checked.opened.joined_at) == (client.did, 3)
    assert refused(broker, client.opening(broker.clock.now + 1))["code"] == "opened-already"


def test_a_client_without_a_wallet_has_a_history_that_nobody_signed(broker):
    subject = broker.post("/v1/subjects", {"client_ref": "on paper"}).get_json()["subject"]
    broker.take(broker.fact(subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"]))
    first = history(broker, subject).opened.first
    assert (first.kind, first.opens) == ("unsigned-client", None)


def test_a_product_and_a_persons_key_are_opened_by_the_broker(broker):
    product = broker.enrol_product("fund-1")
    broker.submit(product, "PRODUCT_RATE", rating())
    person = enrolled(broker, "Ada")
    [staff] = broker.get("/v1/staff", role="operator").get_json()["staff"]
    for subject, kind, opens in (
        (product.subject, "product", "fund-1"),
        (staff["subject"], "house", f"staff:{person.key}"),
    ):
        checked = history(broker, subject)
        assert (checked.opened.first.kind, checked.opened.first.opens) == (kind, opens)
        envelope = checked.records[0].envelope
        [signature] = envelope["signatures"]
        assert (signature["did"], signature["key"]) == (broker.did, f"{broker.did}#signing")
        assert envelope["known"] is None
        verify_act(envelope, signature, broker.keys.signing_public)


def test_an_act_names_the_last_record_that_the_wallet_knows(broker, client):
    opened(broker, client)
    broker.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    last = history(broker, client.subject).records[-1].fingerprint
    now = broker.clock.now
    ahead = refused(broker, client.sign(confirm(client), now, knows=(3, last)))
    assert (ahead["code"], "2 records" in ahead["detail"]) == ("history-differs", True)
    other = refused(broker, client.sign(confirm(client), now, knows=(1, last)))
    assert (other["code"], "record 1" in other["detail"]) == ("history-differs", True)
    broker.take(client.sign(confirm(client), now, knows=(2, last)))
    assert history(broker, client.subject).records[-1].envelope["known"]["count"] == 2


def test_what_one_request_adds_is_known_to_the_acts_behind_it(broker, client):
    opening = client.opening(broker.clock.now, nonce=bytes(16))
    twice = client.sign(confirm(client), broker.clock.now, nonce=bytes(16))
    ahead = client.sign(confirm(client), broker.clock.now + 1, knows=(1, bytes(31) + b"1"))
    first, second, third = broker.lines("/v1/facts", [opening, twice, ahead])
    assert first["status"] == "accepted"
    assert [answer["problem"]["code"] for answer in (second, third)] == ["duplicate", "history-differs"]


def test_no_act_is_used_twice(broker, client):
    opened(broker, client)
    nonce = seed("once")[:16]
    broker.take(client.sign(confirm(client), broker.clock.now, nonce=nonce))
    again = client.sign(confirm(client), broker.clock.now + 1, nonce=nonce)
    assert refused(broker, again)["code"] == "duplicate"
    history(broker, client.subject)


def test_an_opening_of_another_client_is_refused(broker, client):
    other = ethr_did(CHAIN_ID, "0x" + "77" * 20).text
    fields = {"kind": "client", "opens": other, "continues": None}
    draft = {"type": OPENING, "broker": broker.did, "subject": client.subject, "document": None, "ruleset": None}
    signed = client.sign({**draft, "fields": fields}, broker.clock.now)
    assert refused(broker, signed)["code"] == "opening-foreign"
    assert history_is_empty(broker, client)


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"fields": {"kind": "unsigned-client", "opens": None, "continues": None}}, "type", "node-record"),
        ({"fields": {"kind": "house", "opens": "staff:00", "continues": None}}, "type", "node-record"),
        ({"document": "level-confirm@1"}, "act.document", "constant"),
    ],
)
def test_a_caller_hands_in_no_other_opening(broker, client, change, field, rule):
    fields = {"kind": "client", "opens": client.did, "continues": None}
    draft = {"type": OPENING, "broker": broker.did, "subject": client.subject, "document": None, "ruleset": None}
    problem = refused(broker, client.sign({**draft, "fields": fields, **change}, broker.clock.now))
    assert (problem["field"], problem["rule"]) == (field, rule)
    assert history_is_empty(broker, client)


def test_an_opening_continues_no_history_that_this_node_does_not_know_of(broker, client):
    before = {"format": 2, "subject": "00" * 32, "count": 1, "head": "00" * 32}
    fields = {"kind": "client", "opens": client.did, "continues": before}
    draft = {"type": OPENING, "broker": broker.did, "subject": client.subject, "document": None, "ruleset": None}
    signed = client.sign({**draft, "fields": fields}, broker.clock.now)
    assert refused(broker, signed)["code"] == "opening-continues"
    assert history_is_empty(broker, client)


def test_an_opening_that_nobody_signed_is_the_nodes_own(broker, client):
    fact = client.opening(broker.clock.now)
    del fact["act"]
    assert refused(broker, fact)["rule"] == "node-record"
    reserved = {**client.opening(broker.clock.now), "source_ref": f"opening:{client.subject}"}
    assert refused(broker, reserved)["rule"] == "node-reference"


def test_a_fact_that_is_refused_opens_nothing(broker, client):
    fact = broker.fact(client.subject, "MATCH_OPINION", compute={"product_id": "fund-9"})
    refused(broker, fact)
    assert history_is_empty(broker, client)


def history_is_empty(broker, client):
    with broker.store.read() as connection:
        row = subjects.find_by_pid(connection, client.subject)
        return row.count == 0 and records.log_size(connection) == 0
