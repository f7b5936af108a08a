"""What brokers gave in format 1 is taken and kept, and the log that goes on has to go on from it."""

from dataclasses import replace

import pytest

from bonafides.wallet.former import CHECK
from bonafides.wallet.held import of_format_1
from bonafides.wallet.promises import add_promise, full_promises
from bonafides.wallet.receipts import add_receipt, full_receipts
from bonafides.wallet.sync import follow_log
from evidence.documents.promise import promise_body, sign_promise
from evidence.documents.receipt import AnchorPlace, build_receipt
from evidence.documents.record import redact, seal
from evidence.log.checkpoint import sign_checkpoint
from evidence.log.tree import Tree
from evidence.map.subject_map import SubjectMap
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.timestamp import format_time
from scripts.vectors.synthetic_consortium import Broker, consortium
from tests.unit.bonafides.conftest import BROKER, CHAIN, NOW, PID
from tests.unit.bonafides.house import House

SIZE = 5  # of the log of format 1
RECORD = "019aa3b1-0000-7000-8000-000000000001"


@pytest.fixture
def house(house, identity, opening):
    """The same broker, whose log goes on from five records."""
    made = House(identity, Broker(consortium(), "north", first_index=SIZE))
    made.act(opening)
    made.anchor()
    return made


def sealed():
    at = format_time(NOW)
    envelope = {
        "record_id": RECORD, "type": "DUTY_NOTICE", "schema": "1", "broker": BROKER, "subject": PID, "seq": 1,
        "prev": "0" * 64, "occurred_at": at, "recorded_at": at, "channel": "app",
        "actor": {"did": BROKER, "role": "staff"}, "ruleset": None, "document": None, "attachments": [],
        "signatures": [],
    }  # fmt: skip
    return seal(envelope, {"dwell_ms": 9000, "page": 1}, bytes(32))


def promised(house, place, **changes):
    stated = {
        "broker": BROKER, "subject": PID, "record_id": RECORD, "fingerprint": sealed().fingerprint, "log_index": place,
        "accepted_at": NOW, "anchor_by": NOW + 600_000, "block": 7, **changes,
    }  # fmt: skip
    return sign_promise(promise_body(**stated), house.broker.member.secret, f"{BROKER}#signing")


def shown(house, size=3, names=None):
    record, tree = sealed(), Tree()
    tree.extend([b"\1" * 32, b"\2" * 32, record.fingerprint, *(bytes([n]) * 32 for n in range(4, 1 + size))])
    subjects = SubjectMap.build({bytes.fromhex(PID): (1, record.fingerprint)})
    zeros = "0x" + "00" * 32
    return build_receipt(
        promise=promised(house, 2),
        record=redact(record, names),
        size=size,
        path=tree.inclusion(2, size),
        checkpoint=sign_checkpoint(BROKER, size, tree.root(), house.broker.member.secret),
        map_proof=subjects.prove(bytes.fromhex(PID)),
        anchor=AnchorPlace(CHAIN, "0x" + "e" * 40, BROKER.rsplit(":", 1)[1], 1, subjects.root, 9, zeros, zeros, 0),
    )


def add(identities, value):
    with identities.changing():
        return (add_promise if "anchor_by" in value else add_receipt)(identities, value)


def look(identities, house):
    with identities.changing():
        return follow_log(identities, BROKER, house.served())


def test_a_promise_of_format_1_is_kept_apart(identities, house):
    given = promised(house, 4)
    for _ in range(2):
        told = add(identities, given)
        assert (told["status"], told["format"], told["log_index"]) == ("kept", 1, 4)
    assert of_format_1(identities, "promise") == [given]
    assert full_promises(identities) == []
    assert look(identities, house)["status"] == "followed"


def test_one_that_the_broker_did_not_sign_or_of_somebody_else_is_not(identities, house):
    with pytest.raises(VerificationFailed):
        add(identities, {**promised(house, 4), "log_index": 3})
    with pytest.raises(Refused) as foreign:
        add(identities, promised(house, 4, subject="77" * 32))
    assert foreign.value.code == "wallet-foreign"
    with pytest.raises(InvalidInput):
        add(identities, {**promised(house, 4), "log_index": -1})
    assert of_format_1(identities, "promise") == []


def test_a_receipt_of_format_1_is_kept_and_never_replaced_by_one_that_shows_less(identities, house):
    whole = shown(house)
    assert add(identities, whole)["kept"]
    assert not add(identities, shown(house, names=["page"]))["kept"]
    assert of_format_1(identities, "receipt") == [whole]
    assert full_receipts(identities) == []
    with pytest.raises(VerificationFailed):
        add(identities, {**whole, "log": {**whole["log"], "index": 1}})
    assert look(identities, house)["status"] == "followed"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda house: promised(house, SIZE), "it promised place 5 to record"),
        (lambda house: shown(house, SIZE + 1), "it signed for another one of 6"),
        (lambda house: shown(house, SIZE), "it signed for another one of 5"),
    ],
    ids=["a promise beyond its end", "a longer log", "another log"],
)
def test_a_log_that_goes_on_from_less_or_from_another_one_is_found(identities, house, made, words):
    add(identities, made(house))
    with pytest.raises(VerificationFailed, match=words) as error:
        look(identities, house)
    assert error.value.check == CHECK


def test_the_log_that_was_shown_whole_goes_on(identities, house):
    add(identities, shown(house, SIZE))
    tree = Tree()
    tree.extend([b"\1" * 32, b"\2" * 32, sealed().fingerprint, b"\4" * 32, b"\5" * 32])
    house.broker.opening = replace(house.broker.opening, former_root=tree.root())
    house.broker.tree = Tree.from_leaf_hashes(leaf.hash() for leaf in (house.broker.opening, *house.broker.leaves))
    house.others("somebody")
    house.anchor()
    assert look(identities, house)["status"] == "followed"
