"""The broker's processes cannot read a wallet: its directory belongs to the client's own user."""

import codecs
import json
import os
import pwd
import stat
import traceback
import warnings
from pathlib import Path

import pytest

from api.app import create_app
from bonafides.wallet.store import WalletStore
from node_adapter.bootstrap import open_node
from node_adapter.init import init_node
from primitives.errors import BonafidesError
from tests.unit.bonafides.conftest import PASSWORD

ROOT = Path(__file__).parents[3]
CHAIN = {
    "rpc_url": "http://127.0.0.1:1",
    "chain_id": 7,
    "directory": "0x" + "01" * 20,
    "directory_block": 1,
    "finality_depth": 1,
}


@pytest.fixture
def broker_user():
    if os.geteuid() != 0:
        pytest.skip("only root can start a process as another user")
    return pwd.getpwnam("nobody")


@pytest.fixture
def broker_home(broker_user, tmp_path):
    """A broker's node that belongs to a user of its own."""
    home = tmp_path / "broker"
    http = {"host": "127.0.0.1", "port": 18997}
    init_node(home, name="A", role="broker", password="pw", settings={"chain": CHAIN, "http": http})
    for path in (home, *home.rglob("*")):
        os.chown(path, broker_user.pw_uid, broker_user.pw_gid)
    return home


def run_as(user, work):
    """Run `work` in a process of another user and return what it gives, as JSON."""
    codecs.lookup("idna")  # loaded here: the other user may not be allowed to read the interpreter's files
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child does no more than this function's work
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            os.write(writing, json.dumps(work()).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return json.loads(answer)


def let_others_pass(path):
    """Open the way to a directory, so that what refuses is the directory itself."""
    for parent in path.parents:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)


def outcome_of(call):
    try:
        call()
    except PermissionError:
        return "forbidden"
    except BonafidesError as error:
        return error.code
    return "done"


def test_a_running_broker_cannot_open_the_wallet(broker_user, broker_home, store, identity, tmp_path):
    wallet = tmp_path / "wallet"
    let_others_pass(wallet)

    def work():
        app = create_app(open_node(broker_home, "pw"))
        return {
            "user": os.geteuid(),
            "serves": app.test_client().get("/healthz").status_code,
            "own": outcome_of((broker_home / "node.toml").read_bytes),
            "list": outcome_of(lambda: os.listdir(wallet)),
            "head": outcome_of((wallet / "wallet.json").read_bytes),
            "database": outcome_of((wallet / "wallet.db").read_bytes),
            "write": outcome_of(lambda: (wallet / "new").write_bytes(b"")),
            "open": outcome_of(lambda: WalletStore.open(wallet, PASSWORD)),
        }

    assert run_as(broker_user, work) == {
        "user": broker_user.pw_uid,
        "serves": 200,
        "own": "done",
        "list": "forbidden",
        "head": "forbidden",
        "database": "forbidden",
        "write": "forbidden",
        "open": "wallet-unreadable",
    }


def test_no_module_of_a_node_imports_the_wallet():
    for package in ("api", "node_adapter", "mpc", "suitability", "evidence", "did", "primitives"):
        for file in (ROOT / package).rglob("*.py"):
            assert "bonafides.wallet" not in file.read_text("utf-8"), file
