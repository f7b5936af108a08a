"""A promise on a real chain: kept, and not kept; another member proves it under a block that the regulator signs."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import pytest

from evidence.chain.engines import HEADER_RULES
from evidence.version2.documents.claim import parse_claim
from evidence.version2.promise import PromiseStanding
from evidence.version2.verify.claim import verify_claim
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.peers.messages import verify_message
from node_adapter.state_worker import indexed
from node_adapter.store import anchors, records
from node_adapter.store.chain import blocks
from node_adapter.workflows.anchoring.log_evidence import show_evidence
from node_adapter.workflows.anchoring.promises import check_promises
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import enrol_subjects
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.replay.trust_file import own_word
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
        self.broker, self.other, self.regulator = (self._proving(self.consortium.node(index)) for index in range(3))
        self.other = replace(
            self.other,
            settings=replace(self.other.settings, peers={self.broker.address: "http://broker.example"}),
            send=lambda _url, message: show_evidence(self.broker, verify_message(self.broker, message)),
        )
        self.workers = {
            node.address: self.consortium.worker(node) for node in (self.broker, self.other, self.regulator)
        }
        drive(self.workers[self.broker.address], lambda: self.tip(self.broker) is not None)
        install_ruleset(self.broker, {"packaged": "sac-bands@1"})
        [answer] = enrol_subjects(self.broker, [{"client_ref": "a product", "product_id": "fund-1"}])
        self.subject, self.count = answer["subject"], 0

    def _proving(self, node):
        """The node, which takes its state proofs itself: no thread of a chain process runs here."""
        confirmations = node.settings.chain.finality_depth - 1
        source = partial(take_proofs, self.consortium.rpc, confirmations=confirmations)
        return replace(node, state=indexed(node.store, source))

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
        return last is not None and last.block is not None and last.size == records.log_size(connection)


def proved(members, answer):
    """Verify the claim of an answer under a block that the regulator signs, and whose key is pinned."""
    assert not isinstance(answer, Exception), answer
    assert answer["status"] == "broken", answer
    claim = canonical_json(answer["claim"])
    number = int(members.consortium.rpc.call("eth_blockNumber"), 16)
    header = HEADER_RULES[answer["claim"]["header_rule"]].parse(parse_claim(claim).header, "header")
    assert header.number < number
    with members.regulator.store.read() as connection:
        word = own_word(members.regulator, connection, header.number)
    report = verify_claim(claim, [word.file], {bytes.fromhex(word.key)})
    assert report.ok, report.checks
    assert report.standing is PromiseStanding.NOT_IN_TIME
    return claim, word


def test_a_promise_that_is_not_kept_is_proved_by_another_member(make_consortium, drive):
    members = Members(make_consortium, drive)
    kept = members.accept()
    drive(members.workers[members.broker.address], lambda: members.anchored(kept))
    late = members.accept()
    members.follow(late)

    answer = members.check(kept)
    assert (answer["status"], answer["entry"], answer["counted"]) == ("kept", "as-promised", "as-promised")
    claim, word = proved(members, members.check(late))
    assert parse_claim(claim).log.last.seq == 2

    # anchoring it now does not mend it, and the claim stands on the longer chain too
    drive(members.workers[members.broker.address], lambda: settled(members))
    anchored = members.tip(members.broker).number
    members.consortium.rpc.call("evm_mine")  # the anchor lies behind the head, where its state is proved
    for node in (members.other, members.regulator):
        drive(members.workers[node.address], lambda node=node: members.tip(node).number > anchored)
    later, _ = proved(members, members.check(late))
    assert [item.leaf.seq for item in parse_claim(later).log.anchors] == [2, 3]
    assert verify_claim(claim, [word.file], {bytes.fromhex(word.key)}).ok


def test_a_broker_that_never_anchored_is_proved_to_have_broken_its_promise(make_consortium, drive):
    members = Members(make_consortium, drive)
    promise = members.accept()
    members.follow(promise)
    claim, _ = proved(members, members.check(promise))
    assert parse_claim(claim).log is None
