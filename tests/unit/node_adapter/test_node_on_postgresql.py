"""A node whose database is on a server: it is made, backed up, moved and looked at as one with a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bonafides.cli.main import cli
from node_adapter.backup import back_up, restore
from node_adapter.init import init_node
from node_adapter.keys.keystore import Keystore
from node_adapter.stopped_node import stopped_node
from node_adapter.store import identity, restored
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import HEAD, require_empty
from node_adapter.store.place import URL_FILE, DatabaseUrl, Place, place_of, read_database_url
from node_adapter.store.running import running_lock
from node_adapter.store.schema import metadata
from primitives.errors import BonafidesError, Refused
from tests.world.postgresql import Postgresql

PASSWORD = "correct horse battery staple"
NOW = 1_800_000_000_000
CHAIN = {"rpc_url": "http://127.0.0.1:1", "chain_id": 1, "directory": "0x" + "1" * 40, "directory_block": 0}
SETTINGS = {"chain": {**CHAIN, "finality_depth": 1}, "http": {"host": "127.0.0.1", "port": 1}}


@pytest.fixture
def url(postgresql: Postgresql) -> DatabaseUrl:
    return read_database_url(postgresql.new_database())


@pytest.fixture
def home(url: DatabaseUrl, tmp_path: Path) -> Path:
    made = tmp_path / "a"
    init_node(made, name="A", role="broker", password=PASSWORD, settings=SETTINGS, database=url, now_ms=NOW)
    return made


def kept(place: Place, key: str) -> str | None:
    store = open_store(place)
    try:
        with store.read() as connection:
            return identity.get(connection, key)
    finally:
        store.dispose()


def test_a_node_is_made_on_a_server_and_its_database_is_no_other_s(
    home: Path, url: DatabaseUrl, tmp_path: Path
) -> None:
    assert place_of(home) == url
    assert not (home / "node.db").exists()
    assert (home / URL_FILE).stat().st_mode & 0o777 == 0o600
    assert kept(url, "member") is not None
    with pytest.raises(Refused) as caught:
        init_node(tmp_path / "b", name="B", role="broker", password=PASSWORD, settings=SETTINGS, database=url)
    assert caught.value.code == "store-taken"
    assert not (tmp_path / "b").exists()


def test_it_moves_to_a_file_and_back_by_backup_and_restore(home: Path, postgresql: Postgresql, tmp_path: Path) -> None:
    made = back_up(home, tmp_path / "first.tar", now_ms=NOW)
    assert made.manifest["revision"] == HEAD
    assert {"node.db", "node.toml"} <= {entry["name"] for entry in made.manifest["files"]}
    assert URL_FILE not in str(made.manifest)
    restore(made.file, tmp_path / "on-file", now_ms=NOW)
    assert place_of(tmp_path / "on-file") == tmp_path / "on-file" / "node.db"
    again = back_up(tmp_path / "on-file", tmp_path / "second.tar", now_ms=NOW)
    there = read_database_url(postgresql.new_database())
    restore(again.file, tmp_path / "on-server", now_ms=NOW, database=there)
    assert place_of(tmp_path / "on-server") == there
    assert not (tmp_path / "on-server" / "node.db").exists()
    assert kept(there, "member") == kept(place_of(home), "member")
    store = open_store(there)
    with store.read() as connection:
        assert restored.since(connection) == NOW
    store.dispose()


def test_a_copy_of_the_directory_is_restored_from_the_server_it_names(home: Path, tmp_path: Path) -> None:
    restore(home, tmp_path / "b", now_ms=NOW)
    assert kept(tmp_path / "b" / "node.db", "member") == kept(place_of(home), "member")


def test_nothing_is_restored_into_a_database_that_holds_a_node(home: Path, url: DatabaseUrl, tmp_path: Path) -> None:
    made = back_up(home, tmp_path / "first.tar", now_ms=NOW)
    with pytest.raises(Refused) as caught:
        restore(made.file, tmp_path / "b", now_ms=NOW, database=url)
    assert caught.value.code == "store-taken"
    assert not (tmp_path / "b").exists()


def test_of_a_restore_that_breaks_off_the_server_s_database_keeps_nothing(
    home: Path, postgresql: Postgresql, tmp_path: Path
) -> None:
    made = back_up(home, tmp_path / "first.tar", now_ms=NOW)
    there = read_database_url(postgresql.new_database())

    def killed(_name: str, done: int, total: int) -> None:
        if (done, total) == (2, len(metadata.tables)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(made.file, tmp_path / "b", now_ms=NOW, database=there, progress=killed)
    require_empty(there)
    restore(made.file, tmp_path / "b", now_ms=NOW, database=there)


def test_of_two_that_found_one_database_empty_one_makes_its_node(
    postgresql: Postgresql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = read_database_url(postgresql.new_database())
    words = {"role": "broker", "password": PASSWORD, "settings": SETTINGS, "database": there}
    save = Keystore.save

    def save_late(keys: Keystore, path: Path, password: str) -> None:
        monkeypatch.setattr(Keystore, "save", save)
        init_node(tmp_path / "first", name="A", **words)
        save(keys, path, password)

    monkeypatch.setattr(Keystore, "save", save_late)
    with pytest.raises(Refused) as caught:
        init_node(tmp_path / "second", name="B", **words)
    assert caught.value.code == "store-taken"
    first = Keystore.open(tmp_path / "first" / "keystore", PASSWORD)
    assert kept(there, "member") == first.address


def test_what_needs_the_node_to_stand_still_is_refused_while_one_runs_elsewhere(home: Path, url: DatabaseUrl) -> None:
    with running_lock(url), pytest.raises(BonafidesError) as caught, stopped_node(home):
        pytest.fail("it runs")
    assert caught.value.code == "database-in-use"
    with stopped_node(home):
        pass


def test_the_doctor_tells_the_server_and_no_password(home: Path, url: DatabaseUrl) -> None:
    said = CliRunner().invoke(cli, ["doctor", "--node", str(home), "--json"]).output
    lines = {line["name"]: line for line in json.loads(said)}
    assert lines["database"]["ok"]
    assert "PostgreSQL 18" in lines["database"]["detail"]
    assert str(url) in lines["database"]["detail"]
    assert url.for_driver.password not in said
    (home / URL_FILE).write_text("postgresql://u:a-pass-word@127.0.0.1:1/d", "utf-8")
    said = CliRunner().invoke(cli, ["doctor", "--node", str(home), "--json"]).output
    lines = {line["name"]: line for line in json.loads(said)}
    assert not lines["database"]["ok"]
    assert "server" in lines["database"]["mend"]
    assert "a-pass-word" not in said


def test_the_command_makes_a_node_on_the_server_that_the_environment_names(
    url: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", PASSWORD)
    monkeypatch.setenv("BONAFIDES_DATABASE_URL", url.given)
    made = CliRunner().invoke(
        cli, ["node", "init", str(tmp_path / "a"), "--name", "A", "--role", "broker", "--port", "0"]
    )
    assert made.exit_code == 0, made.output
    monkeypatch.delenv("BONAFIDES_DATABASE_URL")
    assert place_of(tmp_path / "a") == url
