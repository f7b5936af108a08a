"""The member's log from stored records to leaves, map and checkpoints: after each anchor, a start, a reset, a copy."""

import hashlib
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import event, text, update

from evidence.version2.documents.assemble import LogMaterial
from evidence.version2.log.anchor_tree import Peaks, batch_root
from evidence.version2.log.checkpoint import open_anchor_checkpoint
from evidence.version2.log.multiproof import make_multiproof, verify_multiproof
from evidence.version2.map.label_map import LabelMap, prove_label, verify_presence
from node_adapter.anchor_call import anchor_call
from node_adapter.store import alarms, anchor_tree, anchors, outbox, records, restored
from node_adapter.store.chain import blocks, event_log, evidence_log
from node_adapter.store.engine import open_store
from node_adapter.store.label_map import LabelMapStore
from node_adapter.store.records import RecordRow
from node_adapter.store.schema import map_segment, record
from node_adapter.workflows.anchoring import settlement
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.anchoring.log_material import BatchTrees, anchor_leaf, key_set, log_material
from node_adapter.workflows.identity.keys_in_force import KIND_ROTATION, checkpoint_note, rotation_waits
from primitives.errors import CouldNotCheck, Refused, VerificationFailed
from tests.world.broker import Broker
from tests.world.chain import CONTRACTS, Chain
from tests.world.clock import START
from tests.world.databases import copy_file
from tests.world.keys import keystore_of, next_keys

pytestmark = pytest.mark.both_databases
HEARTBEAT = 3_700
OTHER_ENTRY = update(record).values(entry=bytes(32))


def hash_of(text):
    return hashlib.sha256(text.encode()).digest()


def add_records(store, count):
    """Store records of which the log needs no more than label and entry."""
    with store.write() as connection:
        size, tip = records.log_size(connection), blocks.tip(connection)
        rows = [
            RecordRow(
                log_index=index,
                record_id=f"record-{index}",
                source_ref=f"ref-{index}",
                request_digest=bytes(32),
                pid="ab" * 32,
                seq=index + 1,
                type="INFO_COLLECT",
                envelope=b"{}",
                payload="{}",
                root_salt=bytes(32),
                fingerprint=hash_of(f"fingerprint {index}"),
                label=hash_of(f"label {index}"),
                next=hash_of(f"label {index + 1}"),
                entry=hash_of(f"entry {index}"),
                act_signature=None,
                accepted_at=START,
                anchor_by=START + 86_400_000,
                promise="{}",
                block=tip.number,
            )
            for index in range(size, size + count)
        ]
        records.insert_records(connection, rows, [])


@pytest.fixture
def broker(tmp_path):
    chain = Chain()
    chain.deploy()
    chain.admit("north")
    return Broker(tmp_path / "north", chain)


def check_log(broker):
    """Hold everything that proofs are made of against the records, from nothing else; return it."""
    with broker.store.read() as connection:
        newest = anchors.last_final(connection)
        log: LogMaterial = log_material(broker.node, connection, newest.seq)
        labelled = records.labelled(connection, 0, newest.size)
        leaves = [log.opening, *(log.anchor(seq) for seq in range(2, newest.seq + 1))]
        peaks = Peaks()
        for leaf in leaves:
            peaks, _ = peaks.append(leaf.hash())
        assert [leaf.seq for leaf in leaves] == list(range(1, newest.seq + 1))
        proof = make_multiproof([0, newest.seq - 1], newest.seq, log.node)
        verify_multiproof({0: leaves[0].hash(), newest.seq - 1: leaves[-1].hash()}, newest.seq, proof, peaks.root())
        key = log.keys(leaves[-1].keys_digest).checkpoint
        said = open_anchor_checkpoint(log.checkpoint, broker.did, key)
        assert (said.seq, said.root, said.map_root, said.size) == (
            newest.seq,
            peaks.root(),
            leaves[-1].map_root,
            newest.size,
        )
        assert said.map_root == LabelMap().insert(dict(labelled)).root
        for index, (label, entry) in enumerate(labelled):
            leaf = log.covering(index)
            batch = [one for _, one in labelled[leaf.size_before : leaf.size_after]]
            assert leaf.batch_root == batch_root(batch)
            proof = make_multiproof([index - leaf.size_before], leaf.added, log.batch_node(leaf))
            verify_multiproof({index - leaf.size_before: _leaf(entry)}, leaf.added, proof, leaf.batch_root)
            verify_presence(said.map_root, label, entry, prove_label(log.map, label).path)
    return leaves


