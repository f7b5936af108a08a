import pytest

from bonafides.wallet.convictions import convictions
from bonafides.wallet.heads import remembered
from bonafides.wallet.pinned import pin_broker
from bonafides.wallet.promises import add_promise, full_promises
from bonafides.wallet.receipts import add_receipt, full_receipts, receipts
from bonafides.wallet.sign import sign_draft
from evidence.version2.documents.receipt import verify_receipt
from evidence.version2.log.convict import (
    EQUIVOCATION,
    ROLLBACK,
    PresentEntry,
    Rollback,
    SignedMap,
    verify_equivocation,
    verify_rollback,
)
from evidence.version2.map.label_map import Absence, LabelMap
from primitives import ed25519
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.timestamp import format_time
from tests.unit.bonafides.conftest import BROKER, NOW, PID, draft
from tests.unit.bonafides.house import House


@pytest.fixture
def signed(identities, house):
    with identities.changing():
        return sign_draft(identities, draft(), now_ms=NOW, show=lambda *_: True)


def add(identities, receipt):
    with identities.changing():
        return add_receipt(identities, receipt)


def refused(identities, receipt, check):
    with pytest.raises(VerificationFailed) as caught:
        add(identities, receipt)
    assert caught.value.check == check


def convicted(identities, house):
    """Return the formats of the kept documents about the log, each verified by the broker's key alone."""
    shapes = {"bonafides.rollback/2": (ROLLBACK, verify_rollback)}
    shapes["bonafides.equivocation/2"] = (EQUIVOCATION, verify_equivocation)
    formats = []
    for entry in convictions(identities):
        formats.append(entry["format"])
        if entry["format"] in shapes:
            shape, verify = shapes[entry["format"]]
            verify(shape.read(entry["document"], "claim"), house.keys.checkpoint)
    return formats


def test_a_receipt_of_what_was_signed_is_kept(identities, house, signed):
    house.act(signed)
    leaf = house.anchor()
    receipt = house.receipt()
    answer = add(identities, receipt)
    assert (answer["status"], answer["signed"], answer["seq"], answer["kept"]) == ("verified", True, 2, True)
    assert (answer["anchor"]["seq"], answer["reaches"], answer["in_time"]) == (leaf.seq, leaf.seq, True)
    assert "signed-act" in answer["checked"]
    not_checked = {entry["check"] for entry in answer["not_checked"]}
    assert not_checked == {"log-head", "member-keys", "growth", "subject-chain", "later-records"}
    assert add(identities, receipt) == answer
    assert full_receipts(identities) == [receipt]
    assert [entry["record_id"] for entry in receipts(identities)] == [answer["record_id"]]
    assert full_promises(identities) == [receipt["promise"]]


def test_beside_the_receipt_of_the_record_before_the_link_is_checked(identities, house):
    house.record()
    house.anchor()
    assert "subject-chain" not in add(identities, house.receipt(1))["checked"]
    answer = add(identities, house.receipt(2))
    assert "subject-chain" in answer["checked"]
    assert "subject-chain" not in {entry["check"] for entry in answer["not_checked"]}


def test_a_record_of_the_broker_needs_no_signature(identities, house):
    house.record()
    house.anchor()
    answer = add(identities, house.receipt())
    assert answer["signed"] is False
    assert "signed-act" not in answer["checked"]


def test_a_record_that_was_anchored_late_is_told(identities, house):
    house.record()
    house.broker.world.block += 100
    house.anchor()
    assert add(identities, house.receipt())["in_time"] is False


def test_an_act_that_the_wallet_never_signed_is_found(identities, house, signed):
    house.record("LEVEL_CONFIRM", {"level": "C4"})
    house.act({**signed, "signature": "A" * 86})
    house.anchor()
    for seq in (2, 3):
        refused(identities, house.receipt(seq), "signed-act")
    assert receipts(identities) == []


def test_a_record_of_another_type_under_the_clients_signature_is_found(identities, house, signed):
    house.act(signed, type="LEVEL_RESULT")
    house.anchor()
    refused(identities, house.receipt(), "signed-act")


