"""A promise on a real chain: kept, and not kept; another member proves it against the regulator's headers."""

from __future__ import annotations

import time

import pytest

from evidence.verify.breach import verify_breach
from node_adapter.store import anchors
from node_adapter.store.chain import blocks
from node_adapter.workflows.anchoring.promises import check_promises
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import enrol_subjects
from node_adapter.workflows.intake.facts import submit_facts
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.replay.trust_file import trust_file
from primitives.canonical import canonical_json
from primitives.timestamp import format_time, parse_time
from tests.world.payloads import rating

pytestmark = pytest.mark.chain
PROMISE_SECONDS = 3


class Members:
    """A broker that makes promises of a few seconds, another broker and a regulator who follow the same chain."""

    def __init__(self, make_consortium, drive):
        self.consortium = make_consortium(brokers=2, anchoring={"promise_seconds": PROMISE_SECONDS})
        self.drive = drive
        self.broker, self.other, self.regulator = (self.consortium.node(index) for index in range(3))
        self.workers = {
            node.address: self.consortium.worker(node) for node in (self.broker, self.other, self.regulator)
        }
        drive(self.workers[self.broker.address], lambda: self.tip(self.broker) is not None)
        install_ruleset(self.broker, {"packaged": "sac-bands@1"})
        [answer] = enrol_subjects(self.broker, [{"client_ref": "a product", "product_id": "fund-1"}])
        self.subject, self.count = answer["subject"], 0

    def tip(self, node):
        with node.store.read() as connection:
            return blocks.find_tip(connection)

    def accept(self):
        self.count += 1
        fact = {
            "source_ref": f"rating {self.count}",
            "subject": self.subject,
            "type": "PRODUCT_RATE",
            "occurred_at": format_time(self.broker.clock.now_ms()),
            "channel": "api",
            "actor": {"did": self.broker.did, "role": "staff"},
            "payload": rating(),
        }
        [outcome] = submit_facts(self.broker, [fact])
        assert isinstance(outcome, Accepted), outcome
        return outcome.promise

    def anchored(self, promise):
        [answer] = check_promises(self.broker, [{"promise": promise}])
        return not isinstance(answer, Exception) and answer["status"] == "kept"

    def follow(self, promise):
        """Let the other members read the chain past the promised time; the broker's worker stands still."""
        left = parse_time(promise["anchor_by"], "anchor_by") / 1000 - time.time()
        time.sleep(max(0.0, left) + 1.1)
        self.consortium.rpc.call("evm_mine")
        self.consortium.rpc.call("evm_mine")
        for node in (self.other, self.regulator):
            self.drive(self.workers[node.address], lambda node=node: self.time_of(node) > promise["anchor_by"])

    def time_of(self, node):
        with node.store.read() as connection:
            found = blocks.find_tip(connection)
        return format_time(found.timestamp * 1000) if found else ""

    def check(self, promise):
        [answer] = check_promises(self.other, [{"promise": promise}])
        return answer


def settled(members):
    """Whether everything that the broker accepted is anchored in its own index."""
    with members.broker.store.read() as connection:
        last = anchors.latest(connection)
        return last is not None and last.block is not None and last.size == members.count


def test_a_promise_that_is_not_kept_is_proved_by_another_member(make_consortium, drive):
    members = Members(make_consortium, drive)
    kept = members.accept()
    drive(members.workers[members.broker.address], lambda: members.anchored(kept))
    late = members.accept()
    members.follow(late)

    assert members.check(kept)["status"] == "kept"
    answer = members.check(late)
    assert answer["status"] == "broken", answer
    assert answer["claim"]["anchor"]["seq"] == 1
    claim = canonical_json(answer["claim"])
    report = verify_breach(claim, trust_file(members.regulator))
    assert report.ok, report.checks
    assert report.verdict == f"broken: by {late['anchor_by']} no anchor covered log index 1"

    # anchoring it now does not mend it, and the claim stands on the longer chain too
    drive(members.workers[members.broker.address], lambda: settled(members))
    for node in (members.other, members.regulator):
        drive(
            members.workers[node.address],
            lambda node=node: members.tip(node).number >= members.tip(members.broker).number,
        )
    assert members.check(late)["status"] == "broken"
    assert verify_breach(claim, trust_file(members.regulator)).ok


def test_a_broker_that_never_anchored_is_proved_to_have_broken_its_promise(make_consortium, drive):
    members = Members(make_consortium, drive)
    promise = members.accept()
    members.follow(promise)
    answer = members.check(promise)
    assert answer["claim"]["anchor"] is None
    assert verify_breach(canonical_json(answer["claim"]), trust_file(members.regulator)).ok
