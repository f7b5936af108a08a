"""The wallet at its broker's node: a session, the receipts, the data uses."""

import io
import json
import sys

import httpx
import pytest

from bonafides.cli.main import main
from bonafides.cli.wallet import online as module
from bonafides.client import Client
from bonafides.wallet.keys import Identities, bind, new_identity
from bonafides.wallet.receipts import pin_broker
from bonafides.wallet.sign import sign_draft
from bonafides.wallet.store import PASSWORD_VARIABLE, WalletStore
from tests.unit.bonafides.conftest import BROKER, NETWORK, NOW, PASSWORD, PID, draft, entropy_from
from tests.unit.bonafides.test_wallet_promises import ANOTHER, promise_of
from tests.unit.bonafides.test_wallet_receipts import KEY, receipt_of


class Node:
    """A broker's node as a client sees it."""

    def __init__(self):
        self.receipts, self.promises, self.uses, self.sessions = [], [], [], []
        self.broker, self.hidden = BROKER, []

    def __call__(self, request):
        body = json.loads(request.content or b"{}")
        path = request.url.path
        if path == "/v1/client/sessions/challenge":
            version = "bonafides.session/1"
            return httpx.Response(
                201, json={"version": version, "broker": self.broker, "did": body["did"], "nonce": "n"}
            )
        if path == "/v1/client/sessions":
            self.sessions.append(body)
            return httpx.Response(201, json={"token": "session", "expires_at": "t"})
        if request.headers.get("Authorization") != "Bearer session":
            return httpx.Response(401, json={})
        if path == "/v1/client/data-uses":
            return httpx.Response(200, json={"data_uses": self.uses})
        after = int(request.url.params.get("after", 0))
        what = path.rpartition("/")[2]
        held = {"receipts": self.receipts, "promises": self.promises}[what]
        page = {what: held[after : after + 1], "pending": 0}
        if what == "receipts" and self.hidden:  # a node of an earlier version has no such member
            page["not_shown"] = self.hidden
        page["next_after"] = after + 1 if after + 1 < len(held) else None
        return httpx.Response(200, json=page)


@pytest.fixture
def node(monkeypatch):
    stand_in = Node()
    transport = httpx.MockTransport(stand_in)
    monkeypatch.setattr(module, "Client", lambda url, token=None: Client(url, token, transport=transport))
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    return stand_in


@pytest.fixture
def wallet(tmp_path):
    """A wallet of one client, who signed two acts; gives the directory and the acts."""
    store = WalletStore.create(tmp_path / "w", PASSWORD, entropy_from(b"online"))
    identities = Identities(store)
    with identities.changing():
        identity = new_identity(identities, client_ref="c-1", broker=BROKER, network=NETWORK)
        bind(identities, identity.did, PID)
        pin_broker(identities, BROKER, KEY)
        acts = [sign_draft(identities, draft(), now_ms=NOW + n, show=lambda *_: True) for n in range(2)]
    store.close()
    return tmp_path / "w", acts


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words), "--url", "http://node"])
    written = capsys.readouterr()
    return ended.value.code, [json.loads(line) for line in written.out.splitlines()], written.err


def test_receipts_are_fetched_page_by_page_checked_and_kept(node, wallet, capsys):
    directory, acts = wallet
    good = receipt_of(acts[0])
    bad = json.loads(json.dumps(good))
    bad["log"]["path"] = []
    node.receipts = [good, bad]
    status, answers, errors = run(capsys, "wallet", "receipts", "fetch", "--wallet", directory)
    assert status == 1
    assert [answer["status"] for answer in answers] == ["verified", "refused"]
    assert errors.startswith("error: inclusion")
    assert node.sessions[0]["key"].endswith("#delegate-1")


def test_promises_are_fetched_page_by_page_and_a_contradiction_ends_with_1(node, wallet, capsys):
    fetch = ("wallet", "promises", "fetch", "--wallet", wallet[0])
    node.promises = [promise_of(), promise_of(log_index=8, **ANOTHER)]
    status, answers, errors = run(capsys, *fetch)
    assert (status, [answer["status"] for answer in answers], errors) == (0, ["kept", "kept"], "")
    assert run(capsys, *fetch)[0] == 0  # the same again are the same
    forged = {**promise_of(log_index=9), "signature": promise_of()["signature"]}
    node.promises = [promise_of(fingerprint=ANOTHER["fingerprint"]), forged]
    status, answers, errors = run(capsys, *fetch)
    assert (status, [answer["status"] for answer in answers]) == (1, ["contradiction", "refused"])
    assert len(errors.splitlines()) == 1


def test_data_uses_are_shown_with_their_client(node, wallet, capsys):
    node.uses = [{"task_id": "t"}]
    status, answers, _ = run(capsys, "wallet", "data-uses", "--wallet", wallet[0])
    assert (status, answers[0]["client_ref"], answers[0]["task_id"]) == (0, "c-1", "t")
    other = BROKER[:-2] + "00"
    assert run(capsys, "wallet", "data-uses", "--wallet", wallet[0], "--broker", other)[1] == []


def test_another_brokers_node_gets_no_session(node, wallet, capsys):
    node.broker = BROKER[:-2] + "00"
    status, (answer,), _ = run(capsys, "wallet", "data-uses", "--wallet", wallet[0])
    assert (status, answer["problem"]["code"]) == (2, "wallet-wrong-broker")
    assert node.sessions == []


def test_a_client_that_the_wallet_does_not_hold_is_told(node, wallet, capsys):
    status, answers, errors = run(capsys, "wallet", "data-uses", "--wallet", wallet[0], "--client-ref", "c-9")
    assert (status, answers) == (2, [])
    assert errors.startswith("error: wallet-foreign")


@pytest.mark.parametrize(
    "page",
    [
        [],
        {},
        {"receipts": {}},
        {"receipts": [1]},
        {"receipts": [], "next_after": 0},
        {"receipts": [], "next_after": "1"},
    ],
)
def test_a_node_that_answers_nonsense_ends_the_command_with_a_typed_error(node, wallet, capsys, monkeypatch, page):
    real = Node.__call__

    def answer(self, request):
        return httpx.Response(200, json=page) if request.method == "GET" else real(self, request)

    monkeypatch.setattr(Node, "__call__", answer)
    for command in (("receipts", "fetch"), ("data-uses",)):
        status, _, errors = run(capsys, "wallet", *command, "--wallet", wallet[0])
        assert status == 2
        assert "error: node-answer" in errors


def test_a_record_that_the_node_cannot_show_is_named(node, wallet, capsys):
    node.hidden = [{"record_id": "r-7", "seq": 7, "code": "record-erased", "detail": "it is erased"}]
    status, answers, errors = run(capsys, "wallet", "receipts", "fetch", "--wallet", wallet[0])
    assert (status, [answer["status"] for answer in answers]) == (2, ["refused"])
    assert errors == "error: receipt-not-shown record_id: r-7: it is erased\n"
