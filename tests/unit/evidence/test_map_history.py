"""What every anchored map held of the subject: nothing that was anchored once can be dropped or rewritten later.

The broker owns its node and its keys; the chain checks that its log only grows, and does not read its maps.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log.tree import EMPTY_ROOT, Tree
from evidence.map.map_history import AnchoredMap, MapItem, check_maps, prove_maps
from evidence.map.subject_map import SubjectMap
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, VerificationFailed
from scripts.vectors.synthetic_chain import (
    CONTRACTS,
    PRODUCT,
    World,
    address,
    event_log,
    example_world,
    seeded,
    verify_bundle,
)
from tests.properties import examples

NEIGHBOUR = seeded("another subject")
NEXT = address("the EvidenceAnchor after")


def own_world():
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    return world


def verify(world, body=None, trust=None):
    made = world.bundle().body() if body is None else body
    return verify_bundle(world.seal(made), world.trust() if trust is None else trust)


def refused(world, body=None):
    report = verify(world, body)
    assert report.failed == ("subject-completeness",), report.checks
    return report.checks[14].detail


# -- honest


ACTS = st.lists(st.sampled_from(["subject", "neighbour", "product", "act", "anchor", "anchor"]), max_size=14)


@examples(30)
@given(ACTS)
def test_every_honest_history_verifies(acts):
    world = own_world()
    subjects = {"subject": world.subject, "neighbour": NEIGHBOUR, "product": PRODUCT}
    for act in acts:
        if act == "anchor":
            world.anchor()
        elif act == "act":
            world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
        else:
            world.accept("DUTY_NOTICE", {}, subject=subjects[act])
    world.accept("DUTY_NOTICE", {}, subject=PRODUCT)
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    for count in range(1, len(world.anchors) + 1):
        size = world.anchors[count - 1].size
        shown = [pid for pid in (world.subject, PRODUCT) if world.records[pid][0].promise["log_index"] < size]
        if world.subject in shown:
            report = verify(world, world.bundle(anchors=count, references=shown[1:]).body())
            assert report.ok, report.checks
            assert report.complete_as_of_block == world.anchors[count - 1].block


def test_equal_maps_share_one_proof():
    world = own_world()
    world.anchor()
    world.anchor()
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    world.anchor()
    world.accept("DUTY_NOTICE", {}, subject=NEIGHBOUR)
    world.anchor()
    body = world.bundle().body()
    assert [item["seq"] for item in body["history"]["maps"]] == [1, 3, 5]
    assert body["history"]["maps"][0]["proof"] == {"path": [], "other": None}
    assert [anchor["seq"] for anchor in body["anchors"]] == [1, 2, 3, 4, 5]
    assert verify(world).ok


# -- a map that went back


@pytest.mark.parametrize("kept", range(1, 5))
def test_no_tail_that_was_anchored_can_be_dropped_later(kept):
    world = example_world()
    world.records[world.subject] = world.records[world.subject][:kept]
    world.anchor(event_log(address("elsewhere"), "MemberSuspended", address("nobody"), 0))
    refused(world)


def test_no_history_can_be_begun_anew_under_the_same_pseudonym():
    """The whole chain is written again, further on in the log, with another level."""
    world = example_world()
    world.records[world.subject] = []
    world.accept("Q_SUBMIT", {"answers": {"Q1": "B"}})
    world.accept("LEVEL_RESULT", {"level": "C5"})
    world.anchor()
    assert "anchor 1 covers 0 of the records shown, its map counts 2" in refused(world)


def test_no_history_of_the_same_length_can_take_its_place():
    world = example_world()
    old = world.records[world.subject]
    world.records[world.subject] = old[:-1]
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    assert "anchor 3 covers 4 of the records shown, its map counts 5" in refused(world)


def test_a_rating_that_was_anchored_stays_in_the_reference():
    world = own_world()
    world.accept("PRODUCT_RATE", {"risk": "R5"}, subject=PRODUCT)
    world.accept("MATCH_OPINION", {"code": "MATCH"})
    world.anchor()
    world.records[PRODUCT] = []
    world.accept("PRODUCT_RATE", {"risk": "R1"}, subject=PRODUCT)
    world.anchor()
    refused(world, world.bundle(references=[PRODUCT]).body())


def test_no_map_may_forget_the_subject_for_a_while():
    """Absence where there was presence: every later map counts right again."""
    world = example_world()
    heads = world.heads()
    del heads[world.subject]
    world.anchor(heads=heads)
    world.anchor()
    assert "anchor 4 covers 5 of the records shown, its map counts 0" in refused(world)


def test_no_map_may_be_ahead_of_its_log():
    """Presence where there was absence: the map counts a record that no anchor covers yet."""
    world = own_world()
    world.anchor(heads={world.subject: (1, seeded("a record to be"))})
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    assert "anchor 1 covers 0 of the records shown, its map counts 1" in refused(world)


def test_no_map_may_stand_still_while_the_subject_goes_on():
    world = example_world()
    heads = world.heads()
    world.accept("DUTY_NOTICE", {})
    world.anchor(heads=heads)
    world.anchor()
    assert "anchor 4 covers 6 of the records shown, its map counts 5" in refused(world)


# -- anchors and proofs left out


@pytest.mark.parametrize("dropped", range(3))
def test_no_anchor_can_be_left_out(dropped):
    world = example_world()
    world.anchor()
    body = world.bundle().body()
    seq = body["anchors"].pop(dropped)["seq"]
    for item in body["history"]["records"]:
        if item["first_anchor"] == seq:
            item["first_anchor"], item["first_path"] = 4, item["last_path"]
    body["history"]["maps"] = [item for item in body["history"]["maps"] if item["seq"] != seq]
    report = verify(world, body)
    assert "anchor-event" in report.failed
    assert f"anchor {seq} of the broker is not in the bundle" in report.checks[5].detail


def shared_world():
    """Anchors 1 to 3 as in the example, anchor 4 with the map of anchor 3."""
    world = example_world()
    world.anchor()
    return world


@pytest.mark.parametrize("left_out", range(2))
def test_a_proof_is_shared_only_where_the_maps_are_equal(left_out):
    world = shared_world()
    body = world.bundle().body()
    del body["history"]["maps"][left_out]
    assert "not those of the anchors whose map changed" in refused(world, body)


def test_a_proof_that_could_be_shared_is_not_given_twice():
    world = shared_world()
    body = world.bundle().body()
    body["history"]["maps"].append({**body["history"]["maps"][-1], "seq": 4})
    assert "not those of the anchors whose map changed" in refused(world, body)


@pytest.mark.parametrize("seq", [1, 2, 4, 9])
def test_a_proof_stands_under_its_own_anchor(seq):
    world = shared_world()
    body = world.bundle().body()
    body["history"]["maps"][2]["seq"] = seq
    assert "not those of the anchors whose map changed" in refused(world, body)


def test_a_proof_of_another_anchor_leads_to_another_root():
    world = shared_world()
    body = world.bundle().body()
    maps = body["history"]["maps"]
    maps[0]["proof"], maps[1]["proof"] = maps[1]["proof"], maps[0]["proof"]
    assert "anchor 1: the proof does not lead to the anchored root" in refused(world, body)


def test_the_rule_itself_on_plain_values():
    head, maps = seeded("head"), [SubjectMap(), SubjectMap.build({PRODUCT: (1, seeded("head"))})]
    [items] = prove_maps([(1, maps[0]), (2, maps[1]), (3, maps[1])], [PRODUCT])
    anchors = [AnchoredMap(1, 0, maps[0].root), AnchoredMap(2, 4, maps[1].root), AnchoredMap(3, 9, maps[1].root)]
    assert [item.seq for item in items] == [1, 2]
    check_maps(PRODUCT, items, [(3, head)], anchors)
    for records in ([], [(4, head)], [(3, seeded("other"))], [(3, head), (4, head)]):
        with pytest.raises(VerificationFailed, match="subject-completeness"):
            check_maps(PRODUCT, items, records, anchors)
    with pytest.raises(VerificationFailed, match="subject-completeness"):
        check_maps(PRODUCT, [items[0], MapItem(2, items[0].proof)], [(3, head)], anchors)


# -- a contract that replaces EvidenceAnchor


def replaced(world, block):
    """The trust file after the Directory named another EvidenceAnchor from a block on."""
    data = parse_json(world.trust())
    for entry in data["directory"]:
        if entry["name"] == "EvidenceAnchor":
            entry["to_block"] = block - 1
    data["directory"].append({"name": "EvidenceAnchor", "address": NEXT, "from_block": block, "to_block": None})
    return canonical_json(data)


def begin_anew(world):
    """Anchor a fresh log under the next contract, from seq 1."""
    block = world.chain.head + 1
    world.contracts["EvidenceAnchor"] = NEXT
    world.anchors, world._heads, world._root, world.tree, world.records = [], [], EMPTY_ROOT, Tree(), {}
    world.accept("LEVEL_RESULT", {"level": "C5"})
    world.anchor()
    return block


def with_block(world, body, number):
    shown = {"number": number, "receipts": [receipt.hex() for receipt in world.chain.receipts[number]]}
    return {**body, "blocks": sorted([*body["blocks"], shown], key=lambda block: block["number"])}


def test_no_history_can_be_begun_anew_under_the_next_contract():
    world = example_world()
    old = [anchor.block for anchor in world.anchors]
    block = begin_anew(world)
    body = world.bundle().body()
    report = verify(world, body, replaced(world, block))
    assert report.failed == ("directory",)
    assert f"block {old[0]} may hold an anchor" in report.checks[4].detail
    for number in old:
        body = with_block(world, body, number)
    report = verify(world, body, replaced(world, block))
    assert report.failed == ("directory",)
    assert f"block {old[0]} holds an anchor" in report.checks[4].detail


def test_a_history_up_to_the_replacement_still_verifies():
    world = example_world()
    body = world.bundle().body()
    world.chain.add_block()
    assert verify(world, body, replaced(world, world.chain.head)).ok


def test_a_broker_that_began_under_the_next_contract_has_nothing_to_hide():
    """Another member's anchor of the old contract names the broker's address in a log of another event."""
    world = own_world()
    contract = CONTRACTS["EvidenceAnchor"]
    world.chain.add_block([event_log(contract, "MemberSuspended", world.member, 0)])
    block = begin_anew(world)
    body = world.bundle().body()
    assert verify(world, body, replaced(world, block)).failed == ("directory",)
    assert verify(world, with_block(world, body, block - 1), replaced(world, block)).ok


def test_an_earlier_contract_before_the_trusted_headers_could_not_be_checked():
    world = own_world()
    block = begin_anew(world)
    data = parse_json(replaced(world, block))
    data["first"], data["headers"] = 1, data["headers"][1:]
    for entry in data["directory"]:
        if entry["address"] == CONTRACTS["EvidenceAnchor"]:
            entry["from_block"] = 0
    with pytest.raises(CouldNotCheck):
        verify(world, trust=canonical_json(data))
