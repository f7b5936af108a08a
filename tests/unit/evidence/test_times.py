"""Times: a history that was made later and dated back shows against the times of trusted blocks, record by record."""

from __future__ import annotations

import pytest

from evidence.documents.promise import MAX_PROMISE_MS
from primitives import ed25519
from primitives.timestamp import format_time
from scripts.vectors.synthetic_chain import World, seeded, verify_bundle

DAY = 86_400
HOUR = 3_600


def own_world(**settings):
    world = World(**settings)
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    return world


def verified(world):
    report = verify_bundle(world.seal(world.bundle().body()), world.trust())
    assert report.ok, report.failed
    return report


def codes(world):
    return [finding.code for finding in verified(world).findings]


def stated(world, ms):
    return format_time(world.chain.time(world.chain.head) * 1000 + ms)


def test_a_file_made_ninety_days_later_and_dated_back_has_a_finding_for_each_record():
    """All times within the file agree, each promise is kept, and the client's key of then has signed."""
    world = own_world(promise_ms=100 * DAY * 1000)
    for type_ in ("Q_SUBMIT", "LEVEL_RESULT"):
        world.accept(type_, {})
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    world.chain.stood_still = 90 * DAY
    world.anchor()
    report = verified(world)
    late = [finding for finding in report.findings if finding.code == "ANCHORED_LATE"]
    assert [finding.record_id for finding in late] == [record.record_id for record in report.records]
    anchored = format_time(world.chain.time(world.chain.head) * 1000)
    assert all(finding.detail.endswith(f"knows of it since {anchored}") for finding in late)
    assert {format_time(record.anchored_at) for record in report.records} == {anchored}
    assert report.verdict.endswith("; 3 of 3 records anchored late")
    assert codes(world).count("PROMISE_FAR") == 3


def test_records_anchored_in_time_have_no_finding():
    world = own_world()
    world.accept("Q_SUBMIT", {})
    world.anchor()
    report = verified(world)
    assert report.findings == ()
    assert "late" not in report.verdict


@pytest.mark.parametrize(
    ("occurred", "recorded", "still", "found"),
    [
        (0, 0, DAY - 60, []),
        (0, 0, DAY + 60, ["ANCHORED_LATE"]),
        (-DAY, 0, DAY - 60, []),  # a day to record it, a day to anchor it
        (-2 * DAY, 0, 60, ["ANCHORED_LATE"]),
    ],
)
def test_the_anchor_is_measured_against_both_stated_times(occurred, recorded, still, found):
    world = own_world(promise_ms=MAX_PROMISE_MS)
    times = {"occurred_at": stated(world, occurred * 1000), "recorded_at": stated(world, recorded * 1000)}
    world.accept("DUTY_NOTICE", {}, **times)
    world.chain.stood_still = still
    world.anchor()
    assert [code for code in codes(world) if code != "PROMISE_LATE"] == found


def test_a_promise_of_more_than_a_day_is_a_finding():
    for ms, found in ((MAX_PROMISE_MS, []), (MAX_PROMISE_MS + 1, ["PROMISE_FAR"])):
        world = own_world(promise_ms=ms)
        world.accept("DUTY_NOTICE", {})
        world.anchor()
        assert codes(world) == found


@pytest.mark.parametrize(("offset", "found"), [(-HOUR, ["TIMES_CONTRADICT"] * 2), (-200, []), (200, [])])
def test_recorded_and_accepted_are_the_same_moment(offset, found):
    """An hour before: it contradicts the promise, and the block at acceptance, too."""
    world = own_world()
    world.accept("DUTY_NOTICE", {}, recorded_at=stated(world, offset * 1000))
    world.anchor()
    assert codes(world) == found


def test_a_record_from_after_its_anchor_is_a_finding():
    world = own_world()
    world.accept("DUTY_NOTICE", {}, recorded_at=stated(world, HOUR * 1000))
    world.anchor()
    assert set(codes(world)) == {"TIMES_CONTRADICT"}


def test_an_old_block_at_acceptance_is_a_finding():
    """It would let a key sign that was in force at that block and is no more."""
    world = own_world()
    old = world.chain.head
    world.chain.add_block()
    world.chain.stood_still = HOUR
    world.chain.add_block()
    accepted = world.accept("DUTY_NOTICE", {})
    headers, world.chain.headers = world.chain.headers, world.chain.headers[: old + 1]
    accepted.promise = world.promise(accepted.sealed, 0, world.chain.time(len(headers) - 1) * 1000)
    world.chain.headers = headers
    world.anchor()
    [finding] = verified(world).findings
    assert finding.code == "BLOCK_STALE"
    assert f"at block {old}, which another followed" in finding.detail


def test_the_times_of_references_count_too():
    world = own_world(promise_ms=100 * DAY * 1000)
    product = seeded("product")
    world.accept("PRODUCT_RATE", {}, subject=product)
    world.chain.stood_still = 90 * DAY
    world.chain.add_block()
    world.accept("MATCH_OPINION", {})
    world.anchor()
    report = verify_bundle(world.seal(world.bundle(references=[product]).body()), world.trust())
    assert report.verdict.endswith("; 1 of 2 records anchored late")
