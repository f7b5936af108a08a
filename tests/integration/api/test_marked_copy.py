"""While a restored copy is marked its node neither signs nor answers from what it may have forgotten."""

import pytest

from did.credentials.verify import credential_digest
from node_adapter.peers.messages import sign_message
from node_adapter.store import restored, subjects, tokens
from node_adapter.store.chain import member_registry
from node_adapter.workflows.anchoring.receipts import receipts_of_client
from node_adapter.workflows.identity.issue_witness import published_witness
from node_adapter.workflows.identity.keys_in_force import agreement_key, keys_at, rotate
from node_adapter.workflows.operation.recovery import recover
from primitives.errors import CouldNotCheck
from primitives.timestamp import format_time
from tests.integration.api.test_clients import consent_of
from tests.integration.api.test_credentials import challenge, issue, north, prove, south, verify
from tests.integration.api.test_issuers import refused
from tests.integration.api.test_recovery import begin
from tests.integration.api.test_revocation import revoke
from tests.integration.api.test_verdicts import give_fields
from tests.world.old_copy import OldCopy, go_on

__all__ = ["north", "south"]
NOT_NOW = (503, "node-restored")


def said(answer):
    return answer.status_code, answer.get_json()["code"]


def mark(broker):
    with broker.store.write() as connection:
        restored.mark(connection, broker.clock.now)
        tokens.confirm_all(connection)  # as the operator does


def test_a_revoked_credential_does_not_verify_from_an_older_copy(north, south, client):
    issued = issue(north, client)
    copy = OldCopy(north)
    assert revoke(north, issued).status_code == 200
    north.anchor()
    assert refused(south, issued) == "status"
    copy.put_back()
    assert said(north.get("/v1/status-lists/1", role=None)) == NOT_NOW
    assert said(north.post("/v1/credentials/verify", issued)) == NOT_NOW
    assert verify(south, issued)["status"] == 503


def test_every_answer_of_a_marked_copy_says_so(north, client):
    ways = (("/v1/subjects/" + client.name, "broker-system"), ("/v1/log/checkpoint", None), ("/v1/nothing", None))
    assert not any("Bonafides-Restored" in north.get(path, role=role).headers for path, role in ways)
    mark(north)
    for path, role in ways:
        assert north.get(path, role=role).headers["Bonafides-Restored"] == format_time(north.clock.now), path
    with north.store.write() as connection:
        restored.clear(connection)
    assert not any("Bonafides-Restored" in north.get(path, role=role).headers for path, role in ways)


def test_a_list_that_was_made_before_is_not_shown_either(north, client):
    issue(north, client)
    assert north.get("/v1/status-lists/1", role=None).status_code == 200
    mark(north)
    assert said(north.get("/v1/status-lists/1", role=None)) == NOT_NOW


def test_an_issue_that_the_copy_lacks_is_not_denied(north, south, client):
    copy = OldCopy(north)
    issued = issue(north, client)
    north.anchor()
    north.rotate()
    assert verify(south, issued)["status"] == "verified"
    copy.put_back()
    digest = credential_digest(issued).hex()
    with pytest.raises(CouldNotCheck) as caught:
        published_witness(north.node, digest)
    assert caught.value.code == "node-restored"
    assert verify(south, issued)["status"] == 503


def test_a_proof_is_not_checked_and_a_gate_not_answered(north, client):
    proof = prove(client, challenge(north, client), north.clock.now)
    mark(north)
    assert said(north.post("/v1/proofs/verify", proof)) == NOT_NOW
    question = {"subject": client.subject, "act": "Q_SUBMIT", "details": {}}
    assert said(north.post("/v1/gates", question)) == NOT_NOW


def test_nobody_is_enrolled_so_that_a_lost_client_gets_no_second_pseudonym(broker):
    copy = begin(broker)
    client = broker.enrol("late")
    fields = give_fields(consent_of(broker, client))
    draft = {
        "type": "CONSENT_GIVE",
        "broker": broker.did,
        "subject": client.subject,
        "fields": fields | {"lang": "zh", "text_sha256": "ab" * 32},
        "document": None,
        "ruleset": None,
    }
    assert broker.post("/v1/facts", client.act(draft, broker.clock.now)).status_code == 201
    broker.anchor()
    held = receipts_of_client(broker.node, client.did, 0, 100)["receipts"]
    copy.put_back()
    assert said(broker.post("/v1/subjects", client.registration())) == NOT_NOW
    recover(broker.node, held)
    go_on(broker)
    with broker.store.read() as connection:
        assert subjects.find_by_did(connection, client.did).pid == client.subject


def test_nothing_of_a_client_goes_to_the_chain(broker, client):
    consent = consent_of(broker, client)
    mark(broker)
    assert said(broker.post("/v1/consents/grant", consent)) == NOT_NOW
    assert said(broker.post("/v1/consents/withdraw", {"consent_id": "ab" * 32})) == NOT_NOW
    assert said(broker.post("/v1/dids/sponsored", {"did": client.did})) == NOT_NOW


def test_no_key_is_handed_out_but_to_the_chain_process(broker):
    mark(broker)
    with broker.store.read() as connection:
        public = member_registry.registered_keys(connection, broker.node.address)[-1]
        assert keys_at(broker.node, connection).signing_public == public.signing
        with pytest.raises(CouldNotCheck, match="restored"):
            agreement_key(broker.node, connection, public.agreement)
    with pytest.raises(CouldNotCheck, match="restored"):
        sign_message(broker.node, "0x" + "11" * 20, "kind", {})
    with pytest.raises(CouldNotCheck, match="restored"):
        rotate(broker.node)
