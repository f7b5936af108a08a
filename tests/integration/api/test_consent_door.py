"""A consent has one door: act, row and relay are one transaction, and what record and chain disagree on is an alarm."""

from types import SimpleNamespace

import pytest

from node_adapter.chain_process import ChainProcess
from node_adapter.store import alarms, consents, outbox, restored
from node_adapter.store.chain import event_log
from node_adapter.workflows.consent import truths
from node_adapter.workflows.consent.call import outbox_key
from node_adapter.workflows.intake.submitting import submit_facts
from tests.integration.api.test_clients import DEADLINE, YEAR, consent_of, token_of, withdrawal_of
from tests.integration.api.test_succession import declare, enrol_again, identify
from tests.integration.api.test_verdicts import give_fields, now_of
from tests.refused_commit import refused_commit
from tests.world.broker import records_told

RELAYED, RECORDED = alarms.CONSENT_NOT_RELAYED, alarms.CONSENT_NOT_RECORDED
LATE = 1_600_000_000


def act_of(broker, client, type_, fields, call=None):
    """The fact of a signed act, as `fact submit` sends it."""
    draft = {"type": type_, "broker": broker.did, "subject": client.subject, "document": None, "ruleset": None}
    draft |= {"fields": fields | {"lang": "zh", "text_sha256": "ab" * 32}}
    return client.act(draft, broker.clock.now) | ({} if call is None else {"consent": call})


def giving(broker, client, *, with_call=True, **changes):
    consent = consent_of(broker, client)
    return consent, act_of(
        broker, client, "CONSENT_GIVE", give_fields(consent), consent | changes if with_call else None
    )


def withdrawing(broker, client, identifier, call=None):
    fields = {"consent_id": identifier, "scope": "ALL", "effective_at": now_of(broker)}
    return act_of(broker, client, "CONSENT_WITHDRAW", fields, call)


def send(broker, fact):
    answer = broker.post("/v1/facts", fact)
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def raised(broker):
    with broker.store.read() as connection:
        return {alarm.kind: alarm for alarm in alarms.list_alarms(connection)}


def kept(broker):
    """What the store holds of consents: records but for openings, rows, writes for the chain."""
    with broker.store.read() as connection:
        ids = consents.known_ids(connection, "", 100)
        rows = consents.by_ids(connection, ids)
        recorded = records_told(connection)
        return recorded, sorted(rows), [row.key for row in outbox.open_rows(connection, "consent")]


class Process:
    """The chain process of a node: what it does when a block is final, and when a contract refuses a write."""

    def __init__(self, broker):
        self.broker = broker
        self.chain = ChainProcess(broker.node, None, pause=lambda seconds: None, should_stop=lambda: True)

    def seen(self, name, identifier):
        """A final block holds an event of the ConsentRegistry."""
        self.broker.chain.consent(name, identifier)
        with self.broker.store.write() as connection:
            height = self.broker.chain.height - 1
            self.chain._on_blocks(connection, [], event_log.events(connection, after_block=height))

    def refuses(self, function, identifier, error):
        """The contract refuses the relay for good."""
        with self.broker.store.write() as connection:
            row = outbox.by_key(connection, outbox_key(function, identifier))
            outbox.mark_failed(connection, row.id, error, self.broker.clock.now)
            self.chain._on_failed(connection, outbox.by_id(connection, row.id), error, self.broker.clock.now)


@pytest.fixture
def process(broker):
    return Process(broker)


@pytest.fixture
def given(broker, client, process):
    """A consent that was given through the door and stands on the chain."""
    consent, fact = giving(broker, client)
    send(broker, fact)
    process.seen("ConsentGranted", consent["consent_id"])
    broker.mine()
    broker.clock.sleep(1)
    return consent


