"""A client lost the wallet and comes with a new DID: both histories are tied, and shown together."""

import json

import pytest

from bonafides.wallet.texts import check_text
from node_adapter.store import consents, credentials, records, subjects, tokens
from node_adapter.workflows.identity.succession import recovered_reference
from node_adapter.workflows.operation.recovery import recover
from primitives.timestamp import format_time
from tests.integration.api.test_clients import answer_to, consent_of
from tests.world.keys import seed
from tests.world.old_copy import OldCopy, receipts_of
from tests.world.payloads import PAYLOADS

REASON = "WALLET_LOST"


def new_wallet(broker, old, name="the same person again"):
    """Enrol a second identity of a client under the client's own reference."""
    client = broker.client(name)
    body = {**client.registration(), "client_ref": old.registration()["client_ref"]}
    return client, body


def enrol_again(broker, old):
    client, body = new_wallet(broker, old)
    answer = broker.post("/v1/subjects", {**body, "succeeds": old.subject})
    assert answer.status_code == 201, answer.get_json()
    client.subject = answer.get_json()["subject"]
    broker.mine()
    broker.chain.set_key(client.address, client.public)
    return client


def identify(broker, client):
    answer = broker.post("/v1/facts", broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"]))
    return answer.get_json()["fingerprint"]


def declare(broker, client, old, identity_ref, changes=None):
    fields = {"predecessor": old.subject, "predecessor_did": old.did, "identity_ref": identity_ref, "reason": REASON}
    body = {"subject": client.subject, "type": "ID_SUCCEED", "lang": "zh", "fields": fields | (changes or {})}
    draft = broker.post("/v1/acts/drafts", body)
    assert draft.status_code == 200, draft.get_json()
    told = draft.get_json()
    check_text("ID_SUCCEED", told["document"], "zh", told["text"]["body"], told["fields"])  # as the wallet does
    return broker.post("/v1/facts", client.act(told, broker.clock.now))


@pytest.fixture
def old(broker):
    client = broker.enrol("a person")
    for type_, payload in PAYLOADS.items():
        assert broker.post("/v1/facts", broker.fact(client.subject, type_, payload)).status_code == 201
    return client


def test_the_same_reference_with_another_did_is_refused_with_a_way_out(broker, old):
    _, body = new_wallet(broker, old)
    answer = broker.post("/v1/subjects", body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "duplicate")
    assert "succeeds" in answer.get_json()["detail"]
    answer = broker.post("/v1/subjects", {**body, "succeeds": "ab" * 32})
    assert answer.get_json()["code"] == "duplicate"
    answer = broker.post("/v1/subjects", {**body, "client_ref": "nobody", "succeeds": old.subject})
    assert answer.get_json()["code"] == "succession-predecessor"
    reference = old.registration()["client_ref"]
    assert broker.get(f"/v1/subjects/{reference}").get_json()["did"] == old.did


def test_a_new_wallet_takes_over_and_both_histories_name_the_tie(broker, old):
    client = enrol_again(broker, old)
    reference = old.registration()["client_ref"]
    assert broker.get(f"/v1/subjects/{reference}").get_json()["did"] == client.did
    answer = declare(broker, client, old, identify(broker, client))
    assert answer.status_code == 201, answer.get_json()
    assert answer.get_json()["findings"] == []
    again = broker.post("/v1/subjects", {**new_wallet(broker, old)[1], "succeeds": old.subject})
    assert again.get_json()["subject"] == client.subject, "the same request again makes another subject"
    ref = answer.get_json()["fingerprint"]
    tied = [row for row in rows_of(broker, old.subject) if row.type == "ID_SUCCEEDED"]
    [end] = [json.loads(row.payload) for row in tied]
    assert (end["successor"], end["successor_did"], end["succession_ref"]) == (client.subject, client.did, ref)
    [start] = [json.loads(row.payload) for row in rows_of(broker, client.subject) if row.type == "ID_SUCCEED"]
    assert (start["predecessor"], start["predecessor_did"]) == (old.subject, old.did)


def rows_of(broker, subject):
    with broker.store.read() as connection:
        return records.of_subject(connection, subject)


def test_consents_credentials_and_sessions_of_the_old_identity_end(broker, old):
    given = consent_of(broker, old)
    granted = broker.post("/v1/consents/grant", given).get_json()["consent_id"]
    issued = broker.post("/v1/credentials/issue", {"subject": old.subject, "type": "IdentityCredential"})
    assert issued.status_code == 201, issued.get_json()
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    with broker.store.read() as connection:
        assert consents.find_consent(connection, granted).withdrawn_at == broker.clock.now
        row = credentials.find_credential(connection, issued.get_json()["id"])
        assert row.revoked_at == broker.clock.now
    [revoked] = [json.loads(row.payload) for row in rows_of(broker, old.subject) if row.type == "CREDENTIAL_REVOKE"]
    assert revoked["credential_id"] == issued.get_json()["id"]
    with broker.store.read() as connection:
        found = records.findings_of(connection, [row.record_id for row in rows_of(broker, old.subject)])
    assert found == {}
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": old.did}).get_json()
    refused = broker.http.post("/v1/client/sessions", json=answer_to(challenge, old)).get_json()
    assert (refused["code"], refused["detail"][:21]) == ("unauthenticated", "did: another identity")
    gate = broker.post("/v1/gates", {"subject": old.subject, "act": "Q_SUBMIT", "details": {}}).get_json()
    assert (gate["allowed"], gate["code"]) == (False, "IDENTITY_ENDED")
    late = broker.post("/v1/facts", broker.fact(old.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])).get_json()
    assert [finding["code"] for finding in late["findings"]] == ["IDENTITY_ENDED"]