def _leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def test_leaves_map_and_checkpoint_are_those_of_the_records(broker):
    for count in (1, 5, 0, 3):
        add_records(broker.store, count)
        broker.anchor(wait=HEARTBEAT)
    leaves = check_log(broker)
    assert [(leaf.size_after, leaf.block) for leaf in leaves[1:]] == [
        (1, 3),
        (6, 4),
        (6, 5),
        (9, 6),
    ]


def started(broker, store=None):
    """Start the chain process's part anew."""
    node = broker.node if store is None else replace(broker.node, store=store, label_map=LabelMapStore())
    anchoring = Anchoring(node)
    anchoring.load()
    return anchoring


def test_a_start_goes_on_with_an_anchor_in_flight_and_builds_no_other(broker):
    add_records(broker.store, 3)
    broker.clock.sleep(2)
    assert started(broker).step(broker.clock.now)
    add_records(broker.store, 2)
    broker.clock.sleep(2)
    again = started(broker)
    assert not again.step(broker.clock.now)
    assert again.in_flight is not None
    with broker.store.read() as connection:
        assert anchors.latest(connection).seq == 2


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (OTHER_ENTRY.where(record.c.log_index == 3), "the log is not the one of anchor 3"),
        (text("DELETE FROM record WHERE log_index = 3"), "it has 3 records"),
        (text("DELETE FROM map_anchor WHERE seq = 3"), "the map is not the one of anchor 3"),
        (text("DELETE FROM log_leaf WHERE seq = 3"), "does not end with anchor 3"),
        (update(map_segment).values(hash=bytes(32)), "local-map"),
        (text("DELETE FROM log_anchor"), "no anchor"),
    ],
)
def test_a_store_that_is_not_what_was_anchored_last_is_not_started(broker, statement, what):
    for count in (3, 1):
        add_records(broker.store, count)
        broker.anchor()
    started(broker)
    with broker.store.write() as connection:
        connection.execute(statement)
    with pytest.raises(VerificationFailed, match=what):
        started(broker, broker.store)


def test_a_start_reads_no_more_of_an_old_log_than_of_a_young_one(broker):
    def questions():
        asked = []

        def note(_connection, _cursor, statement, *_):
            asked.append(statement)

        event.listen(broker.store._engine, "before_cursor_execute", note)
        rows = _rows_read(broker.store, lambda: started(broker, broker.store))
        event.remove(broker.store._engine, "before_cursor_execute", note)
        return len(asked), rows

    ages = []
    for _ in range(3):
        for _ in range(10):
            add_records(broker.store, 2)
            broker.anchor()
        ages.append(questions())
    assert ages[0] == ages[1] == ages[2]


def _rows_read(store, act):
    """Return how many rows came, but for those of the map's segments, of which there are 65,536 at the most."""
    read = []
    original = store._engine.dialect.do_execute

    def counted(cursor, statement, parameters, context=None):
        original(cursor, statement, parameters, context)
        if "map_segment" not in statement:
            rows = cursor.fetchall() if cursor.description else []
            read.extend(rows)
            if rows:
                original(cursor, statement, parameters, context)

    store._engine.dialect.do_execute = counted
    try:
        act()
    finally:
        del store._engine.dialect.do_execute
    return len(read)


def chain_after_reset(broker, last_block):
    """Let the chain and the index end at a block, and our writes with them."""
    broker.chain.cut(last_block)
    with broker.store.write() as connection:
        event_log.truncate(connection, last_block)
        settlement.reopen(connection, last_block, broker.clock.now)


def resend(broker, seq):
    """Let the chain take an anchor's call as the sender makes it now."""
    with broker.store.read() as connection:
        call = anchor_call(connection, anchors.by_seq(connection, seq))
    broker.take_anchor(call)


def test_after_a_reset_the_same_anchors_get_new_leaves_and_the_map_stays(broker):
    for count in (1, 2, 4):
        add_records(broker.store, count)
        broker.anchor()
    before = check_log(broker)
    with broker.store.read() as connection:
        rows = [anchors.by_seq(connection, seq) for seq in (2, 3, 4)]
    chain_after_reset(broker, before[1].block)
    with broker.store.read() as connection:
        assert anchor_tree.tree_size(connection) == 2
        with pytest.raises(Refused, match="anchor-not-found"):
            log_material(broker.node, connection, 3)
    broker.clock.sleep(500)
    started(broker)
    for seq in (3, 4):
        resend(broker, seq)
    after = check_log(broker)
    assert [leaf.batch_root for leaf in after[1:]] == [row.batch_root for row in rows]
    assert after[1] == before[1]
    assert after[2].time > before[2].time
    add_records(broker.store, 1)
    broker.anchor()
    check_log(broker)


