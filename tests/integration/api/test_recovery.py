"""What `node recover` does again, from copies that hide fields and of clients that the restored copy does not know."""

import json

from sqlalchemy import delete

from node_adapter.store import alarms, credentials, records, restored, subjects, tokens
from node_adapter.store.schema import finding, record, subject
from node_adapter.workflows.anchoring.receipts import receipts_of_client
from node_adapter.workflows.intake.fold import state_of
from node_adapter.workflows.operation.recovery import recover
from primitives.timestamp import format_time
from tests.integration.api.test_credentials import issue, north, south, verify
from tests.integration.api.test_issuers import refused
from tests.integration.api.test_revocation import Copy, revoke
from tests.integration.api.test_succession import declare, enrol_again, identify, lose, old
from tests.world.payloads import PAYLOADS

__all__ = ["north", "old", "south"]


def receipts(broker, *dids):
    return [held for did in dids for held in receipts_of_client(broker.node, did, 0, 1000)["receipts"]]


def without(held, *names):
    """Return the receipts with these fields hidden, wherever a record has them."""
    return [
        {
            **one,
            "record": {**one["record"], "fields": {k: v for k, v in one["record"]["fields"].items() if k not in names}},
        }
        for one in held
    ]


def revoked_and_lost(north, client):
    """Issue and revoke a credential, lose the revocation; return the credential and the client's receipts."""
    issued = issue(north, client)
    copy = Copy(north)
    assert revoke(north, issued, reason="wrong").status_code == 200
    north.anchor()
    held = receipts(north, client.did)
    copy.put_back()
    return issued, held


def go_on(broker):
    with broker.store.write() as connection:
        restored.clear(connection)
        tokens.confirm_all(connection)  # as the operator does


def lost_effects(broker):
    with broker.store.read() as connection:
        return [alarm for alarm in alarms.list_alarms(connection) if alarm.kind == alarms.EFFECT_LOST]


def test_the_copy_that_shows_more_counts_wherever_it_stands(north, south, client):
    issued, held = revoked_and_lost(north, client)
    answer = recover(north.node, [*without(held, "reason"), *held])
    assert (answer["incomplete"], answer["without_effect"]) == ([], [])
    go_on(north)
    assert refused(north, issued) == refused(south, issued) == "status"
    with north.store.read() as connection:
        told = json.loads(records.of_subject(connection, client.subject)[-1].payload)
    assert told["reason"] == "wrong"


def test_copies_that_hide_different_fields_are_put_together(north, client):
    _issued, held = revoked_and_lost(north, client)
    answer = recover(north.node, [*without(held, "reason"), *without(held, "credential_id")])
    assert answer["incomplete"] == []


def test_a_revocation_needs_no_more_than_the_credential_and_its_place(north, south, client):
    issued, held = revoked_and_lost(north, client)
    answer = recover(north.node, without(held, "reason", "credential_type", "credential_sha256"))
    assert (len(answer["incomplete"]), answer["without_effect"]) == (1, [])
    go_on(north)
    assert refused(north, issued) == refused(south, issued) == "status"


def test_a_revocation_of_a_credential_that_the_copy_lacks_needs_its_place_as_well(north, south, client):
    copy = Copy(north)
    issued = issue(north, client)
    assert revoke(north, issued).status_code == 200
    north.anchor()
    held = receipts(north, client.did)
    copy.put_back()
    answer = recover(north.node, without(held, "reason", "credential_type"))
    assert answer["without_effect"] == []
    go_on(north)
    assert refused(north, issued) == refused(south, issued) == "status"
    with north.store.read() as connection:
        assert credentials.find_credential(connection, issued["id"]).type == "-"


def test_a_revocation_that_hides_its_credential_is_named_in_answer_and_alarm(north, client):
    _issued, held = revoked_and_lost(north, client)
    answer = recover(north.node, without(held, "credential_id"))
    assert len(answer["without_effect"]) == 1
    [alarm] = lost_effects(north)
    assert alarm.about == answer["without_effect"][0]
    assert alarm.detail == "CREDENTIAL_REVOKE came back without credential_id: what it changed is not in force here"


def test_an_issue_that_shows_its_digest_is_known_as_ours(north, south, client):
    copy = Copy(north)
    issued = issue(north, client)
    north.anchor()
    held = receipts(north, client.did)
    copy.put_back()
    assert recover(north.node, without(held, "credential_id"))["without_effect"] == []
    go_on(north)
    assert verify(north, issued)["status"] == verify(south, issued)["status"] == "verified"


def test_an_identity_ends_again_whatever_its_end_hides(broker, old):
    client = enrol_again(broker, old)
    verified = identify(broker, client)
    with broker.store.read() as connection:
        kept = records.log_size(connection)
        owners = list(subjects.by_pids(connection, [old.subject, client.subject]).values())
    assert declare(broker, client, old, verified).status_code == 201
    broker.anchor()
    held = receipts(broker, old.did, client.did)
    lose(broker, kept, owners)
    answer = recover(broker.node, without(held, "reason", "successor", "identity_ref"))
    assert answer["without_effect"] == []
    go_on(broker)
    with broker.store.read() as connection:
        assert state_of(broker.node, connection, subjects.find_by_pid(connection, old.subject)).succeeded
    problem = broker.post("/v1/credentials/issue", {"subject": old.subject})
    assert problem.get_json()["code"] == "identity-ended"


