"""Stores in which records were erased, came back from copies, or lost what a client signed, gone over."""

import pytest
from sqlalchemy import text

from node_adapter.fsck.check import Fsck, FsckState
from node_adapter.workflows.operation.recovery import recover
from tests.integration.api.test_consent_door import giving, send
from tests.integration.api.test_erased_copies import age, erase, officers, short_clock
from tests.integration.api.test_recovery import north, revoked_and_lost
from tests.world.old_copy import go_on
from tests.world.payloads import PAYLOADS

__all__ = ["north", "officers", "short_clock"]


def check(broker):
    return Fsck(broker.store, broker.keys.address, FsckState.begun(broker.did), lambda _: None).run()


def written(broker, statement, **values):
    with broker.store.write() as connection:
        assert connection.execute(text(statement), values).rowcount > 0


@pytest.mark.usefixtures("officers")
def test_a_record_that_an_erase_names_may_be_gone_and_no_other(broker, client):
    for _ in range(2):
        assert broker.post("/v1/facts", broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])).get_json()
    age(broker)
    erase(broker, client, "DUTY_NOTICE")
    report = check(broker)
    assert report["same"], report["difference"]
    written(
        broker,
        "update record set type = '', envelope = :nothing, payload = null, root_salt = null, envelope_salt = null "
        "where type = 'ERASE'",
        nothing=b"",
    )
    difference = check(broker)["difference"]
    assert (difference["part"], difference["what"]) == ("records", "erasure")


def test_what_came_back_without_salts_is_no_difference_and_is_told(north, client):
    _issued, held = revoked_and_lost(north, client)
    assert "originals without salts" not in check(north)["not_checked"]
    recover(north.node, held)
    go_on(north)
    report = check(north)
    assert report["same"], report["difference"]
    assert report["not_checked"]["originals without salts"].startswith("1 records:")


def test_a_signature_of_an_act_that_is_gone_is_a_difference(broker, client):
    _given, fact = giving(broker, client)
    send(broker, fact)
    assert check(broker)["same"]
    written(broker, "update record set act_signature = null where act_signature is not null")
    assert check(broker)["difference"]["what"] == "act-signature"