def test_a_tie_that_does_not_hold_is_refused_and_nothing_is_recorded(broker, old):
    client = enrol_again(broker, old)
    stranger = broker.enrol("a stranger")
    verified = identify(broker, client)
    foreign = identify(broker, stranger)
    broker.take(client.opening(broker.clock.now))
    client.opened = True
    count = broker.get(f"/v1/subjects/{old.registration()['client_ref']}").get_json()["count"]
    for changes, code in (
        ({"predecessor": "ab" * 32}, "succession-predecessor"),
        ({"predecessor": client.subject, "predecessor_did": client.did}, "succession-predecessor"),
        ({"predecessor_did": stranger.did}, "succession-predecessor"),
        ({"identity_ref": foreign}, "succession-identity"),
        ({"identity_ref": seed("nothing").hex()}, "succession-identity"),
    ):
        answer = declare(broker, client, old, verified, changes)
        assert (answer.status_code, answer.get_json()["code"]) == (409, code)
    assert broker.get(f"/v1/subjects/{old.registration()['client_ref']}").get_json()["count"] == count
    assert declare(broker, client, old, verified).status_code == 201
    broker.clock.now += 1000
    second = declare(broker, client, old, verified)
    assert second.get_json()["code"] == "succession-predecessor"


def test_the_successor_must_sign(broker, old):
    client = enrol_again(broker, old)
    payload = {
        "predecessor": old.subject,
        "predecessor_did": old.did,
        "identity_ref": identify(broker, client),
        "reason": REASON,
        "lang": "zh",
        "text_sha256": "ab" * 32,
    }
    answer = broker.post("/v1/facts", broker.fact(client.subject, "ID_SUCCEED", payload))
    assert answer.get_json()["code"] == "act-unsigned"


def session_of(broker, client):
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    answer = broker.http.post("/v1/client/sessions", json=answer_to(challenge, client)).get_json()
    return {"Authorization": "Bearer " + answer["token"]}


def issue(broker, client):
    return broker.post("/v1/credentials/issue", {"subject": client.subject, "type": "IdentityCredential"})


def test_another_client_cannot_take_an_identity_over(broker, old):
    issued = issue(broker, old).get_json()["id"]
    mallory = broker.enrol("mallory")
    count = len(rows_of(broker, old.subject))
    taken = declare(broker, mallory, old, identify(broker, mallory))
    assert (taken.status_code, taken.get_json()["code"]) == (409, "succession-predecessor")
    client = enrol_again(broker, old)  # nor once the reference has passed to the true successor
    taken = declare(broker, mallory, old, identify(broker, mallory))
    assert (taken.status_code, taken.get_json()["code"]) == (409, "succession-predecessor")
    assert len(rows_of(broker, old.subject)) == count
    with broker.store.read() as connection:
        assert credentials.find_credential(connection, issued).revoked_at is None
    assert declare(broker, client, old, identify(broker, client)).status_code == 201


def test_a_reference_of_the_longest_kind_passes_on(broker):
    old = broker.client("long")
    body = {**old.registration(), "client_ref": "x" * 200}
    old.subject = broker.post("/v1/subjects", body).get_json()["subject"]
    client = broker.client("long again")
    again = {**client.registration(), "client_ref": "x" * 200, "succeeds": old.subject}
    client.subject = broker.post("/v1/subjects", again).get_json()["subject"]
    broker.mine()
    broker.chain.set_key(client.address, client.public)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201