def test_act_and_call_go_through_one_door(broker, client, process):
    consent, fact = giving(broker, client)
    identifier = consent["consent_id"]
    answer = send(broker, fact)
    assert answer["relay"] == {"state": "queued", "outbox": f"consent:grant:{identifier}"}
    assert kept(broker) == (1, [identifier], [f"consent:grant:{identifier}"])
    process.seen("ConsentGranted", identifier)
    broker.mine()
    broker.clock.sleep(1)
    answer = send(broker, withdrawing(broker, client, identifier, withdrawal_of(client, identifier)))
    assert answer["relay"] == {"state": "queued", "outbox": f"consent:withdraw:{identifier}"}
    (shown,) = broker.get("/v1/client/consents", token=token_of(broker, client)).get_json()["consents"]
    assert (shown["on_chain"], shown["relay"]) == ("granted", "queued")
    assert shown["withdrawn_at"] is not None
    process.seen("ConsentWithdrawn", identifier)
    (shown,) = broker.get("/v1/client/consents", token=token_of(broker, client)).get_json()["consents"]
    assert (shown["on_chain"], shown["relay"]) == ("withdrawn", "on-chain")
    assert raised(broker) == {}


def test_both_acts_in_one_call(broker, client):
    consent, give = giving(broker, client)
    withdraw = withdrawing(broker, client, consent["consent_id"], withdrawal_of(client, consent["consent_id"]))
    answers = broker.lines("/v1/facts", [give, withdraw])
    assert [answer["relay"]["state"] for answer in answers] == ["queued", "queued"]
    assert kept(broker)[0] == 2
    assert raised(broker) == {}


def test_what_was_not_committed_is_not_there_in_part(broker, client, monkeypatch):
    _, fact = giving(broker, client)
    with refused_commit(monkeypatch):
        submit_facts(broker.node, [fact])
    assert kept(broker) == (0, [], [])
    assert send(broker, fact)["relay"]["state"] == "queued"
    assert kept(broker)[0] == 1


def test_the_same_fact_again_is_relayed_once(broker, client):
    _, fact = giving(broker, client)
    first = send(broker, fact)
    before = kept(broker)
    again = broker.post("/v1/facts", fact).get_json()
    assert (again["record_id"], again["promise"], again["relay"]) == (
        first["record_id"],
        first["promise"],
        first["relay"],
    )
    assert kept(broker) == before


def test_the_same_fact_with_a_new_call_is_relayed_anew_once_the_first_failed(broker, client, given, process):
    identifier = given["consent_id"]
    fact = withdrawing(broker, client, identifier, withdrawal_of(client, identifier))
    first = send(broker, fact)
    process.refuses("withdraw", identifier, "ConsentRegistryExpired(1, 2)")
    assert "ConsentRegistryExpired" in raised(broker)[RELAYED].detail
    assert "sign-again" in raised(broker)[RELAYED].detail
    again = send(broker, fact | {"consent": withdrawal_of(client, identifier, DEADLINE + 1)})
    assert (again["record_id"], again["relay"]) == (first["record_id"], first["relay"])
    assert raised(broker) == {}


def test_a_withdrawal_without_its_call_counts_and_says_that_it_is_not_relayed(broker, client, given):
    identifier = given["consent_id"]
    answer = send(broker, withdrawing(broker, client, identifier))
    assert answer["relay"]["state"] == "not-relayed"
    (shown,) = broker.get("/v1/client/consents", token=token_of(broker, client)).get_json()["consents"]
    assert (shown["on_chain"], shown["relay"]) == ("granted", "not-relayed")
    alarm = raised(broker)[RELAYED]
    assert (alarm.about, alarm.count) == (identifier, 1)
    assert "withdrawn here and granted on the chain" in alarm.detail
    question = {"subject": client.subject, "act": "DATA_USE", "details": {"consent_id": identifier}}
    assert broker.post("/v1/gates", question).get_json()["code"] == "CONSENT_WITHDRAWN"
    assert broker.post("/v1/consents/withdraw", withdrawal_of(client, identifier)).status_code == 200
    assert raised(broker) == {}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda call, other: withdrawal_of(other, call["consent_id"]), "consent-signature"),
        (lambda call, other: call | {"deadline": DEADLINE + 1}, "consent-signature"),
    ],
)
def test_what_refuses_a_withdrawals_call_does_not_refuse_the_withdrawal(broker, client, given, spoil, reason):
    identifier = given["consent_id"]
    call = spoil(withdrawal_of(client, identifier), broker.enrol("client two"))
    answer = send(broker, withdrawing(broker, client, identifier, call))
    assert answer["relay"]["state"] == "not-relayed"
    assert answer["relay"]["detail"].startswith(reason)
    assert RELAYED in raised(broker)


