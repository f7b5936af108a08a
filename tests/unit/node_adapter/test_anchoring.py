"""The member's log from stored records to leaves, map and checkpoints: after each anchor, a start, a reset, a copy."""

import hashlib

import pytest

from evidence.version2.documents.assemble import LogMaterial
from evidence.version2.log.anchor_tree import Peaks, batch_root
from evidence.version2.log.checkpoint import open_anchor_checkpoint
from evidence.version2.log.multiproof import make_multiproof, verify_multiproof
from evidence.version2.map.label_map import LabelMap, prove_label, verify_presence
from node_adapter.store import anchors, records
from node_adapter.store.records import RecordRow
from node_adapter.workflows.anchoring.log_material import log_material
from tests.world.broker import Broker
from tests.world.chain import Chain
from tests.world.clock import START

HEARTBEAT = 3_700


def hash_of(text):
    return hashlib.sha256(text.encode()).digest()


def add_records(store, count):
    """Store records of which the log needs no more than label and entry."""
    with store.write() as connection:
        size = records.log_size(connection)
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