def copied(broker, path):
    copy_file(broker.path, path)
    return open_store(path)


def index_what_the_chain_holds(broker, store, first):
    """Give a copy the blocks that it lacks; the chain process does that, and marks the copy."""
    node = replace(broker.node, store=store, label_map=LabelMapStore())
    anchoring = Anchoring(node)
    anchoring.load()
    with store.write() as connection:
        restored.mark(connection, broker.clock.now)
    for block, events in broker.chain.known:
        if block.number <= first:
            continue
        with store.write() as connection:
            event_log.append(connection, [block], events)
            made = evidence_log.leaves_in(connection, events, broker.keys.address)
            assert (
                settlement.settle(
                    connection,
                    [],
                    made,
                    now_ms=broker.clock.now,
                    sign=partial(checkpoint_note, node),
                    rebuild=anchoring.rebuild,
                )
                == []
            )
    return anchoring


def test_a_copy_brings_back_the_anchors_that_it_lacks_from_its_records(broker, tmp_path):
    add_records(broker.store, 2)
    broker.anchor()
    add_records(broker.store, 3)
    old = copied(broker, tmp_path / "copy.db")
    height = broker.chain.height
    broker.anchor()
    broker.anchor(wait=HEARTBEAT)
    index_what_the_chain_holds(broker, old, height).require_whole()
    with old.read() as mine, broker.store.read() as theirs:
        for seq in (2, 3, 4):
            copy, original = anchors.by_seq(mine, seq), anchors.by_seq(theirs, seq)
            assert copy == replace(original, built_at=copy.built_at)
        assert anchor_tree.leaves(mine, 1, 9) == anchor_tree.leaves(theirs, 1, 9)
        assert broker.node.label_map.newest(mine) == broker.node.label_map.newest(theirs)
    started(broker, old)


def test_a_copy_that_lacks_anchored_records_says_which(broker, tmp_path):
    add_records(broker.store, 2)
    broker.anchor()
    old = copied(broker, tmp_path / "copy.db")
    height = broker.chain.height
    for count in (3, 1):
        add_records(broker.store, count)
        broker.anchor()
    anchoring = index_what_the_chain_holds(broker, old, height)
    with pytest.raises(VerificationFailed, match=r"records-lost.*entries 2 to 5 .*anchor 4"):
        anchoring.require_whole()
    with old.read() as connection:
        assert anchor_tree.tree_size(connection) == 2
    with pytest.raises(VerificationFailed, match="records-lost"):
        started(broker, old)
    add_records(old, 4)  # as `bonafides node recover` does
    started(broker, old)
    with old.read() as connection:
        assert (anchors.last_final(connection).seq, anchor_tree.tree_size(connection)) == (4, 4)


def test_a_copy_whose_records_are_others_is_a_conflict(broker, tmp_path):
    add_records(broker.store, 2)
    broker.anchor()
    old = copied(broker, tmp_path / "copy.db")
    height = broker.chain.height
    add_records(broker.store, 1)
    broker.anchor()
    with old.write() as connection:
        connection.exec_driver_sql("DELETE FROM record WHERE log_index > 1")
    add_records(old, 1)
    with old.write() as connection:
        connection.execute(OTHER_ENTRY.where(record.c.log_index == 2))
    with pytest.raises(VerificationFailed, match=r"anchor-conflict.*anchor 3: batchRoot"):
        index_what_the_chain_holds(broker, old, height).require_whole()
    with old.read() as connection:  # nothing of the attempt is left
        assert (anchors.latest(connection).seq, broker.node.label_map.newest(connection).seq) == (2, 2)


def test_a_checkpoint_whose_key_was_not_held_is_signed_at_the_next_start(broker):
    add_records(broker.store, 1)
    broker.anchor()
    held = broker.keys._generations
    add_records(broker.store, 1)
    broker.rotate()
    broker.keys._generations = held  # a keystore from before the rotation
    broker.anchor()
    with broker.store.read() as connection:
        assert (anchors.last_final(connection).seq, anchors.last_signed(connection).seq) == (3, 2)
        assert [alarm.kind for alarm in alarms.list_alarms(connection)] == [alarms.KEY_NOT_HELD]
        with pytest.raises(CouldNotCheck, match="signing-key-not-held"):
            log_material(broker.node, connection, 3)
    started(broker)
    broker.keys._generations = (*held, next_keys("north"))
    started(broker)
    check_log(broker)
    with broker.store.read() as connection:
        assert alarms.list_alarms(connection) == []


