"""The wallet at its broker's node: a session, the receipts, the data uses."""

import io
import json
import sys

import httpx
import pytest

from bonafides.cli.main import main
from bonafides.cli.wallet import online as module
from bonafides.client import Client
from bonafides.wallet.store import PASSWORD_VARIABLE
from evidence.version2.map.label_map import LabelMap
from primitives.timestamp import format_time
from tests.unit.bonafides.conftest import BROKER, PASSWORD
from tests.unit.bonafides.test_wallet_receipts import roll_back


class Node:
    """A broker's node as a client sees it."""

    def __init__(self):
        self.receipts, self.promises, self.uses, self.erased, self.sessions = [], [], [], [], []
        self.broker, self.hidden, self.log, self.unknown = BROKER, [], None, None

    def __call__(self, request):
        body = json.loads(request.content or b"{}")
        path = request.url.path
        if path == "/v1/client/sessions/challenge":
            version = "bonafides.session/1"
            return httpx.Response(
                201, json={"version": version, "broker": self.broker, "did": body["did"], "nonce": "n"}
            )
        if path == "/v1/client/sessions" and self.unknown:
            code = "unauthenticated"
            problem = {"status": 401, "type": f"urn:bonafides:problem:refused:{code}", "code": code}
            told = {**problem, "detail": self.unknown}
            return httpx.Response(401, json=told, headers={"Content-Type": "application/problem+json"})
        if path == "/v1/client/sessions":
            self.sessions.append(body)
            return httpx.Response(201, json={"token": "session", "expires_at": "t"})
        if path.startswith("/v1/log/") and self.log is None:
            code = "checkpoint-not-found"
            problem = {"status": 404, "type": f"urn:bonafides:problem:refused:{code}", "code": code, "detail": "none"}
            return httpx.Response(404, json=problem, headers={"Content-Type": "application/problem+json"})
        if path.startswith("/v1/log/"):
            return httpx.Response(200, content=self.log(path.removeprefix("/v1/log/")))
        if request.headers.get("Authorization") != "Bearer session":
            return httpx.Response(401, json={})
        if path == "/v1/client/data-uses":
            return httpx.Response(200, json={"data_uses": self.uses, "erased": self.erased})
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
def wallet(house, tmp_path):
    """The directory of the wallet of one client, whose history at the house has three records under one anchor."""
    house.record()
    house.record()
    house.anchor()
    return tmp_path / "wallet"


def receipts_of(house):
    return [house.receipt(seq) for seq in range(1, len(house.client.records) + 1)]


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words), "--url", "http://node"])
    written = capsys.readouterr()
    return ended.value.code, [json.loads(line) for line in written.out.splitlines()], written.err


def test_receipts_are_fetched_page_by_page_checked_and_kept(node, wallet, house, capsys):
    good, bad = house.receipt(1), house.receipt(2)
    bad["log"]["path"] = ""
    node.receipts = [good, bad]
    status, answers, errors = run(capsys, "wallet", "receipts", "fetch", "--wallet", wallet)
    assert status == 1
    assert [answer["status"] for answer in answers] == ["verified", "refused"]
    assert errors.startswith("error: inclusion")
    assert node.sessions[0]["key"].endswith("#delegate-1")


def test_promises_are_fetched_page_by_page_and_a_contradiction_ends_with_1(node, wallet, house, capsys):
    fetch = ("wallet", "promises", "fetch", "--wallet", wallet)
    node.promises = [house.promise(seq) for seq in (1, 2)]
    status, answers, errors = run(capsys, *fetch)
    assert (status, [answer["status"] for answer in answers], errors) == (0, ["kept", "kept"], "")
    assert run(capsys, *fetch)[0] == 0  # the same again are the same
    forged = {**house.promise(3), "signature": {**house.promise(3)["signature"], "value": "A" * 86}}
    node.promises = [house.promised(2, entry=bytes(32)), forged]
    status, answers, errors = run(capsys, *fetch)
    assert (status, [answer["status"] for answer in answers]) == (1, ["contradiction", "refused"])
    assert [line.split(" ", 2)[1] for line in errors.splitlines()] == ["contradiction", "promise"]


