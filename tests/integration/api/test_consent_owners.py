"""Alarms about a consent are its owner's: what another client's act says of it, and a consent of nobody here."""

import pytest

from node_adapter.store import alarms
from node_adapter.workflows.consent import door, truths
from primitives.errors import CouldNotCheck
from tests.integration.api.test_clients import withdrawal_of
from tests.integration.api.test_consent_door import given, giving, process, raised, send, withdrawing

RELAYED, RECORDED = alarms.CONSENT_NOT_RELAYED, alarms.CONSENT_NOT_RECORDED

__all__ = ["given", "process"]  # fixtures


@pytest.mark.parametrize("with_call", [True, False])
def test_another_clients_act_raises_no_alarm_about_a_consent(broker, given, with_call):
    other, identifier = broker.enrol("client two"), given["consent_id"]
    call = withdrawal_of(other, identifier) if with_call else None
    answer = send(broker, withdrawing(broker, other, identifier, call))
    assert answer["relay"]["state"] == "not-relayed"
    assert raised(broker) == {}


def test_another_clients_act_closes_no_alarm(broker, client, process):
    consent, fact = giving(broker, client)
    send(broker, fact)
    process.refuses("grant", consent["consent_id"], "ConsentRegistryExpired(1, 2)")
    before = raised(broker)
    assert RELAYED in before
    send(broker, withdrawing(broker, broker.enrol("client two"), consent["consent_id"]))
    assert raised(broker)[RELAYED].detail == before[RELAYED].detail


def test_a_withdrawal_of_what_was_given_elsewhere_is_told_until_the_chain_has_it(broker, client, process):
    identifier = "5c" * 32
    process.seen("ConsentGranted", identifier)
    send(broker, withdrawing(broker, client, identifier))
    assert RELAYED in raised(broker)
    truths.recheck(broker.node)
    assert RELAYED in raised(broker)
    process.seen("ConsentWithdrawn", identifier)
    truths.recheck(broker.node)
    assert raised(broker) == {}


@pytest.mark.parametrize("value", ["00" * 65, "ff" * 65, "11" * 64 + "1b", "00" * 64 + "1c"])
def test_a_withdrawal_counts_whatever_its_calls_signature_is(broker, client, given, value):
    call = withdrawal_of(client, given["consent_id"]) | {"signature": "0x" + value}
    answer = send(broker, withdrawing(broker, client, given["consent_id"], call))
    assert answer["relay"]["state"] == "not-relayed"


def test_a_withdrawal_counts_where_the_chain_has_no_registry_yet(broker, client, given, monkeypatch):
    def unknown(connection, name):
        raise CouldNotCheck("contract-unknown", f"Directory names no {name}")

    monkeypatch.setattr(door.directory, "contract_address", unknown)
    identifier = given["consent_id"]
    answer = send(broker, withdrawing(broker, client, identifier, withdrawal_of(client, identifier)))
    assert answer["relay"]["detail"].startswith("contract-unknown")