def test_a_tampered_batch_gives_no_proof(broker):
    for count in (3, 1):
        add_records(broker.store, count)
        broker.anchor()
    with broker.store.write() as connection:
        connection.execute(OTHER_ENTRY.where(record.c.log_index == 1))
    started(broker)  # what was anchored last is whole
    with broker.store.read() as connection:
        log = log_material(broker.node, connection, 3)
        with pytest.raises(VerificationFailed, match="does not hold the records that anchor 2 is of"):
            log.batch_node(log.covering(1))(0, 0)


def test_few_batch_trees_are_kept(broker):
    for count in (5, 4, 3):
        add_records(broker.store, count)
        broker.anchor()
    trees = BatchTrees(room=8)
    with broker.store.read() as connection:
        for seq in (2, 3, 4, 2):
            leaf = anchor_leaf(connection, seq)
            assert trees.of(connection, leaf).root == leaf.batch_root
    assert trees._taken == sum(tree.size for tree in trees._kept.values()) <= 8


class Rotation:
    """A change of the member's keys on its way through the outbox."""

    def __init__(self, broker, name):
        self.broker, self.new = broker, next_keys(name)
        with broker.store.write() as connection:
            key = f"{KIND_ROTATION}:{name}"
            outbox.enqueue(connection, KIND_ROTATION, key, CONTRACTS["MemberRegistry"], b"keys", 0)
            self.row = outbox.by_key(connection, key)

    def waits(self):
        with self.broker.store.read() as connection:
            return rotation_waits(self.broker.node, connection, self.row)

    def send(self):
        with self.broker.store.write() as connection:
            outbox.mark_signed(connection, outbox.Attempt(hash_of(self.row.key), self.row.id, 1, 0, b"", 0))

    def mine(self):
        self.broker.keys._generations = (*self.broker.keys.generations, self.new)
        self.broker.chain.rotate("north", self.new)
        self.broker.mine()


def test_a_rotation_waits_for_an_anchor_that_names_the_keys_in_force(broker):
    first = Rotation(broker, "one")
    assert first.waits()  # nothing is anchored: what these keys promise would be under no key that a leaf names
    broker.anchor()  # at once, without a record
    assert not first.waits()
    add_records(broker.store, 1)
    anchoring = Anchoring(broker.node)
    broker.clock.sleep(2)
    assert anchoring.step(broker.clock.now)
    assert first.waits()  # an anchor is on its way
    resend(broker, 3)
    assert not first.waits()


def test_no_anchor_is_built_while_a_rotation_is_on_its_way_and_one_follows_it_at_once(broker):
    add_records(broker.store, 1)
    broker.anchor()
    first = Rotation(broker, "one")
    first.send()
    add_records(broker.store, 2)
    anchoring = started(broker)
    broker.clock.sleep(2)
    assert not anchoring.step(broker.clock.now)
    first.mine()
    second = Rotation(broker, "two")
    assert second.waits()  # no leaf names the keys of the first one
    broker.anchor(wait=0)
    assert not second.waits()
    second.send()
    second.mine()
    broker.anchor(wait=0)  # without a record
    leaves = check_log(broker)
    keys = [keystore_of("north").newest, next_keys("one"), next_keys("two")]
    with broker.store.read() as connection:
        named = [key_set(broker.node, connection, leaf.keys_digest).signing for leaf in leaves[1:]]
    assert named == [one.signing_public for one in keys]


@pytest.mark.parametrize("rotates", [False, True])
def test_the_anchor_after_a_rotation_takes_all_that_the_ended_keys_promised(broker, rotates):
    settings = broker.node.settings
    small = replace(settings, anchoring=replace(settings.anchoring, max_batch=3))
    broker.node = replace(broker.node, settings=small)
    add_records(broker.store, 3)
    broker.anchor()
    add_records(broker.store, 8)
    if rotates:
        rotation = Rotation(broker, "one")
        rotation.send()
        rotation.mine()
    assert broker.anchor().size == (11 if rotates else 6)
    check_log(broker)
