"""A database that the first version made is brought to this version with every row.

`data/schema-0001.sql` is a dump of a broker's database as the code of the first schema made it: two clients, a product,
a sale that breaks rules, two anchors, and a record that waits for the third.
"""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from node_adapter.keys.keystore import Keystore
from node_adapter.keys.member_keys import MemberKeys
from node_adapter.store import alarms, migrate, records, tokens
from node_adapter.store.engine import open_store
from primitives.errors import Refused
from scripts.vectors.synthetic_chain import CHAIN_ID, address, seeded
from tests.world.clock import Clock
from tests.world.keys import entropy_of
from tests.world.node import open_member, settings_of

DUMP = Path(__file__).with_name("data") / "schema-0001.sql"
_CHANGED = {"alembic_version", "alarm"}  # an alarm stands for a cause since, not for a promise


def rows_of(path):
    """Return every row of every table as a mapping; what a later schema adds is not in it."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {}
        for name in names:
            found = connection.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - a name of our own schema
            tables[name] = [dict(row) for row in found]
        return tables


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "node.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(DUMP.read_text("utf-8"))
    connection.close()
    return path


@pytest.fixture
def node(old):
    migrate.upgrade(old)
    sender, *keys = (seeded(f"broker {key}") for key in ("sender", "signing", "agreement", "compliance"))
    keystore, clock = Keystore(sender, MemberKeys(*keys)), Clock(step_ms=1000)
    settings = settings_of(old.parent, keystore.address, "Broker North")
    chain = replace(settings.chain, chain_id=CHAIN_ID, directory=address("Directory"), directory_block=0)
    node = open_member(
        replace(settings, chain=chain), keystore, clock, entropy_of("after the upgrade"), lambda _url, _message: None
    )
    with node.store.read() as connection:
        newest = connection.exec_driver_sql("SELECT max(accepted_at) FROM record").scalar_one()
    clock.now = newest + 60_000
    yield node
    node.store.dispose()


def test_every_row_of_every_table_is_kept(old):
    before = rows_of(old)
    assert {name for name, rows in before.items() if not rows} == set(), "the dump leaves a table empty"
    migrate.upgrade(old)
    after = rows_of(old)
    for name in set(before) - _CHANGED:
        assert len(after[name]) == len(before[name]), name
        for was, is_now in zip(before[name], after[name], strict=True):
            kept = (set(was) & set(is_now)) - {"state" if name == "subject" else ""}
            assert {column: was[column] for column in kept} == {column: is_now[column] for column in kept}, name
    migrate.require_current(old)
    again = rows_of(old)
    migrate.upgrade(old)
    assert rows_of(old) == again


def test_what_is_known_of_a_subject_stands_under_the_domain_that_knows_it(old):
    before = {row["pid"]: row["state"] for row in rows_of(old)["subject"]}
    migrate.upgrade(old)
    after = {row["pid"]: json.loads(row["state"]) for row in rows_of(old)["subject"]}
    assert after == {pid: {"suitability": json.loads(state)} for pid, state in before.items()}


def test_alarms_and_tokens_mean_what_they_meant(node):
    with node.store.read() as connection:
        assert {alarm.kind for alarm in alarms.list_alarms(connection)} == {"promise-broken", "chain-reset"}
        token = tokens.find_token(connection, "operator token")
    assert (token.name, token.role, token.ended(node.clock.now_ms())) == ("operator", "operator", None)


def test_the_node_is_refused_by_name_until_its_records_are_carried_over(old):
    """Its rows are kept; a node that writes records of another format among them would break every chain."""
    migrate.upgrade(old)
    store = open_store(old)
    with store.read() as connection, pytest.raises(Refused) as refused:
        records.require_format_2(connection)
    store.dispose()
    assert refused.value.code == "format-1-records"
