"""An anchor that is not what the records say stops the node; once an operator named it, the log goes on, and proves."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from evidence.version2.documents.bundle import parse_bundle
from evidence.version2.log.checkpoint import read_anchor_checkpoint
from node_adapter.store import alarms, anchor_tree, anchors, outbox, records, wrong_anchors
from node_adapter.workflows.anchoring import owed_promises
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.anchoring.healing import find_wound, heal
from node_adapter.workflows.anchoring.promises import check_promises
from primitives.errors import VerificationFailed
from tests.world.clock import Clock
from tests.world.headers import HeaderChain
from tests.world.members import ROLES, Members
from tests.world.payloads import PAYLOADS
from tests.world.replays import replay, verified

ROLE_NUMBERS = {"broker": 1, "regulator": 2}
REQUEST = {"case": "2026-17", "reason": "as the client asks"}
WHY = "the old machine ran again beside this one"


def digest(text):
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture
def members(tmp_path):
    clock = Clock(step_ms=1000)
    chain = HeaderChain(clock)
    for name, role in ROLES.items():
        chain.admit(name, role=ROLE_NUMBERS[role])
    chain.deploy()
    members = Members(tmp_path, chain, clock=clock)
    north = members["north"]
    north.install()
    members.client = north.enrol("client one")
    north.assess(members.client)
    north.anchor()
    members.cosign("north")
    yield members
    members.close()


def anchored_by_another(broker, *, added, map_root=None):
    """Let whoever holds the key of a broker anchor something else; return what the node says of it."""
    broker.clock.sleep(2)
    broker.chain.reach(broker.clock.now // 1000)
    last, size = broker.chain.logs.get(broker.keys.address, (1, 0))
    batch = digest("a batch of somebody else's") if added else digest("")
    broker.chain.anchored(
        broker.keys.address,
        seq=last + 1,
        batch_root=batch,
        size=size + added,
        map_root=map_root or digest("a map of somebody else's"),
    )
    return broker.conflicts_of_newest()


def build(broker):
    """Let the node build an anchor that does not come onto the chain."""
    anchoring = Anchoring(broker.node)
    broker.clock.sleep(5)
    assert anchoring.step(broker.clock.now)


def healed(broker, reason=WHY):
    with broker.store.read() as connection:
        code = find_wound(broker.node, connection).code
    return heal(broker.node, reason=reason, confirm=code)


def keep_promises(broker):
    while owed_promises.keep(broker.node):
        pass


def bundle_of(members):
    made = replay(members["north"].node, {**REQUEST, "did": members.client.did})["bundle"]
    return made, verified(members["regulator"].node, made)


def promise_of(broker, record_id):
    [answer] = broker.lines("/v1/promises", [{"record_id": record_id}])
    return answer


def asking(members):
    """The regulator's node, which asks the broker's for what lies at a place."""
    return replace(members["regulator"].node, send=members.send)


def checked(members, promise):
    """What another member's node says of a promise."""
    [own], [answer] = (
        check_promises(node, [{"promise": promise}]) for node in (members["north"].node, asking(members))
    )
    assert own["status"] == answer["status"]
    return answer


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("added", [1, 9])
def test_the_log_goes_on_from_the_last_anchor_that_counts_and_all_that_was_recorded_is_proved(members, built, added):
    north = members["north"]
    fact = north.submit(members.client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    if built:
        build(north)
    later = north.submit(members.client, "INFO_COLLECT", PAYLOADS["INFO_COLLECT"])
    [conflict] = anchored_by_another(north, added=added)
    assert "anchor 3" in conflict
    with pytest.raises(VerificationFailed, match="bonafides node heal"):
        Anchoring(north.node).load()
    with north.store.read() as connection:
        before = records.by_record_ids(connection, [fact.record_id, later.record_id])
    told = healed(north)
    assert told == {"named": [3], "promises_broken": 2, "moved_by": added}

    Anchoring(north.node).load()
    assert north.anchor().seq == 4
    keep_promises(north)
    members.cosign("north")
    made, found = bundle_of(members)
    assert found.report.ok, [check for check in found.report.checks if not check.ok]
    assert set(found.report.reach.witnesses) == {members["south"].did, members["regulator"].did}
    assert found.report.reach.wrong == (3,)
    note = parse_bundle(made.encode()).checkpoint
    assert read_anchor_checkpoint(note.partition("\n\n")[0] + "\n").wrong == (3,)

    for old in (fact.promise, later.promise):  # by the promise alone, and by the word of another member
        assert checked(members, old)["status"] == "broken"
        new = promise_of(north, old["record_id"])["promise"]
        assert new["log_index"] == old["log_index"] + added
        assert checked(members, new)["status"] == "kept"
    with north.store.read() as connection:
        after = records.by_record_ids(connection, before)
        assert all(row.broken_at is not None for row in after.values())
        assert not alarms.is_open(connection, alarms.ANCHOR_CONFLICT)
        assert wrong_anchors.decisions(connection)[0].reason == WHY
    add_one_more(members)


def add_one_more(members):
    """The log grows on as any other does, and witnesses go on with it."""
    north = members["north"]
    one = north.submit(members.client, "INFO_COLLECT", PAYLOADS["INFO_COLLECT"])
    north.anchor()
    members.clock.sleep(5)
    members.cosign("north")
    _, found = bundle_of(members)
    assert found.report.ok
    assert len(found.report.reach.witnesses) == 2
    assert checked(members, one.promise)["status"] == "kept"


def test_where_nothing_waits_the_next_anchor_holds_that_the_one_before_was_named(members):
    north = members["north"]
    anchored_by_another(north, added=3)
    anchored_by_another(north, added=0)
    assert healed(north) == {"named": [3, 4], "promises_broken": 0, "moved_by": 0}
    assert north.anchor().seq == 5
    with north.store.read() as connection:
        assert records.log_size(connection) == anchors.latest(connection).size == 3 + 2 + _size(connection, 2)
        leaf = anchor_tree.find_leaf(connection, 5)
    assert leaf.added == 2
    keep_promises(north)
    members.cosign("north")
    _, found = bundle_of(members)
    assert found.report.ok
    assert found.report.reach.wrong == (3, 4)
    add_one_more(members)
    assert north.anchor(wait=3_700).seq == 7  # a heartbeat
    members.clock.sleep(5)
    members.cosign("north")
    assert len(bundle_of(members)[1].report.reach.witnesses) == 2


def _size(connection, seq):
    return anchors.by_seq(connection, seq).size


def test_a_heartbeat_of_another_breaks_no_promise(members):
    north = members["north"]
    with north.store.read() as connection:
        map_root = anchors.latest(connection).map_root
    one = north.submit(members.client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    build(north)
    assert anchored_by_another(north, added=0, map_root=map_root) != []
    assert healed(north) == {"named": [3], "promises_broken": 0, "moved_by": 0}
    north.anchor()
    members.cosign("north")
    _, found = bundle_of(members)
    assert found.report.ok
    assert checked(members, one.promise)["status"] == "kept"


def test_the_very_first_anchor_may_be_the_wrong_one(members):
    south = members["south"]
    south.install()
    product = south.enrol_product("fund-1")
    rated = south.rate(product)
    build(south)
    assert anchored_by_another(south, added=2) != []
    assert healed(south)["named"] == [2]
    assert south.anchor().seq == 3
    keep_promises(south)
    members.clock.sleep(5)
    members.cosign("south")
    assert checked(members, promise_of(south, rated.record_id)["promise"])["status"] == "kept"
    with south.store.read() as connection:
        assert len(anchors.last_signed(connection).checkpoint.splitlines()) == 9  # cosigned by both


def test_records_that_the_store_changed_after_they_were_built_get_no_checkpoint(members):
    north = members["north"]
    north.submit(members.client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    build(north)
    with north.store.read() as connection:
        call = outbox.by_key(connection, anchors.outbox_key(3)).data
    with north.store.write() as connection:
        connection.exec_driver_sql("UPDATE log_growth SET walk = 'h' WHERE seq = 3")
    north.mine_anchor(call)
    [conflict] = north.conflicts_of_newest()
    assert "growth-map" in conflict
    with north.store.read() as connection:
        assert anchors.last_signed(connection).seq == 2
    assert healed(north)["promises_broken"] == 1
    north.anchor()
    keep_promises(north)
    members.cosign("north")
    assert bundle_of(members)[1].report.ok


def test_keys_that_were_changed_since_promise_what_they_anchor(members):
    """The keys under which a record was accepted are of no leaf near its place any more."""
    north = members["north"]
    one = north.submit(members.client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    anchored_by_another(north, added=1)
    north.rotate()
    anchored_by_another(north, added=1)
    north.rotate()
    healed(north)
    north.anchor()
    keep_promises(north)
    assert checked(members, promise_of(north, one.record_id)["promise"])["status"] == "kept"
    _, found = bundle_of(members)
    assert found.report.ok, [check for check in found.report.checks if not check.ok]
