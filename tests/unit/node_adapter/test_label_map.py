"""The stored map against the one in memory: any batches, any anchor that is kept, and whatever ends a transaction."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from evidence.version2.map.append_proof import make_append_proof, verify_append
from evidence.version2.map.label_map import LabelMap, Presence, verify_absence, verify_presence
from evidence.version2.map.nodes import EMPTY
from node_adapter.store import migrate
from node_adapter.store.engine import open_store
from node_adapter.store.label_map import LabelMapStore
from node_adapter.store.map import rows
from node_adapter.store.map.insertion import ROW_LEAVES
from node_adapter.store.schema import map_anchor, map_row, map_segment
from primitives.errors import InvalidInput, Refused, VerificationFailed
from tests.properties import examples
from tests.refused_commit import refuse

pytestmark = pytest.mark.both_databases
ABSENT = hashlib.sha256(b"a label of nobody").digest()


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).digest()


def batch(seed, count, prefix=b""):
    """Return random labels, all in one segment when a prefix of two bytes is given."""
    return {prefix + digest(seed, n)[len(prefix) :]: digest("entry", seed, n) for n in range(count)}


@pytest.fixture
def store(tmp_path):
    migrate.upgrade(tmp_path / "node.db")
    opened = open_store(tmp_path / "node.db")
    yield opened
    opened.dispose()


@contextmanager
def undone(store):
    """Give a connection of which nothing is kept."""
    with store._engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection
        connection.rollback()


# labels in few segments, so that segments get more rows, rows several leaves, and prefixes are shared
LABELS = st.builds(
    lambda first, second, rest: bytes([first, second]) + rest,
    st.sampled_from([0, 0x80]),
    st.sampled_from([0, 1, 0xFF]),
    st.binary(min_size=30, max_size=30),
)
BATCHES = st.lists(st.dictionaries(LABELS, st.binary(min_size=32, max_size=32), max_size=25), min_size=1, max_size=5)


@examples(60)
@given(BATCHES, st.booleans())
def test_the_stored_map_is_the_one_in_memory_under_every_anchor(store, batches, restarted):
    """Every root, every proof under every anchor, every proof of growth between two."""
    stored, known, maps = LabelMapStore(), LabelMap(), {}
    with undone(store) as connection:
        for seq, entries in enumerate(batches, start=3):
            new = {label: entry for label, entry in entries.items() if known.prove(label).__class__ is not Presence}
            known = known.insert(new)
            assert stored.insert(connection, seq, new) == known.root
            maps[seq] = known
        stored = LabelMapStore() if restarted else stored
        labels = [ABSENT, *{label: None for entries in batches for label in entries}]
        for seq, then in maps.items():
            view = stored.view(connection, seq)
            assert view.root == then.root
            assert [view.prove(label) for label in labels] == [then.prove(label) for label in labels]
            for later, grown in [(number, grown) for number, grown in maps.items() if number >= seq]:
                proof = stored.append_proof(connection, seq, later)
                assert proof == make_append_proof(then.top, dict(proof.leaves))
                assert verify_append(then.root, proof) == grown.root
        assert [stored.prove(connection, label) for label in labels] == [known.prove(label) for label in labels]


def test_a_segment_gets_more_rows_as_it_grows_and_its_past_stays_provable(store):
    stored, known, maps = LabelMapStore(), LabelMap(), []
    with undone(store) as connection:
        for seq in range(1, 9):
            entries = batch(seq, 20, b"\7\7")
            known = known.insert(entries)
            maps.append((known, next(iter(entries))))
            assert stored.insert(connection, seq, entries) == known.root
        [segment] = rows.segments(connection)
        assert (segment.segment, segment.leaves, segment.depth) == (0x0707, 160, 6)
        assert 160 <= ROW_LEAVES << segment.depth < 320 * ROW_LEAVES
        hashes = rows.hashes_of(connection, 0x0707)
        assert sum(leaves for _, leaves, _ in hashes) == 160
        assert len(hashes) > 30
        for seq, (then, label) in enumerate(maps, start=1):
            assert stored.prove(connection, label, seq) == then.prove(label)
            assert stored.prove(connection, label, max(1, seq - 1)) == maps[max(1, seq - 1) - 1][0].prove(label)
        proof = stored.append_proof(connection, 1, 8)
        assert len(proof.leaves) == 140
        assert verify_append(maps[0][0].root, proof) == known.root


def test_a_large_random_map(store):
    stored, known = LabelMapStore(), LabelMap()
    with undone(store) as connection:
        for seq, count in enumerate([1, 0, 2500, 700], start=1):
            entries = batch(seq, count)
            known = known.insert(entries)
            assert stored.insert(connection, seq, entries) == known.root
        assert stored.newest(connection).leaves == 3201
        for number in range(0, 700, 7):
            label = digest(4, number)
            proof = stored.prove(connection, label)
            verify_presence(known.root, label, digest("entry", 4, number), proof.path)
            verify_absence(stored.view(connection, 3).root, label, stored.prove(connection, label, 3))


def test_what_is_not_committed_was_never_there(store):
    """An error, and a commit that the database refuses: the map is the one before, in memory too."""
    stored, first, second = LabelMapStore(), batch(1, 50), batch(2, 50)
    with store.write() as connection:
        root = stored.insert(connection, 1, first)

    def insert_and(fail):
        with store.write() as connection:
            stored.insert(connection, 2, second)
            fail(connection)

    with pytest.raises(TypeError):
        insert_and(lambda connection: connection + 1)
    with pytest.raises(IntegrityError):
        insert_and(refuse)
    label = next(iter(second))
    with store.read() as connection:
        assert stored.newest(connection).root == root
        verify_absence(root, label, stored.prove(connection, label))
    other = {**batch(3, 50), label: ABSENT}
    with store.write() as connection:
        assert stored.insert(connection, 2, other) == LabelMap().insert({**first, **other}).root
    with store.read() as connection:
        verify_presence(stored.newest(connection).root, label, ABSENT, stored.prove(connection, label).path)


KILLED = """
import os, signal, sys
from pathlib import Path
from node_adapter.store.label_map import LabelMapStore
from tests.unit.node_adapter.test_label_map import batch
from tests.world.databases import open_file
with open_file(Path(sys.argv[1])).write() as connection:
    LabelMapStore().insert(connection, 2, batch(2, 3000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_the_old_map(store, tmp_path):
    stored, first = LabelMapStore(), batch(1, 50)
    with store.write() as connection:
        root = stored.insert(connection, 1, first)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "node.db")], check=False)
    assert killed.returncode == -9
    with store.write() as connection:
        assert LabelMapStore().view(connection).root == root
        assert stored.insert(connection, 2, batch(2, 10)) == LabelMap().insert({**first, **batch(2, 10)}).root


