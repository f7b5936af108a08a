"""The tree of anchors in the database, its tiles, and what a witness keeps: also when two processes ask at a time."""

from __future__ import annotations

import dataclasses
import hashlib
import multiprocessing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.log import tree
from evidence.version2.log.anchor_tree import peaks_of
from evidence.version2.log.anchors import AnchorLeaf, decode_leaf
from evidence.version2.log.growth import GrowthState
from evidence.version2.log.multiproof import make_multiproof, verify_multiproof
from evidence.version2.log.tiles import decode_entries, nodes_of_tiles, parse_tile_path, tiles_between
from node_adapter.store import anchor_tree, migrate, schema, witnessed
from node_adapter.store.engine import open_store
from node_adapter.workflows.anchoring.tiles import published_tile
from primitives.errors import InvalidInput, Refused
from scripts.vectors.version2.log import opening
from tests.world.databases import open_file

BROKER = "did:ethr:0x539:0x" + "b" * 40


def leaf(seq):
    hashes = [hashlib.sha256(f"{name} {seq}".encode()).digest() for name in ("batch", "map", "keys")]
    return opening() if seq == 1 else AnchorLeaf(seq, hashes[0], seq, seq + 1, hashes[1], seq, seq, hashes[2], 1)


LEAVES = 600  # two full tiles and more
WHOLE = tree.Tree.from_leaf_hashes(leaf(seq).hash() for seq in range(1, LEAVES + 4))


