import copy

import pytest

from bonafides.wallet.receipts import add_receipt, full_receipts, pin_broker, receipts
from bonafides.wallet.sign import sign_draft
from evidence.documents.promise import promise_body, sign_promise
from evidence.documents.receipt import AnchorPlace, build_receipt
from evidence.documents.record import redact, seal
from evidence.log.checkpoint import sign_checkpoint
from evidence.log.tree import Tree
from evidence.map.subject_map import SubjectMap
from primitives import ed25519
from primitives.digest import tagged_sha256
from primitives.encoding import decode_base64
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.timestamp import format_time
from primitives.uuid7 import uuid7
from tests.unit.bonafides.conftest import BROKER, CHAIN, NOW, PID, draft

SEED = tagged_sha256("test broker signing key")
KEY = ed25519.public_key(SEED).hex()
SALT = tagged_sha256("test root salt")


def receipt_of(signed, **changes):
    made = signed["draft"]
    envelope = {
        "record_id": uuid7(NOW, bytes(10)),
        "type": made["type"],
        "schema": "1",
        "broker": BROKER,
        "subject": PID,
        "seq": 1,
        "prev": "00" * 32,
        "occurred_at": signed["occurred_at"],
        "recorded_at": format_time(NOW),
        "channel": "app",
        "actor": {"did": signed["key"].split("#")[0], "role": "client"},
        "ruleset": made["ruleset"],
        "document": made["document"],
        "attachments": [],
        "signatures": [
            {
                "did": signed["key"].split("#")[0],
                "key": signed["key"],
                "alg": "Ed25519",
                "value": signed["signature"],
                "block": 5,
            }
        ],
        **changes,
    }
    sealed = seal(envelope, changes.pop("values", made["fields"]), bytes.fromhex(signed["root_salt"]))
    return around(sealed)


def around(sealed, index=0):
    tree = Tree()
    for number in range(3):
        tree.append(sealed.fingerprint if number == index else bytes([number]) * 32)
    subjects = SubjectMap.build({bytes.fromhex(PID): (1, sealed.fingerprint)})
    promise = promise_body(
        broker=BROKER,
        subject=PID,
        record_id=sealed.envelope["record_id"],
        fingerprint=sealed.fingerprint,
        log_index=index,
        accepted_at=NOW,
        anchor_by=NOW + 60_000,
        block=5,
    )
    return build_receipt(
        promise=sign_promise(promise, SEED, f"{BROKER}#signing"),
        record=redact(sealed),
        size=3,
        path=tree.inclusion(index, 3),
        checkpoint=sign_checkpoint(BROKER, 3, tree.root(), SEED),
        map_proof=subjects.prove(bytes.fromhex(PID)),
        anchor=AnchorPlace(
            chain_id=CHAIN,
            contract="0x" + "ea" * 20,
            member=BROKER.rpartition(":")[2],
            seq=1,
            map_root=subjects.root,
            block=9,
            block_hash="0x" + "00" * 32,
            tx="0x" + "00" * 32,
            log_index=0,
        ),
    )


@pytest.fixture
def signed(identities, identity):
    with identities.changing():
        pin_broker(identities, BROKER, KEY)
        return sign_draft(identities, draft(), now_ms=NOW, show=lambda *_: True)


def add(identities, receipt):
    with identities.changing():
        return add_receipt(identities, receipt)


def test_a_receipt_of_what_was_signed_is_kept(identities, signed):
    receipt = receipt_of(signed)
    answer = add(identities, receipt)
    assert (answer["status"], answer["signed"], answer["seq"], answer["of"]) == ("verified", True, 1, 1)
    assert answer["as_of"] == {"block": receipt["anchor"]["block"]}
    assert "signed-act" in answer["checked"]
    assert {entry["check"] for entry in answer["not_checked"]} == {"anchor-event", "key-in-force", "later-records"}
    assert add(identities, receipt) == answer
    assert full_receipts(identities) == [receipt]
    assert [entry["record_id"] for entry in receipts(identities)] == [answer["record_id"]]


def test_a_record_of_the_broker_needs_no_signature(identities, signed):
    made = {**signed, "draft": {**signed["draft"], "type": "DUTY_NOTICE"}}
    answer = add(identities, receipt_of(made, signatures=[]))
    assert answer["signed"] is False
    assert "signed-act" not in answer["checked"]


def test_an_act_that_the_wallet_never_signed_is_found(identities, signed):
    for changes in (
        {"signatures": []},
        {"signatures": [{"did": BROKER, "key": f"{BROKER}#signing", "alg": "Ed25519", "value": "A" * 86, "block": 5}]},
    ):
        with pytest.raises(VerificationFailed) as caught:
            add(identities, receipt_of(signed, **changes))
        assert caught.value.check == "signed-act"
    assert receipts(identities) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"occurred_at": format_time(NOW + 1)},
        {"document": "level-confirm@2"},
        {"ruleset": "other@1"},
        {"type": "RISK_CONFIRM"},
    ],
)
def test_a_record_that_differs_from_what_was_signed_is_found(identities, signed, changes):
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt_of(signed, **changes))
    assert caught.value.check == "signed-act"


