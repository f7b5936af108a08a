"""The wallet's look at its broker's log: growth is followed, and whatever was taken back is found."""

import json
from dataclasses import replace

import pytest

from bonafides.wallet.convictions import convictions
from bonafides.wallet.heads import grown_to, remembered
from bonafides.wallet.receipts import add_receipt
from bonafides.wallet.sync import follow_log, withheld
from evidence.log.tree import Tree
from evidence.version2.log.convict import EQUIVOCATION, verify_equivocation
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.timestamp import format_time
from tests.unit.bonafides.conftest import BROKER
from tests.unit.bonafides.house import Served


def look(identities, house, fetch=None):
    with identities.changing():
        return follow_log(identities, BROKER, fetch or house.served())


def add(identities, receipt):
    with identities.changing():
        return add_receipt(identities, receipt)


def anchors(house, count):
    for _ in range(count):
        house.others("somebody")
        house.anchor()


def exchange(broker, at):
    """Put another leaf in the place of one, as if its block had had another time."""
    broker.leaves[at] = replace(broker.leaves[at], time=7)
    broker.tree = Tree.from_leaf_hashes(leaf.hash() for leaf in (broker.opening, *broker.leaves))


def convicted(identities, house):
    [entry] = convictions(identities)
    verify_equivocation(EQUIVOCATION.read(entry["document"], "claim"), house.keys.checkpoint)
    return entry["document"]


@pytest.mark.parametrize("steps", [(1, 1), (2, 5), (7, 3, 0, 9)])
def test_a_log_that_only_grows_is_followed(identities, house, steps):
    house.anchor()
    before = None
    for step in steps:
        anchors(house, step)
        newest = house.broker.leaves[-1]
        told = look(identities, house)
        assert told == {
            "status": "followed",
            "broker": BROKER,
            "anchors": newest.seq,
            "records": newest.size_after,
            "since": before,
            "wrong": [],
        }
        before = grown_to(identities, BROKER)
        assert before == newest.seq
    assert len(remembered(identities, BROKER)) == 2


def test_what_is_remembered_does_not_grow_with_the_syncs(identities, house):
    house.anchor()
    sizes = set()
    for _ in range(20):
        anchors(house, 1)
        look(identities, house)
        sizes.add(len(canonical_json(identities.store.get("checkpoint", BROKER))))
    assert len(identities.store.all("checkpoint")) == 1
    assert max(sizes) - min(sizes) < 2 * 5 * 50  # the path of the leaf: a hash more each time that the tree doubles


def test_a_long_log_is_followed_by_few_tiles(identities, house):
    house.anchor()
    anchors(house, 3)
    look(identities, house)
    for _ in range(300):
        house.anchor()
    served = house.served()
    assert look(identities, house, served)["since"] == 5
    assert len(served.asked) == len(set(served.asked))
    assert len(served.asked) < 10


def test_a_partial_tile_that_is_gone_is_cut_from_the_full_one(identities, house):
    """The log grows over a tile's end after its checkpoint was read: partial tiles are gone, the full ones there."""
    for _ in range(250):
        house.anchor()
    served, gone = house.served(), []
    note = served("checkpoint")
    for _ in range(10):
        house.anchor()

    def fetch(path):
        if path == "checkpoint":
            return note
        if "/000.p/" in path:
            gone.append(path)
            raise Refused("tile-not-found", path)
        return served(path)

    assert look(identities, house, fetch)["anchors"] == 251
    assert gone


def test_a_wrong_anchor_that_is_no_longer_named_convicts_though_the_log_grew(identities, house):
    house.anchor()
    anchors(house, 4)
    house.broker.wrong = (3,)
    assert look(identities, house)["wrong"] == [3]
    anchors(house, 2)
    house.broker.wrong = (3, 7)
    assert look(identities, house)["status"] == "followed"
    anchors(house, 2)
    for wrong in ((7,), (3, 8), ()):
        house.broker.wrong = wrong
        told = look(identities, house)
        assert (told["status"], len(told["convictions"])) == ("contradiction", 1)
    assert convicted(identities, house)["fork"] is None


def test_an_anchor_that_was_exchanged_convicts(identities, house):
    house.anchor()
    fork = house.fork()
    anchors(house, 3)
    look(identities, house)
    fork.others("another")
    fork.broker.world.block += 1
    anchors(fork, 5)
    answer = look(identities, fork)
    assert answer["status"] == "contradiction"
    document = convicted(identities, house)
    assert document["fork"]["first"]["leaf"] != document["fork"]["second"]["leaf"]
    assert grown_to(identities, BROKER) == house.broker.leaves[-1].seq  # what was trusted stays
    assert look(identities, fork)["status"] == "contradiction"
    assert len(convictions(identities)) == 1


