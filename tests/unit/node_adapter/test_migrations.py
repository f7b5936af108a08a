"""Databases of older versions are brought up to date with all that they hold."""

import json

import pytest
from alembic import command
from sqlalchemy import insert, inspect, text
from sqlalchemy.exc import IntegrityError

from evidence.documents.record import envelope_salt
from node_adapter.store import (
    alarms,
    house_records,
    migrate,
    outbox,
    own_transactions,
    records,
    replay_orders,
    subjects,
    tasks,
)
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata, record
from node_adapter.store.tokens import find_token, token_digest
from primitives.canonical import canonical_json
from primitives.errors import Refused
from suitability.subject import SubjectState
from suitability.subject_json import state_from_json, state_to_json
from tests.world.broken import broken_promises
from tests.world.databases import indexes

pytestmark = pytest.mark.both_databases(empty=True)


def database_at(path, revision):
    store = open_store(path)
    with store.write() as connection:
        command.upgrade(migrate._config(connection), revision)
    return store


def test_a_token_of_the_first_schema_goes_on_working_under_its_role_s_name(tmp_path):
    store = database_at(tmp_path / "node.db", "0001")
    with store.write() as connection:
        for token, role, did, end in (("staff", "operator", None, None), ("session", "client", "did:x", 7)):
            connection.execute(
                text("INSERT INTO token (digest, role, did, expires_at) VALUES (:digest, :role, :did, :end)"),
                {"digest": token_digest(token), "role": role, "did": did, "end": end},
            )
    with pytest.raises(Refused) as caught:
        migrate.require_current(tmp_path / "node.db")
    assert caught.value.code == "store-behind"
    migrate.upgrade(tmp_path / "node.db")
    migrate.require_current(tmp_path / "node.db")
    with store.read() as connection:
        staff, session = find_token(connection, "staff"), find_token(connection, "session")
    store.dispose()
    assert (staff.name, staff.role, staff.ended(10**15)) == ("operator", "operator", None)
    assert (session.name, session.did, session.ended(7)) == ("did:x", "did:x", "token-expired")


def old_record(index):
    values = {column.name: b"" for column in record.c if str(column.type).startswith(("BLOB", "VARBINARY"))}
    for later in ("envelope_salt", "label", "next", "entry", "nonce"):
        del values[later]
    values |= {"log_index": index, "record_id": f"r{index}", "source_ref": f"s{index}", "fingerprint": bytes([index])}
    values |= {"pid": "aa", "seq": index, "type": "T", "accepted_at": 0, "anchor_by": 1, "promise": "{}"}
    return insert(record).values(**values | {"act_signature": None})


def test_alarms_of_the_first_schema_are_kept_and_broken_promises_are_one(tmp_path):
    store = database_at(tmp_path / "node.db", "0001")
    with store.write() as connection:
        for index in range(3):
            connection.execute(old_record(index))
        for kind, about, time in (("promise-broken", "r0", 5), ("chain-reset", "7:6", 6), ("promise-broken", "r2", 7)):
            connection.execute(
                text("INSERT INTO alarm (kind, about, detail, raised_at) VALUES (:kind, :about, 'lost', :time)"),
                {"kind": kind, "about": about, "time": time},
            )
    migrate.upgrade(tmp_path / "node.db")
    with store.read() as connection:
        assert broken_promises(connection) == ["r0", "r2"]
        found = {alarm.kind: alarm for alarm in alarms.list_alarms(connection)}
    assert set(found) == {"promise-broken", "chain-reset"}
    assert (found["chain-reset"].count, found["chain-reset"].first_at, found["chain-reset"].detail) == (1, 6, "lost")
    broken = found["promise-broken"]
    assert (broken.about, broken.count, broken.first_at, broken.last_at) == ("anchoring", 2, 5, 7)
    store.dispose()