def test_a_sync_looks_at_log_promises_and_receipts(node, wallet, house, capsys):
    sync = ("wallet", "sync", "--wallet", wallet)
    node.promises, node.receipts = [house.promise(seq) for seq in (1, 2, 3)], receipts_of(house)
    node.log = house.served()
    status, answers, errors = run(capsys, *sync)
    assert (status, errors) == (0, "")
    assert [answer["status"] for answer in answers] == ["followed", *["kept"] * 3, *["verified"] * 3, "followed"]
    assert [answers[0]["since"], answers[-1]["since"]] == [None, house.broker.leaves[-1].seq]
    house.record()
    house.anchor()
    node.promises, node.receipts = [house.promise(seq) for seq in (1, 2, 3, 4)], receipts_of(house)
    status, answers, errors = run(capsys, *sync)
    assert (status, errors) == (0, "")
    assert [answer["kept"] for answer in answers if answer["status"] == "verified"] == [True] * 4


def test_before_the_first_anchor_a_sync_takes_promises(node, wallet, house, capsys):
    node.promises = [house.promise(1)]
    status, answers, errors = run(capsys, "wallet", "sync", "--wallet", wallet)
    assert (status, errors) == (0, "")
    assert [answer["status"] for answer in answers] == ["followed", "kept", "followed"]


def test_a_log_that_could_not_be_looked_at_keeps_nothing_else_from_the_wallet(node, wallet, house, capsys):
    node.promises, node.receipts = [house.promise(1)], [house.receipt(1)]
    node.log = lambda path: house.served()(path) if path == "checkpoint" else bytes(32 * 256)
    status, answers, errors = run(capsys, "wallet", "sync", "--wallet", wallet)
    assert status == 2
    assert [answer["status"] for answer in answers] == ["refused", "kept", "verified", "refused"]
    assert [line.split()[1] for line in errors.splitlines()] == ["log-tiles", "log-tiles"]


def test_a_record_that_was_taken_back_between_two_syncs_convicts_the_broker(node, wallet, house, capsys):
    sync = ("wallet", "sync", "--wallet", wallet)
    node.promises, node.receipts = [house.promise(seq) for seq in (1, 2, 3)], receipts_of(house)
    node.log = house.served()
    assert run(capsys, *sync)[0] == 0
    lost = house.receipt(3)["promise"]["record_id"]
    roll_back(house, 2)
    node.promises, node.receipts = [house.promise(seq) for seq in (1, 2)], receipts_of(house)
    status, answers, errors = run(capsys, *sync)
    assert status == 1
    found = [answer["status"] for answer in answers]
    assert found == ["followed", *["kept"] * 2, "verified", "contradiction", "refused", "followed"]
    assert answers[5]["problem"]["code"] == "receipt-withheld"
    assert lost in answers[5]["problem"]["detail"]
    assert "error: contradiction record " in errors
    with pytest.raises(SystemExit) as ended:
        main(["wallet", "contradictions", "--wallet", str(wallet)])
    [document] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (ended.value.code, document["format"]) == (1, "bonafides.rollback/2")


def test_a_log_that_was_exchanged_between_two_syncs_convicts_the_broker(node, wallet, house, capsys):
    sync = ("wallet", "sync", "--wallet", wallet)
    fork = house.fork()
    house.others("a")
    house.anchor()
    node.log = house.served()
    assert run(capsys, *sync)[0] == 0
    fork.broker.world.block += 1
    for name in ("b", "c"):
        fork.others(name)
        fork.anchor()
    node.log = fork.served()
    status, answers, errors = run(capsys, *sync)
    assert (status, [answer["status"] for answer in answers]) == (1, ["contradiction", "contradiction"])
    assert "error: contradiction the log of " in errors