def test_a_withdrawal_whose_call_comes_too_late_is_recorded(broker, client, given):
    identifier = given["consent_id"]
    answer = send(broker, withdrawing(broker, client, identifier, withdrawal_of(client, identifier, LATE)))
    assert answer["relay"]["state"] == "not-relayed"
    assert answer["relay"]["detail"].startswith("deadline-passed")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"salt": "00" * 32}, "consent-id"),
        ({"deadline": DEADLINE + 1}, "consent-signature"),
    ],
)
def test_what_refuses_a_grants_call_refuses_the_act(broker, client, changes, code):
    _, fact = giving(broker, client, **changes)
    assert broker.post("/v1/facts", fact).get_json()["code"] == code
    assert kept(broker) == (0, [], [])


def test_a_call_is_not_taken_for_another_clients_act(broker, client):
    consent = consent_of(broker, client)
    fact = act_of(broker, broker.enrol("client two"), "CONSENT_GIVE", give_fields(consent), consent)
    assert broker.post("/v1/facts", fact).get_json()["code"] == "consent-signature"
    assert kept(broker) == (0, [], [])


def test_a_call_belongs_to_its_act(broker, client):
    consent, fact = giving(broker, client)
    other = fact | {"consent": consent | {"consent_id": "00" * 32}}
    problem = broker.post("/v1/facts", other).get_json()
    assert (problem["field"], problem["rule"]) == ("consent.consent_id", "same-consent")
    beside = broker.fact(client.subject, "DUTY_NOTICE", {}) | {"consent": consent}
    problem = broker.post("/v1/facts", beside).get_json()
    assert (problem["field"], problem["rule"]) == ("consent", "record-type")
    short = fact | {"consent": withdrawal_of(client, consent["consent_id"])}
    problem = broker.post("/v1/facts", short).get_json()
    assert (problem["field"], problem["rule"]) == ("consent.salt", "required")


@pytest.mark.parametrize("error", ["ConsentRegistryExpired(1, 2)", "ConsentRegistryNotMember(0x00)"])
def test_a_grant_that_the_contract_refuses_is_told_and_mended(broker, client, process, error):
    consent, fact = giving(broker, client)
    send(broker, fact)
    process.refuses("grant", consent["consent_id"], error)
    alarm = raised(broker)[RELAYED]
    assert error in alarm.detail
    assert f"outbox retry consent:grant:{consent['consent_id']}" in alarm.detail
    assert list(raised(broker)) == [RELAYED]
    assert broker.post("/v1/consents/grant", consent).status_code == 200
    assert raised(broker) == {}


def test_a_relay_that_another_made_first_is_no_trouble(broker, client, process):
    consent, fact = giving(broker, client)
    send(broker, fact)
    process.seen("ConsentGranted", consent["consent_id"])
    process.refuses("grant", consent["consent_id"], "ConsentRegistryAlreadyGranted(...)")
    assert raised(broker) == {}
    assert send(broker, fact)["relay"]["state"] == "on-chain"


def test_a_failed_write_about_an_unknown_consent_is_told_all_the_same(broker, process):
    with broker.store.write() as connection:
        outbox.enqueue(connection, "consent", outbox_key("grant", "ab" * 32), "0x" + "00" * 20, b"", 1)
    process.refuses("grant", "ab" * 32, "no")
    assert list(raised(broker)) == [alarms.TRANSACTION_FAILED]


def test_a_withdrawal_that_came_around_this_broker_is_told_until_its_act_is_recorded(broker, client, given, process):
    identifier = given["consent_id"]
    process.seen("ConsentWithdrawn", identifier)
    assert "CONSENT_WITHDRAW of it is recorded" in raised(broker)[RECORDED].detail
    question = {"subject": client.subject, "act": "DATA_USE", "details": {"consent_id": identifier}}
    assert broker.post("/v1/gates", question).get_json()["code"] == "CONSENT_WITHDRAWN"
    send(broker, withdrawing(broker, client, identifier))
    assert raised(broker) == {}


def test_a_call_alone_is_told_when_the_chain_has_it_and_no_act_is_recorded(broker, client, process):
    consent, fact = giving(broker, client, with_call=False)
    assert broker.post("/v1/consents/grant", consent).status_code == 200
    assert raised(broker) == {}  # it is under way
    process.seen("ConsentGranted", consent["consent_id"])
    assert "no CONSENT_GIVE of it is recorded" in raised(broker)[RECORDED].detail
    send(broker, fact)
    assert raised(broker) == {}