def test_what_was_signed_before_attempts_were_kept_still_settles_and_counts(tmp_path):
    store = database_at(tmp_path / "node.db", "0003")
    with store.write() as connection:
        connection.execute(
            text("INSERT INTO chain_block VALUES (9, :hash, :hash, 77, :hash, '[]')"), {"hash": b"\x09" * 32}
        )
        for number, state, block in ((1, "final", 9), (2, "sent", None), (3, "new", None)):
            connection.execute(
                text(
                    "INSERT INTO outbox (kind, key, target, data, state, nonce, raw, tx_hash, block, block_hash,"
                    " gas_used, created_at, updated_at)"
                    " VALUES ('did', :state, '', '', :state, :nonce, :raw, :hash, :block, :hash, 5, 0, 6)"
                ),
                {
                    "state": state,
                    "nonce": None if state == "new" else number,
                    "raw": None if state == "new" else b"raw",
                    "hash": None if state == "new" else bytes([number]) * 32,
                    "block": block,
                },
            )
    migrate.upgrade(tmp_path / "node.db")
    with store.read() as connection:
        assert own_transactions.next_nonce(connection) == 2
        (mined,) = own_transactions.find(connection, [b"\x01" * 32, b"\x02" * 32])
        assert (mined.block, mined.block_time, mined.succeeded) == (9, 77, True)
        assert outbox.row_of_attempt(connection, b"\x02" * 32).state == "sent"
    store.dispose()


def test_records_of_before_keep_their_promises_and_a_new_one_may_be_owed(tmp_path):
    store = database_at(tmp_path / "node.db", "0001")
    with store.write() as connection:
        connection.execute(old_record(0))
        before = dict(connection.execute(text("SELECT * FROM record")).mappings().one())
    migrate.upgrade(tmp_path / "node.db")
    with store.write() as connection:
        after = dict(connection.execute(text("SELECT * FROM record")).mappings().one())
        new = {"broken_at": None, "block": None, "house": 0, "envelope_salt": after["envelope_salt"]}
        assert after == {**before, **new, **dict.fromkeys(("label", "next", "entry", "nonce"))}
        connection.execute(old_record(1).values(anchor_by=None, promise=None))
        assert records.owed_count(connection) == 1
        with pytest.raises(IntegrityError):  # the table that was written anew has kept what must be unique
            connection.execute(old_record(2).values(source_ref="s0"))
    store.dispose()


def test_records_of_before_get_the_salt_that_shows_their_envelope(tmp_path):
    store = database_at(tmp_path / "node.db", "0005")
    with store.write() as connection:
        for index in range(1002):  # more than the upgrade reads at once
            salt = index.to_bytes(32) if index else None
            digest = index.to_bytes(32)
            connection.execute(
                old_record(0).values(
                    log_index=index,
                    record_id=f"r{index}",
                    source_ref=f"s{index}",
                    seq=index,
                    fingerprint=digest,
                    root_salt=salt,
                )
            )
    migrate.upgrade(tmp_path / "node.db")
    with store.read() as connection:
        rows = records.of_subject(connection, "aa")
    store.dispose()
    assert rows[0].envelope_salt is None
    assert all(row.envelope_salt == envelope_salt(row.root_salt) for row in rows[1:])
    assert len(rows) == 1002


def test_orders_of_before_are_kept_without_their_message(tmp_path):
    store = database_at(tmp_path / "node.db", "0007")
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO replay_order (id, case_number, regulator, broker, did, ordered_at) "
                "VALUES ('o', '1', '0xr', '0xb', 'did:x', 5)"
            )
        )
    migrate.upgrade(tmp_path / "node.db")
    with store.read() as connection:
        [kept] = replay_orders.all_orders(connection)
    store.dispose()
    assert (kept.case_number, kept.ordered_at, kept.message) == ("1", 5, None)


def test_a_database_of_before_gets_the_indexes_and_keeps_every_row(tmp_path):
    """The schema of an upgraded database is the one of a new one, down to the words of each index."""
    store = database_at(tmp_path / "old.db", "0008")
    with store.write() as connection:
        for index in range(5):
            connection.execute(old_record(index).values(type="PRODUCT_RATE" if index in (1, 3) else "Q_SUBMIT"))
    migrate.upgrade(tmp_path / "old.db")
    with store.read() as connection:
        found = house_records.of_types(connection, ["PRODUCT_RATE"], 0, 5)
        assert records.log_size(connection) == 5
        upgraded = indexes(connection)
    store.dispose()
    assert [row.log_index for row in found] == [1, 3]
    fresh = open_store(tmp_path / "fresh.db")
    with fresh.write() as connection:
        metadata.create_all(connection)
        made = indexes(connection)
    fresh.dispose()
    assert upgraded == made