def test_a_succession_that_hides_whom_it_names_is_named_and_asked_of_no_limit(broker, old):
    spanning = {"packaged": "sac-bands@4", "effective_from": format_time(broker.clock.now)}
    assert broker.post("/v1/rulesets", spanning, role="operator").status_code == 201
    client = enrol_again(broker, old)
    verified = identify(broker, client)
    with broker.store.read() as connection:
        kept = records.log_size(connection)
        owners = list(subjects.by_pids(connection, [old.subject, client.subject]).values())
    assert declare(broker, client, old, verified).status_code == 201
    broker.anchor()
    held = receipts(broker, old.did, client.did)
    lose(broker, kept, owners)
    answer = recover(broker.node, without(held, "predecessor"))
    assert [alarm.detail.partition(" ")[0] for alarm in lost_effects(broker)] == ["ID_SUCCEED"]
    assert len(answer["without_effect"]) == 1
    go_on(broker)
    gate = broker.post("/v1/gates", {"subject": client.subject, "act": "Q_SUBMIT", "details": {}}).get_json()
    [untold] = gate["not_checked"]
    assert (untold["check"], "not shown" in untold["reason"]) == ("identities-before", True)
    fact = broker.post("/v1/facts", broker.fact(client.subject, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])).get_json()
    assert fact["not_checked"] == gate["not_checked"]


def test_a_level_that_hides_what_it_says_is_named(broker):
    client = broker.enrol("early")
    with broker.store.read() as connection:
        kept, row = records.log_size(connection), subjects.find_by_pid(connection, client.subject)
    assess(broker, client)
    broker.anchor()
    held = receipts(broker, client.did)
    lose(broker, kept, [row])
    answer = recover(broker.node, without(held, "level"))
    assert [alarm.detail.partition(" ")[0] for alarm in lost_effects(broker)] == ["LEVEL_RESULT"]
    assert len(answer["without_effect"]) == 1


def assess(broker, client):
    """Record all up to the computed level; return it."""
    for type_, payload in PAYLOADS.items():
        assert broker.post("/v1/facts", broker.fact(client.subject, type_, payload)).status_code == 201
    return broker.post("/v1/facts", broker.fact(client.subject, "LEVEL_RESULT", compute={})).get_json()


def forget(broker, kept, *pids):
    """Lose the records from `kept` on, and these subjects."""
    with broker.store.write() as connection:
        connection.execute(delete(finding))
        connection.execute(delete(record).where(record.c.log_index >= kept))
        connection.execute(delete(subject).where(subject.c.pid.in_(pids)))
        restored.mark(connection, broker.clock.now)
        tokens.confirm_all(connection)  # as the operator does


def begin(broker):
    """Anchor something for a first client; return how many records there are."""
    first = broker.enrol("early")
    broker.post("/v1/facts", broker.fact(first.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))
    broker.anchor()
    with broker.store.read() as connection:
        return records.log_size(connection)


def test_a_client_who_signed_only_later_keeps_its_did(broker):
    kept = begin(broker)
    client = broker.enrol("late")
    level = assess(broker, client)
    draft = {
        "subject": client.subject,
        "type": "LEVEL_CONFIRM",
        "lang": "zh",
        "fields": {"level_ref": level["fingerprint"], "level": level["payload"]["level"]},
    }
    draft = broker.post("/v1/acts/drafts", draft).get_json()
    assert broker.post("/v1/facts", client.act(draft, broker.clock.now)).status_code == 201
    broker.anchor()
    held = receipts(broker, client.did)
    forget(broker, kept, client.subject)
    answer = recover(broker.node, held)
    assert answer["without_did"] == []
    go_on(broker)
    with broker.store.read() as connection:
        assert subjects.find_by_pid(connection, client.subject).did == client.did
    assert broker.post("/v1/facts", client.act(draft, broker.clock.now + 1000)).status_code == 201


def test_a_client_who_signed_nothing_is_named(broker):
    kept = begin(broker)
    client = broker.enrol("late")
    broker.post("/v1/facts", broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))
    broker.anchor()
    held = receipts(broker, client.did)
    forget(broker, kept, client.subject)
    assert recover(broker.node, held)["without_did"] == [client.subject]


def test_an_old_identity_is_known_by_the_succession_that_names_it(broker):
    kept = begin(broker)
    old = broker.enrol("late")
    broker.post("/v1/facts", broker.fact(old.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    broker.anchor()
    held = receipts(broker, old.did, client.did)
    forget(broker, kept, old.subject, client.subject)
    assert recover(broker.node, held)["without_did"] == []
    with broker.store.read() as connection:
        found = subjects.by_pids(connection, [old.subject, client.subject])
    assert {pid: row.did for pid, row in found.items()} == {old.subject: old.did, client.subject: client.did}