def test_the_end_of_an_identity_is_written_by_the_node_alone(broker, old):
    told = {
        "successor": "ab" * 32,
        "successor_did": "did:ethr:0x7a69:0x" + "ee" * 20,
        "succession_ref": "cd" * 32,
        "identity_ref": "ef" * 32,
        "reason": REASON,
    }
    answer = broker.post("/v1/facts", broker.fact(old.subject, "ID_SUCCEEDED", told)).get_json()
    assert (answer.get("field"), answer.get("rule")) == ("type", "node-record")
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201


def test_an_ended_identity_takes_nobody_over(broker, old):
    verified = next(row for row in rows_of(broker, old.subject) if row.type == "ID_VERIFY").fingerprint.hex()
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    back = declare(broker, old, client, verified)
    assert (back.status_code, back.get_json()["code"]) == (409, "identity-ended")
    assert session_of(broker, client)


def test_an_ended_identity_gets_no_credential(broker, old):
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    refused = issue(broker, old)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "identity-ended")
    assert issue(broker, client).status_code == 201


def test_an_ended_identity_gives_no_consent(broker, old):
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    given = consent_of(broker, old)
    refused = broker.post("/v1/consents/grant", given)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "identity-ended")
    with broker.store.read() as connection:
        assert consents.of_subject(connection, old.subject) == []


def test_an_open_session_of_the_old_identity_ends(broker, old):
    stranger = broker.enrol("a stranger")
    held, other = session_of(broker, old), session_of(broker, stranger)
    assert broker.http.get("/v1/client/receipts", headers=held).status_code == 200
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    assert broker.http.get("/v1/client/receipts", headers=held).status_code == 401
    assert broker.http.get("/v1/client/receipts", headers=other).status_code == 200


def test_a_session_that_was_opened_while_the_identity_ended_is_worth_nothing(broker, old):
    """Its signature was checked before the end, its token was stored after."""
    stranger = broker.enrol("a stranger")
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    with broker.store.write() as connection:
        for one in (old, stranger):
            tokens.insert_token(
                connection, f"of {one.name}", tokens.CLIENT_ROLE, name=one.did, did=one.did,
                created_at=broker.clock.now, expires_at=broker.clock.now + 1_800_000,
            )  # fmt: skip
    answer = broker.get("/v1/client/receipts", token=f"of {old.name}")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")
    assert broker.get("/v1/client/receipts", token=f"of {stranger.name}").status_code == 200


def signed_by(broker, client, type_, fields, at):
    draft = {"type": type_, "broker": broker.did, "subject": client.subject, "document": None, "ruleset": None}
    draft["fields"] = fields | {"lang": "zh", "text_sha256": "ab" * 32}
    return broker.post("/v1/facts", {**client.act(draft, at), "channel": "phone"}).get_json()


