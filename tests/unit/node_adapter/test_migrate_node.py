"""When a node of release 1 has ended its log, and what its database turns into; the chain is another file's matter."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from did.identifiers import member_did
from node_adapter.chain.errors import WrongChain
from node_adapter.migration import _require_member, how_it_ended, kinds
from node_adapter.store import former, former_turn, identity, outbox, records, restored, schema, subjects, tasks
from node_adapter.store.chain import member_registry
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import upgrade
from primitives.errors import CouldNotCheck, Refused
from tests.world.migrated import Release1

NOW = 1_800_000_000_000


@pytest.fixture
def store(tmp_path):
    path = Release1(tmp_path).settings().database_path
    upgrade(path)
    store = open_store(path)
    yield store
    store.dispose()


def how(store):
    with store.read() as connection:
        return how_it_ended(connection)


def refused(store):
    with pytest.raises(Refused) as error:
        how(store)
    return error.value


def change(store, statement):
    with store.write() as connection:
        connection.execute(statement)


def test_the_log_has_ended_and_says_which_promise_was_broken(store):
    ended = how(store)
    assert (ended.records, ended.head.seq, ended.head.size) == (17, 5, 17)
    with store.read() as connection:
        [row] = records.by_record_ids(connection, ended.broken).values()
    assert (row.log_index, row.type) == (13, "ID_VERIFY")


def test_not_while_an_anchor_is_not_final(store):
    change(store, update(schema.former_anchor).where(schema.former_anchor.c.seq == 5).values(block=None))
    assert refused(store).code == "log-not-anchored"
    assert "covers 16" in refused(store).detail


def test_not_while_a_record_is_not_anchored(store):
    change(store, schema.former_anchor.delete().where(schema.former_anchor.c.seq == 5))
    assert refused(store).code == "log-not-anchored"


def test_not_while_a_promise_is_owed(store):
    owed = schema.record.c.log_index == 16
    change(store, update(schema.record).where(owed).values(promise=None, anchor_by=None))
    assert refused(store).code == "promise-owed"


def test_not_while_a_chain_write_is_on_its_way(store):
    with store.write() as connection:
        outbox.enqueue(connection, "consent", "grant:1", "0x" + "1" * 40, b"", NOW)
    assert refused(store).code == "outbox-open"


def test_not_of_an_older_copy(store):
    with store.write() as connection:
        restored.mark(connection, NOW)
    with pytest.raises(CouldNotCheck) as error:
        how(store)
    assert error.value.code == "node-restored"


def test_not_what_is_of_format_2(store):
    change(store, update(schema.record).where(schema.record.c.log_index == 0).values(entry=bytes(32)))
    assert refused(store).code == "not-release-1"


class NewRegistry:
    """What the contracts that continue hold of a member."""

    def __init__(self, keys):
        self.keys = keys

    def read(self, _contract, function, _member):
        return {"isActive": (True,), "keysOf": (self.keys,)}[function]


@pytest.mark.parametrize("place", range(5))
def test_a_network_that_holds_another_key_of_this_member_is_none_of_ours(store, tmp_path, place):
    """Whoever founds it could put in the own key: for checkpoints, for what is sealed for us, or to approve for us."""
    member = Release1(tmp_path / "again").settings().member.address
    with store.read() as connection:
        held = member_registry.registered_keys(connection, member)[-1]
        keys = [held.algorithm, held.signing, held.checkpoint, held.agreement, "0x" + held.compliance[2:].upper()]
        _require_member(connection, NewRegistry(keys), member)
        keys[place] = [2, b"x" * 32, b"y" * 32, b"z" * 32, "0x" + "77" * 20][place]
        with pytest.raises(WrongChain, match="which are not ours"):
            _require_member(connection, NewRegistry(keys), member)


def test_a_node_refuses_to_start_before_it_was_migrated(store):
    with store.read() as connection, pytest.raises(Refused) as error:
        records.require_format_2(connection)
    assert error.value.code == "format-1-records"
    assert "bonafides node migrate" in error.value.detail


def test_what_a_database_turns_into(store, tmp_path):
    settings = Release1(tmp_path / "again").settings()
    broker = member_did(settings.chain.chain_id, settings.member.address)
    with store.write() as connection:
        tasks.insert_task(connection, "ab" * 32, "{}", NOW)
        before = {row.pid: row for row in connection.execute(schema.subject.select())}
        former_turn.turn(connection, broker, kinds(connection, broker), NOW)
    with store.read() as connection:
        after = subjects.by_pids(connection, before)
        records.require_format_2(connection)
        assert sorted(row.kind for row in after.values()) == ["client", "client", "house", "product"]
        for pid, row in after.items():
            assert (row.former_count, row.former_head) == (before[pid].count, before[pid].head)
            assert (row.count, row.joined, row.state) == (0, False, before[pid].state)
            assert (row.client_ref, row.did) == (before[pid].client_ref, before[pid].did)
        assert {row.opens for row in after.values() if row.kind == "product"} == {"fund-1"}
        for table in former_turn._LEFT:
            assert connection.execute(table.select()).first() is None, table.name
        assert tasks.find_task(connection, "ab" * 32).state == tasks.REFUSED
        assert former.known_references(connection, ["fact 0", "nothing"]) == {"fact 0"}
        assert identity.get(connection, "worker.seen_at") is None
        assert identity.get(connection, "genesis") is not None
