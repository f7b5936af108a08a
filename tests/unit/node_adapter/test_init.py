import stat
import warnings

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from node_adapter.init import configure, init_node
from node_adapter.keys.keystore import Keystore
from node_adapter.loopback_ports import claim_port
from node_adapter.settings import Settings, read_settings_table
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import revisions, upgrade
from node_adapter.store.schema import metadata, token
from node_adapter.store.tokens import token_digest
from node_adapter.workflows.identity.staff_tokens import DAY_MS, DEFAULT_DAYS, read_token
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.suites import SUITES, sm3_sm2
from tests.world.databases import indexes

CHAIN = {
    "rpc_url": "http://127.0.0.1:8545",
    "chain_id": 7,
    "directory": "0x" + "01" * 20,
    "directory_block": 3,
    "finality_depth": 1,
}


@pytest.fixture
def home(tmp_path):
    return tmp_path / "node"


def make(home, role="broker", **settings):
    return init_node(home, name="Broker A", role=role, password="pw", settings=settings)


def test_a_node_is_made_in_two_steps(home):
    made = make(home, http={"host": "127.0.0.1", "port": 8080})
    assert Keystore.open(home / "keystore", "pw").public_json() == made.keys
    with pytest.raises(InvalidInput) as caught:
        Settings.load(home)
    assert (caught.value.field, caught.value.rule) == ("chain", "required")
    assert configure(home, {"chain": {"rpc_url": CHAIN["rpc_url"]}}) is None
    assert configure(home, {"chain": CHAIN}) == Settings.load(home)
    assert Settings.load(home).member.address == made.keys["address"]


def test_a_suite_is_chosen_with_the_keys_and_one_without_its_library_makes_nothing(home, monkeypatch):
    suite = SUITES["sm3-sm2/1"]
    monkeypatch.setattr(sm3_sm2, "ec", None)
    with pytest.raises(CouldNotCheck) as caught:
        init_node(home, name="Broker A", role="broker", password="pw", settings={}, suite=suite)
    assert (caught.value.code, home.exists()) == ("suite-not-installed", False)
    monkeypatch.undo()
    made = init_node(home, name="Broker A", role="broker", password="pw", settings={}, suite=suite)
    assert (made.keys["suite"], len(made.keys["signing"]), len(made.keys["checkpoint"])) == ("sm3-sm2/1", 130, 64)
    assert Keystore.open(home / "keystore", "pw").suite is suite


def test_tokens_are_private_and_only_their_digests_are_stored(home):
    make(home)
    store = open_store(home / "node.db")
    with store.read() as connection:
        rows = list(connection.execute(select(token)))
    store.dispose()
    stored = {row.role: row.digest for row in rows}
    assert {row.name for row in rows} == {"first broker-system", "first compliance", "first operator"}
    assert all(row.expires_at - row.created_at == DEFAULT_DAYS * DAY_MS for row in rows)
    for role, digest in stored.items():
        assert stat.S_IMODE((home / "tokens" / f"{role}.token").stat().st_mode) == 0o600
        assert token_digest(read_token(home, role)) == digest
    with pytest.raises(CouldNotCheck):
        read_token(home, "regulator")


def test_nothing_is_made_twice_nor_from_wrong_settings(home, tmp_path):
    make(home)
    with pytest.raises(Refused) as refused:
        make(home)
    assert refused.value.code == "node-exists"
    with pytest.raises(InvalidInput):
        make(tmp_path / "other", role="client")
    with pytest.raises(InvalidInput) as caught:
        make(tmp_path / "other", chain={"chain_id": "7"})
    assert caught.value.field == "chain.chain_id"
    assert not (tmp_path / "other").exists()
    before = (home / "node.toml").read_bytes()
    with pytest.raises(InvalidInput):
        configure(home, {"chain": {"colour": "red"}})
    assert (home / "node.toml").read_bytes() == before


@pytest.mark.both_databases(empty=True)
def test_the_revisions_build_the_schema_of_the_code(tmp_path):
    path = tmp_path / "node.db"
    upgrade(path)
    upgrade(path)
    current, head = revisions(path)
    assert current == head
    store, made = open_store(path), open_store(tmp_path / "made.db")
    with made.write() as connection:
        metadata.create_all(connection)
    with store.read() as connection, made.read() as wanted:
        with warnings.catch_warnings():  # nothing reflects an index over an expression: it is compared as it is written
            warnings.filterwarnings("ignore", ".*expression-based index")
            difference = compare_metadata(MigrationContext.configure(connection), metadata)
        assert indexes(connection) == indexes(wanted)
    store.dispose()
    made.dispose()
    assert difference == [], "make a revision for the change of schema.py"


def test_a_database_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "node.db"
    upgrade(path)
    store = open_store(path)
    with store.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    store.dispose()
    with pytest.raises(CouldNotCheck) as caught:
        upgrade(path)
    assert caught.value.code == "store-too-new"


def test_any_free_port_is_held_for_the_directory(tmp_path):
    http = {"http": {"host": "127.0.0.1", "port": 0}}
    made = [init_node(tmp_path / name, name=name, role="broker", password="pw", settings=http) for name in "ab"]
    assert made[0].port != made[1].port
    for node, other in (made, reversed(made)):
        assert read_settings_table(node.home / "node.toml")["http"]["port"] == node.port
        claim_port(node.port, node.home)
        with pytest.raises(Refused, match="reserved for"):
            claim_port(node.port, other.home)


def test_any_port_is_for_loopback_alone(tmp_path):
    settings = {"http": {"host": "0.0.0.0", "port": 0}}  # noqa: S104 - nobody listens
    with pytest.raises(InvalidInput, match=r"http\.port"):
        init_node(tmp_path / "a", name="A", role="broker", password="pw", settings=settings)
    assert not (tmp_path / "a").exists()
