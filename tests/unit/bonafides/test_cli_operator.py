"""The commands of an operator on a node's directory: alarms, and the chain writes."""

import json

import pytest

from bonafides.cli.main import main
from node_adapter.init import init_node
from node_adapter.settings import Settings
from node_adapter.store import alarms, outbox
from node_adapter.store.engine import open_store


@pytest.fixture
def home(tmp_path):
    chain = {"rpc_url": "http://127.0.0.1:1", "chain_id": 7, "directory": "0x" + "01" * 20, "directory_block": 1}
    settings = {"chain": chain | {"finality_depth": 1}, "http": {"host": "127.0.0.1", "port": 1}}
    init_node(tmp_path / "a", name="A", role="broker", password="pw", settings=settings)
    return tmp_path / "a"


@pytest.fixture
def store(home):
    opened = open_store(Settings.load(home).database_path)
    yield opened
    opened.dispose()


@pytest.fixture
def run(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        written = capsys.readouterr()
        return ended.value.code, json.loads(written.out) if written.out else None, written.err

    return call


def test_alarms_are_listed_closed_and_open_again_when_seen_again(home, store, run):
    with store.write() as connection:
        for seen in (1000, 2000, 3000):
            alarms.raise_alarm(connection, alarms.CHAIN_RESET, "chain", f"seen at {seen}", seen)
        alarms.raise_alarm(connection, alarms.SEND_REFUSED, "a", "no", 1)
    status, listed, _ = run("alarm", "list", "--node", home)
    assert status == 0
    assert [(entry["kind"], entry["count"], entry["detail"]) for entry in listed] == [
        ("chain-reset", 3, "seen at 3000"),
        ("send-refused", 1, "no"),
    ]
    assert run("alarm", "close", "chain-reset", "--node", home)[:2] == (0, {"closed": 1})
    assert [entry["kind"] for entry in run("alarm", "list", "--node", home)[1]] == ["send-refused"]
    assert [entry["closed_at"] is None for entry in run("alarm", "list", "--all", "--node", home)[1]] == [False, True]
    status, _, error = run("alarm", "close", "chain-reset", "--node", home)
    assert (status, error.split()[1]) == (2, "alarm-not-open")
    with store.write() as connection:
        alarms.raise_alarm(connection, alarms.CHAIN_RESET, "chain", "again", 9000)
    assert run("alarm", "list", "--node", home)[1][0]["count"] == 4


def test_a_failed_write_is_listed_and_tried_again(home, store, run):
    with store.write() as connection:
        for key in ("a", "b"):
            row = outbox.enqueue(connection, "did", key, "0x" + "ab" * 20, b"", 1)
            outbox.mark_signed(connection, outbox.Attempt(key.encode() * 32, row, 3, 7, b"raw", 2))
        outbox.mark_failed(connection, row, "refused", 3)
    assert [entry["key"] for entry in run("outbox", "list", "--node", home)[1]] == ["a", "b"]
    status, (failed,), _ = run("outbox", "list", "--state", "failed", "--node", home)
    assert (status, failed["key"], failed["error"]) == (0, "b", "refused")
    assert failed["transactions"] == [{"tx": "0x" + b"b".hex() * 32, "nonce": 3, "max_fee": 7}]
    assert run("outbox", "retry", "b", "--node", home)[:2] == (0, {"key": "b", "state": "new"})
    for key, code in (("a", "outbox-not-failed"), ("c", "outbox-not-found")):
        status, _, error = run("outbox", "retry", key, "--node", home)
        assert (status, error.split()[1]) == (2, code)
