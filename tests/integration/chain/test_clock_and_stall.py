"""The machine's clock jumps, and the chain stands still: what is anchored goes on, and no promise is broken."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from dataclasses import replace

import pytest

from evidence.verify.times import CLOCK_MS
from evidence.version2.promise import parse_promise
from node_adapter.chain.rpc import HttpRpc
from node_adapter.chain_process import ChainProcess
from node_adapter.store import alarms, anchors, records
from node_adapter.workflows.anchoring import settlement
from node_adapter.workflows.anchoring.owed_promises import promises_for
from node_adapter.workflows.anchoring.promises import check_promises
from node_adapter.workflows.intake.enrol_subject import enrol_subjects
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.intake.submitting import submit_facts
from primitives.errors import CouldNotCheck
from primitives.timestamp import format_time
from tests.world.payloads import rating

pytestmark = pytest.mark.chain
PROMISE_SECONDS = 60
DAY_MS = 86_400_000


class Clocks:
    """The machine's clocks, and how far somebody has set them; `pass_by` lets time pass in both."""

    def __init__(self):
        self.set_by = 0
        self.passed = 0

    def now_ms(self):
        return time.time_ns() // 1_000_000 + self.passed + self.set_by

    def monotonic_ms(self):
        return time.monotonic_ns() // 1_000_000 + self.passed

    def sleep(self, seconds):
        time.sleep(seconds)

    def pass_by(self, seconds):
        self.passed += int(seconds * 1000)


class Broker:
    """A broker's node and chain process on a real chain, in this process, under clocks that the test moves."""

    def __init__(self, consortium, drive):
        self.consortium, self._drive, self.clocks, self.count = consortium, drive, Clocks(), 0
        self.node = replace(consortium.node(), clock=self.clocks)
        self.rpc = HttpRpc(consortium.chain.rpc_url, timeout_seconds=0.3)
        self.restart()
        self.drive(lambda: self.node.sign_of_life() is not None and self.node.sign_of_life().answered is not None)
        install_ruleset(self.node, {"packaged": "sac-bands@1"})
        [answer] = enrol_subjects(self.node, [{"client_ref": "a product", "product_id": "fund-1"}])
        self.subject = answer["subject"]

    def restart(self):
        """A new chain process takes over."""
        self.process = ChainProcess(self.node, self.rpc, pause=lambda _seconds: None, should_stop=lambda: False)
        self.process._anchoring.load()

    def drive(self, until):
        self._drive(self.process, until)

    def accept(self):
        self.count += 1
        fact = {
            "source_ref": f"rating {self.count}",
            "subject": self.subject,
            "type": "PRODUCT_RATE",
            "occurred_at": format_time(self.clocks.now_ms()),
            "channel": "api",
            "actor": {"did": self.node.did, "role": "staff"},
            "payload": rating(),
        }
        [outcome] = submit_facts(self.node, [fact])
        return outcome

    def accepted(self):
        """Accept a fact in the moment after a turn of the chain process."""
        self.process.step()
        return self.accept()

    def all_anchored(self):
        with self.node.store.read() as connection:
            size = records.log_size(connection)
            return anchors.anchored_size(connection) == size and records.owed_count(connection) == 0

    def broken(self):
        with self.node.store.read() as connection:
            return [alarm.about for alarm in alarms.list_alarms(connection, alarms.PROMISE_BROKEN)]


@pytest.fixture
def broker(make_consortium, drive):
    made = Broker(make_consortium(anchoring={"promise_seconds": PROMISE_SECONDS, "period_seconds": 1}), drive)
    with closing(made.rpc):
        yield made


@pytest.mark.parametrize("jump", [CLOCK_MS - 60_000, -3_600_000])
@pytest.mark.parametrize("restarts", [False, True])
def test_what_is_accepted_around_a_jump_of_the_clock_is_anchored(broker, jump, restarts):
    before = broker.accepted()
    broker.drive(broker.all_anchored)
    broker.clocks.set_by = jump
    during = broker.accepted()
    if restarts:
        broker.restart()
    broker.drive(broker.all_anchored)
    broker.clocks.set_by = 0
    if restarts:
        broker.restart()
    after = broker.accepted()
    broker.drive(broker.all_anchored)
    assert before.promise is not None
    assert after.promise is not None
    assert (during.trouble == "clock-behind") == (jump < 0)
    found = promises_for(broker.node, [{"record_id": one.record_id} for one in (before, during, after)])
    outcomes = check_promises(broker.node, [{"promise": answer["promise"]} for answer in found])
    assert [outcome["status"] for outcome in outcomes] == ["kept"] * 3
    assert broker.broken() == []


