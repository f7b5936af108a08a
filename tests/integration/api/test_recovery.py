"""What `node recover` does again, from copies that hide fields and of clients that the restored copy does not know."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from evidence.version2.promise import parse_promise, promise_of, sign_promises
from evidence.version2.record import redact, seal
from node_adapter.store import alarms, anchor_tree, credentials, records, subjects
from node_adapter.store.chain import evidence_log
from node_adapter.store.schema import chain_event
from node_adapter.workflows.anchoring.receipts import ReceiptMaker
from node_adapter.workflows.intake.fold import state_of
from node_adapter.workflows.operation.recovery import recover
from primitives.errors import BonafidesError, VerificationFailed
from primitives.timestamp import format_time
from tests.integration.api.test_credentials import issue, north, south, verify
from tests.integration.api.test_issuers import refused
from tests.integration.api.test_revocation import revoke
from tests.integration.api.test_succession import declare, enrol_again, identify, old
from tests.world.keys import seed
from tests.world.old_copy import OldCopy, go_on, receipts_of
from tests.world.payloads import PAYLOADS

__all__ = ["north", "old", "south"]


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
    copy = OldCopy(north)
    assert revoke(north, issued, reason="wrong").status_code == 200
    north.anchor()
    held = receipts_of(north, client.did)
    copy.put_back()
    return issued, held


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
    copy = OldCopy(north)
    issued = issue(north, client)
    assert revoke(north, issued).status_code == 200
    north.anchor()
    held = receipts_of(north, client.did)
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
    copy = OldCopy(north)
    issued = issue(north, client)
    north.anchor()
    held = receipts_of(north, client.did)
    copy.put_back()
    assert recover(north.node, without(held, "credential_id"))["without_effect"] == []
    go_on(north)
    assert verify(north, issued)["status"] == verify(south, issued)["status"] == "verified"


def test_an_identity_ends_again_whatever_its_end_hides(broker, old):
    client = enrol_again(broker, old)
    verified = identify(broker, client)
    copy = OldCopy(broker)
    assert declare(broker, client, old, verified).status_code == 201
    broker.anchor()
    held = receipts_of(broker, old.did, client.did)
    copy.put_back()
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
    copy = OldCopy(broker)
    assert declare(broker, client, old, verified).status_code == 201
    broker.anchor()
    held = receipts_of(broker, old.did, client.did)
    copy.put_back()
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
    copy = OldCopy(broker)
    assess(broker, client)
    broker.anchor()
    held = receipts_of(broker, client.did)
    copy.put_back()
    answer = recover(broker.node, without(held, "level"))
    assert [alarm.detail.partition(" ")[0] for alarm in lost_effects(broker)] == ["LEVEL_RESULT"]
    assert len(answer["without_effect"]) == 1


def assess(broker, client):
    """Record all up to the computed level; return it."""
    for type_, payload in PAYLOADS.items():
        assert broker.post("/v1/facts", broker.fact(client.subject, type_, payload)).status_code == 201
    return broker.post("/v1/facts", broker.fact(client.subject, "LEVEL_RESULT", compute={})).get_json()


def begin(broker):
    """Anchor something for a first client; return the copy that is put back later."""
    first = broker.enrol("early")
    broker.post("/v1/facts", broker.fact(first.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))
    broker.anchor()
    return OldCopy(broker)


def test_a_client_who_signed_only_later_keeps_its_did(broker):
    copy = begin(broker)
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
    held = receipts_of(broker, client.did)
    copy.put_back()
    answer = recover(broker.node, held)
    assert answer["without_did"] == []
    go_on(broker)
    with broker.store.read() as connection:
        assert subjects.find_by_pid(connection, client.subject).did == client.did
    assert broker.post("/v1/facts", client.act(draft, broker.clock.now + 1000)).status_code == 201


def test_a_client_who_signed_nothing_is_named(broker):
    copy = begin(broker)
    client = broker.enrol("late")
    broker.post("/v1/facts", broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))
    broker.anchor()
    held = receipts_of(broker, client.did)
    copy.put_back()
    assert recover(broker.node, held)["without_did"] == [client.subject]


def test_an_old_identity_is_known_by_the_succession_that_names_it(broker):
    copy = begin(broker)
    old = broker.enrol("late")
    broker.post("/v1/facts", broker.fact(old.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    broker.anchor()
    held = receipts_of(broker, old.did, client.did)
    copy.put_back()
    assert recover(broker.node, held)["without_did"] == []
    with broker.store.read() as connection:
        found = subjects.by_pids(connection, [old.subject, client.subject])
    assert {pid: row.did for pid, row in found.items()} == {old.subject: old.did, client.subject: client.did}


def rows_of(broker):
    """All that a node has of records, subjects, map and anchors, without what no copy gives back."""
    with broker.store.read() as connection:
        stored = records.labelled(connection, 0, records.log_size(connection))
        links = [vars(row) for row in records.of_subject(connection, broker.known)]
        newest = broker.node.label_map.newest(connection)
        leaves = anchor_tree.leaves(connection, 1, 100)
        subject = vars(subjects.find_by_pid(connection, broker.known))
    lost = ("source_ref", "request_digest", "root_salt", "envelope_salt", "payload")
    links = [{name: value for name, value in row.items() if name not in lost} for row in links]
    return stored, links, newest, leaves, {**subject, "client_ref": None, "state": json.loads(subject["state"])}


def test_log_labels_map_and_anchors_are_those_that_were_before(broker):
    """Of a client who opened the history, of a product, and of several anchors."""
    copy = begin(broker)
    client, product = broker.enrol("late"), broker.enrol_product("FUND-9")
    broker.known = client.subject
    broker.assess(client)
    broker.anchor()
    broker.rate(product)
    broker.anchor()
    broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    broker.anchor()
    before = rows_of(broker)
    with broker.store.read() as connection:
        rated = vars(subjects.find_by_pid(connection, product.subject))
        maker = ReceiptMaker(broker.node, connection)
        held = [maker.receipt(row) for row in records.of_subject(connection, product.subject)]
    held += receipts_of(broker, client.did)
    copy.put_back()
    assert recover(broker.node, held)["without_did"] == [product.subject]
    go_on(broker)
    assert rows_of(broker) == before
    with broker.store.read() as connection:
        found = vars(subjects.find_by_pid(connection, product.subject))
    assert (found["kind"], found["opens"]) == ("product", "FUND-9")
    assert {**found, "client_ref": rated["client_ref"], "created_at": rated["created_at"]} == rated
    broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])  # both histories go on
    broker.rate(product, risk="R4")
    broker.anchor()


def test_an_act_that_came_back_is_not_taken_again(broker):
    copy = begin(broker)
    client = broker.enrol("late")
    for type_, payload in PAYLOADS.items():
        broker.submit(client, type_, payload)
    level = broker.submit(client, "LEVEL_RESULT", compute={})
    fields = {"level_ref": level.promise["fingerprint"], "level": level.payload["level"], "lang": "zh"}
    draft = {"type": "LEVEL_CONFIRM", "broker": broker.did, "subject": client.subject, "document": "level-confirm@1"}
    act = client.act({**draft, "ruleset": None, "fields": {**fields, "text_sha256": "ab" * 32}}, broker.clock.now)
    broker.take(act)
    broker.anchor()
    held = receipts_of(broker, client.did)
    copy.put_back()
    recover(broker.node, held)
    go_on(broker)
    assert broker.hand_in({**act, "source_ref": "another reference"}).code == "duplicate"


def swapped(held, **changes):
    return [{**one, **changes} for one in held]


def test_what_is_not_ours_or_not_what_was_anchored_brings_nothing_back(broker):
    copy = begin(broker)
    client = broker.enrol("late")
    broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    broker.anchor()
    held = receipts_of(broker, client.did)
    copy.put_back()
    opening, notice = held

    def fails(*brought, on):
        with pytest.raises(BonafidesError) as caught:
            recover(broker.node, brought)
        assert (caught.value.check if isinstance(caught.value, VerificationFailed) else caught.value.code) == on

    promise, _ = parse_promise(notice["promise"])
    fails(opening, on="records-missing")
    [foreign] = sign_promises([promise], seed("a stranger"))
    fails(opening, {**notice, "promise": foreign}, on="promise")
    fails(opening, {**notice, "record": opening["record"]}, on="fingerprint")
    [elsewhere] = sign_promises([replace(promise, label=seed("label"))], broker.keys.newest.signing_seed)
    fails(opening, {**notice, "promise": elsewhere}, on="subject-chain")
    [moved] = sign_promises([replace(promise, log_index=promise.log_index - 1)], broker.keys.newest.signing_seed)
    fails(opening, {**notice, "promise": moved}, on="records-missing")
    fails(*without(held, "opens"), on="opening")
    other = another_of(broker, notice)
    fails(opening, other, on="recovery")
    assert recover(broker.node, held)["recovered"] == 2


def another_of(broker, receipt):
    """Another record than the one that was anchored, promised by the broker's own key."""
    envelope = {**receipt["record"]["envelope"], "channel": "api"}
    del envelope["next"]
    record = seal({**envelope, "fields": {}}, {}, seed("salt"))
    promise, _ = parse_promise(receipt["promise"])
    lie = promise_of(record, label=promise.label, log_index=promise.log_index, anchor_by=promise.anchor_by)
    [document] = sign_promises([lie], broker.keys.newest.signing_seed)
    return {"promise": document, "record": redact(record)}


