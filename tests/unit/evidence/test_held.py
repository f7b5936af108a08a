"""Promises that somebody holds, against bundles that the broker forged with its own keys."""

from __future__ import annotations

import pytest

from evidence.documents.record import seal
from evidence.verify.verdict import CHECKS
from primitives import ed25519
from primitives.errors import CouldNotCheck, InvalidInput
from scripts.vectors.synthetic_chain import World, example_world, seeded, verify_bundle


def own_world():
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    world.accept("LEVEL_RESULT", {"level": "C4"})
    return world


def held(world, *more):
    return [dict(item.promise) for item in world.records[world.subject]] + list(more)


def verify(world, promises, body=None):
    made = world.bundle().body() if body is None else body
    return verify_bundle(world.seal(made), world.trust(), promises=promises)


def refuted(report, *names):
    assert report.failed == names
    return report.checks[-1].detail


def test_an_honest_broker_keeps_what_it_promised():
    world = example_world()
    report = verify(world, held(world))
    assert report.ok
    assert tuple(check.name for check in report.checks) == (*CHECKS, "held-promises")
    assert report.checks[-1].detail == "5 held: 5 shown"
    assert verify(world, []).checks[-1].detail == "0 held: none"
    assert verify_bundle(world.seal(world.bundle().body()), world.trust()).checks[-1].name == CHECKS[-1]


def logged_and_never_counted():
    """The record stands in the log and in no map: the next one takes its place in the subject's chain."""
    world = own_world()
    hidden = world.accept("MISMATCH_INSIST", {"text_sha256": "00"}, signed=True)
    world.records[world.subject].pop()
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    return world, dict(hidden.promise)


def test_a_record_that_was_logged_and_never_counted_is_convicted_by_its_promise():
    world, promise = logged_and_never_counted()
    assert verify(world, held(world)).ok  # without the promise nothing shows
    detail = refuted(verify(world, held(world, promise)), "held-promises")
    assert promise["record_id"] in detail
    assert "is not in the bundle, whose last anchor covers 3 log entries" in detail


def test_a_record_that_was_promised_and_never_logged_is_convicted_when_its_time_is_over():
    world = own_world()
    hidden = world.accept("MISMATCH_WARN", {})
    world.records[world.subject].pop()
    world.tree = type(world.tree).from_leaf_hashes([world.tree.leaf(0)])
    for _ in range(20):
        world.chain.add_block()
    world.anchor()
    assert "was not anchored by" in refuted(verify(world, [dict(hidden.promise)]), "held-promises")


def test_a_record_under_another_pseudonym_is_convicted():
    world = own_world()
    other = world.accept("MISMATCH_WARN", {}, subject=seeded("a second pseudonym"))
    world.anchor()
    assert verify(world, held(world)).ok
    detail = refuted(verify(world, [dict(other.promise)]), "held-promises")
    assert "of which the bundle shows nothing" in detail


def test_an_older_bundle_does_not_pass_for_an_answer_to_a_promise_that_was_due():
    world = own_world()
    world.anchor()
    later = world.accept("MISMATCH_WARN", {})
    body = world.bundle().body()
    assert verify(world, [dict(later.promise)], body).checks[-1].detail == "1 held: 1 not due"
    for _ in range(20):
        world.chain.add_block()
    detail = refuted(verify(world, [dict(later.promise)], body), "held-promises")
    assert detail.endswith("ask for one that reaches further")


@pytest.mark.parametrize("change", ["anchor_by", "log_index"])
def test_a_second_promise_for_the_same_record_is_seen(change):
    """The broker swaps the promise that it broke for one with a later time."""
    world = own_world()
    accepted = world.records[world.subject][0]
    first = dict(accepted.promise)
    if change == "anchor_by":
        world.promise_ms *= 2
    accepted.promise = world.promise(accepted.sealed, 0, world.chain.time(world.chain.head) * 1000 + 1)
    if change == "log_index":
        first = world.promise(accepted.sealed, 5, world.chain.time(world.chain.head) * 1000 + 1)
    world.anchor()
    assert verify(world, held(world)).ok
    assert change in refuted(verify(world, [first]), "held-promises")


def test_promises_of_other_brokers_are_counted_and_left_alone():
    world, other = own_world(), own_world()
    other.member = "0x" + "77" * 20
    world.anchor()
    accepted = other.accept("DUTY_NOTICE", {})
    assert verify(world, held(world, dict(accepted.promise))).checks[-1].detail == "2 held: 1 shown, 1 of other brokers"


def test_a_promise_that_the_broker_did_not_sign_shows_nothing():
    world = own_world()
    world.anchor()
    forger = own_world()
    forger.broker_seed = seeded("a forger")
    forged = dict(forger.accept("MISMATCH_WARN", {}).promise)
    with pytest.raises(CouldNotCheck, match=r"promises\[1\] shows nothing"):
        verify(world, held(world, forged))
    body = world.bundle().body()
    body["history"]["records"].pop()
    assert "subject-completeness" in verify(world, [forged], body).failed  # what is refuted stays refuted
    for bad in ({}, [], None, {**forged, "block": "1"}, {**forged, "more": 1}):
        with pytest.raises(InvalidInput):
            verify(world, [bad])


def test_one_act_of_the_client_is_one_record():
    """The broker puts one signature into two records: two insistences, of which the client made one."""
    world = own_world()
    first = world.accept("RISK_CONFIRM", {"items": ["a"]}, signed=True)
    again = dict(first.sealed.envelope) | {
        "seq": 3,
        "prev": first.sealed.fingerprint.hex(),
        "record_id": "019aa3b1-0000-7000-8000-000000000009",
        "recorded_at": first.sealed.envelope["recorded_at"],
    }
    sealed = seal(again, first.sealed.values, first.sealed.root_salt)
    world.append(sealed, world.chain.time(world.chain.head) * 1000 + 5)
    world.anchor()
    report = verify(world, None)
    assert report.failed == ("client-signature",)
    assert "record 3 (RISK_CONFIRM) is the same act as record 2" in report.checks[11].detail


@pytest.mark.parametrize("in_reference", [False, True])
def test_one_record_id_names_one_record(in_reference):
    world = own_world()
    used = world.records[world.subject][0].sealed.envelope["record_id"]
    product = seeded("product")
    world.accept("PRODUCT_RATE", {}, subject=product if in_reference else world.subject, record_id=used)
    world.anchor()
    report = verify(world, None, world.bundle(references=[product] if in_reference else []).body())
    assert report.failed == ("subject-chain",)
    assert "record_id of another" in report.checks[9].detail
