"""What a broker keeps and shows of the growth of its map: a member that goes over it finds every anchor."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from evidence.version2.log.anchor_tree import Peaks, batch_root
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.log.growth import GrowthState, grow
from evidence.version2.log.growth_document import parse_growth
from node_adapter.store import anchor_tree, log_growth, migrate, schema
from node_adapter.store.engine import open_store
from node_adapter.store.label_map import LabelMapStore
from node_adapter.workflows.anchoring import growth
from node_adapter.workflows.anchoring.growth import insert_batch, shown_growth
from primitives.errors import Refused, VerificationFailed
from scripts.vectors.version2.log import opening
from tests.unit.node_adapter.aged_store import digest, record

PID = "aa" * 32
COUNTS = (2, 0, 3, 40, 1, 0, 5)
START = GrowthState.opened(opening())


@pytest.fixture
def store(tmp_path):
    migrate.upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    yield store
    store.dispose()


def anchored(store, counts=COUNTS, *, label_map=None):
    """Let a broker log and anchor so many records, one anchor after another."""
    label_map = label_map or LabelMapStore(kept_anchors=2)  # the maps of old anchors cannot be proved any more
    with store.write() as connection:
        anchor_tree.append_leaf(connection, opening())
        size = opening().size_after
        for seq, count in enumerate(counts, 2):
            rows = [record(index, PID, index + 1) for index in range(size, size + count)]
            if rows:
                connection.execute(insert(schema.record), rows)
            root = insert_batch(connection, label_map, seq, {row["label"]: row["entry"] for row in rows})
            batch = batch_root(row["entry"] for row in rows)
            leaf = AnchorLeaf(seq, batch, size, size + count, root, seq, 60 * seq, digest("keys"), 1)
            anchor_tree.append_leaf(connection, leaf)
            size += count
    return len(counts) + 1


def gone_over(store, state=START):
    """Go over what the broker shows, document by document, as a witness does; return the state and the documents."""
    shown = []
    with store.read() as connection:
        size = anchor_tree.tree_size(connection)
        while state.seq < size:
            document = parse_growth(shown_growth(connection, state.seq).to_bytes())
            state, _ = grow(state, Peaks(document.start, document.peaks), document.steps, ())
            shown.append(document)
        root = anchor_tree.peaks_at(connection, size).root()
    assert (state.seq, state.root) == (size, root)
    return state, shown


def test_every_anchor_is_shown_to_who_begins_at_the_opening(store):
    anchored(store)
    state, shown = gone_over(store)
    assert state.size == opening().size_after + sum(COUNTS)
    assert len(shown) == 1


def test_a_long_way_is_shown_in_steps(store, monkeypatch):
    monkeypatch.setattr(growth, "SHOWN_BYTES", 2_000)
    last = anchored(store)
    state, shown = gone_over(store)
    assert len(shown) > 2
    assert state.seq == last


def test_who_is_up_to_date_is_shown_nothing_more(store):
    last = anchored(store)
    with store.read() as connection:
        assert shown_growth(connection, last).steps == ()
        with pytest.raises(Refused, match="growth-not-found"):
            shown_growth(connection, last + 1)


def test_growth_that_is_not_kept_shows(store):
    anchored(store)
    with store.write() as connection:
        connection.execute(schema.log_growth.delete().where(schema.log_growth.c.seq == 4))
    with pytest.raises(VerificationFailed, match="growth-batch"):
        gone_over(store)


def test_what_is_kept_is_what_the_map_says(store):
    anchored(store)
    with store.read() as connection:
        kept = [log_growth.at(connection, seq) for seq in range(2, 2 + len(COUNTS))]
    assert [entry is not None for entry in kept] == [count > 0 for count in COUNTS]
    assert kept[0].walk == "0"
