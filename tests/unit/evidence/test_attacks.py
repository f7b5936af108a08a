"""Attacks on the verifier by a broker who owns his node, his keys and the bundle, but not the trust file."""

from __future__ import annotations

import copy

import pytest

from evidence.chain.registry_events import ED25519_ATTRIBUTE
from evidence.documents.act import verify_act
from evidence.documents.record import seal
from evidence.verify import bundle as verify_module
from primitives import ed25519
from primitives.ed25519 import MAX_KEYS_IN_FORCE
from primitives.timestamp import format_time
from scripts.vectors.synthetic_chain import World, event_log, example_world, seeded, verify_bundle

ANYBODY = bytes([1]) + bytes(31)  # the neutral point: R = neutral, S = 0 is a signature of every message


def own_world():
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    world.accept("LEVEL_RESULT", {"level": "C4"})
    return world


def verify(world, body=None, **options):
    made = world.bundle().body() if body is None else body
    return verify_bundle(world.seal(made), world.trust(), **options)


def two_anchors_in_one_block():
    """The first anchor leaves the last record out, the second, one transaction later, holds it."""
    world = own_world()
    world.accept("MISMATCH_WARN", {"code": "MISMATCH"})
    root, size, heads = world.tree.root(), world.tree.size, world.heads()
    sealed = world.accept("MISMATCH_INSIST", {"text_sha256": seeded("t").hex()}, signed=True)
    assert sealed.promise["log_index"] == size
    later = event_log(
        world.contracts["EvidenceAnchor"], "Anchored", world.member, 2, world.tree.root(), size + 1, root, bytes(32)
    )
    whole_tree, whole = world.tree, world.records[world.subject]
    world.tree = type(whole_tree).from_leaf_hashes([whole_tree.leaf(index) for index in range(size)])
    world.records[world.subject] = whole[:-1]
    world.anchor(later, heads=heads)
    return world


def test_an_older_anchor_of_the_same_block_is_not_the_last():
    world = two_anchors_in_one_block()
    report = verify(world)
    assert report.failed == ("anchor-event",)
    assert "anchor 2" in report.checks[5].detail


def test_the_last_anchors_block_cannot_be_left_out():
    world = two_anchors_in_one_block()
    body = world.bundle().body()
    body["blocks"] = [block for block in body["blocks"] if block["number"] != world.anchors[-1].block]
    assert verify(world, body).failed == ("anchor-event",)


def test_anchors_of_others_in_the_last_block_do_not_count():
    world = own_world()
    other = event_log(
        world.contracts["EvidenceAnchor"], "Anchored", "0x" + "77" * 20, 99, bytes(32), 9, bytes(32), bytes(32)
    )
    fake = event_log("0x" + "66" * 20, "Anchored", world.member, 99, bytes(32), 9, bytes(32), bytes(32))
    world.anchor(other, fake)
    assert verify(world).ok


def test_a_record_logged_after_its_follower_is_seen():
    """The warning is kept out of the log until it is needed; what follows it was logged and anchored before."""
    world = own_world()
    before = world.records[world.subject][-1].sealed
    warned = world.accept("MISMATCH_WARN", {"code": "MISMATCH"})
    held_back = type(world.tree).from_leaf_hashes([world.tree.leaf(0)])
    world.tree = held_back
    world.records[world.subject].pop()
    envelope = dict(warned.sealed.envelope) | {
        "type": "MATCH_OPINION",
        "seq": 3,
        "prev": warned.sealed.fingerprint.hex(),
        "record_id": "019aa3b1-0000-7000-8000-000000000009",
    }
    follower = seal({**envelope, "fields": {}}, {}, seeded("follower"))
    now = world.chain.time(world.chain.head) * 1000
    second = world.append(follower, now)
    first = world.append(warned.sealed, now)
    assert before.fingerprint.hex() == warned.sealed.envelope["prev"]
    world.records[world.subject] = [world.records[world.subject][0], first, second]
    world.anchor()
    report = verify(world)
    assert report.failed == ("inclusion",)
    assert "before the record that it follows" in report.checks[13].detail


def test_a_later_anchor_is_not_passed_off_as_the_first():
    """It would make room for a later block at acceptance."""
    world = example_world()
    body = copy.deepcopy(world.bundle().body())
    item, last = body["history"]["records"][0], body["anchors"][-1]["seq"]
    assert item["first_anchor"] != last
    item["first_anchor"], item["first_path"] = last, item["last_path"]
    assert verify(world, body).failed == ("inclusion",)


def late_act(valid_to=2**40):
    """The key ends in a block between the stated acceptance and the anchor."""
    world = own_world()
    if valid_to != 2**40:
        world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed), valid_to)])
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    return world


def test_an_act_dated_before_its_keys_revocation_and_anchored_after_it_is_noted():
    world = late_act()
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed), 0)])
    world.anchor()
    report = verify(world)
    assert report.ok
    [note] = report.notes
    assert "record 2 (LEVEL_CONFIRM)" in note
    assert f"no longer at block {world.anchors[-1].block}" in note


def test_an_act_dated_before_its_keys_expiry_and_anchored_after_it_is_noted():
    world = late_act(valid_to=World().chain.time(5))
    for _ in range(3):
        world.chain.add_block()
    world.anchor()
    assert len(verify(world).notes) == 1


def test_an_act_anchored_while_its_key_holds_is_not_noted():
    world = late_act()
    world.anchor()
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed), 0)])
    world.anchor()
    assert verify(world).notes == ()


