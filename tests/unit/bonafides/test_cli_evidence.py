"""`bonafides evidence fsck` as it is typed: exit status, the state file and going on from it, what it says."""

import json
import re
import shutil

import pytest
from sqlalchemy import text

from bonafides.cli import evidence
from bonafides.cli.main import main
from node_adapter.fsck import records
from node_adapter.fsck.check import PARTS, Fsck
from node_adapter.init import DEFAULT_ANCHORING
from node_adapter.settings import SETTINGS_FILE, render_settings
from node_adapter.store.engine import open_store
from tests.world.broker import Broker
from tests.world.chain import CHAIN_ID, Chain
from tests.world.payloads import PAYLOADS


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A broker that has recorded and anchored."""
    chain = Chain()
    chain.deploy()
    for name in ("north", "south"):
        chain.admit(name)
    broker = Broker(tmp_path_factory.mktemp("fsck"), chain)
    broker.install()
    client = broker.enrol("client")
    broker.lines("/v1/facts", [broker.fact(client.subject, type_, payload) for type_, payload in PAYLOADS.items()])
    broker.anchor()
    assert broker.store.empty_of_deleted()
    return broker


@pytest.fixture
def home(broker, tmp_path):
    """A node's directory with a copy of what the broker keeps."""
    home = tmp_path / "node"
    home.mkdir()
    chain = {"rpc_url": "http://127.0.0.1:1", "chain_id": CHAIN_ID, "directory": "0x" + "01" * 20}
    table = {
        "member": {"address": broker.keys.address, "name": "A", "role": "broker"},
        "chain": {**chain, "directory_block": 1, "finality_depth": 1},
        "http": {"host": "127.0.0.1", "port": 1},
        "anchoring": dict(DEFAULT_ANCHORING),
    }
    (home / SETTINGS_FILE).write_text(render_settings(table), "utf-8")
    shutil.copy(broker.path, home / "node.db")
    return home


@pytest.fixture
def fsck(home, capsys):
    def call(*words, offline=True):
        asked = ["--offline"] if offline else []
        with pytest.raises(SystemExit) as ended:
            main(["evidence", "fsck", "--node", str(home), *asked, *map(str, words)])
        written = capsys.readouterr()
        return ended.value.code, written.out, written.err

    return call


def change(home, statement):
    store = open_store(home / "node.db")
    with store.write() as connection:
        assert connection.execute(text(statement)).rowcount == 1
    store.dispose()


def cut_short(monkeypatch, pages):
    """Let a check end after so many pages, as one that is told to stop."""
    step, done = Fsck._step, []

    def stopped(check):
        if len(done) == pages:
            raise KeyboardInterrupt
        done.append(check)
        step(check)

    monkeypatch.setattr(Fsck, "_step", stopped)


def test_a_whole_store_ends_with_0_and_each_part_is_told(home, fsck):
    status, out, err = fsck()
    assert (status, err) == (0, "")
    for part in PARTS:
        assert f"{part}: " in out
    assert "not checked: chain: " in out
    assert "DIFFERENCE" not in out
    assert not (home / evidence.STATE_FILE).exists()


def test_a_chain_that_does_not_answer_is_not_passed_over(home, fsck):
    """The store was gone over by then, and the next check goes on with the chain."""
    status, out, err = fsck(offline=False)
    assert (status, out) == (2, "")
    assert "chain-unreachable" in err
    assert PARTS[json.loads((home / evidence.STATE_FILE).read_bytes())["part"]] == "chain"
    assert fsck()[0] == 0


def test_a_difference_ends_with_1_and_names_its_place(home, fsck):
    change(home, "update record set payload = '{}' where log_index = 2")
    status, out, _ = fsck()
    assert status == 1
    assert "DIFFERENCE in records: payload at log index 2" in out
    assert not (home / evidence.STATE_FILE).exists()
    status, out, _ = fsck("--json")
    report = json.loads(out)
    assert (status, report["same"]) == (1, False)
    assert {"part": "records", "what": "payload", "where": "log index 2"}.items() <= report["difference"].items()


@pytest.mark.parametrize("named", [False, True])
def test_what_was_cut_short_goes_on_from_its_file_and_takes_it_away(home, fsck, tmp_path, monkeypatch, named):
    whole = json.loads(fsck("--json")[1])
    file = tmp_path / "state.json" if named else home / evidence.STATE_FILE
    words = ("--resume", file) if named else ()
    with monkeypatch.context() as patched:
        cut_short(patched, 2)
        status, out, err = fsck(*words)
    assert (status, out, err.strip()) == (2, "", "error: aborted")
    assert file.stat().st_mode & 0o777 == 0o600
    kept = json.loads(file.read_bytes())
    assert kept["part"] == 1
    change(home, "update record set payload = '{}' where log_index = 2")  # of the part that was gone over before
    status, out, _ = fsck("--json", *words)
    report = json.loads(out)
    assert (status, report["looked_at"]) == (0, whole["looked_at"])
    assert set(report["not_checked"]) - set(whole["not_checked"]) == {"what was gone over before"}
    assert not file.exists()
    assert fsck(*words)[0] == 1  # it begins anew


def test_how_far_it_is_goes_to_standard_error(fsck, monkeypatch):
    monkeypatch.setattr(evidence, "_TOLD_EACH", 3)
    monkeypatch.setattr(records, "PAGE", 4)
    status, out, err = fsck("--json")
    assert status == 0
    assert json.loads(out)["same"]
    told = [int(re.fullmatch(r"progress: (\d+) looked at, \d+ a second", line)[1]) for line in err.splitlines()]
    assert told == sorted(set(told))
    assert len(told) > 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"{", "error: invalid-input state json "),
        (b"\xff", "error: invalid-input state utf-8 "),
        (b"[]", "error: invalid-input state "),
        (b'{"format":"bonafides.fsck/1"}', "error: invalid-input state"),
        (b" " * 5000, "error: invalid-input state max-bytes "),
    ],
)
def test_what_is_no_state_is_refused_in_one_line_and_left_alone(fsck, tmp_path, content, line):
    file = tmp_path / "state.json"
    file.write_bytes(content)
    status, out, err = fsck("--resume", file)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(line)
    assert file.read_bytes() == content


@pytest.mark.parametrize("change", [{"part": 9}, {"part": -1}, {"number": -1}, {"subject": "\0"}, {"looked": {}}])
def test_a_state_that_no_check_writes_is_refused(home, fsck, monkeypatch, change):
    with monkeypatch.context() as patched:
        cut_short(patched, 2)
        fsck()
    file = home / evidence.STATE_FILE
    file.write_text(json.dumps(json.loads(file.read_bytes()) | change), "utf-8")
    status, out, err = fsck()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: invalid-input state.{next(iter(change))}")


def test_what_cannot_be_checked_ends_with_2(home, fsck, tmp_path):
    status, _, err = fsck("--resume", tmp_path / "none" / "state.json")
    assert (status, err.split()[1]) == (2, "file-unwritable")
    (home / "node.db").unlink()
    status, _, err = fsck()
    assert (status, err.split()[1]) == (2, "store-missing")
    assert not (home / "node.db").exists()
    (home / "node.db").write_bytes(b"no database" * 1000)
    status, _, err = fsck()
    assert (status, err.split()[1]) == (2, "store-unavailable")
