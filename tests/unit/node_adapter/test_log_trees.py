"""Any broker's log from the index: single leaves, found without the others, and the tree that proofs are read from."""

import itertools

import pytest
from sqlalchemy import update

from evidence.log.tree import EMPTY_ROOT, Tree
from node_adapter.store.chain import event_log, evidence_log, log_trees
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.store.schema import chain_event
from tests.unit.node_adapter.test_chain_histories import ELSE, FIRST, KEYS, OTHER, ROOT, SECOND, TIME, WHO, index

__all__ = ["index"]
CONTRACTS = [FIRST, SECOND]


class Log:
    """A broker's log of two contracts; another broker anchors beside."""

    def __init__(self, index):
        self.index, self.size, self.seqs, self.others = index, 9, itertools.count(2), itertools.count(2)

    def opened(self):
        root = "0x" + ROOT.hex()
        former = {"former": OTHER, "formerSeq": 41, "formerRoot": root, "formerSize": 9, "formerMapRoot": root}
        self.index.tell("EvidenceLog", FIRST, "LogOpened", WHO, member=WHO, **former, time=TIME)

    def anchored(self, contract, added=0, time=TIME):
        before, self.size = self.size, self.size + added
        return self._tell(contract, WHO, next(self.seqs), before, self.size, time)

    def other(self, contract):
        self._tell(contract, ELSE, next(self.others), 0, 0, TIME)

    def continued(self):
        self.index.tell("EvidenceLog", SECOND, "LogContinued", WHO, former=FIRST, seq=3, head="0x" + ROOT.hex())

    def _tell(self, contract, who, seq, before, after, time):
        roots = {"batchRoot": "0x" + ROOT.hex(), "mapRoot": "0x" + ROOT.hex(), "keysDigest": "0x" + KEYS.hex()}
        args = {"member": who, "seq": seq, "sizeBefore": before, "sizeAfter": after, **roots, "time": time}
        return self.index.tell("EvidenceLog", contract, "Anchored", who, **args, keyVersion=1)


def lived(index):
    log = Log(index)
    log.opened()
    for added in (2, 0, 3):
        log.anchored(FIRST, added)
        log.other(FIRST)
    log.continued()
    for added in (0, 1, 4, 0):
        log.anchored(SECOND, added)
        log.other(SECOND)
    return index.read(evidence_log.leaves, WHO, CONTRACTS)


def stored(index, up_to_block, contracts=CONTRACTS):
    """Store the tree that the index tells up to a block; return its root and its size."""
    with index.store.write() as connection:
        log = LogLeaves(connection, WHO, contracts, up_to_block)
        while not log_trees.extend(log):
            pass
        last = log.last()
        size = 0 if last is None else last.seq
        assert log_trees.tree_size(connection, WHO) >= size
        return log_trees.peaks_at(connection, WHO, size).root(), size


def told(leaves, up_to_block):
    tree = Tree()
    tree.extend(leaf.encode() for leaf in leaves if leaf.block <= up_to_block)
    return (tree.root(), tree.size) if tree.size > 1 else (EMPTY_ROOT, 0)


def test_a_single_leaf_is_found_by_its_number_its_place_or_its_block(index):
    everything = lived(index)
    assert [leaf.seq for leaf in everything] == list(range(1, 9))
    with index.store.read() as connection:
        for end in range(everything[-1].block + 2):
            log = LogLeaves(connection, WHO, CONTRACTS, end)
            opening, *anchors = [leaf for leaf in everything if leaf.block <= end] or [None]
            assert (log.opening, log.last()) == (opening, anchors[-1] if anchors else None)
            for leaf in anchors:
                assert log.anchor(leaf.seq) == log.last(leaf.block) == log.after(leaf.block - 1) == leaf
                assert log.block_of(leaf.seq) == leaf.block
                assert log.before(leaf) == next((one for one in anchors if one.seq == leaf.seq - 1), None)
            with pytest.raises(LookupError):
                log.anchor(len(anchors) + 2)
            for place in range(20):
                covering = [leaf for leaf in anchors if leaf.size_before <= place < leaf.size_after]
                assert log.covering(place) == (covering[0] if covering else None)


def test_two_anchors_of_one_block_come_one_after_the_other(index):
    log = Log(index)
    log.opened()
    log.anchored(FIRST, 1)
    block = log.anchored(FIRST, 1)
    with index.store.write() as connection:
        row = chain_event.c.block == block
        connection.execute(update(chain_event).where(row).values(block=block - 1, log_index=1))
    with index.store.read() as connection:
        found = LogLeaves(connection, WHO, CONTRACTS, block)
        first, second = found.anchor(2), found.anchor(3)
        assert first.block == second.block == block - 1
        assert (found.before(first), found.before(second), found.last()) == (None, first, second)
        assert (found.covering(9), found.covering(10)) == (first, second)


def test_the_tree_of_any_brokers_log_is_made_of_the_index_and_goes_on(index, monkeypatch):
    leaves = lived(index)
    monkeypatch.setattr(log_trees, "BLOCKS_AT_ONCE", 2)
    for end in range(leaves[-1].block + 1):
        assert stored(index, end) == told(leaves, end)
    with index.store.write() as connection:
        log_trees.forget(connection, WHO)
    monkeypatch.setattr(log_trees, "BLOCKS_AT_ONCE", 1)  # blocks without a leaf of this log are passed over
    assert stored(index, leaves[-1].block) == told(leaves, leaves[-1].block)


def test_a_tree_of_leaves_that_the_chain_replaced_is_made_anew(index):
    leaves = lived(index)
    stored(index, leaves[-1].block)
    with index.store.write() as connection:
        event_log.truncate(connection, leaves[4].block)
    index.height = leaves[4].block
    log = Log(index)
    log.size, log.seqs = leaves[4].size_after, itertools.count(leaves[4].seq + 1)
    for _ in range(3):
        log.anchored(SECOND, added=1, time=TIME + 1)
    leaves = index.read(evidence_log.leaves, WHO, CONTRACTS)
    assert len(leaves) == 8
    assert stored(index, leaves[-1].block) == told(leaves, leaves[-1].block)
    assert stored(index, leaves[3].block) == told(leaves, leaves[3].block)  # as of an earlier block
    assert stored(index, 0) == (EMPTY_ROOT, 0)
    with index.store.read() as connection:
        assert log_trees.tree_size(connection, WHO) == len(leaves)