@pytest.fixture
def store(tmp_path):
    migrate.upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    yield store
    store.dispose()


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A store with that many leaves."""
    path = tmp_path_factory.mktemp("grown") / "node.db"
    migrate.upgrade(path)
    store = open_store(path)
    with store.write() as connection:
        for seq in range(1, LEAVES + 1):
            anchor_tree.append_leaf(connection, leaf(seq))
    yield store
    store.dispose()


@pytest.mark.both_databases
def test_each_leaf_makes_the_tree_of_rfc_9162(store):
    with store.write() as connection:
        for seq in range(1, 40):
            peaks = anchor_tree.append_leaf(connection, leaf(seq))
            assert peaks.root() == WHOLE.root_at(seq)
            assert anchor_tree.peaks_at(connection, seq) == peaks
        assert anchor_tree.peaks_at(connection, 0).root() == tree.EMPTY_ROOT
        assert anchor_tree.tree_size(connection) == 39


@pytest.mark.both_databases
def test_a_leaf_comes_in_its_turn_and_once(store):
    with store.write() as connection:
        for seq in (2, 1, 1, 3):
            if seq == anchor_tree.tree_size(connection) + 1:
                anchor_tree.append_leaf(connection, leaf(seq))
                continue
            with pytest.raises(InvalidInput) as caught:
                anchor_tree.append_leaf(connection, leaf(seq))
            assert caught.value.rule == "order"


@settings(max_examples=20, deadline=None)
@given(st.integers(1, LEAVES), st.data())
def test_any_proof_of_any_size_is_read_from_its_nodes(grown, size, data):
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    chosen = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=5))

    def proofs(node):
        paths = tree.inclusion_path(index, size, node), tree.consistency_proof(old, size, node)
        return *paths, make_multiproof(chosen, size, node), peaks_of(size, node)

    with grown.read() as connection:
        inclusion, consistency, multiproof, peaks = proofs(anchor_tree.node_reader(connection, proofs))
    assert inclusion == WHOLE.inclusion(index, size)
    assert consistency == WHOLE.consistency(old, size)
    assert peaks.root() == WHOLE.root_at(size)
    verify_multiproof({at: WHOLE.leaf(at) for at in chosen}, size, multiproof, WHOLE.root_at(size))


def test_a_larger_tree_than_there_is_has_no_proofs(grown):
    with grown.read() as connection, pytest.raises(InvalidInput):
        anchor_tree.peaks_at(connection, LEAVES + 1)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 599])
def test_what_the_chain_lost_is_taken_back(grown, size):
    with grown._engine.connect() as connection:  # left as it was afterwards
        connection.exec_driver_sql("BEGIN")
        anchor_tree.truncate(connection, size)
        assert anchor_tree.tree_size(connection) == size
        rows = connection.execute(schema.log_node.select()).all()
        assert {(row.level, row.position): row.hash for row in rows} == {
            place: WHOLE.node(*place) for place in places_of(size)
        }
        grown_again = [anchor_tree.append_leaf(connection, leaf(seq)) for seq in range(size + 1, size + 4)]
        assert grown_again[-1].root() == WHOLE.root_at(size + 3)
        connection.rollback()


def places_of(size):
    return {(level, position) for level in range(size.bit_length()) for position in range(size >> level)}


def test_every_tile_is_rendered_and_the_log_read_back_from_them(grown):
    with grown.read() as connection:
        for size in (1, 255, 256, 300, 512, 600):
            files = {tile.path(): published_tile(connection, tile.path()) for tile in tiles_between(0, size)}
            node = nodes_of_tiles(size, lambda tile, files=files: files[tile.path()])
            assert peaks_of(size, node).root() == WHOLE.root_at(size)
            found = []
            for path, data in files.items():
                if path.startswith("tile/entries/"):
                    found += decode_entries(parse_tile_path(path), data)
            assert [decode_leaf(entry) for entry in found] == [leaf(seq) for seq in range(1, size + 1)]


@pytest.mark.parametrize(
    "path", ["tile/0/002.p/89", "tile/0/002", "tile/1/000.p/3", "tile/2/000.p/1", "tile/entries/003.p/1"]
)
def test_a_tile_that_is_not_there_is_refused(grown, path):
    with grown.read() as connection, pytest.raises(Refused, match="tile-not-found"):
        published_tile(connection, path)


def test_a_path_of_no_tile_is_malformed(grown):
    with grown.read() as connection, pytest.raises(InvalidInput):
        published_tile(connection, "tile/0/0")


FIRST = GrowthState(1, bytes(32), bytes(32), 0)
NEXT = GrowthState(9, b"\1" * 32, b"\2" * 32, 40, (3, 7))


@pytest.mark.both_databases
def test_what_a_witness_keeps_is_replaced_by_who_saw_it_last(store):
    with store.write() as connection:
        assert witnessed.kept_state(connection, BROKER) is None
        assert witnessed.replace_state(connection, BROKER, before=None, after=FIRST, note="first")
        assert not witnessed.replace_state(connection, BROKER, before=None, after=NEXT, note="late")
        assert witnessed.replace_state(connection, BROKER, before=FIRST, after=NEXT, note="note")
        for change in ({"seq": 8}, {"root": bytes(32)}, {"map_root": bytes(32)}, {"size": 1}, {"wrong": (3,)}):
            stale = dataclasses.replace(NEXT, **change)
            assert not witnessed.replace_state(connection, BROKER, before=stale, after=FIRST, note="late")
    with store.read() as connection:
        assert witnessed.kept_state(connection, BROKER) == NEXT
        assert witnessed.cosigned_note(connection, BROKER) == "note"
        assert witnessed.cosigned_note(connection, BROKER[:-1] + "c") is None


def take(path, number, ready, answers):
    """Read the state, wait until the other process has read it too, and try to replace it."""
    store = open_file(path)
    with store.read() as connection:
        before = witnessed.kept_state(connection, BROKER)
    ready.wait()
    with store.write() as connection:
        after = dataclasses.replace(NEXT, seq=10 + number)
        answers.put(witnessed.replace_state(connection, BROKER, before=before, after=after, note=f"note {number}"))
    store.dispose()


@pytest.mark.both_databases
@pytest.mark.parametrize("met", [False, True])
def test_of_two_processes_one_is_late(store, tmp_path, met):
    if met:
        with store.write() as connection:
            witnessed.replace_state(connection, BROKER, before=None, after=FIRST, note="first")
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(2), context.Queue()
    racing = [context.Process(target=take, args=(tmp_path / "node.db", number, ready, answers)) for number in (0, 1)]
    for process in racing:
        process.start()
    found = sorted(answers.get(timeout=120) for _ in racing)
    for process in racing:
        process.join()
    assert found == [False, True]
    with store.read() as connection:
        state, note = witnessed.kept_state(connection, BROKER), witnessed.cosigned_note(connection, BROKER)
    assert note == f"note {state.seq - 10}"