def test_another_process_may_move_the_map_on_and_a_reader_sees_its_own_moment(store):
    mine, theirs, known = LabelMapStore(), LabelMapStore(), LabelMap()
    with store.write() as connection:
        mine.insert(connection, 1, batch(1, 300, b"\1\1"))
    label = digest(2, 0)
    with store.read() as early:
        before = theirs.prove(early, label)
        with store.write() as connection:
            mine.insert(connection, 2, batch(2, 300) | batch(3, 60, b"\1\1"))
        assert mine.prove(early, label) == before == theirs.prove(early, label)
        assert mine.newest(early).seq == 1
    known = known.insert(batch(1, 300, b"\1\1")).insert(batch(2, 300)).insert(batch(3, 60, b"\1\1"))
    with store.read() as connection:
        for each in (mine, theirs):
            assert each.prove(connection, label) == known.prove(label)
            assert each.prove(connection, label, 1) == before


def test_little_memory_changes_nothing_but_the_time(store):
    small, known = LabelMapStore(memory_bytes=1), LabelMap()
    with undone(store) as connection:
        for seq in range(1, 5):
            entries = batch(seq, 40, b"\1\1") | batch(-seq, 40, b"\2\2")
            known = known.insert(entries)
            assert small.insert(connection, seq, entries) == known.root
        for label in entries:
            assert small.prove(connection, label) == known.prove(label)
        assert len(small._memory._trees._kept) == 1


def test_maps_are_kept_of_the_last_anchors_only(store):
    stored = LabelMapStore(kept_anchors=3)
    with undone(store) as connection:
        for seq in range(1, 8):
            stored.insert(connection, seq, batch(seq, 5) if seq % 2 else {})
        label = digest(3, 0)
        assert isinstance(stored.prove(connection, label, 5), Presence)
        for seq in (0, 4, 8):
            with pytest.raises(Refused) as caught:
                stored.prove(connection, label, seq)
            assert caught.value.code == "map-not-kept"
        with pytest.raises(Refused):
            stored.append_proof(connection, 4, 6)
        with pytest.raises(InvalidInput) as refused:
            stored.append_proof(connection, 7, 5)
        assert refused.value.rule == "order"


def test_before_the_first_anchor_there_is_no_map(store):
    stored = LabelMapStore()
    with undone(store) as connection:
        assert stored.newest(connection) is None
        with pytest.raises(Refused):
            stored.prove(connection, ABSENT)
        assert stored.insert(connection, 1, {}) == EMPTY
        verify_absence(EMPTY, ABSENT, stored.prove(connection, ABSENT))


@pytest.mark.parametrize(("seq", "entries", "field", "rule"), [
    (1, {}, "seq", "ascending"),
    (0, {}, "seq", "ascending"),
    (2, {b"short": bytes(32)}, "label", "length"),
    (2, {bytes(32): b"short"}, "entry", "length"),
    (2, {digest(1, 0): ABSENT, ABSENT: ABSENT}, "label", "unique"),
])  # fmt: skip
def test_what_cannot_be_inserted(store, seq, entries, field, rule):
    stored = LabelMapStore()
    with undone(store) as connection:
        root = stored.insert(connection, 1, batch(1, 9))
        with pytest.raises(InvalidInput) as caught:
            stored.insert(connection, seq, entries)
        assert (caught.value.field, caught.value.rule) == (field, rule)
        assert stored.view(connection).root == root
    with pytest.raises(InvalidInput):
        LabelMapStore(kept_anchors=0)


@pytest.mark.parametrize("table", ["map_segment", "map_row", "data", "changed"])
def test_tables_that_contradict_each_other_are_noticed(store, table):
    stored, entries = LabelMapStore(), batch(1, 60, b"\1\1")
    label = next(iter(entries))
    with undone(store) as connection:
        stored.insert(connection, 1, entries)
        stored.insert(connection, 2, batch(2, 60, b"\1\1"))
        if table == "map_segment":
            connection.execute(update(map_segment).values(hash=ABSENT))
        elif table == "map_row":
            connection.execute(update(map_row).values(hash=ABSENT))
        elif table == "data":
            shorter = "UPDATE map_row SET data = substr(data, 1, CAST(72 * (leaves - 1) AS INTEGER))"
            connection.exec_driver_sql(shorter)
        else:
            connection.execute(update(map_anchor).where(map_anchor.c.seq == 2).values(changed=b""))
        for ask in (
            lambda fresh: fresh.prove(connection, label, 1 if table == "changed" else None),
            lambda fresh: fresh.append_proof(connection, 1, 2),
        ):
            with pytest.raises(VerificationFailed, match="local-map"):
                ask(LabelMapStore())
