"""Anchors that an operator names as wrong: what the store holds then, after a reset, and after another one like it."""

import hashlib

import pytest

from evidence.version2.log.checkpoint import read_anchor_checkpoint
from evidence.version2.map.label_map import LabelMap, Presence
from node_adapter.anchor_call import anchor_call
from node_adapter.store import alarms, anchor_tree, anchors, erasures, outbox, records, restored, wrong_anchors
from node_adapter.store.erasures import ErasureRow
from node_adapter.store.label_map import LabelMapStore
from node_adapter.workflows.anchoring import anchor, outlook
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.anchoring.growth import shown_growth
from node_adapter.workflows.anchoring.healing import find_wound, heal
from node_adapter.workflows.anchoring.log_material import log_material, newest_material
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed
from tests.unit.node_adapter.test_anchoring import add_records, chain_after_reset, resend
from tests.world.broker import Broker
from tests.world.chain import Chain

pytestmark = pytest.mark.both_databases
WHY = "the key was used on another machine"


def digest(text):
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture
def broker(tmp_path):
    chain = Chain()
    chain.deploy()
    chain.admit("north")
    broker = Broker(tmp_path / "north", chain)
    broker.install()
    add_records(broker.store, 3)
    broker.anchor()
    yield broker
    broker.store.dispose()


