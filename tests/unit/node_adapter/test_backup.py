"""A backup of a node that writes, and what it takes back: whole, checked, or not at all."""

import io
import json
import os
import shutil
import stat
import tarfile
import threading

import pytest
from sqlalchemy import text

from node_adapter.backup import back_up, restore
from node_adapter.init import configure, init_node
from node_adapter.keys.keystore import Keystore
from node_adapter.settings import read_settings_table
from node_adapter.store import former, identity, restored, snapshot, tokens
from node_adapter.store.engine import open_store
from node_adapter.workflows.identity.staff_tokens import read_token
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed

NOW = 4_000_000_000_000  # later than the tokens of a directory that was made by the clock of this machine


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("made") / "a"
    init_node(home, name="A", role="broker", password="pw", settings={})
    return home


@pytest.fixture
def home(made, tmp_path):
    shutil.copytree(made, tmp_path / "a")
    return tmp_path / "a"


def settings_of(home):
    store = open_store(home / "node.db")
    with store.read() as connection:
        rows = dict(connection.execute(text("SELECT key, value FROM setting")).all())
    store.dispose()
    assert rows.pop("member").startswith("0x")  # whose database it is
    return rows


def test_what_lies_in_the_write_ahead_log_is_in_the_backup_and_not_in_a_plain_copy(home, tmp_path):
    store = open_store(home / "node.db")
    with store.write() as connection:
        identity.put(connection, "last", "words")
    shutil.copy(home / "node.db", tmp_path / "plain.db")
    made = back_up(home, tmp_path / "b.tar", now_ms=NOW)
    store.dispose()
    restore(made.file, tmp_path / "restored", now_ms=NOW + 1)
    assert settings_of(tmp_path / "restored") == {
        "last": "words",
        "restored_at": str(NOW + 1),
        "status_list": "",
        "tokens.restored_at": str(NOW + 1),
    }
    (tmp_path / "copy").mkdir()
    shutil.move(tmp_path / "plain.db", tmp_path / "copy" / "node.db")
    assert "last" not in settings_of(tmp_path / "copy"), "a plain copy would do: this test shows nothing"


def test_a_backup_holds_keys_and_settings_but_no_token_and_is_private(home, tmp_path):
    made = back_up(home, tmp_path, now_ms=NOW)
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    with tarfile.open(made.file) as archive:
        names = archive.getnames()
        assert json.load(archive.extractfile("manifest.json")) == made.manifest
    assert names == ["manifest.json", "node.db", "node.toml", "keystore/keys.json", "keystore/sender.json"]
    data = made.file.read_bytes()
    assert all(read_token(home, role).encode() not in data for role in ("operator", "compliance", "broker-system"))
    restore(made.file, tmp_path / "r", now_ms=NOW)
    assert Keystore.open(tmp_path / "r" / "keystore", "pw") == Keystore.open(home / "keystore", "pw")
    assert read_settings_table(tmp_path / "r" / "node.toml") == read_settings_table(home / "node.toml")
    assert [file for file in tmp_path.iterdir() if file.name.startswith(".")] == []
    for file in (tmp_path / "r").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600)


@pytest.mark.parametrize("from_copy", [False, True])
def test_the_database_of_format_1_goes_with_it(home, tmp_path, from_copy):
    """Of a migrated node; it is not marked: nothing is signed or decided from it alone."""
    shutil.copy(home / "node.db", home / "former.db")
    store = open_store(home / "former.db")
    with store.write() as connection:
        identity.put(connection, "of", "format 1")
    made = home if from_copy else back_up(home, tmp_path / "b.tar", now_ms=NOW).file
    restore(made, tmp_path / "restored", now_ms=NOW + 1)
    store.dispose()
    again = open_store(tmp_path / "restored" / "former.db")
    with again.read() as connection:
        assert identity.get(connection, "of") == "format 1"
        assert restored.since(connection) is None
    again.dispose()
    assert stat.S_IMODE((tmp_path / "restored" / "former.db").stat().st_mode) == 0o600