def test_records_of_format_1_are_kept_and_refused_by_name(tmp_path):
    store = database_at(tmp_path / "node.db", "0018")
    with store.write() as connection:
        connection.execute(old_record(0))
    migrate.upgrade(tmp_path / "node.db")
    with store.read() as connection:
        assert records.log_size(connection) == 1
        with pytest.raises(Refused) as caught:
            records.require_format_2(connection)
    store.dispose()
    assert caught.value.code == "format-1-records"


def test_a_succession_of_before_tells_the_limits_who_came_before(tmp_path):
    store = database_at(tmp_path / "node.db", "0009")
    with store.write() as connection:
        for pid in ("aa", "bb", "cc"):
            connection.execute(
                text(
                    "INSERT INTO subject (pid, client_ref, created_at, count, head, state) "
                    "VALUES (:pid, :pid, 0, 1, :head, :state)"
                ),
                {"pid": pid, "head": b"\0", "state": json.dumps(state_to_json(SubjectState()))},
            )
        for index, (pid, payload) in enumerate((("aa", json.dumps({"predecessor": "dd" * 32})), ("bb", None))):
            connection.execute(old_record(index).values(pid=pid, type="ID_SUCCEED", payload=payload))
    migrate.upgrade(tmp_path / "node.db")
    with store.read() as connection:
        found = {pid: row.state for pid, row in subjects.by_pids(connection, ["aa", "bb", "cc"]).items()}
    store.dispose()
    named = {pid: state_from_json(json.loads(state)["suitability"]).succeeds for pid, state in found.items()}
    assert named == {"aa": ("dd" * 32,), "bb": (None,), "cc": ()}


def test_a_task_under_way_keeps_its_input_as_its_engine_s_state(tmp_path):
    store = database_at(tmp_path / "node.db", "0012")
    vector = ["12", str(2**64 - 1)]
    under_way = {"values": json.dumps({"values": vector, "started_at": 5}), "blinding": bytes(31) + b"7"}
    kept = {"document": {}, "digest": "00", "blinding": "0f"}
    lost = {"values": json.dumps({"values": [], "started_at": 6}), "blinding": None}
    with store.write() as connection:
        for task_id, row in (("a", under_way), ("b", lost), ("c", {"values": None, "blinding": None})):
            connection.execute(
                text(
                    'INSERT INTO task (task_id, spec, state, run_requested, "values", blinding, result, updated_at) '
                    "VALUES (:id, '{}', 'masked', true, :values, :blinding, :result, 0)"
                ),
                {**row, "id": task_id, "result": json.dumps(kept) if task_id == "a" else None},
            )
        connection.execute(text("INSERT INTO task_message VALUES ('a', '0xb', 'delivered', '', 9)"))
    migrate.upgrade(tmp_path / "node.db")
    with store.read() as connection:
        found = {name: tasks.find_task(connection, name) for name in "abc"}
        marks = tasks.message_times(connection, "a", "delivered:masked-sum/1")
    store.dispose()
    state = canonical_json({"blinding": "00" * 31 + "37", "values": vector})
    assert [(row.engine_state, row.started_at) for row in found.values()] == [(state, 5), (None, 6), (None, None)]
    assert json.loads(found["a"].result) == {"document": {}, "digest": "00", "salt": "0f"}
    assert marks == {"0xb": 9}


def test_the_columns_of_an_upgraded_database_are_those_of_a_new_one(tmp_path):
    store = database_at(tmp_path / "old.db", "0001")
    migrate.upgrade(tmp_path / "old.db")
    with store.read() as connection:
        upgraded = columns(connection)
    store.dispose()
    fresh = open_store(tmp_path / "fresh.db")
    with fresh.write() as connection:
        metadata.create_all(connection)
        made = columns(connection)
    fresh.dispose()
    assert upgraded == made


def columns(connection):
    """Return name, type and whether it may be null of each column, by table."""
    there = inspect(connection)
    names = [name for name in there.get_table_names() if not name.startswith("alembic")]
    return {
        name: (
            sorted(
                (column["name"], str(column["type"]).upper(), column["nullable"]) for column in there.get_columns(name)
            ),
            there.get_pk_constraint(name)["constrained_columns"],
        )
        for name in names
    }
