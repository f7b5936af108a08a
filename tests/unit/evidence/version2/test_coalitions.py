"""What those who work together can do against a client, and who sees it: the rows of the specification's table."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.version2.links import HistoryHead
from evidence.version2.log.anchor_tree import peaks_of
from evidence.version2.log.anchors import head_digest
from evidence.version2.log.convict import PresentEntry, Rollback, SignedMap, verify_rollback
from evidence.version2.log.growth import ChainHead, GrowthState, GrowthStep, check_growth
from evidence.version2.map.append_proof import make_append_proof
from evidence.version2.map.label_map import LabelMap
from evidence.version2.promise import sign_promises
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives import ed25519
from primitives.errors import VerificationFailed
from scripts.vectors.synthetic_consortium import Broker, consortium, did
from scripts.vectors.version2.bundles import SIGNING
from tests.unit.evidence.version2.test_bundle import regulator, verdict, verify

PAGE = (Path(__file__).parents[4] / "docs" / "spec" / "evidence-2.md").read_text("utf-8")
UNWATCHED = "growth checked by nobody: a rollback between anchors would not show"
COMPANY = ("alone", "and one witness", "and all witnesses", "and the operators")


class Shown(Broker):
    """A broker that keeps what it shows to witnesses."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.steps = []

    def anchor(self, **more):
        before, entries, added = self.map, list(self.entries), dict(self.waiting)
        leaf = super().anchor(**more)
        self.steps.append(GrowthStep(leaf, entries, make_append_proof(before.top, added) if added else None))
        return leaf


class Story:
    """A sale that was anchored, promised and receipted, and that the broker would rather not have made."""

    def __init__(self):
        self.broker = broker = Shown(consortium(), "north")
        self.client = client = broker.client("ada")
        broker.record(client, "LEVEL_RESULT", {"band": "C2"})
        broker.anchor()
        self.before = deepcopy((broker, client))
        broker.record(client, "BIZ_APPLY", {"amount_fen": 7})
        self.promise = sign_promises([broker.promised[client.places[-1]].promise], broker.member.secret)
        broker.anchor()
        self.label, self.entry = client.labels[-1], client.records[-1].entry
        self.receipt = self.signed_map()
        self.kept = witnessed(broker, GrowthState.opened(broker.opening))

    def signed_map(self):
        found = self.broker.map.prove(self.label)
        proof = PresentEntry(self.entry, found.path) if not hasattr(found, "other") else found
        return SignedMap(self.broker.checkpoint(), None, proof)

    def cut(self):
        """Go on with a history without the sale."""
        client = self.client
        head = HistoryHead(2, client.records[1].fingerprint, client.labels[2])
        self.client = replace(
            client, records=client.records[:2], places=client.places[:2], labels=client.labels[:2], head=head
        )

    def roll_back(self):
        """Count the sale no longer, either."""
        self.cut()
        self.broker.map = self.before[0].map
        self.broker.anchor()

    def convicts(self):
        claim = Rollback(self.broker.did, self.label, self.receipt, self.signed_map())
        verify_rollback(claim, ed25519.public_key(self.broker.member.secret))


def witnessed(broker, kept):
    """Return what an honest witness keeps of a log that it went over; it raises where it would not cosign."""
    root, seq = broker.tree.root(), broker.leaves[-1].seq
    return check_growth(
        kept,
        broker.checkpoint(),
        broker=broker.did,
        public_key=ed25519.public_key(broker.member.secret),
        keys_digest=broker.leaves[-1].keys_digest,
        head=ChainHead(head_digest(seq, root), seq, root),
        peaks=peaks_of(kept.seq, broker.tree.node).hashes,
        steps=[step for step in broker.steps if step.leaf.seq > kept.seq],
    )


@pytest.fixture
def story():
    return Story()


def test_the_page_has_a_row_for_each():
    for company in COMPANY:
        assert f"| the broker {company} |" in PAGE


def test_a_broker_alone_rolls_back_and_the_verdict_says_that_nobody_looked(story):
    story.roll_back()
    report = verdict(story.broker, story.client)
    assert report.ok
    assert len(report.records) == 2
    assert UNWATCHED in report.verdict
    with pytest.raises(VerificationFailed) as caught:
        witnessed(story.broker, story.kept)
    assert caught.value.check == "growth-map"
    story.convicts()


def test_a_witness_finds_a_history_rolled_back_to_nothing_without_knowing_the_client(story):
    story.broker.map = LabelMap()
    story.broker.record(story.broker.client("zoe"), "LEVEL_RESULT", {"band": "C1"})
    story.broker.anchor()
    with pytest.raises(VerificationFailed) as caught:
        witnessed(story.broker, story.kept)
    assert caught.value.check == "growth-map"


def test_a_promise_finds_what_was_rolled_back(story):
    story.roll_back()
    bundle, header = story.broker.bundle(story.client)
    assert verify(story.broker, bundle, header, promises=story.promise).failed == ("held-promises",)


def test_a_broker_alone_takes_nothing_out_that_the_map_still_holds(story):
    story.cut()
    assert verdict(story.broker, story.client).failed == ("subject-completeness",)


def test_one_witness_is_named_as_the_only_one(story):
    story.roll_back()
    report = verdict(story.broker, story.client, witnesses=["south"])
    assert report.ok
    assert f"growth checked by 1 of 3 other members: {did('south')};" in report.verdict
    story.convicts()


def test_against_all_witnesses_a_receipt_convicts(story):
    story.roll_back()
    report = verdict(story.broker, story.client, witnesses=["south", "west", "regulator"])
    assert report.ok
    assert "growth checked by 3 of 3 other members" in report.verdict
    story.convicts()


def test_operators_that_fork_the_chain_need_a_signer_who_is_pinned(story):
    fork, client = story.before
    fork.record(client, "BIZ_APPLY", {"amount_fen": 8})
    fork.anchor()
    bundle, header = fork.bundle(client)
    _, true_header = story.broker.bundle(story.client)
    under_the_chain = [story.broker.world.trust(true_header)]
    asked = VerificationRequest(SIGNING)
    report = verify_bundle(bundle, under_the_chain, {regulator(fork)}, asked)
    assert "trust" in report.failed
    with pytest.raises(VerificationFailed) as caught:  # two signers who saw two chains
        verify_bundle(bundle, [*under_the_chain, fork.world.trust(header)], {regulator(fork)}, asked)
    assert caught.value.check == "trust"
    own = replace(fork.world.members["regulator"], generation=2)
    fork.world.members["regulator"] = own
    with pytest.raises(VerificationFailed, match="not pinned"):
        verify_bundle(bundle, [fork.world.trust(header)], {regulator(story.broker)}, asked)


def test_operators_that_rewrite_the_storage_are_seen_by_a_witness_who_kept_the_root(story):
    fork, client = story.before
    fork.record(client, "BIZ_APPLY", {"amount_fen": 8})
    fork.anchor()
    report = verdict(fork, client)
    assert report.ok  # whoever signs blocks of the rewritten chain vouches for them, and the verdict names him
    assert f"the block is the word of {did('regulator')}" in report.verdict
    with pytest.raises(VerificationFailed) as caught:
        witnessed(fork, story.kept)
    assert caught.value.check == "growth-start"