@pytest.mark.parametrize(("days", "code"), [(-30, "clock-behind"), (30, "clock-ahead")])
def test_nothing_is_accepted_while_the_clock_is_days_behind_or_ahead(broker, days, code):
    """No promise of it could be kept, which is for a day at the most; or it would be made after its anchor."""
    broker.drive(lambda: broker.all_anchored() and broker.node.sign_of_life().chain_told is not None)
    broker.clocks.set_by = days * DAY_MS
    with pytest.raises(CouldNotCheck) as caught:
        broker.accepted()
    assert caught.value.code == code
    broker.drive(broker.all_anchored)
    broker.clocks.set_by = 0
    assert broker.accepted().promise is not None


def test_a_jump_ahead_breaks_no_open_promise(broker):
    broker.drive(broker.all_anchored)
    broker.accepted()
    broker.clocks.set_by = 30 * DAY_MS
    assert settlement.watch_promises(broker.node.store, broker.clocks.now_ms(), broker.process._chain_now()) == 0
    broker.drive(broker.all_anchored)
    assert broker.broken() == []


def test_a_jump_ahead_is_one_heartbeat_at_most(broker, make_consortium):
    broker.accepted()
    broker.drive(broker.all_anchored)
    broker.clocks.set_by = 30 * DAY_MS
    for _ in range(2):
        broker.restart()
        for _ in range(20):
            broker.process.step()
    with broker.node.store.read() as connection:
        assert anchors.last_final(connection).seq <= 3


def test_a_chain_that_stands_still_gets_no_promises_that_it_breaks(broker):
    broker.drive(broker.all_anchored)
    pid = broker.consortium.chain.pid
    answers = []
    os.kill(pid, signal.SIGSTOP)
    try:
        broker.clocks.pass_by(PROMISE_SECONDS / 20 + 0.1)  # from here the silence counts
        for _ in range(3):  # 90 s
            broker.process._turn()
            answers += [broker.accept() for _ in range(5)]
            broker.clocks.pass_by(30)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {answer.trouble for answer in answers} == {"chain-silent"}
    broker.consortium.rpc.call("evm_increaseTime", 90)
    broker.consortium.rpc.call("evm_mine")
    broker.drive(broker.all_anchored)
    again = broker.accepted()
    assert again.promise is not None
    broker.drive(broker.all_anchored)
    found = promises_for(broker.node, [{"record_id": answer.record_id} for answer in [*answers, again]])
    outcomes = check_promises(broker.node, [{"promise": answer["promise"]} for answer in found])
    assert {outcome["status"] for outcome in outcomes} == {"kept"}
    assert broker.broken() == []


def test_a_chain_that_answers_and_makes_no_block_is_seen(broker):
    broker.accepted()
    broker.drive(broker.all_anchored)
    broker.consortium.rpc.call("evm_setAutomine", False)
    first = broker.accepted()
    for _ in range(30):
        broker.process.step()
        broker.clocks.pass_by(0.5)
    second = broker.accepted()
    broker.consortium.rpc.call("evm_setAutomine", True)
    broker.consortium.rpc.call("evm_mine")
    broker.drive(broker.all_anchored)
    assert first.promise is not None
    assert second.trouble == "chain-stalled"


def test_a_slow_clock_promises_nothing_that_the_chain_has_ended(broker):
    broker.drive(broker.all_anchored)
    broker.clocks.set_by = -300_000
    owed = broker.accepted()
    assert owed.trouble == "clock-behind"
    broker.drive(broker.all_anchored)
    [answer] = promises_for(broker.node, [{"record_id": owed.record_id}])
    promise, _ = parse_promise(answer["promise"])
    assert promise.anchor_by - promise.recorded_at > 298_000  # a block says its time in whole seconds
    [outcome] = check_promises(broker.node, [{"promise": answer["promise"]}])
    assert outcome["status"] == "kept"


def test_the_chain_tells_its_time_also_where_no_block_was_made_for_long(broker):
    broker.clocks.pass_by(3600)  # as long as the chain had made no block
    broker.consortium.rpc.call("evm_increaseTime", 3600)
    broker.process.step()
    ahead = broker.node.sign_of_life().chain_ahead
    assert abs(broker.clocks.monotonic_ms() + ahead - broker.clocks.now_ms()) < 5_000
