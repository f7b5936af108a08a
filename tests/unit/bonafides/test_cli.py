import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bonafides.cli import demo as demo_module
from bonafides.cli.main import COMMANDS, PERSONS, cli, main
from node_adapter.keys.keystore import Keystore

ROOT = Path(__file__).parents[3]
CLI = ROOT / "bonafides" / "cli"
ENTRIES = ("main", "verify_alone")  # of the commands `bonafides` and `bonafides-verify`


@pytest.fixture
def run(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        written = capsys.readouterr()
        return ended.value.code, written.out, written.err

    return call


def commands(group, context, path=()):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, context, (*path, name))


ALL = dict(commands(cli, click.Context(cli)))


def test_the_promised_commands_are_there():
    promised = """demo;network up;network down;network status;contracts deploy;contracts status;member;node init;
    node run;
    node status;wallet new;wallet sign;wallet receipts;wallet consent grant;wallet consent withdraw;fact submit;gate;
    credential issue;credential verify;credential revoke;prove;check;task propose;task approve;task run;replay;verify;
    chain trust;doctor"""
    for words in promised.split(";"):
        assert tuple(words.split()) in ALL


@pytest.mark.parametrize("words", list(ALL), ids=" ".join)
def test_every_command_has_help(run, words):
    status, text, _ = run(*words, "--help")
    assert status == 0
    assert ALL[words].help
    assert "Usage: bonafides" in text


def test_the_list_of_commands_needs_no_import_of_them(run):
    status, text, _ = run("--help")
    assert status == 0
    assert all(name in text for name in COMMANDS)
    loaded = (
        "import sys; from bonafides.cli.main import cli; cli(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, encoding="utf-8", check=True).stdout
    assert {name for name in COMMANDS if f"bonafides.cli.{name}" in told.split()} == set()
    assert run("nothing")[0] == 2
    assert run("verify")[0] == 2


def test_the_list_is_told_by_person_and_names_each_command_once(run):
    _, text, _ = run("--help")
    found, person = {}, None
    for line in text.splitlines():
        person = line.removesuffix(":") if line.endswith(":") else person
        words = re.match(r"  ([a-z]+)  +\S", line)
        if person in PERSONS and words is not None:
            found.setdefault(person, []).append(words[1])
    assert found == {person: list(commands) for person, commands in PERSONS.items()}
    assert len(COMMANDS) == len(set(COMMANDS))


def modules_of(name):
    """Return the files of one command."""
    return sorted((CLI / name).rglob("*.py")) if (CLI / name).is_dir() else [CLI / f"{name}.py"]


def test_a_command_is_the_module_of_its_name_and_knows_no_other_one():
    modules = {path.stem for path in CLI.iterdir() if path.stem not in ("__init__", "__pycache__", *ENTRIES)}
    assert modules == {*COMMANDS, "support", "process"}
    for name in COMMANDS:
        for path in modules_of(name):
            known = re.findall(r"^\s*(?:from|import) bonafides\.cli\.([a-z_]+)", path.read_text("utf-8"), re.MULTILINE)
            assert set(known) <= {"support", "process", name}, path


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"garbage", b"\xff\xfe", b"[" * 100_000, b'{"format": "bonafides.bundle/1"}']
)
def test_what_is_no_bundle_ends_with_2(run, tmp_path, content):
    (tmp_path / "bundle").write_bytes(content)
    (tmp_path / "trust").write_bytes(b"{}")
    status, text, errors = run("verify", tmp_path / "bundle", "--trust", tmp_path / "trust")
    assert (status, text) == (2, "")
    assert errors.startswith("error: invalid-input bundle")
    assert errors.count("\n") == 1


def test_a_huge_or_missing_file_ends_with_2(run, tmp_path):
    (tmp_path / "trust").write_bytes(b"{}")
    with (tmp_path / "bundle").open("wb") as huge:
        huge.truncate(65 * 1024 * 1024)
    status, _, errors = run("verify", tmp_path / "bundle", "--trust", tmp_path / "trust")
    assert (status, "max-bytes" in errors) == (2, True)
    status, _, errors = run("verify", tmp_path / "none", "--trust", tmp_path / "trust")
    assert (status, "file-unreadable" in errors) == (2, True)


def test_the_demo_outside_a_checkout_says_so(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_module, "_SCRIPT", tmp_path / "none")
    status, _, errors = run("demo")
    assert (status, errors.split()[1]) == (2, "demo-needs-checkout")