def by_another(broker, added, name="another"):
    broker.chain.reach(broker.clock.now // 1000)
    last, size = broker.chain.logs[broker.keys.address]
    batch = digest(name) if added else digest("")
    made = {"seq": last + 1, "batch_root": batch, "size": size + added, "map_root": digest("map of " + name)}
    broker.chain.anchored(broker.keys.address, **made)
    assert broker.conflicts_of_newest() != []


def code_of(broker):
    with broker.store.read() as connection:
        return find_wound(broker.node, connection).code


def build(broker):
    anchoring = Anchoring(broker.node)
    broker.clock.sleep(5)
    assert anchoring.step(broker.clock.now)


def state_of(broker):
    """What the store has that a heal may not lose, and what it says of the map."""
    with broker.store.read() as connection:
        labelled = records.labelled(connection, 0, 1 << 40)
        newest = broker.node.label_map.newest(connection)
        return labelled, newest.root, [row.seq for row in map_rows(connection)]


def map_rows(connection):
    return connection.exec_driver_sql("SELECT seq FROM map_anchor ORDER BY seq").all()


def test_the_records_go_on_in_their_order_and_the_map_is_the_one_before(broker):
    before = state_of(broker)
    add_records(broker.store, 4)
    build(broker)
    add_records(broker.store, 2)
    labelled, root, _ = state_of(broker)
    assert root != before[1]
    by_another(broker, 5)
    assert heal(broker.node, reason=WHY, confirm=code_of(broker)) == {
        "named": [3],
        "promises_broken": 6,
        "moved_by": 5,
    }
    after = state_of(broker)
    assert (after[0], after[1], after[2]) == (labelled, before[1], [2])
    with broker.store.read() as connection:
        places = [row[0] for row in connection.exec_driver_sql("SELECT log_index FROM record ORDER BY 1")]
        assert places == [0, 1, 2, *range(8, 14)]
        assert records.log_size(connection) == 14
        assert outbox.by_key(connection, "anchor:3").state == outbox.FINAL
        assert records.broken_count(connection) == 6
        assert anchor_tree.tree_size(connection) == 3


def test_a_map_that_was_taken_back_goes_on_as_if_nothing_had_been(tmp_path, broker):
    """Deep segments, too, and by a process that kept the map in memory and one that did not."""
    kept = broker.node.label_map
    many = {b"\0\0" + digest(f"m{number}")[2:]: digest(f"e{number}") for number in range(60)}
    more = {b"\0\0" + digest(f"n{number}")[2:]: digest(f"e{number}") for number in range(9)}
    with broker.store.read() as connection:
        first = dict(records.labelled(connection, 0, 3))
    with broker.store.write() as connection:
        root = kept.insert(connection, 3, more)
        kept.insert(connection, 4, many)
        kept.insert(connection, 5, {digest("alone"): digest("alone")})
        kept.take_back(connection, 3)
        assert kept.newest(connection).root == root
    for store in (kept, LabelMapStore()):
        with broker.store.read() as connection:
            assert store.view(connection).root == LabelMap().insert({**first, **more}).root
            assert all(isinstance(store.prove(connection, label), Presence) for label in more)
            assert not any(isinstance(store.prove(connection, label), Presence) for label in many)
    with broker.store.write() as connection:
        again = kept.insert(connection, 6, many)
        assert again == LabelMap().insert({**first, **more, **many}).root
        assert LabelMapStore().view(connection).root == again
        LabelMapStore().take_back(connection, 1)
        assert kept.newest(connection) is None
        assert connection.exec_driver_sql("SELECT count(*) FROM map_row").scalar() == 0


def test_a_start_goes_on_after_each_step(broker):
    add_records(broker.store, 2)
    build(broker)
    by_another(broker, 1)
    with pytest.raises(VerificationFailed, match="bonafides node heal"):
        Anchoring(broker.node).load()
    heal(broker.node, reason=WHY, confirm=code_of(broker))
    Anchoring(broker.node).load()
    build(broker)
    Anchoring(broker.node).load()
    resend(broker, 4)
    Anchoring(broker.node).load()
    with broker.store.read() as connection:
        note = anchors.last_signed(connection).checkpoint
        assert read_anchor_checkpoint(note.partition("\n\n")[0] + "\n").wrong == (3,)
        grown = shown_growth(connection, 2)
    assert [(step.leaf.seq, len(step.entries)) for step in grown.steps] == [(3, 0), (4, 3)]
    assert grown.steps[1].proof.old == grown_from(broker)


def grown_from(broker):
    with broker.store.read() as connection:
        return anchors.by_seq(connection, 2).map_root


def test_what_a_reset_takes_away_comes_back_in_the_same_places(broker):
    """The wrong anchor, too: it is sent by this node, as it stood, so that no promise is broken a second time."""
    add_records(broker.store, 2)
    by_another(broker, 4)
    heal(broker.node, reason=WHY, confirm=code_of(broker))
    broker.anchor()
    with broker.store.read() as connection:
        rows = [anchors.by_seq(connection, seq) for seq in (2, 3, 4)]
        leaf = anchor_tree.find_leaf(connection, 3)
    chain_after_reset(broker, rows[0].block)
    with broker.store.read() as connection:
        assert anchor_tree.tree_size(connection) == 2
        waiting = [row.key for row in outbox.open_rows(connection, outbox.KIND_ANCHOR)]
    assert waiting == ["anchor:3", "anchor:4"]
    Anchoring(broker.node).load()
    assert Anchoring(broker.node).step(broker.clock.now) is False
    broker.clock.sleep(60)
    resend(broker, 3)
    resend(broker, 4)
    with broker.store.read() as connection:
        again = anchor_tree.find_leaf(connection, 3)
        assert (again.batch_root, again.size_after, again.map_root) == (leaf.batch_root, leaf.size_after, leaf.map_root)
        assert anchors.by_seq(connection, 3).checkpoint == ""
        assert anchors.by_seq(connection, 4).size == rows[2].size
        assert anchors.last_signed(connection).seq == 4


def test_after_a_reset_another_one_may_stand_there_and_is_named_in_its_place(broker):
    add_records(broker.store, 2)
    by_another(broker, 4)
    heal(broker.node, reason=WHY, confirm=code_of(broker))
    broker.anchor()
    with broker.store.read() as connection:
        block = anchors.by_seq(connection, 2).block
    labelled, _, _ = state_of(broker)
    chain_after_reset(broker, block)
    by_another(broker, 1, "a third one")
    told = heal(broker.node, reason="again", confirm=code_of(broker))
    assert (told["named"], told["moved_by"]) == ([3], -3)
    broker.anchor()
    assert state_of(broker)[0] == labelled
    with broker.store.read() as connection:
        assert anchors.last_signed(connection).seq == 4
        assert anchors.latest(connection).size == 3 + 1 + 3
        assert [(one.seq, one.reason) for one in wrong_anchors.decisions(connection)] == [(3, "again")]


def test_an_erase_that_was_to_be_anchored_waits_for_the_next_one(broker):
    add_records(broker.store, 2)
    with broker.store.write() as connection:
        erasures.add(connection, ErasureRow(4, "ab" * 32))
    by_another(broker, 3)
    heal(broker.node, reason=WHY, confirm=code_of(broker))
    with broker.store.read() as connection:
        assert erasures.find(connection, 4) is None
        assert erasures.find(connection, 7) == ErasureRow(7, "ab" * 32)
        assert erasures.first_waiting(connection, anchors.anchored_size(connection)) is None


def test_lost_records_that_nobody_brings_may_be_given_up(broker):
    """A copy whose records were anchored since, and are lost: `records-lost` for ever, but for an operator's word."""
    by_another(broker, 6)
    with broker.store.read() as connection:
        wound = find_wound(broker.node, connection)
    assert "of which 0 are here" in wound.why
    assert wound.to_json()["last_counted"] == 2
    with pytest.raises(VerificationFailed, match=r"records-lost.*recover.*heal"):
        Anchoring(broker.node).load()
    heal(broker.node, reason=WHY, confirm=wound.code)
    broker.anchor()
    Anchoring(broker.node).load()


def test_nothing_is_named_that_nobody_looked_at(broker):
    with pytest.raises(Refused, match="nothing-wrong"):
        heal(broker.node, reason=WHY, confirm="")
    add_records(broker.store, 1)
    by_another(broker, 1)
    code = code_of(broker)
    by_another(broker, 2, "one more")
    for confirm in ("", code, code_of(broker)[:-1]):
        with pytest.raises(Refused, match="not-confirmed"):
            heal(broker.node, reason=WHY, confirm=confirm)
    for reason in ("", " ", "x" * 1001):
        with pytest.raises(InvalidInput, match="reason: must be"):
            heal(broker.node, reason=reason, confirm=code_of(broker))
    with broker.store.read() as connection:
        assert wrong_anchors.named(connection) == ()
        assert alarms.is_open(connection, alarms.ANCHOR_CONFLICT)
    assert heal(broker.node, reason=WHY, confirm=code_of(broker))["named"] == [3, 4]


def test_an_anchor_of_our_own_that_is_not_taken_over_yet_is_not_named(broker):
    add_records(broker.store, 2)
    build(broker)
    with broker.store.read() as connection:
        call = anchor_call(connection, anchors.by_seq(connection, 3))
    broker.mine_anchor(call)  # the block is in the index, and was not settled
    with broker.store.read() as connection, pytest.raises(Refused, match="this database's own"):
        find_wound(broker.node, connection)
    with broker.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM log_anchor WHERE seq = 3")
        broker.node.label_map.take_back(connection, 2)
    with broker.store.read() as connection, pytest.raises(Refused, match="this database's own"):
        find_wound(broker.node, connection)


def test_a_checkpoint_names_at_most_256(broker):
    with broker.store.write() as connection:
        for seq in range(1000, 1256):
            wrong_anchors.name(connection, wrong_anchors.WrongAnchor(seq, WHY, 1, 0))
    by_another(broker, 1)
    with pytest.raises(Refused, match="too-many-wrong"):
        heal(broker.node, reason=WHY, confirm=code_of(broker))


def test_no_proof_is_made_as_of_a_wrong_anchor(broker):
    add_records(broker.store, 1)
    by_another(broker, 1)
    heal(broker.node, reason=WHY, confirm=code_of(broker))
    with broker.store.read() as connection:
        assert newest_material(broker.node, connection).seq == 2
        with pytest.raises(CouldNotCheck, match="anchor-named-wrong"):
            log_material(broker.node, connection, 3)


def test_a_log_that_is_full_goes_on_with_what_waits(broker, monkeypatch):
    """No room for the record about the wrong anchor: it follows once there is some, and the house has its history."""
    add_records(broker.store, 5)
    by_another(broker, 1)
    heal(broker.node, reason=WHY, confirm=code_of(broker))
    monkeypatch.setattr(outlook, "MAX_WAITING", 5)
    assert broker.anchor().size == 3 + 1 + 5
    monkeypatch.setattr(outlook, "MAX_WAITING", 99_000)
    add_records(broker.store, 1)
    assert broker.anchor().size == 9 + 2


def test_a_batch_holds_no_more_than_an_append_proof(broker, monkeypatch):
    add_records(broker.store, 5)
    by_another(broker, 1)
    heal(broker.node, reason=WHY, confirm=code_of(broker))
    monkeypatch.setattr(anchor, "MAX_LEAVES", 4)
    assert [broker.anchor().size for _ in range(2)] == [8, 10]


def test_what_another_anchored_while_this_node_was_away_can_be_named(broker):
    """The chain's head is ahead of the database: it is taken for an older copy, reads on, and stops at what is not."""
    add_records(broker.store, 4)
    anchoring = Anchoring(broker.node)
    anchoring.load()
    with broker.store.write() as connection:
        restored.mark(connection, broker.clock.now)
    broker.chain.reach(broker.clock.now // 1000)
    made = {"seq": 3, "batch_root": digest("another"), "size": 3 + 2, "map_root": digest("another map")}
    broker.chain.anchored(broker.keys.address, **made)
    assert broker.conflicts_of_newest(rebuild=anchoring.rebuild) == []
    with pytest.raises(VerificationFailed, match=r"anchor-conflict.*anchor 3.*bonafides node heal"):
        anchoring.require_whole()
    told = heal(broker.node, reason=WHY, confirm=code_of(broker))
    assert told == {"named": [3], "promises_broken": 4, "moved_by": 2}
    with broker.store.write() as connection:
        restored.clear(connection)  # as the chain process does
    again = Anchoring(broker.node)
    again.load()
    assert broker.anchor().size == 5 + 4 + 1