def test_a_node_that_knows_the_client_no_longer_is_told_with_until_when_it_stood_for_the_history(
    node, wallet, house, capsys
):
    sync = ("wallet", "sync", "--wallet", wallet)
    node.log = house.served()
    node.unknown = "did: is no client of this broker"
    status, answers, _ = run(capsys, *sync)
    assert [answer.get("problem", {}).get("code") for answer in answers] == ["unauthenticated", None]  # nothing is held
    node.unknown, node.receipts = None, receipts_of(house)
    assert run(capsys, *sync)[0] == 0
    last = house.broker.leaves[-1]
    house.broker.map = LabelMap()
    house.others("zoe")
    house.anchor()
    node.unknown = "did: is no client of this broker"
    status, answers, _ = run(capsys, *sync)
    assert (status, [answer["status"] for answer in answers]) == (2, ["refused", "refused", "followed"])
    told = answers[1]["problem"]
    assert told["code"] == "history-withheld"
    assert f"counted 3 of its records, the newest of anchor {last.seq}" in told["detail"]
    assert format_time(last.time * 1000) in told["detail"]
    assert "its silence convicts nobody" in told["detail"]
    with pytest.raises(SystemExit) as ended:
        main(["wallet", "contradictions", "--wallet", str(wallet)])
    assert (ended.value.code, capsys.readouterr().out) == (0, "")


def test_data_uses_are_shown_with_their_client(node, wallet, capsys):
    node.uses = [{"task_id": "t"}]
    status, answers, _ = run(capsys, "wallet", "data-uses", "--wallet", wallet)
    assert (status, answers[0]["client_ref"], answers[0]["task_id"]) == (0, "c-1", "t")
    other = BROKER[:-2] + "00"
    assert run(capsys, "wallet", "data-uses", "--wallet", wallet, "--broker", other)[1] == []
    node.erased = [{"record_id": "r", "seq": 2}]
    _, answers, _ = run(capsys, "wallet", "data-uses", "--wallet", wallet)
    assert [answer.get("type") for answer in answers] == [None, "ERASED"]
    assert (answers[1]["client_ref"], answers[1]["seq"]) == ("c-1", 2)


def test_another_brokers_node_gets_no_session(node, wallet, capsys):
    node.broker = BROKER[:-2] + "00"
    status, (answer,), _ = run(capsys, "wallet", "data-uses", "--wallet", wallet)
    assert (status, answer["problem"]["code"]) == (2, "wallet-wrong-broker")
    assert node.sessions == []


def test_a_client_that_the_wallet_does_not_hold_is_told(node, wallet, capsys):
    status, answers, errors = run(capsys, "wallet", "data-uses", "--wallet", wallet, "--client-ref", "c-9")
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
        status, _, errors = run(capsys, "wallet", *command, "--wallet", wallet)
        assert status == 2
        assert "error: node-answer" in errors


def test_pages_that_name_nothing_are_not_turned_for_ever(node, wallet, capsys, monkeypatch):
    real, asked = Node.__call__, []

    def answer(self, request):
        if request.method != "GET":
            return real(self, request)
        asked.append(request)
        if len(asked) == 9:
            return httpx.Response(200, json={"receipts": [], "next_after": None})
        following = int(request.url.params["after"]) + 1
        return httpx.Response(200, json={"receipts": [], "not_shown": [], "next_after": following})

    monkeypatch.setattr(Node, "__call__", answer)
    status, _, errors = run(capsys, "wallet", "receipts", "fetch", "--wallet", wallet)
    assert (status, "error: node-answer" in errors, len(asked)) == (2, True, 1)


def test_a_record_that_the_node_cannot_show_is_named(node, wallet, capsys):
    node.hidden = [{"record_id": "r-7", "seq": 7, "code": "record-erased", "detail": "it is erased"}]
    status, answers, errors = run(capsys, "wallet", "receipts", "fetch", "--wallet", wallet)
    assert (status, [answer["status"] for answer in answers]) == (2, ["refused"])
    assert errors == "error: receipt-not-shown record_id: r-7: it is erased\n"
