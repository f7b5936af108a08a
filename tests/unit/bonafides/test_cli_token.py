import json
import stat

import pytest

from bonafides.cli.main import main
from node_adapter.init import init_node
from node_adapter.store.engine import open_store
from node_adapter.store.tokens import find_token
from node_adapter.workflows.identity.staff_tokens import read_token


@pytest.fixture
def home(tmp_path):
    init_node(tmp_path / "a", name="A", role="broker", password="pw", settings={})
    return tmp_path / "a"


@pytest.fixture
def run(home, capsys):
    def call(name, *arguments):
        with pytest.raises(SystemExit) as ended:
            main(["token", name, "--node", str(home), *map(str, arguments)])
        text, error = capsys.readouterr()
        return ended.value.code, json.loads(text) if text else None, error

    return call


def state_of(home, text):
    store = open_store(home / "node.db")
    with store.read() as connection:
        row = find_token(connection, text)
    store.dispose()
    return row and row.ended(0 if row.revoked_at is None else row.revoked_at)


def test_a_token_is_shown_once_and_never_again(run):
    status, made, _ = run("add", "--name", "Li Wei", "--role", "compliance", "--days", "30")
    assert status == 0
    _, listed, _ = run("list")
    entry = next(entry for entry in listed if entry["name"] == "Li Wei")
    assert entry == {name: value for name, value in made.items() if name != "token"}
    assert made["token"] not in json.dumps(listed)


def test_a_token_goes_into_a_file_of_its_owner(run, tmp_path, home):
    file = tmp_path / "li.token"
    _, made, _ = run("add", "--name", "Li Wei", "--role", "operator", "--to", file)
    assert "token" not in made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert state_of(home, file.read_text("utf-8").strip()) is None
    before = run("list")[1]
    status, _, error = run("add", "--name", "Li Wei", "--role", "operator", "--to", file)
    assert status == 2
    assert "node-unwritable" in error
    assert run("list")[1] == before, "a token that could not be handed out was made"


def test_renewing_the_token_of_the_directory_writes_its_file(run, home):
    entry = next(entry for entry in run("list")[1] if entry["role"] == "operator")
    before = read_token(home, "operator")
    _, made, _ = run("renew", entry["id"], "--overlap-hours", "0")
    assert made["file"] == str(home / "tokens" / "operator.token")
    assert "token" not in made
    assert made["replaces"] == entry["id"]
    assert read_token(home, "operator") != before
    states = {entry["id"]: entry["state"] for entry in run("list")[1]}
    assert (states[entry["id"]], states[made["id"]]) == ("expired", "valid")


def test_revoking_by_id(run, home):
    made = run("add", "--name", "Li Wei", "--role", "operator")[1]
    status, revoked, _ = run("revoke", made["id"])
    assert (status, revoked["state"]) == (0, "revoked")
    assert state_of(home, made["token"]) == "token-revoked"
    status, _, error = run("revoke", "000000000000")
    assert status == 2
    assert error.startswith("error: token-not-found")