def test_a_migrated_node_that_lacks_it_is_backed_up_only_when_told(home, tmp_path):
    """Neither an archive nor a copy of the directory loses it in silence."""
    store = open_store(home / "node.db")
    with store.write() as connection:
        former.put_log(connection, former.FormerLog("d", 1, "c", 1, "ab", 3, "cd"))
    store.dispose()
    for made in (
        lambda: back_up(home, tmp_path / "b.tar", now_ms=NOW),
        lambda: restore(home, tmp_path / "copied", now_ms=NOW),
    ):
        with pytest.raises(Refused) as caught:
            made()
        assert caught.value.code == "former-not-found"
    assert not (tmp_path / "copied").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    archive = back_up(home, tmp_path / "b.tar", now_ms=NOW, without_former=True)
    restore(archive.file, tmp_path / "r", now_ms=NOW)
    assert not (tmp_path / "r" / "former.db").exists()


def test_a_backup_under_load_is_one_moment(home, tmp_path, monkeypatch):
    """A writer changes two rows together all the time; the copy holds a pair that belongs together, and ends."""
    monkeypatch.setattr(snapshot, "_PAGES", 1)
    store, stop, counts = open_store(home / "node.db"), threading.Event(), []

    def write():
        while not stop.is_set():
            with store.write() as connection:
                identity.put(connection, "one", str(len(counts)))
                identity.put(connection, "two", str(len(counts)) + " " * 5000)
            counts.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(counts) < 5:
            pass
        before = len(counts)
        told = []

        def tell(*step):
            told.append(step)
            seen = len(counts)
            while len(told) < 20 and len(counts) == seen:
                pass  # the writer gets its turn between the first pages

        made = back_up(home, tmp_path / "b.tar", now_ms=NOW, progress=tell)
        assert len(counts) > before, "the writer stood still"
    finally:
        stop.set()
        writer.join()
        store.dispose()
    restore(made.file, tmp_path / "r", now_ms=NOW)
    rows = settings_of(tmp_path / "r")
    assert rows["one"] == rows["two"].strip()
    pages = [done for _, done, total in told if total == told[0][2]]
    assert pages == list(range(1, len(pages) + 1)), "the copy began anew"


def test_nothing_is_overwritten(home, tmp_path):
    made = back_up(home, tmp_path / "b.tar", now_ms=NOW)
    for again, code in (
        (lambda: back_up(home, made.file, now_ms=NOW), "backup-exists"),
        (lambda: restore(made.file, home, now_ms=NOW), "node-exists"),
    ):
        with pytest.raises(Refused) as caught:
            again()
        assert caught.value.code == code


def test_every_changed_byte_is_found_and_nothing_is_left(home, tmp_path):
    file = back_up(home, tmp_path / "b.tar", now_ms=NOW).file
    data = file.read_bytes()
    with tarfile.open(file) as archive:
        places = [entry.offset_data + entry.size // 2 for entry in archive if entry.name != "manifest.json"]
    for place in places:
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(VerificationFailed) as caught:
            restore(file, tmp_path / "r", now_ms=NOW)
        assert caught.value.check == "backup"
        assert not (tmp_path / "r").exists()
        assert not list(tmp_path.glob(".r*"))


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9])
def test_an_archive_that_was_cut_short_is_refused(home, tmp_path, kept):
    file = back_up(home, tmp_path / "b.tar", now_ms=NOW).file
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(BonafidesError):
        restore(file, tmp_path / "r", now_ms=NOW)
    assert not (tmp_path / "r").exists()


def archive_of(path, entries):
    with tarfile.TarFile(path, "w") as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "keystore/../../evil", "tokens/operator.token", "node.db-wal"]
)
def test_an_archive_writes_nowhere_else(home, tmp_path, name):
    real = back_up(home, tmp_path / "b.tar", now_ms=NOW)
    with tarfile.open(real.file) as archive:
        parts = [(entry.name, archive.extractfile(entry).read()) for entry in archive]
    described = {"name": name, "bytes": 4, "sha256": "00" * 32}
    manifest = {**real.manifest, "files": [*real.manifest["files"], described]}
    named = archive_of(tmp_path / "named.tar", [("manifest.json", json.dumps(manifest).encode()), *parts[1:]])
    with pytest.raises(InvalidInput):
        restore(named, tmp_path / "r", now_ms=NOW)
    unnamed = archive_of(tmp_path / "unnamed.tar", [*parts, (name, b"evil")])
    with pytest.raises(VerificationFailed):
        restore(unnamed, tmp_path / "r", now_ms=NOW)
    assert not (tmp_path / "r").exists()


