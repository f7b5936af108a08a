"""A revocation is a record of the client's history: a database that was restored does not take it back."""

import json

import pytest
from sqlalchemy import update

from did.credentials.status_list import LIST_BITS
from node_adapter.store import credentials, records, restored, subjects
from node_adapter.store.schema import credential
from primitives.errors import CouldNotCheck
from tests.integration.api.test_credentials import challenge, issue, north, prove, south, verify
from tests.integration.api.test_issuers import refused
from tests.world.old_copy import OldCopy

__all__ = ["north", "south"]
pytestmark = pytest.mark.both_databases
IDENTITY = "IdentityCredential"


def revoke(broker, issued, **body):
    return broker.post(f"/v1/credentials/{issued['id']}/revoke", body)


def revocations(broker, client):
    with broker.store.read() as connection:
        rows = records.of_subject(connection, client.subject)
    return [json.loads(row.payload) for row in rows if row.type == "CREDENTIAL_REVOKE"]


def place(issued):
    entry = issued["credentialStatus"]
    return int(entry["statusListCredential"].rpartition("%2F")[2]), int(entry["statusListIndex"])


def test_a_revocation_is_recorded_once_with_its_place_and_reason(north, client):
    issued = issue(north, client)
    assert revoke(north, issued, reason="the level was wrong").status_code == 200
    assert revoke(north, issued, reason="again").get_json()["status"] == "revoked"
    [told] = revocations(north, client)
    assert (told["credential_id"], told["credential_type"]) == (issued["id"], "SuitabilityCredential")
    assert (told["status_list"], told["status_index"]) == place(issued) == (1, 0)
    assert told["reason"] == "the level was wrong"


def test_a_reason_that_is_none_and_another_member_are_refused_and_nothing_is_revoked(north, south, client):
    issued = issue(north, client)
    for body, field in (({"reason": 7}, "reason"), ({"why": "x"}, "why"), ({"reason": ""}, "reason")):
        problem = revoke(north, issued, **body).get_json()
        assert (problem["code"], problem["field"]) == ("invalid-input", field)
    assert revocations(north, client) == []
    assert verify(south, issued)["status"] == "verified"


def test_revocation_and_record_are_stored_together_or_not_at_all(north, south, client, monkeypatch):
    issued = issue(north, client)

    def full(*_arguments):
        raise CouldNotCheck("store-full", "the disk is full")

    monkeypatch.setattr(records, "insert_records", full)
    assert revoke(north, issued).status_code == 507
    monkeypatch.undo()
    assert verify(south, issued)["status"] == "verified"
    assert revoke(north, issued).status_code == 200


@pytest.mark.parametrize("prefix", ["credential-revoke:", "credential-issue:"])
def test_nobody_writes_a_revocation_or_takes_its_reference_over_facts(north, client, prefix):
    told = {
        "credential_sha256": "ab" * 32,
        "credential_id": "urn:x",
        "credential_type": IDENTITY,
        "status_list": 1,
        "status_index": 0,
        "reason": None,
    }
    problem = north.post("/v1/facts", north.fact(client.subject, "CREDENTIAL_REVOKE", told)).get_json()
    assert (problem["field"], problem["rule"]) == ("type", "node-record")
    notice = {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 9000}
    fact = {**north.fact(client.subject, "DUTY_NOTICE", notice), "source_ref": prefix + "ab" * 32}
    problem = north.post("/v1/facts", fact).get_json()
    assert (problem["field"], problem["rule"]) == ("source_ref", "node-reference")


def test_a_restored_copy_gets_the_revocation_back(north, south, client):
    issued = issue(north, client)
    copy = OldCopy(north)
    assert revoke(north, issued).status_code == 200
    assert copy.recover(client)["recovered"] == 1
    assert refused(south, issued) == "status"
    assert refused(north, issued) == "status"


def test_a_credential_that_the_copy_does_not_hold_stays_revoked_or_ours(north, south, client):
    copy = OldCopy(north)
    taken_back, valid = issue(north, client), issue(north, client, type=IDENTITY)
    assert revoke(north, taken_back).status_code == 200
    assert copy.recover(client)["recovered"] == 3
    assert refused(south, taken_back) == "status"
    assert refused(north, taken_back) == "status"
    assert verify(south, valid)["status"] == "verified"
    assert verify(north, valid)["status"] == "verified"


def test_no_place_is_given_twice_after_a_restore_not_even_after_several(north, south, client):
    copy = OldCopy(north)
    given = [place(issue(north, client))]
    for _ in range(3):
        copy.put_back()  # what was issued since the copy was never anchored: nobody can bring it back
        with north.store.write() as connection:
            restored.clear(connection)
        issued = issue(north, client)
        assert place(issued) not in given
        given.append(place(issued))
        assert verify(south, issued)["status"] == "verified"
        assert place(issue(north, client, type=IDENTITY)) == (place(issued)[0], place(issued)[1] + 1)
    assert [number for number, _ in given[1:]] == sorted({n for n, _ in given[1:]}, key=[n for n, _ in given].index)
    assert all(number >= 1_000_000 for number, _ in given[1:])
    assert revoke(north, issued).status_code == 200
    assert refused(south, issued) == "status"


def test_a_full_list_is_followed_by_another(north, south, client):
    first = issue(north, client)
    with north.store.write() as connection:
        connection.execute(update(credential).values(status_index=LIST_BITS - 1))
    second = issue(north, client, type=IDENTITY)
    assert place(first)[0] == 1 != place(second)[0]
    assert place(second)[1] == 0
    assert verify(south, second)["status"] == "verified"
    assert revoke(north, second).status_code == 200
    assert refused(south, second) == "status"
    with north.store.read() as connection:
        assert credentials.list_exists(connection, place(second)[0], LIST_BITS)
    for unknown in ("2", "0", "01", "x", "1000000000"):
        assert north.get(f"/v1/status-lists/{unknown}", role=None).status_code == 404


def test_a_check_under_an_idempotency_key_is_made_anew(north, south, client):
    issued = issue(north, client)
    key = {"Idempotency-Key": "the same"}
    assert south.post("/v1/credentials/verify", issued, headers=key).get_json()["status"] == "verified"
    assert revoke(north, issued).status_code == 200
    again = south.post("/v1/credentials/verify", issued, headers=key)
    assert (again.status_code, again.get_json()["code"]) == (422, "status")
    proof = prove(client, challenge(south, client), south.clock.now)
    assert south.post("/v1/proofs/verify", proof, headers=key).get_json()["status"] == "verified"
    again = south.post("/v1/proofs/verify", proof, headers=key)
    assert (again.status_code, again.get_json()["code"]) == (409, "proof-replayed")


def test_a_suspended_member_revokes_nothing_and_says_so(north, client, chain):
    issued = issue(north, client)
    chain.suspend("north")
    assert revoke(north, issued).get_json()["code"] == "member-suspended"
    chain.admit("north")
    assert revoke(north, issued).status_code == 200


def test_the_state_after_recovery_knows_the_subject(north, client):
    copy = OldCopy(north)
    issued = issue(north, client)
    assert revoke(north, issued).status_code == 200
    copy.recover(client)
    with north.store.read() as connection:
        [row] = credentials.every_of_subject(connection, client.subject)
        count = subjects.find_by_pid(connection, client.subject).count
    assert (row.id, row.body, row.revoked_at) == (issued["id"], "null", north.clock.now - 2000)
    assert count == len(list(records_of(north, client)))


def records_of(broker, client):
    with broker.store.read() as connection:
        return records.of_subject(connection, client.subject)
