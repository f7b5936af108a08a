"""A populated node of release 1 goes on with format 2: its migration, and what a client then does there."""

from __future__ import annotations

import pytest

from evidence.version2.log.anchors import OpeningLeaf
from node_adapter.store import anchor_tree, anchors, former, records, subjects
from node_adapter.workflows.former.trust_file import former_trust_file
from node_adapter.workflows.intake.accepted import Accepted
from primitives.errors import Refused
from replay.verification import verify_history
from tests.world.release_1 import Continuing, Release1, migrated
from tests.world.replays import word as own_word

pytestmark = pytest.mark.chain


@pytest.fixture
def release(tmp_path):
    release = Release1(tmp_path).up()
    yield release
    release.down()


@pytest.fixture
def case(release, drive):
    network = release.continued()
    answer = migrated(release, network)
    case = Continuing(release, network, drive)
    case.answer = answer
    yield case
    case.consortium.close()


def test_a_client_goes_on(case):
    answer, broker = case.answer, case.broker
    assert (answer["records"], answer["anchors"], len(answer["broken_promises"])) == (15, 3, 1)
    with broker.store.read() as connection:
        before = subjects.find_by_pid(connection, case.subject)
        assert records.log_size(connection) == 15
    assert (before.count, before.former_count, before.joined) == (0, 11, False)
    assert before.state != "{}"

    case.publish_key()
    for wrong in (None, {**before.continues, "count": 10}):
        refused = case.hand_in(case.opening(wrong))
        assert isinstance(refused, Refused)
        assert refused.code == "opening-continues"
    opened = case.hand_in(case.opening(before.continues))
    assert isinstance(opened, Accepted), opened
    assert opened.log_index == 15
    case.enrol_again()
    level = case.submit("LEVEL_RESULT", compute={})
    case.confirm_level(level)
    case.anchor()

    with broker.store.read() as connection:
        first = anchor_tree.find_leaf(connection, 1)
        last = anchors.last_final(connection)
        log = former.find_log(connection)
    assert isinstance(first, OpeningLeaf)
    assert (first.former, first.former_seq, first.former_size) == (log.contract, 3, 15)
    assert (first.former_root.hex(), first.former_map_root.hex()) == (log.root, log.map_root)
    assert (last.seq, last.size_before, last.size) == (2, 15, 22)

    whole = case.replayed()
    [before] = whole["related"]
    assert (before["relation"], before["subject"]) == ("format-1", case.subject)
    new, old = (part["bundle"].encode() for part in (whole, before))
    word, former_word = own_word(case.regulator, whole["as_of"]["block"]), former_trust_file(case.regulator)
    verdict = verify_history(new, [word.file, former_word], trust_keys=[word.key], related=[old], subject=case.did)
    assert verdict.ok, verdict.report.verdict
    assert any("11 records, the same head" in note for note in verdict.report.notes)
    assert not verdict.rerun.not_asked
    assert {item["status"] for item in whole["report"]["re_execution"]} == {"equal"}
    alone = verify_history(new, word.file, trust_keys=[word.key])
    assert alone.ok
    assert alone.report.reach.not_shown == (case.subject,)
    assert verify_history(old, former_word).ok


def test_what_others_kept_is_verified_as_before(case):
    """Old bundles, under old trust files and under those that a migrated regulator gives."""
    kept = (case.release.root / "bundle-1.json").read_bytes()
    for trust in ((case.release.root / "trust-1.json").read_bytes(), former_trust_file(case.regulator)):
        report = verify_history(kept, trust, promises=case.release.kept("promises")[:10])
        assert report.ok, report.report.verdict