def test_other_fields_under_the_same_signature_are_found(identities, signed):
    altered = copy.deepcopy(signed)
    altered["draft"]["fields"]["level"] = "C5"
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt_of(altered))
    assert caught.value.check == "signed-act"


def test_a_receipt_needs_the_pinned_key_of_its_broker(identities, identity, signed):
    receipt = receipt_of(signed)
    receipt["promise"]["signature"]["value"] = "A" * 86
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt)
    assert caught.value.check == "promise-signature"


def test_without_a_pinned_key_nothing_is_believed(identities, identity):
    with identities.changing():
        made = sign_draft(identities, draft(), now_ms=NOW, show=lambda *_: True)
    with pytest.raises(Refused) as caught:
        add(identities, receipt_of(made))
    assert caught.value.code == "wallet-broker-unknown"


def test_a_brokers_key_is_pinned_once(identities, signed):
    with identities.changing():
        pin_broker(identities, BROKER, KEY)
        with pytest.raises(Refused) as caught:
            pin_broker(identities, BROKER, "00" * 32)
    assert caught.value.code == "wallet-broker-key"


def test_one_place_in_the_log_promised_twice_is_found(identities, signed):
    add(identities, receipt_of(signed))
    with identities.changing():
        other = sign_draft(identities, draft(), now_ms=NOW, show=lambda *_: True)
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt_of(other, record_id=uuid7(NOW + 1, bytes(10))))
    assert caught.value.check == "contradiction"


def engine_record(signed, **changes):
    """A record of the broker's own, which needs no signature."""
    made = {**signed, "draft": {**signed["draft"], "type": "DUTY_NOTICE"}}
    return receipt_of(made, signatures=[], **changes)


def moved(receipt, **promise):
    """The same record with another promise, in its place in another log."""
    body = {name: value for name, value in receipt["promise"].items() if name != "signature"} | promise
    index, entry = body["log_index"], bytes.fromhex(body["fingerprint"])
    tree = Tree()
    for number in range(3):
        tree.append(entry if number == index else bytes([number]) * 32)
    return {
        **receipt,
        "promise": sign_promise(body, SEED, f"{BROKER}#signing"),
        "log": {"index": index, "size": 3, "path": [node.hex() for node in tree.inclusion(index, 3)]},
        "checkpoint": sign_checkpoint(BROKER, 3, tree.root(), SEED),
    }


@pytest.mark.parametrize(
    "attack",
    [
        lambda signed, kept: engine_record(signed, record_id=kept["promise"]["record_id"]),
        lambda signed, kept: moved(kept, anchor_by=format_time(NOW + 3_600_000)),
        lambda signed, kept: moved(kept, log_index=1),
        lambda signed, kept: moved(engine_record(signed, record_id=uuid7(NOW + 1, bytes(10))), log_index=1),
    ],
    ids=["another record under its id", "a later promise", "another place in the log", "its place in the history"],
)
def test_no_later_receipt_replaces_what_is_kept(identities, signed, attack):
    kept = receipt_of(signed)
    add(identities, kept)
    with pytest.raises(VerificationFailed) as caught:
        add(identities, attack(signed, kept))
    assert caught.value.check == "contradiction"
    assert full_receipts(identities) == [kept]


def test_a_map_that_holds_another_record_at_its_place_is_found(identities, signed):
    receipt = receipt_of(signed)
    subjects = SubjectMap.build({bytes.fromhex(PID): (1, bytes(32))})
    receipt["map"] = subjects.prove(bytes.fromhex(PID)).to_json()
    receipt["anchor"]["map_root"] = subjects.root.hex()
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt)
    assert caught.value.check == "subject-map"


def test_a_receipt_of_somebody_else_and_no_receipt_are_refused(identities, signed):
    receipt = receipt_of(signed)
    receipt["promise"]["subject"] = "00" * 32
    with pytest.raises(Refused) as caught:
        add(identities, receipt)
    assert caught.value.code == "wallet-foreign"
    for value in ({}, [], {"promise": {}}):
        with pytest.raises(InvalidInput):
            add(identities, value)


def test_after_the_broker_changed_its_key_old_promises_and_new_checkpoints_hold(identities, signed):
    new = tagged_sha256("test broker signing key, the second")
    receipt = receipt_of(signed)
    tree_head = receipt["checkpoint"].split("\n")
    root = decode_base64(tree_head[2], "root")
    receipt["checkpoint"] = sign_checkpoint(BROKER, 3, root, new)
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt)
    assert caught.value.check == "checkpoint-signature"
    with identities.changing():
        pinned = pin_broker(identities, BROKER, ed25519.public_key(new).hex(), successor=True)
        assert pinned == [KEY, ed25519.public_key(new).hex()]
        assert pin_broker(identities, BROKER, KEY, successor=True) == pinned
    assert add(identities, receipt)["status"] == "verified"
    receipt["promise"]["signature"]["value"] = "A" * 86
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt)
    assert caught.value.check == "promise-signature"