def test_the_demo_gets_its_options(run, tmp_path, monkeypatch):
    started = []
    (tmp_path / "run.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(demo_module, "_SCRIPT", tmp_path / "run.py")
    monkeypatch.setattr(os, "execv", lambda _program, words: started.append(words[1:]))
    assert run("demo", "--clients", 5, "--generate", "--seed", 7, "--keep")[0] == 0
    assert started == [[str(tmp_path / "run.py"), "--clients", "5", "--seed", "7", "--generate", "--keep"]]


def test_a_node_is_made_configured_and_looked_at(run, tmp_path, monkeypatch):
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", "pw")
    home = tmp_path / "a"
    made = run("node", "init", home, "--name", "A", "--role", "broker", "--port", 18999)
    member = json.loads(made[1])["member"]
    assert set(member["keys"]) == {"signing", "agreement", "compliance"}
    status, _, errors = run("node", "run", home)
    assert (status, "chain.rpc_url required" in errors) == (2, True)
    network = {"rpc_url": "http://127.0.0.1:1", "chain_id": 7, "directory": "0x" + "01" * 20, "directory_block": 1}
    (tmp_path / "network.json").write_text(json.dumps(network), encoding="utf-8")
    peer = "0x" + "02" * 20 + "=http://127.0.0.1:2"
    status, text, _ = run("node", "configure", home, "--network", tmp_path / "network.json", "--peer", peer)
    assert json.loads(text)["complete"] is True
    assert run("node", "configure", home, "--peer", "x")[0] == 2
    status, text, _ = run("doctor", "--node", home, "--json")
    lines = {line["name"]: line for line in json.loads(text)}
    assert status == 1
    assert (lines["chain"]["ok"], lines["keystore"]["ok"], lines["schema"]["ok"]) == (False, True, True)
    assert all(line["mend"] for line in lines.values() if not line["ok"])
    assert lines["tokens"]["ok"] is True
    operator = next(
        entry for entry in json.loads(run("token", "list", "--node", home)[1]) if entry["role"] == "operator"
    )
    assert run("token", "revoke", "--node", home, operator["id"])[0] == 0
    lines = {line["name"]: line for line in json.loads(run("doctor", "--node", home, "--json")[1])}
    assert lines["tokens"]["ok"] is False
    assert lines["tokens"]["detail"].endswith("operator.token: token-revoked")
    status, text, _ = run("doctor", "--node", tmp_path / "none")
    assert (status, "ILL settings" in text) == (1, True)
    status, _, errors = run("member", "list", "--node", tmp_path / "none")
    assert (status, "settings-unreadable" in errors) == (2, True)
    assert run("member", "list", "--node", home)[0] == 0
    status, _, errors = run("member", "vote", "--node", home, 1)
    assert (status, "contract-unknown" in errors) == (2, True)
    status, _, errors = run("node", "status", "--url", "http://127.0.0.1:1")
    assert (status, "node-unreachable" in errors) == (2, True)
    assert run("node", "status")[0] == 2


@pytest.mark.parametrize("password", ["", "another"])
def test_a_node_does_not_run_with_a_wrong_password(run, tmp_path, monkeypatch, password):
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", "pw")
    words = ("--rpc-url", "http://127.0.0.1:1", "--chain-id", 7, "--directory", "0x" + "01" * 20)
    made = run(
        *("node", "init", tmp_path / "a", "--name", "A", "--role", "broker", "--port", 18999, "--directory-block", 1),
        *words,
    )
    assert made[0] == 0
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", password)
    status, _, errors = run("node", "run", tmp_path / "a")
    assert status == 2
    assert "password" in errors


@pytest.mark.parametrize("value", [[], {}, {"member": {}}, {"member": {"keys": {}}}])
def test_a_founder_file_is_read_strictly(run, tmp_path, monkeypatch, value):
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", "pw")
    (tmp_path / "founder.json").write_text(json.dumps(value), encoding="utf-8")
    words = ("--rpc-url", "http://127.0.0.1:1", "--node", tmp_path, "--founder", tmp_path / "founder.json")
    status, _, errors = run("contracts", "deploy", *words)
    assert (status, "founder" in errors) == (2, True)


def test_founders_are_named_or_found_on_the_chain(run, tmp_path, monkeypatch):
    """By files, or by the network file of the consortium that is continued: never by both, and never by none."""
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", "pw")
    file, words = tmp_path / "some.json", ("--rpc-url", "http://127.0.0.1:1", "--node", tmp_path)
    file.write_text("{}", encoding="utf-8")
    for chosen in ((), ("--founder", file, "--continues", file)):
        status, _, errors = run("contracts", "deploy", *words, *chosen)
        assert (status, errors.split()[:4]) == (2, ["error:", "invalid-input", "founder", "one-of"])


@pytest.mark.parametrize("value", [[], {}, {"directory": "0x" + "1" * 40}, {"directory": "x", "directory_block": 1}])
def test_the_network_file_that_is_continued_is_read_strictly(run, tmp_path, monkeypatch, value):
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", "pw")
    Keystore.generate().save(tmp_path / "keystore", "pw")
    file, words = tmp_path / "some.json", ("--rpc-url", "http://127.0.0.1:1", "--node", tmp_path)
    file.write_text(json.dumps(value), encoding="utf-8")
    status, _, errors = run("contracts", "deploy", *words, "--continues", file)
    assert (status, errors.split()[2].split(".")[0]) == (2, "continues")


def test_a_migration_takes_a_network_file(run, tmp_path):
    file = tmp_path / "some.json"
    file.write_text("[]", encoding="utf-8")
    status, _, errors = run("node", "migrate", tmp_path, "--network", file)
    assert (status, errors.split()[:4]) == (2, ["error:", "invalid-input", "network", "object"])


def test_the_page_of_the_command_names_every_command():
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    leaves = [" ".join(words) for words, command in ALL.items() if not isinstance(command, click.Group)]
    assert [words for words in leaves if words not in page] == []


def test_the_page_tells_each_command_under_its_person():
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    sections = dict(part.partition("\n")[::2] for part in page.split("\n## ")[1:])
    assert list(sections) == list(PERSONS)
    for person, text in sections.items():
        told = set(re.findall(r"^    bonafides ([a-z]+)", text, re.MULTILINE))
        assert told == set(PERSONS[person]), person


def test_a_network_file_that_is_no_object_is_refused(run, tmp_path):
    file = tmp_path / "network.json"
    file.write_text("[]", encoding="utf-8")
    status, _, error = run("contracts", "status", "--network", file)
    assert (status, error.split()[:4]) == (2, ["error:", "invalid-input", "network", "shape"])


@pytest.mark.parametrize("defect", [RuntimeError("a defect"), OSError(28, "No space left on device")])
def test_what_was_not_foreseen_is_never_told_as_checked_and_false(run, monkeypatch, defect):
    def fail(**_):
        raise defect

    monkeypatch.setattr(cli, "main", fail)
    status, out, error = run("doctor")
    assert (status, out) == (2, "")
    assert defect.args[-1] in error