def test_a_file_that_is_no_backup_is_named(tmp_path):
    (tmp_path / "x").write_bytes(os.urandom(4096))
    with pytest.raises(InvalidInput):
        restore(tmp_path / "x", tmp_path / "r", now_ms=NOW)
    with pytest.raises(CouldNotCheck) as caught:
        restore(tmp_path / "none", tmp_path / "r", now_ms=NOW)
    assert caught.value.code == "backup-unreadable"


def test_a_backup_of_a_later_version_is_refused(home, tmp_path):
    store = open_store(home / "node.db")
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.dispose()
    made = back_up(home, tmp_path / "b.tar", now_ms=NOW)
    with pytest.raises(CouldNotCheck) as caught:
        restore(made.file, tmp_path / "r", now_ms=NOW)
    assert caught.value.code == "store-too-new"


def test_the_mark_of_a_restored_database_stays_until_it_is_cleared(home, tmp_path):
    restore(back_up(home, tmp_path / "b.tar", now_ms=NOW).file, tmp_path / "r", now_ms=NOW)
    store = open_store(tmp_path / "r" / "node.db")
    with store.write() as connection:
        restored.mark(connection, NOW + 9)
        assert restored.since(connection) == NOW
        with pytest.raises(CouldNotCheck):
            restored.require_caught_up(connection)
        restored.clear(connection)
        restored.require_caught_up(connection)
    store.dispose()


def test_tokens_count_no_more_also_when_the_copy_was_marked_and_confirmed_before(home, tmp_path):
    store = open_store(home / "node.db")
    with store.write() as connection:
        restored.mark(connection, NOW - 9)
        tokens.confirm_all(connection)
    store.dispose()
    restore(back_up(home, tmp_path / "b.tar", now_ms=NOW).file, tmp_path / "r", now_ms=NOW)
    assert settings_of(tmp_path / "r")["tokens.restored_at"] == str(NOW)


def test_a_copy_of_a_directory_is_restored_with_its_write_ahead_log(home, tmp_path):
    store = open_store(home / "node.db")
    with store.write() as connection:
        identity.put(connection, "last", "words")
        shutil.copy(home / "node.db", tmp_path / "before.db")
    shutil.copytree(home, tmp_path / "copy")  # the log lies beside the database still
    store.dispose()
    made = restore(tmp_path / "copy", tmp_path / "r", now_ms=NOW)
    assert settings_of(tmp_path / "r") == {
        "last": "words",
        "restored_at": str(NOW),
        "status_list": "",
        "tokens.restored_at": str(NOW),
    }
    assert made.manifest["member"]["name"] == "A"
    assert sorted(file.name for file in (tmp_path / "r").iterdir()) == [
        "keystore",
        "logs",
        "node.db",
        "node.toml",
        "tokens",
    ]
    with pytest.raises(CouldNotCheck) as caught:
        restore(tmp_path, tmp_path / "other", now_ms=NOW)
    assert caught.value.code == "backup-unreadable"


def test_the_certificates_that_the_settings_name_are_taken_along(home, tmp_path):
    (home / "tls").mkdir()
    for name in ("ca.pem", "tls/node.crt", "tls/node.key", "unnamed.txt"):
        (home / name).write_text(f"-----BEGIN {name}", "utf-8")
    named = {"ca_file": "ca.pem", "client_certificate": "tls/node.crt", "client_key": "tls/node.key"}
    configure(home, {"chain": named})
    made = back_up(home, tmp_path / "b.tar", now_ms=NOW)
    for source, target in ((made.file, "r"), (home, "s")):
        restore(source, tmp_path / target, now_ms=NOW)
        assert (tmp_path / target / "tls" / "node.key").read_text("utf-8") == "-----BEGIN tls/node.key"
        assert (tmp_path / target / "ca.pem").is_file()
        assert not (tmp_path / target / "unnamed.txt").exists()
