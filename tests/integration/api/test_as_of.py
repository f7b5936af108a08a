"""An answer says of which block it is, and whether the chain may be further by now."""

from dataclasses import replace

import pytest

from api.app import create_app
from node_adapter.life import SignOfLife
from node_adapter.workflows.replay.as_of import STALE_MS
from primitives.timestamp import format_time
from tests.integration.api.test_clients import consent_of
from tests.integration.api.test_consents_in_force import act
from tests.integration.api.test_credentials import challenge, issue, north, prove, south, verify
from tests.integration.api.test_verdicts import give_fields

__all__ = ["north", "south"]


def with_sign(broker, sign):
    """Let a broker's chain process have said this of itself last; `sign` is made from the monotonic clock's ms."""
    broker.node = replace(broker.node, sign_of_life=lambda: sign(broker.clock.tick))
    broker.app = create_app(broker.node)
    broker.http = broker.app.test_client()


SILENT = [
    lambda _tick: None,
    lambda tick: SignOfLife("", 1, tick - STALE_MS - 1, answered=tick - STALE_MS - 1),
    lambda tick: SignOfLife("", 1, tick, answered=tick - STALE_MS - 1),
    lambda tick: SignOfLife("", 1, tick),
]


def reasons(answer):
    return {entry["check"]: entry["reason"] for entry in answer["not_checked"]}


def block_of(broker):
    return {"block": broker.chain.height, "time": format_time((broker.chain.time + broker.chain.height) * 1000)}


def test_an_index_that_is_level_answers_for_now_however_old_its_newest_block(north, south, client):
    issued = issue(north, client)
    south.clock.sleep(3 * 3600)
    with_sign(south, lambda tick: SignOfLife("", 1, tick, answered=tick - STALE_MS))
    answer = verify(south, issued)
    assert answer["as_of"] == block_of(north)
    assert "as-of-now" not in reasons(answer)


@pytest.mark.parametrize("sign", SILENT)
def test_an_index_that_stands_still_is_said(north, south, client, chain, sign):
    """North was suspended meanwhile; whose index stands still cannot know that, and says so."""
    issued, known = issue(north, client), block_of(north)
    chain.nodes = [node for node in chain.nodes if node.store is not south.store]
    chain.suspend("north")
    with_sign(south, sign)
    answer = verify(south, issued)
    assert (answer["status"], answer["as_of"]) == ("verified", known)
    assert known["time"] in reasons(answer)["as-of-now"]
    assert verify(north, issued)["code"] == "issuer-right"


def test_a_proof_says_it_too(north, south, client):
    with_sign(south, SILENT[0])
    issued = issue(north, client, type="IdentityCredential")
    for more in ({}, {"credential": issued}):
        proof = prove(client, challenge(south, client), south.clock.now)
        answer = south.post("/v1/proofs/verify", {"proof": proof, **more}).get_json()
        assert answer["as_of"] == block_of(north)
        assert "as-of-now" in reasons(answer)


def test_a_gate_that_rests_on_the_chain_says_it(north, client):
    given = consent_of(north, client)
    act(north, client, "CONSENT_GIVE", give_fields(given))
    question = {"subject": client.subject, "act": "DATA_USE", "details": {"consent_id": given["consent_id"]}}
    north.clock.sleep(1)
    assert "not_checked" not in north.post("/v1/gates", question).get_json()
    with_sign(north, SILENT[0])
    answer = north.post("/v1/gates", question).get_json()
    assert (answer["allowed"], list(reasons(answer))) == (True, ["as-of-now"])
