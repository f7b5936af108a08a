"""A signing key that has ended, over HTTP: what it issued in time stays good, what its thief dates back does not."""

import copy

import pytest
from sqlalchemy import insert, update

from did.credentials.verify import credential_digest
from node_adapter.store import records
from node_adapter.store.schema import former_reference, record
from primitives.errors import CouldNotCheck
from tests.integration.api.test_credentials import issue, north, south, verify
from tests.integration.api.test_issuers import level_of, refused
from tests.world.clock import START
from tests.world.payloads import PAYLOADS

__all__ = ["north", "south"]


def witness_answer(broker, credential):
    digest = credential_digest(credential).hex()
    return broker.get(f"/v1/credentials/witnesses/{digest}", role=None).get_json()


def test_a_stolen_key_issues_until_it_ends_and_never_again(north, south, client):
    forged = level_of(client.did, "north", created=START)
    assert verify(south, forged)["status"] == "verified"
    north.rotate()
    assert refused(south, forged) == "issue-unwitnessed"
    assert refused(south, level_of(client.did, "north", created=START - 1000)) == "issue-unwitnessed"
    assert refused(north, forged) == "issue-unwitnessed"


def test_what_the_key_issued_in_time_stays_good(north, south, client):
    credential = issue(north, client)
    north.anchor()
    anchored_in = north.chain.height
    north.rotate()
    right = verify(south, credential)["issuer_right"]
    assert (right["key_in_force"], right["witnessed_block"]) == (False, anchored_in)
    assert (right["role_at_issue"], right["role_now"]) == ("broker", "broker")
    assert verify(north, credential)["issuer_right"] == right


def test_what_was_issued_in_format_1_is_not_refuted_after_a_rotation(north, south, client):
    """The index of a migrated node does not hold that log: nobody can check, and nobody says that it is forged."""
    old = level_of(client.did, "north", created=START)
    reference = f"credential-issue:{credential_digest(old).hex()}"
    with north.store.write() as connection:
        connection.execute(insert(former_reference).values(source_ref=reference))
    north.rotate()
    for broker, code in ((north, "witness-unknown"), (south, "peer-failed")):
        problem = verify(broker, old)
        assert (problem["status"], problem["code"]) == (503, code)


def test_what_was_anchored_in_the_block_of_the_end_or_later_was_not_in_time(north, south, client):
    credential = issue(north, client)
    north.rotate()
    assert witness_answer(south, credential)["state"] == "none"
    assert witness_answer(north, credential)["state"] == "pending"
    problem = verify(south, credential)
    assert (problem["status"], problem["code"]) == (503, "witness-unknown")
    north.anchor()
    assert witness_answer(north, credential)["state"] == "anchored"
    assert refused(south, credential) == "issuer-right"


def test_after_a_rotation_the_same_level_is_attested_anew(north, client):
    before = issue(north, client)
    north.anchor()
    north.rotate()
    after = issue(north, client)
    assert after["id"] != before["id"]
    assert after["credentialSubject"] == before["credentialSubject"]
    assert issue(north, client) == after


def test_a_holder_may_bring_the_witness_and_the_issuer_need_not_be_reached(north, south, client):
    credential = {name: value for name, value in issue(north, client).items()}
    north.anchor()
    witness = witness_answer(north, credential)["witness"]
    north.rotate()
    honest = south.node.fetch

    def without_witnesses(url):
        if "/witnesses/" in url:
            raise CouldNotCheck("peer-unreachable", url)
        return honest(url)

    object.__setattr__(south.node, "fetch", without_witnesses)
    problem = verify(south, credential)
    assert (problem["status"], problem["code"]) == (503, "peer-unreachable")
    assert verify(south, {"credential": credential, "witness": witness})["status"] == "verified"


def test_an_issuer_whose_node_is_not_known_is_not_verified(north, south, client):
    credential = issue(north, client)
    north.anchor()
    north.rotate()
    south.node.settings.peers.clear()
    problem = verify(south, credential)
    assert (problem["status"], problem["code"]) == (503, "witness-unknown")


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("anchor", "seq"), 3, "issue-witness"),
        (("anchor", "block"), 1, "issue-witness"),
        (("anchor", "block"), 10**6, "issue-witness"),
        (("log_index",), 10**6, "issue-witness"),
        (("log_index",), 0, "inclusion"),
        (("batch",), "", "inclusion"),
        (("record", "fields", "credential_sha256", "value"), "ab" * 32, "field-digest"),
        (("record", "fields"), {}, "issue-witness"),
        (("record", "envelope", "type"), "ACCESS_LOG", "issue-witness"),
        (("record", "envelope", "seq"), 1, "inclusion"),
        (("record", "envelope_salt"), "ab" * 32, "inclusion"),
        (("format",), "bonafides.receipt/2", "invalid-input"),
        (("format",), "bonafides.issue-witness/1", "invalid-input"),
        (("extra",), 1, "invalid-input"),
    ],
)
def test_a_witness_that_was_changed_proves_nothing(north, south, client, path, value, code):
    credential = issue(north, client)
    north.anchor()
    north.rotate()
    witness = copy.deepcopy(witness_answer(north, credential)["witness"])
    place = witness
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert refused(south, {"credential": credential, "witness": witness}) == code


def test_the_witness_of_one_credential_is_not_that_of_another(north, south, client):
    credential = issue(north, client)
    north.anchor()
    witness = witness_answer(north, credential)["witness"]
    north.rotate()
    forged = level_of(client.did, "north", created=START)
    assert refused(south, {"credential": forged, "witness": witness}) == "issue-witness"


def test_the_witness_shows_the_digest_and_nothing_else_of_the_client(north, client):
    credential = issue(north, client)
    north.anchor()
    answer = north.get(f"/v1/credentials/witnesses/{credential_digest(credential).hex()}", role=None)
    assert list(answer.get_json()["witness"]["record"]["fields"]) == ["credential_sha256"]
    assert client.did not in answer.text
    assert credential["id"] not in answer.text


def test_only_the_node_itself_records_an_issue(north, client):
    payload = {"credential_sha256": "ab" * 32, "credential_id": "urn:x", "credential_type": "SuitabilityCredential"}
    problem = north.post("/v1/facts", north.fact(client.subject, "CREDENTIAL_ISSUE", payload)).get_json()
    assert (problem["field"], problem["rule"]) == ("type", "node-record")


def test_a_fact_under_the_reference_of_an_issue_is_no_witness(north, south, client):
    """Such a reference was a caller's to take in earlier versions: what is looked up by it must also be of the type."""
    forged = level_of(client.did, "north", created=START)
    fact = north.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    assert north.post("/v1/facts", fact).status_code == 201
    reference = f"credential-issue:{credential_digest(forged).hex()}"
    with north.store.write() as connection:
        taken = update(record).where(record.c.source_ref == fact["source_ref"])
        assert connection.execute(taken.values(source_ref=reference)).rowcount == 1
    north.anchor()
    assert witness_answer(north, forged)["state"] == "none"


def test_credential_and_record_are_stored_together_or_not_at_all(north, client, monkeypatch):
    def full(*_arguments):
        raise CouldNotCheck("store-full", "the disk is full")

    monkeypatch.setattr(records, "insert_records", full)
    answer = north.post("/v1/credentials/issue", {"subject": client.subject})
    assert answer.status_code == 507
    monkeypatch.undo()
    assert issue(north, client)["credentialStatus"]["statusListIndex"] == "0"


def test_a_digest_that_is_none(north):
    assert north.get("/v1/credentials/witnesses/xyz", role=None).get_json()["code"] == "invalid-input"
