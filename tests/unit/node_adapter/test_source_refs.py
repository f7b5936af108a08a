"""A caller's reference finds its record, also once that is erased, whatever other references are asked for with it."""

import pytest

from node_adapter.store import migrate, records
from node_adapter.store.engine import open_store
from node_adapter.store.records import RecordRow
from node_adapter.store.references import erased_reference
from tests.unit.node_adapter.aged_store import record


@pytest.fixture
def store(tmp_path):
    migrate.upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    yield store
    store.dispose()


def row(index, reference):
    return RecordRow(**record(index, "aa" * 32, index + 1, source_ref=reference))


@pytest.mark.both_databases
def test_a_reference_finds_its_record_as_it_is_or_as_it_was_erased(store):
    erased = erased_reference("gone")
    with store.write() as connection:
        records.insert_records(connection, [row(0, "here"), row(1, erased)], [])
    with store.read() as connection:
        found = records.by_source_refs(connection, ["gone", "here", "never", erased])
    assert {reference: one.source_ref for reference, one in found.items()} == {
        "here": "here",
        "gone": erased,
        erased: erased,
    }