def test_a_call_alone_that_fails_is_told(broker, client, given, process):
    identifier = given["consent_id"]
    broker.post("/v1/consents/withdraw", withdrawal_of(client, identifier))
    process.refuses("withdraw", identifier, "ConsentRegistryExpired(1, 2)")
    assert "withdrawn here and granted on the chain" in raised(broker)[RELAYED].detail


def test_a_grant_that_is_sent_again_brings_nothing_back(broker, client, process):
    consent, fact = giving(broker, client)
    send(broker, fact)
    process.refuses("grant", consent["consent_id"], "ConsentRegistryExpired(1, 2)")
    broker.clock.sleep(1)
    send(broker, withdrawing(broker, client, consent["consent_id"]))
    assert raised(broker) == {}  # the chain never had it: in force nowhere
    assert broker.post("/v1/consents/grant", consent).get_json()["code"] == "consent-withdrawn"
    assert send(broker, fact)["relay"]["detail"].startswith("consent-withdrawn")
    assert kept(broker)[2] == []


def test_what_has_expired_differs_no_more(broker, client, process):
    _, fact = giving(broker, client, with_call=False)
    send(broker, fact)
    assert list(raised(broker)) == [RELAYED]
    truths.recheck(broker.node)
    assert raised(broker)[RELAYED].count == 1
    broker.clock.sleep(YEAR / 1000 + 1)
    truths.recheck(broker.node)
    assert raised(broker) == {}


def test_a_write_that_an_operator_sends_again_is_under_way(broker, client, process):
    consent, fact = giving(broker, client)
    send(broker, fact)
    process.refuses("grant", consent["consent_id"], "ConsentRegistryNotMember(0x00)")
    with broker.store.write() as connection:
        outbox.retry(connection, outbox_key("grant", consent["consent_id"]), broker.clock.now)
    truths.recheck(broker.node)
    assert raised(broker) == {}


def test_the_consents_of_an_identity_that_ended_are_told(broker, client, given):
    new = enrol_again(broker, client)
    assert declare(broker, new, client, identify(broker, new)).status_code == 201
    assert "the identity that gave it has ended" in raised(broker)[RELAYED].detail


def test_all_consents_are_compared_once_and_again_after_a_reset(broker, client, given, process, monkeypatch):
    """A database of before the comparison, and a chain that lost its newest blocks."""
    send(broker, withdrawing(broker, client, given["consent_id"]))

    def forget():
        with broker.store.write() as connection:
            alarms.close_alarm(connection, RELAYED, broker.clock.now)

    forget()
    while truths.compare_some(broker.node):
        pass
    assert list(raised(broker)) == [RELAYED]
    forget()
    assert not truths.compare_some(broker.node)
    assert raised(broker) == {}
    with broker.store.write() as connection:
        process.chain._on_reset(connection, broker.chain.height)
    process.chain._watch_consents()
    assert RELAYED in raised(broker)


def test_all_consents_are_compared_again_after_a_restore(broker, client, given, process):
    """A copy says that all were compared; what came between is in the chain, or nowhere."""
    send(broker, withdrawing(broker, client, given["consent_id"]))
    while truths.compare_some(broker.node):
        pass
    with broker.store.write() as connection:
        alarms.close_alarm(connection, RELAYED, broker.clock.now)
        restored.mark(connection, broker.clock.now)
    process.chain._contracts = SimpleNamespace(head=lambda address: SimpleNamespace(seq=0))
    process.chain._finish_restoring(broker.clock.now)
    process.chain._watch_consents()
    assert RELAYED in raised(broker)


def test_pages_of_all_consents_leave_none_out(broker, monkeypatch):
    monkeypatch.setattr(truths, "_PAGE", 2)
    for number in range(5):
        one = broker.enrol(f"client {number}")
        send(broker, giving(broker, one, with_call=False)[1])
    with broker.store.write() as connection:
        alarms.close_alarm(connection, RELAYED, broker.clock.now)
    while truths.compare_some(broker.node):
        pass
    with broker.store.read() as connection:
        assert len(alarms.list_alarms(connection, RELAYED)) == 5
