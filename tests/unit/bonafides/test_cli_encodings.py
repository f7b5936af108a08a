"""Every command under terminals that are no UTF-8: JSON stays UTF-8, words for a person never end in a traceback."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bonafides.cli.main import main
from bonafides.cli.support import node_options as options_module
from bonafides.cli.support.output import json_bytes
from bonafides.client import Client
from bonafides.wallet.store import PASSWORD_VARIABLE
from primitives.canonical import parse_json
from tests.unit.bonafides.conftest import BROKER, NETWORK, PASSWORD, PID, draft
from tests.unit.bonafides.test_cli import ALL

ROOT = Path(__file__).parents[3]
RARE = "𠮷乙"  # GBK has no 𠮷
FULL_WIDTH = "\u3000"
ENCODINGS = ["gbk", "ascii", "utf-8"]


class Terminal:
    """Runs the command in this process with standard streams of one encoding, as strict as Python makes them."""

    def __init__(self, encoding, monkeypatch):
        self.encoding, self.monkeypatch = encoding, monkeypatch

    def __call__(self, *words, stdin=b""):
        out, err = io.BytesIO(), io.BytesIO()
        for name, stream in (("stdin", io.BytesIO(stdin)), ("stdout", out), ("stderr", err)):
            errors = "backslashreplace" if name == "stderr" else "strict"
            self.monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding=self.encoding, errors=errors))
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        sys.stdout.flush(), sys.stderr.flush()
        self.out, self.err = out.getvalue(), err.getvalue()
        assert b"Traceback" not in self.err
        return ended.value.code

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.decode("utf-8").splitlines()]


@pytest.fixture(params=ENCODINGS)
def terminal(request, monkeypatch):
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    yield Terminal(request.param, monkeypatch)
    monkeypatch.undo()


def ndjson(*rows):
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


@pytest.fixture
def wallet(terminal, tmp_path):
    (tmp_path / "network.json").write_text(json.dumps(NETWORK.to_json()), encoding="utf-8")
    words = ("--network", tmp_path / "network.json", "--broker", BROKER)
    assert terminal("wallet", "new", "--wallet", tmp_path / "w", *words, stdin=ndjson({"client_ref": RARE})) == 0
    (made,) = terminal.lines
    assert made["client_ref"] == RARE
    assert terminal("wallet", "bind", "--wallet", tmp_path / "w", stdin=ndjson({**made, "subject": PID})) == 0
    opening = ndjson({"did": made["did"]})
    assert terminal("wallet", "open", "--wallet", tmp_path / "w", "--yes", stdin=opening) == 0
    return tmp_path / "w"


def test_what_a_wallet_writes_is_utf_8(terminal, wallet):
    for words in (("list",), ("promises", "list"), ("receipts", "list"), ("consent", "list")):
        assert terminal("wallet", *words, "--wallet", wallet) == 0
    assert terminal("wallet", "list", "--wallet", wallet) == 0
    assert terminal.lines[0]["client_ref"] == RARE
    assert terminal("wallet", "bind", "--wallet", wallet, stdin=ndjson({"did": RARE, "subject": PID})) == 2
    assert RARE in terminal.lines[0]["problem"]["detail"]


def test_a_text_is_shown_and_signed(terminal, wallet, tmp_path):
    shown = draft(lang="zh")
    (tmp_path / "drafts").write_bytes(ndjson({"draft": shown, "note": RARE}))
    assert terminal("wallet", "sign", "--wallet", wallet, "--file", tmp_path / "drafts", stdin=b"y\n") == 0
    assert terminal.lines[0]["note"] == RARE
    if terminal.encoding != "ascii":
        assert shown["text"]["body"].splitlines()[0] in terminal.err.decode(terminal.encoding)
    # an answer in another encoding is no agreement, and no traceback
    assert (
        terminal("wallet", "sign", "--wallet", wallet, "--file", tmp_path / "drafts", stdin="是\n".encode("gbk")) == 2
    )


def test_what_a_node_answers_is_passed_on_as_utf_8(terminal, monkeypatch, tmp_path):
    def answer(request):
        if "replay" in request.url.path:
            told = dict.fromkeys(("as_of", "checked", "not_checked", "reach"))
            told |= {"id": "r1", "state": "done", "related": []}
            texts = {"bundle": f'"{RARE}"', "report": RARE, "replay.json": json.dumps({"case": RARE})}
            text = texts.get(request.url.path.rpartition("/")[2])
            return httpx.Response(200, json=told) if text is None else httpx.Response(200, content=text.encode())
        if request.headers.get("Content-Type") != "application/x-ndjson":
            return httpx.Response(200, json={"name": RARE})
        problem = {"code": "duplicate", "detail": f"{RARE} \ufffd", "type": "urn:bonafides:problem:refused:duplicate"}
        return httpx.Response(200, content=ndjson({"note": RARE}, {"status": "refused", "problem": problem}))

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(options_module, "Client", lambda url, token: Client(url, token, transport=transport))
    for words in (("subject", "add"), ("fact", "submit"), ("gate",), ("receipt", "get"), ("credential", "verify")):
        assert terminal(*words, "--url", "http://node", stdin=ndjson({"a": RARE}, {"b": 1})) == 2
        assert terminal.lines[0]["note"] == RARE
        assert b"duplicate" in terminal.err
    assert terminal("subject", "show", RARE, "--url", "http://node") == 0
    assert json.loads(terminal.out)["name"] == RARE
    words = ("replay", "--did", "d", "--case", RARE, "--reason", "r", "--out", tmp_path / "case")
    assert terminal(*words, "--url", "http://node") == 0
    assert json.loads((tmp_path / "case" / "replay.json").read_text("utf-8")) == {"case": RARE}


@pytest.mark.parametrize("words", list(ALL), ids=" ".join)
def test_help_is_shown_on_a_terminal_that_lacks_its_characters(monkeypatch, words):
    terminal = Terminal("ascii", monkeypatch)
    assert terminal(*words, "--help") == 0
    monkeypatch.undo()


def test_a_gbk_file_is_named_with_its_line(terminal, wallet):
    text = ndjson({"did": "a"}) + '{"client_ref":"客户甲"}\n'.encode("gbk") + ndjson({"did": "b"})
    assert terminal("wallet", "bind", "--wallet", wallet, stdin=text) == 2
    problem = terminal.lines[1]["problem"]
    assert (problem["field"], problem["rule"]) == ("line 2", "utf-8")
    assert "not UTF-8; is it GBK?" in problem["detail"]
    assert "line 2 utf-8" in terminal.err.decode(terminal.encoding).splitlines()[1]


def test_a_byte_order_mark_is_no_part_of_the_first_line(terminal, wallet):
    assert (
        terminal("wallet", "bind", "--wallet", wallet, stdin=b"\xef\xbb\xbf" + ndjson({"did": "a"}, {"did": "b"})) == 2
    )
    assert [line["problem"]["code"] for line in terminal.lines] == ["wallet-foreign"] * 2
    text = ndjson({"did": "a"}, {"did": "b"}).decode()
    assert terminal("wallet", "bind", "--wallet", wallet, stdin=text.encode("utf-16")) == 2
    assert terminal.err.decode(terminal.encoding).startswith("error: invalid-input line 1 utf-8 the file is UTF-16")


def test_a_lone_surrogate_is_written_as_the_escape_that_json_has():
    value = {"a": "x\ud800y"}
    assert json_bytes(value) == b'{"a":"x\\ud800y"}'
    assert json.loads(json_bytes(value)) == value
    assert parse_json(json_bytes({"a": RARE})) == {"a": RARE}


def command(*words, **environment):
    return {
        "args": [sys.executable, "-m", "bonafides.cli.main", *map(str, words)],
        "cwd": ROOT,
        "env": {**os.environ, PASSWORD_VARIABLE: PASSWORD, **environment},
    }


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "gbk"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0"},
    ],
    ids=["gbk", "C", "ascii"],
)
def test_a_process_under_another_locale_writes_utf_8(tmp_path, environment):
    (tmp_path / "network.json").write_text(json.dumps(NETWORK.to_json()), encoding="utf-8")
    words = ("wallet", "new", "--wallet", tmp_path / "w", "--network", tmp_path / "network.json", "--broker", BROKER)
    done = subprocess.run(
        **command(*words, **environment),
        input=ndjson({"client_ref": RARE}, {"client_ref": ""}),
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert json.loads(done.stdout.decode("utf-8").splitlines()[0])["client_ref"] == RARE
    assert done.returncode == 2
    # arguments that are no text of the locale are named, not shown by a traceback
    words = (b"subject", b"show", b"\xff\xfe", b"--node", b"\xff")
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"bonafides.cli.main", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1), done.stderr


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_goes_away_and_a_full_disk_end_in_one_line(tmp_path, buffered):
    """What lies in a buffer is tried again at the interpreter's end, which has a status and words of its own."""
    unbuffered = {"PYTHONUNBUFFERED": "" if buffered else "1"}
    (tmp_path / "network.json").write_text(json.dumps(NETWORK.to_json()), encoding="utf-8")
    words = ("wallet", "new", "--wallet", tmp_path / "w", "--network", tmp_path / "network.json", "--broker", BROKER)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        **command(*words, **unbuffered),
        input=ndjson({"client_ref": "c-1"}),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (2, b"")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            **command("wallet", "list", "--wallet", tmp_path / "w", **unbuffered),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, b"error: input-output No space left on device\n")
