"""Whether a consent is in force has one answer, for whoever asks, and whoever it was that learnt of its end."""

from types import SimpleNamespace

import pytest

from node_adapter.store import alarms, consents
from node_adapter.workflows.tasks.input import consenting_clients, require_named
from tests.integration.api.test_clients import consent_of, withdrawal_of
from tests.integration.api.test_credentials import north, south, verify
from tests.integration.api.test_issuers import refused
from tests.integration.api.test_verdicts import give_fields, now_of, told
from tests.world.old_copy import OldCopy

__all__ = ["north", "south"]


@pytest.fixture
def given(north, client):
    """A consent that was given in every way: its grant kept, the act recorded, the chain's event final."""
    consent = consent_of(north, client)
    assert north.post("/v1/consents/grant", consent).status_code == 200
    act(north, client, "CONSENT_GIVE", give_fields(consent))
    north.chain.consent("ConsentGranted", consent["consent_id"])
    north.clock.sleep(1)
    return consent


def act(north, client, type_, fields):
    draft = {"type": type_, "broker": north.did, "subject": client.subject, "document": None, "ruleset": None}
    draft |= {"fields": fields | {"lang": "zh", "text_sha256": "ab" * 32}}
    answer = north.post("/v1/facts", client.act(draft, north.clock.now))
    assert answer.status_code == 201, answer.get_json()


def withdraw_by_act(north, client, identifier):
    """The client signs it and the broker records it; no call for the chain comes with it."""
    fields = {"consent_id": identifier, "scope": "ALL", "effective_at": now_of(north)}
    act(north, client, "CONSENT_WITHDRAW", fields)


def withdraw_by_call(north, client, identifier):
    """The broker relays the call; no act comes with it."""
    assert north.post("/v1/consents/withdraw", withdrawal_of(client, identifier)).status_code == 200


def withdraw_on_chain(north, client, identifier):
    """Another broker relayed it, or the client did."""
    north.chain.consent("ConsentWithdrawn", identifier)


def forget_row(north, identifier):
    """A copy that was restored from before the grant."""
    with north.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM consent WHERE consent_id = ?", (identifier,))


def unmark_row(north, identifier):
    """A database from before the row was marked with the act."""
    with north.store.write() as connection:
        connection.exec_driver_sql("UPDATE consent SET withdrawn_at = NULL WHERE consent_id = ?", (identifier,))


def gate_of(north, client, identifier):
    question = {"subject": client.subject, "act": "DATA_USE", "details": {"consent_id": identifier}}
    return north.post("/v1/gates", question).get_json()["code"]


def taken(north, client):
    """Whom a joint task takes when it takes all, and what it says of the client by name."""
    spec = SimpleNamespace(purpose=SimpleNamespace(name="MARKET_RISK"), members=(north.node.address,))
    with north.store.read() as connection:
        found = [one.pid for one in consenting_clients(north.node, connection, spec, north.clock.now)]
        try:
            require_named(north.node, connection, spec, [client.subject], north.clock.now)
        except Exception as error:
            return found, error.code
    return found, None


def test_a_consent_that_was_given_is_in_force_for_everybody(north, client, given):
    assert verify(north, given["credential"])["status"] == "verified"
    assert gate_of(north, client, given["consent_id"]) == "ALLOWED"
    assert taken(north, client) == ([client.subject], None)


@pytest.mark.parametrize("withdraw", [withdraw_by_act, withdraw_by_call, withdraw_on_chain])
def test_a_withdrawal_counts_for_everybody_however_it_came(north, client, given, withdraw):
    withdraw(north, client, given["consent_id"])
    north.clock.sleep(1)
    assert refused(north, given["credential"]) == "consent-withdrawn"
    assert gate_of(north, client, given["consent_id"]) == "CONSENT_WITHDRAWN"
    assert taken(north, client) == ([], "consent-withdrawn")


def test_an_act_marks_the_row_in_its_own_transaction(north, client, given):
    withdraw_by_act(north, client, given["consent_id"])
    with north.store.read() as connection:
        assert consents.find_consent(connection, given["consent_id"]).withdrawn_at == north.clock.now


def test_an_act_of_another_client_withdraws_nothing(north, client, given):
    withdraw_by_act(north, north.enrol("client two"), given["consent_id"])
    assert verify(north, given["credential"])["status"] == "verified"
    assert taken(north, client) == ([client.subject], None)


def test_a_withdrawal_counts_in_a_database_whose_row_was_not_marked(north, client, given):
    withdraw_by_act(north, client, given["consent_id"])
    unmark_row(north, given["consent_id"])
    assert refused(north, given["credential"]) == "consent-withdrawn"
    assert taken(north, client) == ([], "consent-withdrawn")


@pytest.mark.parametrize("recorded", [True, False])
def test_a_withdrawal_counts_without_the_consents_row(north, client, recorded):
    """Its salt finds what was recorded of it, whether or not the giving was."""
    consent = consent_of(north, client)
    north.chain.consent("ConsentGranted", consent["consent_id"])
    if recorded:
        act(north, client, "CONSENT_GIVE", give_fields(consent))
    shown = {"credential": consent["credential"], "salt": consent["salt"]}
    checked, skipped = told(verify(north, shown))
    assert {"withdrawal-here", "withdrawal-on-chain"} <= set(checked)
    assert skipped == ["holder"]
    withdraw_by_act(north, client, consent["consent_id"])
    assert refused(north, shown) == "consent-withdrawn"


def test_a_lost_row_takes_no_withdrawal_with_it(north, client, given):
    withdraw_by_act(north, client, given["consent_id"])
    forget_row(north, given["consent_id"])
    assert refused(north, {"credential": given["credential"], "salt": given["salt"]}) == "consent-withdrawn"
    reasons = {entry["check"]: entry["reason"] for entry in verify(north, given["credential"])["not_checked"]}
    assert reasons["withdrawal-here"].startswith("this broker holds no grant of it")  # and not that there was none


def test_a_grant_that_comes_after_the_withdrawal_brings_nothing_back(north, client):
    consent = consent_of(north, client)
    act(north, client, "CONSENT_GIVE", give_fields(consent))
    withdraw_by_act(north, client, consent["consent_id"])
    answer = north.post("/v1/consents/grant", consent).get_json()
    assert answer["code"] == "consent-withdrawn"


def test_recovery_of_the_act_marks_the_row(north, client, given):
    copy = OldCopy(north)
    withdraw_by_act(north, client, given["consent_id"])
    withdrawn_at = north.clock.now
    unmark_row(north, given["consent_id"])  # as the copy holds it
    assert copy.recover(client)["recovered"] == 1
    with north.store.read() as connection:
        assert consents.find_consent(connection, given["consent_id"]).withdrawn_at == withdrawn_at
        assert alarms.is_open(connection, alarms.CONSENT_NOT_RELAYED, given["consent_id"])
    assert taken(north, client) == ([], "consent-withdrawn")