@pytest.mark.parametrize(
    "changes",
    [
        {"occurred_at": format_time(NOW + 1)},
        {"document": "level-confirm@2"},
        {"ruleset": "other@1:" + "00" * 32},
        {"type": "RISK_CONFIRM"},
        {"known": {"count": 1, "fingerprint": "ab" * 32, "nonce": "00" * 16}},
    ],
)
def test_a_record_that_differs_from_what_was_signed_is_found(identities, house, signed, changes):
    house.act(signed, **changes)
    house.anchor()
    refused(identities, house.receipt(), "signed-act")


def test_other_fields_under_the_same_signature_are_found(identities, house, signed):
    made = {**signed["draft"], "fields": {**signed["draft"]["fields"], "level": "C5"}}
    house.act({**signed, "draft": made})
    house.anchor()
    refused(identities, house.receipt(), "signed-act")


def test_a_history_that_another_client_opened_is_found(identities, identity, house):
    other = House(identity)
    other.act({**house_opening(identities), "signature": "A" * 86})
    other.anchor()
    refused(identities, other.receipt(), "signed-act")
    other = House(identity)
    stranger = BROKER[:-40] + "5a" * 20
    signature = {"did": stranger, "key": f"{stranger}#delegate-1", "alg": "Ed25519", "value": "A" * 86}
    known = {"count": 0, "fingerprint": "00" * 32, "nonce": "00" * 16}
    opens = {"kind": "client", "opens": stranger, "continues": None}
    other.record("OPENING", opens, signatures=[signature], known=known)
    other.anchor()
    refused(identities, other.receipt(), "opening")
    other = House(identity)
    other.record("OPENING", {"kind": "product", "opens": "FUND-1", "continues": None})
    other.anchor()
    refused(identities, other.receipt(), "opening")
    other = House(identity)
    other.record()
    other.anchor()
    refused(identities, other.receipt(), "opening")


def house_opening(identities):
    [opening] = [kept for kept in identities.store.all("act") if kept["draft"]["type"] == "OPENING"]
    return opening


def test_a_paper_history_that_the_client_joins_is_kept(identities, identity, house, opening):
    paper = House(identity)
    paper.record("OPENING", {"kind": "unsigned-client", "opens": None, "continues": None})
    paper.act(opening)
    paper.anchor()
    assert [add(identities, paper.receipt(seq))["status"] for seq in (1, 2)] == ["verified", "verified"]


def test_a_receipt_needs_the_pinned_keys_of_its_broker(identities, identity, opening, signed, house):
    house.record()
    house.anchor()
    receipt = house.receipt()
    receipt["promise"]["signature"]["value"] = "A" * 86
    refused(identities, receipt, "promise")
    receipt = house.receipt()
    receipt["checkpoint"] = receipt["checkpoint"][:-10] + "AAAAAAAA=\n"
    with pytest.raises((VerificationFailed, InvalidInput)):
        add(identities, receipt)
    assert receipts(identities) == []


def test_without_a_pinned_key_nothing_is_believed(identities, identity, opening):
    made = House(identity)
    made.act(opening)
    made.anchor()
    with pytest.raises(Refused) as caught:
        add(identities, made.receipt())
    assert caught.value.code == "wallet-broker-unknown"


def test_a_receipt_of_somebody_else_and_no_receipt_are_refused(identities, house):
    house.anchor()
    receipt = house.receipt()
    receipt["promise"]["subject"] = "00" * 32
    with pytest.raises((Refused, VerificationFailed)):
        add(identities, receipt)
    for value in ({}, [], {"promise": {}}, None):
        with pytest.raises(InvalidInput):
            add(identities, value)


def test_after_the_broker_changed_its_keys_old_promises_and_new_checkpoints_hold(identities, house):
    house.record()
    house.broker.rotate()
    house.anchor()
    receipt = house.receipt()
    refused(identities, receipt, "checkpoint-signature")
    with identities.changing():
        pin_broker(identities, BROKER, house.keys.signing.hex(), house.keys.checkpoint.hex(), successor=True)
    assert add(identities, receipt)["status"] == "verified"


def test_the_key_of_checkpoints_may_be_one_of_its_own(identities, identity, opening):
    made = House(identity)
    made.act(opening)
    made.anchor()
    with identities.changing():
        pin_broker(identities, BROKER, made.keys.signing.hex(), ed25519.public_key(tagged_sha256("other")).hex())
    refused(identities, made.receipt(), "checkpoint-signature")


