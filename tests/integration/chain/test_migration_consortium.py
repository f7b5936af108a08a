"""Several members of release 1 migrate: in any order, one of them late, one of them never."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from evidence.verify.breach import verify_breach
from evidence.version2.log.anchors import OpeningLeaf
from node_adapter.chain.deploy import Deployment
from node_adapter.store import anchor_tree, anchors, records, schema
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import upgrade
from node_adapter.workflows.anchoring.promises import check_promises
from node_adapter.workflows.former.trust_file import former_trust_file
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import find_subject
from node_adapter.workflows.intake.submitting import submit_facts
from primitives.canonical import canonical_json
from primitives.errors import Refused
from primitives.timestamp import format_time
from replay.verification import verify_history
from tests.integration.conftest import Consortium
from tests.world.migrated import BROKER, REGULATOR, SECOND, Continuing, migrated
from tests.world.payloads import PAYLOADS
from tests.world.replays import word as own_word

pytestmark = pytest.mark.chain


def promises_of(path):
    """The promises in a database of format 1, by place in its log."""
    upgrade(path)
    store = open_store(path)
    with store.read() as connection:
        texts = connection.execute(schema.record.select().order_by(schema.record.c.log_index)).all()
    store.dispose()
    return [json.loads(row.promise) for row in texts]


@contextmanager
def member(release, network, drive, name):
    """A migrated member's node and its worker, level with the chain."""
    deployed = Deployment(network["chain_id"], network["directory"], network["directory_block"], ())
    only = Consortium(release.root / "network", release.chain, deployed, [release.root / name], release.rpc)
    try:
        node = only.node()
        worker = only.worker(node)
        if name != REGULATOR:
            worker._anchoring.load()
        drive(worker, lambda: worker._connected and worker._indexer.behind == 0)
        yield node, worker
    finally:
        only.close()


def goes_on(case):
    """The first broker's client opens the history, and the broker anchors it: its bundle verifies."""
    case.publish_key()
    row = find_subject(case.broker, "client")
    assert isinstance(case.hand_in(case.opening(row["continues"])), Accepted)
    case.anchor()
    whole = case.replayed()
    word = own_word(case.regulator, whole["as_of"]["block"])
    verdict = verify_history(whole["bundle"].encode(), word.file, trust_keys=[word.key], subject=case.did)
    assert verdict.ok, verdict.report.verdict


def comes_late(case, node, worker):
    """The second broker records what follows of its client, and anchors; the regulator sees where its log goes on."""
    fact = {
        "source_ref": "second late",
        "subject": find_subject(node, "client of the second")["subject"],
        "type": "DUTY_NOTICE",
        "occurred_at": format_time(node.clock.now_ms()),
        "channel": "app",
        "actor": {"did": node.did, "role": "staff"},
        "payload": PAYLOADS["DUTY_NOTICE"],
    }
    [outcome] = submit_facts(node, [fact])
    assert isinstance(outcome, Accepted), outcome

    def anchored():
        with node.store.read() as connection:
            last = anchors.latest(connection)
            return last and last.block is not None and last.size == records.log_size(connection)

    case.drive(worker, anchored)
    with node.store.read() as connection:
        opening = anchor_tree.find_leaf(connection, 1)
    assert isinstance(opening, OpeningLeaf)
    assert (opening.former_seq, opening.former_size) == (1, 2)
    case.regulator_follows()
    with case.regulator.store.read() as connection:
        leaves = LogLeaves.of(connection, node.address, opening.block)
        assert next(iter(leaves.leaves(opening.block - 1, opening.block))) == opening


def test_the_others_go_on_without_one_and_it_comes_late(release, drive):
    """The regulator comes first, then a broker; the other broker's promises are judged all the same, until it comes."""
    network, given = release.continued(), promises_of(release.settings(SECOND).database_path)
    migrated(release, network, [REGULATOR])
    migrated(release, network, [BROKER])
    case = Continuing(release, network, drive)
    try:
        goes_on(case)
        for node in (case.regulator, case.broker):
            outcomes = check_promises(node, [{"promise": promise} for promise in given])
            assert [(one["status"], one["entry"]) for one in outcomes] == [("kept", "not-checked")] * 2
        release.rpc.call("anvil_mine", hex(100))
        assert migrated(release, network, [SECOND])["records"] == 2
        with member(release, network, drive, SECOND) as (node, worker):
            comes_late(case, node, worker)
        case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
        case.anchor()
    finally:
        case.consortium.close()


def test_one_that_never_comes_is_held_to_what_it_promised(release, drive):
    """Nothing of its own is asked: another broker proves the breach from what it had read, under its old trust file."""
    network, given = release.continued(), promises_of(release.settings(BROKER).database_path)
    migrated(release, network, [SECOND])
    with member(release, network, drive, SECOND) as (node, _worker):
        outcomes = check_promises(node, [{"promise": promise} for promise in given])
        assert [one["status"] for one in outcomes] == ["broken" if place == 13 else "kept" for place in range(17)]
        report = verify_breach(canonical_json(outcomes[13]["claim"]), former_trust_file(node))
        assert report.ok, report.verdict


def test_not_while_an_anchor_of_another_is_not_read(release):
    """After it nobody reads the old contracts: what this node has not read of the others it could never judge."""
    path = release.settings(REGULATOR).database_path
    upgrade(path)
    store, event = open_store(path), schema.chain_event.c
    with store.write() as connection:
        made = connection.execute(schema.chain_event.select().where(event.name == "Anchored").order_by(event.block))
        connection.execute(schema.chain_event.delete().where(event.block == made.all()[-1].block))
    store.dispose()
    with pytest.raises(Refused) as error:
        migrated(release, release.continued(), [REGULATOR])
    assert error.value.code == "index-behind"
    assert "let every broker end its log" in error.value.detail