def test_redaction_does_not_pass_in_silence():
    world = example_world()
    body = world.bundle().body()
    body["history"]["records"][1]["record"]["fields"].pop("total")
    report = verify(world, body)
    assert report.ok
    assert report.notes == ("1 records are redacted: the bundle does not show all their fields",)


def test_a_key_under_which_anybody_can_sign_signs_no_act():
    world = own_world()
    world.chain.add_block([world.set_key(ANYBODY)])
    honest = world.sign({**world.records[world.subject][0].sealed.envelope, "type": "LEVEL_CONFIRM"})
    forged = {**honest, "value": "AQ" + "A" * 84}
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True, signatures=[forged])
    world.anchor()
    assert verify(world).failed == ("client-signature",)


@pytest.mark.parametrize("name", [ED25519_ATTRIBUTE[:-1] + b"x", b"did/pub/Ed25519/sigAuth/hex".ljust(32, b"\0")])
def test_a_key_under_another_name_signs_no_act(name):
    world = own_world()
    world.client_seed = seeded("another seed")
    public = ed25519.public_key(world.client_seed)
    world.chain.add_block([world.change("DidRegistry", "DIDAttributeChanged", world.identity, name, public, 2**40)])
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    world.anchor()
    assert verify(world).failed == ("client-signature",)


def test_a_deactivated_client_signs_nothing():
    world = own_world()
    world.chain.add_block([world.change("DidRegistry", "DIDOwnerChanged", world.identity, "0x" + "0" * 40)])
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    world.anchor()
    assert verify(world).failed == ("client-signature",)


@pytest.mark.parametrize("type_", ["LEVEL_CONFIRM", "CONSENT_WITHDRAW"])
def test_an_unsigned_act_among_the_references_fails(type_):
    world = own_world()
    product = seeded("product")
    world.accept(type_, {}, subject=product)
    world.anchor()
    assert verify(world, world.bundle(references=[product]).body()).failed == ("client-signature",)


def test_one_good_signature_does_not_carry_a_bad_one():
    world = own_world()
    good = world.accept("RISK_CONFIRM", {"items": []}, signed=True).sealed.envelope["signatures"][0]
    other = own_world()
    bad = {**good, "value": good["value"][:-4] + ("AAAA" if good["value"][-4:] != "AAAA" else "BBBA")}
    other.accept("RISK_CONFIRM", {"items": []}, signed=True, signatures=[good, bad])
    other.anchor()
    assert other.records[other.subject][1].sealed.envelope["signatures"][0] == good
    assert verify(other).failed == ("client-signature",)


@pytest.mark.parametrize(("offset", "noted"), [(-301, True), (-200, False), (200, False), (310, True)])
def test_a_record_dated_outside_its_blocks_is_a_finding(offset, noted):
    world = own_world()
    when = format_time((world.chain.time(world.chain.head) + offset) * 1000)
    world.accept("MISMATCH_WARN", {"code": "MISMATCH"}, recorded_at=when)
    world.anchor()
    report = verify(world)
    assert report.ok
    assert any(when in finding.detail for finding in report.findings) is noted


def test_a_history_without_records_is_no_history():
    world = example_world()
    body = world.bundle().body()
    body["history"]["records"] = []
    assert "subject-completeness" in verify(world, body).failed


def test_a_map_that_went_back_is_refused():
    """The chain does not check maps: a later map may count less. What the earlier ones held is in the bundle too."""
    world = example_world()
    assert verify(world).ok
    world.records[world.subject] = world.records[world.subject][:-2]
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    report = verify(world)
    assert report.failed == ("subject-completeness",)
    assert "anchor 3 covers 3 of the records shown, its map counts 5" in report.checks[14].detail


def many_keys(count):
    """A client sets keys without end; the first one, and then the last, signs acts."""
    world = own_world()
    first, world.client_seed = world.client_seed, seeded("the last key")
    keys = [seeded(f"key {number}") for number in range(count)] + [ed25519.public_key(world.client_seed)]
    for key in keys:
        world.chain.add_block([world.set_key(key)])
    return world, first


def test_hundreds_of_keys_cost_no_more_than_the_newest(monkeypatch):
    """Each signature would have to be tried with all of them."""
    world, first = many_keys(150)
    for _ in range(3):
        world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    last, world.client_seed = world.client_seed, first
    world.accept("RISK_CONFIRM", {"items": []}, signed=True)
    world.client_seed = last
    world.anchor()
    tried = []
    monkeypatch.setattr(verify_module, "verify_act", lambda *words: tried.append(words) or verify_act(*words))
    report = verify(world)
    assert report.failed == ("client-signature",)  # the first key is none of the newest any more
    assert len(tried) == 3 + MAX_KEYS_IN_FORCE


def test_the_key_that_a_signature_names_is_tried_first(monkeypatch):
    world, _ = many_keys(20)
    envelope_key = f"{world.client}#delegate-1"
    world.client_seed = seeded("client signing seed")
    accepted = world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    assert accepted.sealed.envelope["signatures"][0]["key"] == envelope_key
    world.anchor()
    tried = []
    monkeypatch.setattr(verify_module, "verify_act", lambda *words: tried.append(words) or verify_act(*words))
    assert verify(world).ok
    assert len(tried) == 1


def test_which_key_a_signature_names_decides_nothing():
    world, _ = many_keys(5)
    accepted = world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    assert accepted.sealed.envelope["signatures"][0]["key"].endswith("#delegate-1")  # the last one signed
    world.anchor()
    assert verify(world).ok
