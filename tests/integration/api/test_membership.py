"""What the registry says of this member is read once for each block, and never beyond it."""

from evidence.version2.promise import verify_promise
from tests.world.payloads import PAYLOADS


def submit(broker, client):
    return broker.post("/v1/facts", broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]))


def test_a_suspension_ends_the_intake_with_its_block(broker, client):
    assert submit(broker, client).status_code == 201
    broker.chain.suspend("north")
    refused = submit(broker, client)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "member-suspended")


def test_new_keys_sign_from_their_block_on(broker, client):
    old = broker.keys.newest.signing_public
    promise = submit(broker, client).get_json()["promise"]
    verify_promise(promise, old)
    broker.rotate()
    promise = submit(broker, client).get_json()["promise"]
    assert broker.keys.newest.signing_public != old
    verify_promise(promise, broker.keys.newest.signing_public)