# -- what takes the place of what


def test_a_later_receipt_takes_the_place_of_an_earlier_one(identities, house):
    house.anchor()
    early = house.receipt(1)
    house.record()
    house.anchor()
    late = house.receipt(1)
    assert add(identities, early)["kept"] is True
    assert add(identities, late)["kept"] is True
    assert add(identities, early)["kept"] is False  # it holds, and reaches less far
    assert full_receipts(identities) == [late]


def test_a_receipt_that_shows_less_takes_no_place(identities, house):
    house.record()
    house.anchor()
    whole = house.receipt()
    house.record()
    house.anchor()
    redacted = house.receipt(2)
    del redacted["record"]["fields"]["band"]
    assert add(identities, whole)["kept"] is True
    assert add(identities, redacted)["kept"] is False
    assert full_receipts(identities) == [whole]
    as_many, other = house.receipt(2), house.receipt(2)
    del as_many["record"]["fields"]["total"]
    assert add(identities, as_many)["kept"] is False  # what it lacks counts, not how much
    assert add(identities, other)["kept"] is True


# -- what cannot both be true


def test_another_record_in_its_place_of_the_history_is_found(identities, house):
    fork = house.fork()
    house.record()
    house.anchor()
    kept = house.receipt()
    add(identities, kept)
    fork.record(values={"band": "C1", "total": 12})
    fork.broker.world.block += 1
    fork.anchor()
    answer = add(identities, fork.receipt())
    assert answer["status"] == "contradiction"
    formats = convicted(identities, house)
    assert "bonafides.promise-contradiction/2" in formats
    assert "bonafides.equivocation/2" in formats
    assert full_receipts(identities) == [kept]


def test_a_receipt_that_contradicts_a_promise_is_found(identities, house):
    fork = house.fork()
    house.record()
    with identities.changing():
        add_promise(identities, house.promise())
    fork.record(values={"band": "C1", "total": 12})
    fork.anchor()
    assert add(identities, fork.receipt())["status"] == "contradiction"
    assert convicted(identities, house) == ["bonafides.promise-contradiction/2"]
    assert receipts(identities) == []
    assert len(full_promises(identities)) == 2


def test_a_record_that_is_counted_no_longer_is_found(identities, house):
    house.record()
    house.record()
    house.anchor()
    for seq in (1, 2, 3):
        add(identities, house.receipt(seq))
    roll_back(house, 2)
    answers = [add(identities, house.receipt(seq)) for seq in (1, 2)]
    assert [answer["status"] for answer in answers] == ["verified", "contradiction"]
    assert convicted(identities, house) == ["bonafides.rollback/2"]
    assert len(full_receipts(identities)) == 3


def roll_back(house, count):
    """Let the broker's next map hold no more than the first records of this history."""
    client = house.client
    pairs = zip(client.labels[:count], client.records[:count], strict=True)
    house.broker.map = LabelMap().insert({label: record.entry for label, record in pairs})
    house.forget(count)
    house.others("zoe")
    house.anchor()


def test_a_rollback_is_found_against_the_receipt_of_the_record_after(identities, house):
    """The wallet kept the receipt of record 3 alone, after which record 2 shows that nothing follows it."""
    house.record()
    house.anchor()
    house.record()
    house.anchor()
    add(identities, house.receipt(3))
    roll_back(house, 2)
    assert add(identities, house.receipt(2))["status"] == "contradiction"
    assert convicted(identities, house) == ["bonafides.rollback/2"]


