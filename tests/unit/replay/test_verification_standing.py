"""Of a verification: what was asked of the bundle and holds, and what was not asked, with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evidence.verify.verdict import CHECKS, HELD_PROMISES
from replay.further_checks import EXPECTED_SUBJECT, IDENTITIES, REACH, further_checks
from replay.orders import CHECK as ORDERS
from replay.records import of_verified
from replay.report_material import AS_OF_NOW
from replay.standing import LATER, NOTHING_PROVED, RESULTS, RULES
from replay.verification import verify_history
from replay.verification_json import verification_json
from scripts.vectors.synthetic_chain import example_world

GIVEN_NOTHING = {AS_OF_NOW, EXPECTED_SUBJECT, REACH, HELD_PROMISES}


@pytest.fixture(scope="module")
def world():
    return example_world()


def told(world, body=None, **options):
    bundle = world.seal(world.bundle().body() if body is None else body)
    found = verification_json(verify_history(bundle, world.trust(), **options))
    return found, {entry["check"]: entry["reason"] for entry in found["not_checked"]}


def test_whoever_brings_nothing_is_told_what_was_not_asked(world):
    found, skipped = told(world)
    assert set(skipped) - {RULES, RESULTS, LATER} == GIVEN_NOTHING
    assert all(skipped.values())
    assert set(CHECKS) <= set(found["checked"])
    assert not set(found["checked"]) & set(skipped)


def test_what_is_given_is_asked_and_named_once(world):
    plain, _ = told(world)
    options = {"subject": plain["subject"], "at_least_block": 1, "promises": []}
    found, skipped = told(world, **options)
    assert not set(skipped) & {EXPECTED_SUBJECT, REACH, HELD_PROMISES}
    for name in (EXPECTED_SUBJECT, REACH, HELD_PROMISES):
        assert found["checked"].count(name) == 1


def test_beside_evidence_that_does_not_hold_nothing_was_asked(world):
    found, skipped = told(world, {**world.bundle().body(), "case": "another"}, at_least_block=10_000)
    assert not found["ok"]
    assert {skipped[name] for name in (RULES, RESULTS, REACH)} == {NOTHING_PROVED}
    assert not set(found["checked"]) & {RULES, RESULTS, REACH}


@pytest.mark.parametrize("given", [set(), {ORDERS}])
def test_an_order_is_asked_where_there_is_one_and_a_key(world, given):
    report = verify_history(world.seal(world.bundle().body()), world.trust()).report
    records = [of_verified(record) for record in report.records]
    assert ORDERS not in further_checks(report, records, given=given, identities=())
    records[0] = replace(records[0], values={"order": {}})
    reason = further_checks(report, records, given=given, identities=())[ORDERS]
    assert (reason == "") == bool(given)
    assert given or records[0].label in reason


def test_another_identity_that_a_history_names_is_asked_for(world):
    report = verify_history(world.seal(world.bundle().body()), world.trust()).report
    records = [of_verified(record) for record in report.records if record.subject == report.subject]
    other = "ab" * 32
    tie = {"predecessor": other, "predecessor_did": "did:ethr:0x7:0x" + "c1" * 20}
    records[0] = replace(records[0], type="ID_SUCCEED", values=tie)
    assert other in further_checks(report, records, given=(), identities=())[IDENTITIES]
    assert further_checks(report, records, given=(), identities={other})[IDENTITIES] == ""