def test_two_logs_of_one_length_convict(identities, house):
    house.anchor()
    fork = house.fork()
    anchors(house, 2)
    look(identities, house)
    fork.broker.world.block += 1
    anchors(fork, 2)
    assert look(identities, fork)["status"] == "contradiction"
    assert convicted(identities, house)["fork"] is None


def test_a_log_that_is_shorter_than_what_was_signed_is_told(identities, house):
    house.anchor()
    before = house.fork()
    anchors(house, 2)
    look(identities, house)
    with pytest.raises(VerificationFailed, match="the broker signed for 4") as caught:
        look(identities, before)
    assert caught.value.check == "log-growth"


def test_before_the_first_anchor_there_is_no_log_to_follow(identities, house):
    def nothing(path):
        raise Refused("checkpoint-not-found", path)

    assert look(identities, house, nothing) == {
        "status": "followed",
        "broker": BROKER,
        "anchors": 0,
        "records": 0,
        "since": None,
        "wrong": [],
    }
    house.anchor()
    look(identities, house)
    with pytest.raises(VerificationFailed, match="nothing is anchored") as caught:
        look(identities, house, nothing)
    assert caught.value.check == "log-growth"


def test_a_log_whose_last_remembered_anchor_is_the_same_is_still_another_one(identities, house):
    """The broker exchanges an anchor before the one that is remembered: no two leaves are at hand that convict."""
    house.anchor()
    anchors(house, 3)
    fork = house.fork()
    look(identities, house)
    exchange(fork.broker, 1)
    anchors(fork, 1)
    with pytest.raises(VerificationFailed, match="does not begin") as caught:
        look(identities, fork)
    assert caught.value.check == "log-growth"


def test_such_a_log_convicts_by_a_receipt_under_the_exchanged_anchor(identities, house):
    house.record()
    house.anchor()
    add(identities, house.receipt())
    fork = house.fork()
    anchors(house, 3)
    look(identities, house)
    exchange(fork.broker, -1)
    anchors(fork, 4)
    assert look(identities, fork)["status"] == "contradiction"
    assert convicted(identities, house)["fork"]["first"] != convicted(identities, house)["fork"]["second"]


def test_a_receipt_of_a_log_that_is_not_shown_is_found_at_the_next_look(identities, house):
    """Before anybody looked at the log the broker gave a receipt of another one."""
    house.anchor()
    fork = house.fork()
    fork.record()
    fork.anchor()
    add(identities, fork.receipt())
    house.broker.world.block += 1
    anchors(house, 4)
    assert look(identities, house)["status"] == "contradiction"
    convicted(identities, house)


def test_a_receipt_under_another_checkpoint_than_the_remembered_one_convicts(identities, house):
    house.anchor()
    fork = house.fork()
    anchors(house, 1)
    look(identities, house)
    fork.broker.world.block += 1
    anchors(fork, 1)
    assert add(identities, fork.receipt(1))["status"] == "contradiction"
    convicted(identities, house)


@pytest.mark.parametrize("what", ["tile/0/000", "tile/entries/000"])
def test_tiles_that_do_not_lead_to_the_checkpoint_are_no_log(identities, house, what):
    house.anchor()
    anchors(house, 2)
    served = house.served()

    def bent(path):
        data = served(path)
        return data[:-1] + bytes([data[-1] ^ 2]) if path.startswith(what) else data

    with pytest.raises((CouldNotCheck, VerificationFailed, InvalidInput)):
        look(identities, house, bent)
    assert remembered(identities, BROKER) == []


def test_a_checkpoint_of_nobody_is_no_log(identities, house):
    house.anchor()
    served = house.served()
    for data in (b"\xff", b"", b"no note\n", served("checkpoint").replace(b"map ", b"mop ")):
        with pytest.raises((InvalidInput, VerificationFailed)):
            look(identities, house, lambda path, data=data: data if path == "checkpoint" else served(path))
    house.broker.rotate()
    with pytest.raises(VerificationFailed) as caught:
        look(identities, house, Served(house.broker))
    assert caught.value.check == "checkpoint-signature"


def test_anchors_that_the_broker_names_wrong_are_told(identities, house):
    house.anchor()
    anchors(house, 3)
    house.broker.wrong = (3,)
    assert look(identities, house)["wrong"] == [3]


def test_a_receipt_that_the_node_gives_no_longer_is_named(identities, identity, house):
    house.record()
    house.anchor()
    ids = [add(identities, house.receipt(seq))["record_id"] for seq in (1, 2)]
    assert list(withheld(identities, identity, set(ids))) == []
    [told] = withheld(identities, identity, {ids[0]})
    assert told.check == "receipt-withheld"
    assert ids[1] in told.detail
    assert f"of anchor 2 ({format_time(house.broker.leaves[-1].time * 1000)})" in told.detail
    assert json.dumps(told.detail)