def test_two_records_in_each_others_place_are_not_the_log(broker):
    """The map is the same: the batch says where each lies."""
    copy = begin(broker)
    clients = [broker.enrol("late"), broker.enrol("later")]
    for client in (*clients, *clients):
        broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    broker.anchor()
    held = receipts_of(broker, *(client.did for client in clients))
    copy.put_back()
    promises = [parse_promise(one["promise"])[0] for one in held]
    first, second = promises[2], promises[5]  # the last of each
    swap = {first.log_index: second.log_index, second.log_index: first.log_index}
    lies = [replace(one, log_index=swap.get(one.log_index, one.log_index)) for one in promises]
    signed = [sign_promises([lie], broker.keys.newest.signing_seed)[0] for lie in lies]
    with pytest.raises(VerificationFailed, match="the batch of anchor 3"):
        recover(broker.node, [{**one, "promise": promise} for one, promise in zip(held, signed, strict=True)])
    assert recover(broker.node, held)["recovered"] == 6


def test_a_map_that_is_not_the_anchored_one_brings_nothing_back(broker):
    copy = begin(broker)
    client = broker.enrol("late")
    broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    broker.anchor()
    held = receipts_of(broker, client.did)
    copy.put_back()
    with broker.store.write() as connection:
        told = evidence_log.last_anchored(connection, broker.node.address)
        row = chain_event.c.tx_hash == told.tx_hash
        args = connection.execute(select(chain_event.c.args).where(row)).scalars().all()[-1]
        other = args.replace(told.leaf.map_root.hex(), seed("map").hex())
        connection.execute(update(chain_event).where(row, chain_event.c.args == args).values(args=other))
    with pytest.raises(VerificationFailed, match="the map of anchor 3"):
        recover(broker.node, held)