def test_of_a_history_rolled_back_to_nothing_the_receipts_hold_and_any_later_word_of_it_convicts(identities, house):
    begun = house.fork()
    house.record()
    house.anchor()
    kept = house.receipt(2)
    add(identities, kept)
    before = house.broker.maps[house.broker.leaves[-1].seq].prove(house.client.labels[1])
    earlier = SignedMap(house.broker.checkpoint(), None, PresentEntry(house.client.records[1].entry, before.path))
    house.broker.map = LabelMap()
    house.others("zoe")
    house.anchor()
    assert verify_receipt(kept, house.keys).promise.seq == 2
    absent = house.broker.maps[house.broker.leaves[-1].seq].prove(house.client.labels[1])
    assert isinstance(absent, Absence)
    later = SignedMap(house.broker.checkpoint(), None, absent)
    claim = Rollback(house.broker.did, house.client.labels[1], earlier, later)
    verify_rollback(claim, house.keys.checkpoint)
    begun.broker.world.block += 50
    begun.record(values={"band": "C5", "total": 99})
    with identities.changing():
        again = add_promise(identities, begun.promise(2))
    assert (again["status"], convicted(identities, house)) == ("contradiction", ["bonafides.promise-contradiction/2"])


def test_a_rollback_is_found_against_what_the_next_label_held(identities, house):
    """The wallet kept the receipt of record 1 alone, which shows that record 2 lies after it."""
    house.record()
    house.anchor()
    add(identities, house.receipt(1))
    roll_back(house, 1)
    assert add(identities, house.receipt(1))["status"] == "contradiction"
    assert convicted(identities, house) == ["bonafides.rollback/2"]


def test_two_checkpoints_of_one_number_are_found(identities, house):
    fork = house.fork()
    house.others("ada")
    house.anchor()
    fork.others("bob")
    fork.anchor()
    add(identities, house.receipt())
    assert add(identities, fork.receipt())["status"] == "contradiction"
    assert set(convicted(identities, house)) == {"bonafides.equivocation/2"}


def test_two_anchors_of_one_number_are_found_whatever_records_lie_under_them(identities, house):
    """Receipts of different records and different numbers of anchors; their anchors have one number."""
    house.record()
    fork = house.fork()
    house.anchor()
    add(identities, house.receipt(1))
    fork.others("bob")
    fork.anchor()
    fork.anchor()
    assert add(identities, fork.receipt(2))["status"] == "contradiction"
    assert set(convicted(identities, house)) == {"bonafides.equivocation/2"}


def test_two_anchors_of_one_number_are_found_by_records_that_are_no_neighbours(identities, house):
    """Of the fork the wallet is shown one record, beside which it holds nothing, under an anchor long past."""
    house.record()
    house.record()
    fork = house.fork()
    house.anchor()
    house.record()
    house.record()
    house.anchor()
    add(identities, house.receipt(1, reaches=2))
    add(identities, house.receipt(5))
    fork.others("bob")
    for _ in range(3):
        fork.anchor()
    assert add(identities, fork.receipt(3))["status"] == "contradiction"
    assert set(convicted(identities, house)) == {"bonafides.equivocation/2"}


def test_two_checkpoints_are_remembered_and_no_more(identities, house):
    for _ in range(5):
        house.record()
        house.anchor()
        add(identities, house.receipt())
    [given] = remembered(identities, BROKER)  # nobody looked at the log yet
    assert given.head.stated.seq == house.broker.leaves[-1].seq


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_link_that_breaks_is_told_where_no_document_convicts(identities, house, order):
    """Record 2 lies under the label that record 1 names, and names another record before it."""
    house.anchor()
    house.record(prev="ab" * 32)
    house.anchor()
    made = {1: house.receipt(1, reaches=2), 2: house.receipt(2)}
    first, second = (made[seq] for seq in order)
    add(identities, first)
    refused(identities, second, "subject-chain")
    assert convictions(identities) == []


def test_an_addition_reads_no_more_where_more_is_held(identities, house, monkeypatch):
    def reads(seq):
        count = 0
        real = identities.store.get

        def counted(*names):
            nonlocal count
            count += 1
            return real(*names)

        with monkeypatch.context() as patch:
            patch.setattr(identities.store, "get", counted)
            patch.setattr(identities.store, "all", None)
            add(identities, house.receipt(seq))
        return count

    for _ in range(4):
        house.record()
    house.anchor()
    for seq in (1, 2, 3):
        add(identities, house.receipt(seq))
    few = reads(4)
    for _ in range(30):
        house.record()
    house.anchor()
    for seq in range(5, 34):
        add(identities, house.receipt(seq))
    assert reads(34) == few


def test_the_subject_is_the_one_that_was_opened(identities, house):
    assert house.client.subject.hex() == PID
