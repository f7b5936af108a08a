"""Wrong inputs by hand: each command answers one typed line, never a traceback, and stores nothing of a bad line."""

import io
import json
import sys

import pytest

from bonafides.cli.main import main
from bonafides.wallet.store import PASSWORD_VARIABLE
from tests.unit.bonafides.conftest import BROKER, NETWORK, PASSWORD

FILES = {
    "empty": b"",
    "cut": b"{",
    "list": b"[1,2]",
    "text": b'"text"',
    "null": b"null",
    "nan": b'{"a":NaN}',
    "duplicate": b'{"a":1,"a":2}',
    "infinite": b'{"a":1e400}',
    "big-integer": b'{"a":123456789012345678901234567890}',
    "surrogate": b'{"a":"\\ud800"}',
    "nul": b'{"a":"\x00"}',
    "deep": b"[" * 1000,
    "gbk": '{"a":"客户"}'.encode("gbk"),
    "utf-16": '{"a":"b"}'.encode("utf-16"),
    "long": b'{"client_ref":"' + b"x" * 10_000 + b'"}',
}
LINES = ("wallet new", "wallet bind", "wallet sign --yes", "wallet rotate", "wallet session", "wallet receipts add")
LINES += ("wallet promises add", "wallet consent grant --yes", "wallet consent withdraw --yes", "prove")
LINES += ("wallet open --yes",)
ROWS = [
    {},
    {"did": 1},
    {"did": BROKER, "subject": 1},
    {"draft": 1},
    {"draft": {"version": "bonafides.act/1"}},
    {"draft": {"version": "bonafides.act/2", "suite": 1}},
    {"receipt": []},
    {"promise": {"a": 1}},
    {"promise": {"format": "bonafides.promise/1"}},
    {"client_ref": 1},
    {"client_ref": "李\ufffd"},
    {"client_ref": "a", "broker": 5},
    {"client_ref": "a", "certificate": {"kind": 1, "number": 2}},
    {"client_ref": "a", "broker_key": "zz"},
    {"client_ref": "a", "broker_key": "00" * 32, "checkpoint_key": "zz"},
    {"version": "bonafides.session/1", "broker": 1, "did": [], "nonce": {}},
    {"audience": 1, "holder": 2, "nonce": 3, "purpose": 4, "expires_at": "0000-01-01T00:00:00Z"},
]


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    (tmp_path / "network.json").write_text(json.dumps(NETWORK.to_json()), encoding="utf-8")

    def call(*words, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert all(line.startswith("error: ") for line in err.splitlines()), err
        return ended.value.code, [json.loads(line) for line in out.splitlines()], err

    made = ("--network", tmp_path / "network.json", "--broker", BROKER)
    assert call("wallet", "new", "--wallet", tmp_path / "w", *made, stdin=b'{"client_ref":"c-1"}')[0] == 0
    call.wallet, call.made = tmp_path / "w", made
    return call


def words_of(run, line):
    return (*line.split(), "--wallet", run.wallet, *(run.made if line == "wallet new" else ()))


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_line_is_refused_by_name_and_stores_nothing(run, line):
    before = run("wallet", "list", "--wallet", run.wallet)[1]
    text = b"\r\n".join(json.dumps(row).encode() for row in ROWS)
    status, answers, err = run(*words_of(run, line), stdin=text)
    assert status in (1, 2)
    assert len(answers) == len(ROWS)
    refused = [answer for answer in answers if answer.get("status") == "refused"]
    assert len(err.splitlines()) == len(refused) == len(ROWS)
    assert all(answer["problem"]["code"] for answer in refused)
    assert run("wallet", "list", "--wallet", run.wallet)[1] == before


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_what_it_should_be_ends_in_one_line(run, tmp_path, name):
    (tmp_path / "bad").write_bytes(FILES[name])
    bad = tmp_path / "bad"
    for words in (
        ("verify", bad, "--trust", bad),
        ("promise", "verify", bad, "--trust", bad),
        ("convict", bad, "--key", "00" * 32),
        ("wallet", "new", "--wallet", tmp_path / "other", "--network", bad, "--broker", BROKER),
    ):
        status, answers, err = run(*words)
        assert (status, answers, len(err.splitlines())) == (2, [], 1), words
    assert not (tmp_path / "other").exists()


def test_a_line_that_is_too_long_and_a_file_that_is_not_there(run, tmp_path):
    (tmp_path / "long").write_bytes(b'{"client_ref":"' + b"x" * (9 * 1024 * 1024) + b'"}')
    status, _, err = run(*words_of(run, "wallet bind"), "--file", tmp_path / "long")
    assert (status, err.startswith("error: invalid-input line 1 max-bytes ")) == (2, True)
    status, _, err = run(*words_of(run, "wallet bind"), "--file", r"C:\clients\in.ndjson")
    assert (status, err.startswith("error: file-unreadable ")) == (2, True)


@pytest.mark.parametrize("missing", ["--file", "--network", "--password-file"])
def test_a_wallet_is_not_made_where_a_file_that_is_named_is_missing(run, tmp_path, missing):
    made = [*run.made, missing, tmp_path / "missing"]
    status, answers, err = run("wallet", "new", "--wallet", tmp_path / "other", *made)
    assert (status, answers, len(err.splitlines())) == (2, [], 1)
    assert not (tmp_path / "other").exists()