def test_what_the_old_key_dates_back_before_the_end_is_refused_and_the_brokers_own_is_named(broker, old):
    broker.clock.now += 600_000
    client = enrol_again(broker, old)
    assert declare(broker, client, old, identify(broker, client)).status_code == 201
    before = broker.clock.now - 1
    broker.clock.now += 120_000
    consent = {
        "consent_id": "ab" * 32,
        "purpose": "MARKET_RISK",
        "receivers": [broker.did],
        "contact": "office",
        "method": "masked sum",
        "data_kinds": ["holdings"],
        "expires_at": format_time(broker.clock.now + 86_400_000),
        "separate": True,
    }
    assert signed_by(broker, old, "CONSENT_GIVE", consent, before)["code"] == "identity-ended"
    late = broker.fact(old.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"], at=before, channel="phone")
    found = broker.post("/v1/facts", late).get_json()["findings"]
    assert [finding["code"] for finding in found] == ["IDENTITY_ENDED"]


def test_an_end_that_would_begin_in_years_is_refused(broker, old):
    client = enrol_again(broker, old)
    verified = identify(broker, client)
    fields = {"predecessor": old.subject, "predecessor_did": old.did, "identity_ref": verified, "reason": REASON}
    problem = signed_by(broker, client, "ID_SUCCEED", fields, broker.clock.now + 10 * 365 * 86_400_000)
    assert (problem["field"], problem["rule"]) == ("occurred_at", "ahead")
    assert declare(broker, client, old, verified).status_code == 201


def test_a_reference_that_begins_like_anothers_takes_nobody_over(broker):
    """The name of the old identity is shortened: two references of one beginning, and enrolments of one instant."""
    victim, again, stranger = (broker.client(name) for name in ("victim", "victim again", "stranger"))
    for client, reference in ((victim, "victim"), (stranger, "stranger"), (again, "victim")):
        body = {**client.registration(), "client_ref": "x" * 160 + reference}
        answer = broker.post("/v1/subjects", body | ({"succeeds": victim.subject} if client is again else {}))
        client.subject = answer.get_json()["subject"]
        broker.mine()
        broker.chain.set_key(client.address, client.public)
    taken = declare(broker, stranger, victim, identify(broker, stranger))
    assert taken.get_json()["code"] == "succession-predecessor"
    assert declare(broker, again, victim, identify(broker, again)).status_code == 201


def test_an_identity_that_never_signed_stands_in_nobodys_way(broker, old):
    """The second wallet was lost, too, before it declared anything: the third takes over from both."""
    second = enrol_again(broker, old)
    body = {**broker.client("the third").registration(), "client_ref": old.registration()["client_ref"]}
    answer = broker.post("/v1/subjects", {**body, "succeeds": second.subject})
    assert answer.status_code == 201, answer.get_json()
    third = broker.client("the third", subject=answer.get_json()["subject"])
    broker.mine()
    broker.chain.set_key(third.address, third.public)
    stranger = broker.enrol("a stranger")
    assert declare(broker, third, stranger, identify(broker, third)).get_json()["code"] == "succession-predecessor"
    for before in (old, second):
        broker.clock.now += 1000
        answer = declare(broker, third, before, identify(broker, third))
        assert answer.status_code == 201, answer.get_json()
        assert [row.type for row in rows_of(broker, before.subject)][-1] == "ID_SUCCEEDED"
    assert declare(broker, second, old, identify(broker, second)).get_json()["code"] == "identity-ended"


def test_no_identity_is_passed_over(broker, old):
    """Whoever names the second wallet alone leaves the first as it is: its key goes on, and no limit counts it."""
    broker.clock.now += 1000
    second = enrol_again(broker, old)
    identify(broker, second)
    broker.clock.now += 1000
    body = {**broker.client("the third").registration(), "client_ref": old.registration()["client_ref"]}
    answer = broker.post("/v1/subjects", {**body, "succeeds": second.subject})
    third = broker.client("the third", subject=answer.get_json()["subject"])
    broker.mine()
    broker.chain.set_key(third.address, third.public)
    problem = declare(broker, third, second, identify(broker, third)).get_json()
    assert problem["code"] == "succession-predecessor"
    assert f"came {old.subject}, from which no identity took over: name it first" in problem["detail"]
    for before in (old, second):
        broker.clock.now += 1000
        assert declare(broker, third, before, identify(broker, third)).status_code == 201


def test_an_enrolment_that_a_restore_lost_is_made_again_and_the_succession_goes_on(broker, old):
    with broker.store.read() as connection:
        before = subjects.find_by_pid(connection, old.subject)
    client = enrol_again(broker, old)
    verified = identify(broker, client)
    with broker.store.write() as connection:  # the copy knows the old name; what came back has none
        subjects.rename(connection, client.subject, recovered_reference(client.subject))
        subjects.rename(connection, old.subject, before.client_ref)
    problem = declare(broker, client, old, verified).get_json()
    assert problem["code"] == "succession-predecessor"
    assert "a restore has lost that" in problem["detail"]
    body = {**client.registration(), "client_ref": before.client_ref, "succeeds": old.subject}
    answer = broker.post("/v1/subjects", body)
    assert (answer.status_code, answer.get_json().get("subject")) == (201, client.subject), answer.get_json()
    assert declare(broker, client, old, verified).status_code == 201


def test_a_client_whose_enrolment_a_restore_lost_gets_its_reference_back(broker, old):
    reference = old.registration()["client_ref"]
    with broker.store.write() as connection:
        subjects.rename(connection, old.subject, recovered_reference(old.subject))
    assert broker.post("/v1/subjects", old.registration()).get_json()["subject"] == old.subject
    assert broker.get(f"/v1/subjects/{reference}").get_json()["did"] == old.did
    taken = broker.post("/v1/subjects", {**old.registration(), "client_ref": "another"}).get_json()
    assert taken["code"] == "duplicate"


def test_an_end_that_is_brought_back_ends_the_rights_again(broker, old):
    granted = broker.post("/v1/consents/grant", consent_of(broker, old)).get_json()["consent_id"]
    issued = issue(broker, old).get_json()["id"]
    client = enrol_again(broker, old)
    verified = identify(broker, client)
    copy = OldCopy(broker)
    assert declare(broker, client, old, verified).status_code == 201
    ended = broker.clock.now
    broker.anchor()
    held = receipts_of(broker, old.did, client.did)
    copy.put_back()
    broker.clock.sleep(86_400)
    assert recover(broker.node, held)["recovered"] == 4  # with the opening of the old history
    with broker.store.read() as connection:
        assert consents.find_consent(connection, granted).withdrawn_at == ended, "not when it came back"
        assert credentials.find_credential(connection, issued).revoked_at == ended, "not when its record says"
