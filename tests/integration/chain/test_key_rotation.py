"""A member rotates its keys on a real chain: what was signed before and after holds, whatever was on its way."""

import os
import random
import signal
import time

import pytest

from evidence.version2.log.checkpoint import open_anchor_checkpoint
from evidence.version2.promise import verify_promise
from node_adapter.keys.member_keys import MemberKeys
from node_adapter.store import outbox
from node_adapter.workflows.identity.credentials import issue_credentials
from node_adapter.workflows.identity.keys_in_force import (
    ENDED,
    IN_FORCE,
    KIND_ROTATION,
    WAITING,
    generations,
    keys_in_force,
    rotate,
)
from node_adapter.workflows.identity.verify_credentials import check_credentials
from primitives.errors import CouldNotCheck
from tests.world.anchors import every_anchor
from tests.world.chain_case import OLD, Case
from tests.world.keys import both_suites
from tests.world.payloads import PAYLOADS

pytestmark = pytest.mark.chain


@pytest.fixture
def case(consortium, drive):
    return Case(consortium, drive)


def in_force(node):
    return generation_in_force(node).signing_public


def generation_in_force(node):
    with node.store.read() as connection:
        return keys_in_force(node, connection)


def states(node):
    with node.store.read() as connection:
        return [entry.state for entry in generations(node, connection)]


def rotations(node):
    with node.store.read() as connection:
        return outbox.open_rows(connection, KIND_ROTATION)


def finish(case):
    case.drive(case.workers[0], lambda: not rotations(case.broker))


def note(case):
    return case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])


@both_suites
def test_an_anchor_on_its_way_while_the_keys_change_spoils_no_later_bundle(case):
    case.assess(OLD)
    case.anchor()
    before = generation_in_force(case.broker)
    note(case)
    case.drive(case.workers[0], lambda: every_anchor(case.broker)[-1].seq == 3)
    assert every_anchor(case.broker)[-1].block is None, "not the case that is meant: the anchor is final already"
    new, _ = rotate(case.broker)
    promised = note(case).promise
    verify_promise(promised, before.signing_public)
    finish(case)
    case.anchor()
    assert in_force(case.broker) == new.signing_public
    rows = every_anchor(case.broker)
    for row, keys in zip(rows, (before, before, new), strict=True):
        assert open_anchor_checkpoint(row.checkpoint, case.broker.did, keys.checkpoint_public).seq == row.seq
    assert rows[-1].size_before <= promised["log_index"] < rows[-1].size
    report = case.verify(case.replay()["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
    note(case)
    case.anchor()
    report = case.verify(case.replay()["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]


def test_a_rotation_under_load_loses_and_spoils_nothing(case):
    case.assess(OLD)
    promises = []
    for number in range(24):
        promises.append((note(case).promise, in_force(case.broker)))
        if number in (4, 14):
            finish(case)
            rotate(case.broker)
        case.workers[0].step()
    finish(case)
    promises.append((note(case).promise, in_force(case.broker)))
    case.anchor()
    assert states(case.broker) == [ENDED, ENDED, IN_FORCE]
    assert len({key for _, key in promises}) == 3
    for promise, key in promises:
        verify_promise(promise, key)
    report = case.verify(case.replay()["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
    assert len(report.records) == 8 + 25  # two openings among them


def test_a_process_that_opened_the_keystore_before_signs_with_the_new_key(case):
    web = case.consortium.node(0)
    case.assess(OLD)
    new, _ = rotate(case.broker)
    finish(case)
    assert in_force(web) == new.signing_public
    case.broker = web
    verify_promise(note(case).promise, new.signing_public)


def test_a_rotation_that_is_cut_short_goes_on_with_the_keys_that_it_made(case):
    made = MemberKeys.generate()
    case.broker.keys.add(made)  # killed here: sealed, and nothing was sent
    again = case.consortium.node(0)
    assert states(again) == [IN_FORCE, WAITING]
    first, key = rotate(again)
    assert first.signing_public == made.signing_public
    assert rotate(case.consortium.node(0)) == (first, key)  # killed after the commit
    assert len(rotations(case.broker)) == 1
    finish(case)
    assert states(case.broker) == [ENDED, IN_FORCE]
    assert rotate(case.broker)[0].signing_public != made.signing_public


def test_credentials_wait_for_the_rotation_and_hold_on_both_sides_of_it(case):
    case.assess(OLD)
    case.anchor()
    [before] = issue_credentials(case.broker, [{"subject": case.subject}])
    case.anchor()  # of what the ended key signed, only what was anchored in time stays good
    rotate(case.broker)
    with pytest.raises(CouldNotCheck) as caught:
        issue_credentials(case.broker, [{"subject": case.subject, "type": "IdentityCredential"}])
    assert caught.value.code == "key-rotation"
    finish(case)
    [after] = issue_credentials(case.broker, [{"subject": case.subject, "type": "IdentityCredential"}])
    for credential in (before, after):
        [verdict] = check_credentials(case.broker, [credential])
        assert isinstance(verdict, dict), verdict
        assert verdict["status"] == "verified"


def test_workers_killed_at_any_moment_finish_the_rotation(case, start_worker):
    home = case.consortium.homes[0]
    case.assess(OLD)
    case.anchor()
    dice = random.Random(7)
    for _ in range(2):
        new, _ = rotate(case.broker)
        for _ in range(3):
            process = start_worker(home)
            note(case)
            time.sleep(dice.uniform(0.8, 1.6))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        case.workers[0] = case.consortium.worker(case.broker)
        finish(case)
        assert in_force(case.broker) == new.signing_public
    case.workers[0] = case.consortium.worker(case.broker)
    case.anchor()
    report = case.verify(case.replay()["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
