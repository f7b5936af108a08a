import io
import json
import sys

import pytest

from bonafides.cli.main import main
from bonafides.cli.support import opened_wallet as module
from bonafides.wallet.store import PASSWORD_VARIABLE
from tests.unit.bonafides.conftest import BROKER, NETWORK, PASSWORD, PID, draft


class Run:
    """Runs the command in this process with standard input, and keeps what it wrote."""

    def __init__(self, capsys, monkeypatch, tmp_path):
        self.capsys, self.monkeypatch, self.path = capsys, monkeypatch, tmp_path

    def __call__(self, *words, stdin=""):
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        written = self.capsys.readouterr()
        self.errors = written.err
        return ended.value.code, [json.loads(line) for line in written.out.splitlines()]


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    (tmp_path / "network.json").write_text(json.dumps(NETWORK.to_json()), encoding="utf-8")
    return Run(capsys, monkeypatch, tmp_path)


@pytest.fixture
def wallet(run):
    directory = run.path / "w"
    certificate = {"kind": "passport", "number": "TEST00001"}
    status, (made,) = run(
        *("wallet", "new", "--wallet", directory, "--network", run.path / "network.json", "--broker", BROKER),
        stdin=json.dumps({"client_ref": "c-1", "certificate": certificate}),
    )
    assert status == 0
    answer = {"status": "accepted", "did": made["did"], "subject": PID}
    status, (bound,) = run("wallet", "bind", "--wallet", directory, stdin=json.dumps(answer))
    assert (status, bound["subject"]) == (0, PID)
    status, (opened,) = run("wallet", "open", "--wallet", directory, "--yes", stdin=json.dumps(bound))
    assert (status, opened["draft"]["type"], opened["client_ref"]) == (0, "OPENING", "c-1")
    return directory


def test_a_wallet_lists_its_identities_without_secrets(run, wallet):
    status, (entry,) = run("wallet", "list", "--wallet", wallet)
    assert status == 0
    assert set(entry) == {"client_ref", "broker", "did", "subject", "suite", "key", "commitment"}


def test_lines_are_answered_in_order_and_a_refused_one_leaves_the_others(run, wallet):
    rows = [{"draft": draft(), "source_ref": "s-1"}, {**draft(), "subject": "00" * 32}, draft(lang="zh")]
    text = "\n".join([*(json.dumps(row) for row in rows), "{", "[]", ""])
    status, answers = run("wallet", "sign", "--wallet", wallet, "--yes", stdin=text)
    assert status == 2
    assert answers[0]["source_ref"] == "s-1"
    assert answers[1]["problem"]["code"] == "wallet-foreign"
    assert answers[2]["draft"]["text"]["lang"] == "zh"
    assert [answer["problem"]["rule"] for answer in answers[3:]] == ["json", "object"]
    lines = run.errors.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("error: wallet-foreign ")
    assert lines[1].startswith("error: invalid-input line 4 json ")


def test_the_answer_to_a_refused_line_is_named_as_that(run, wallet):
    line = json.dumps({"status": "refused", "problem": {"code": "duplicate"}})
    status, [answer] = run("wallet", "bind", "--wallet", wallet, stdin=line)
    assert (status, answer["problem"]["field"], answer["problem"]["rule"]) == (2, "line", "shape")
    assert answer["problem"]["detail"] == "is the answer to a line that was refused before (duplicate)"


def test_a_text_with_another_digest_is_refused_by_name(run, wallet):
    broken = draft()
    broken["text"]["body"] += " "
    status, (answer,) = run("wallet", "sign", "--wallet", wallet, "--yes", stdin=json.dumps(broken))
    assert (status, answer["problem"]["code"]) == (2, "wallet-text-digest")


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_the_client_is_shown_the_text_and_asked(run, wallet, answer, status):
    file = run.path / "drafts.ndjson"
    file.write_text(json.dumps(draft()), encoding="utf-8")
    ended, answers = run("wallet", "sign", "--wallet", wallet, "--file", file, stdin=answer)
    assert ended == status
    assert draft()["text"]["body"] in run.errors
    assert ("signature" in answers[0]) == (status == 0)


def test_without_a_terminal_nobody_is_asked(run, wallet, monkeypatch):
    monkeypatch.setattr(module, "_TERMINAL", run.path / "no-terminal")
    status, (answer,) = run("wallet", "sign", "--wallet", wallet, stdin=json.dumps(draft()))
    assert (status, answer["problem"]["code"]) == (2, "wallet-nobody-asked")


def test_rotation_and_session_and_consents_are_lines(run, wallet):
    did = run("wallet", "list", "--wallet", wallet)[1][0]["did"]
    status, (rotated,) = run("wallet", "rotate", "--wallet", wallet, stdin=json.dumps({"did": did}))
    assert (status, rotated["key"]) == (0, f"{did}#delegate-2")
    challenge = {"version": "bonafides.session/1", "broker": BROKER, "did": did, "nonce": "n"}
    status, (session,) = run("wallet", "session", "--wallet", wallet, stdin=json.dumps(challenge))
    assert (status, session["key"]) == (0, f"{did}#delegate-1")  # the new one was not seen on the chain
    keys = {f"{did}#delegate-2": rotated["calls"][0]["value"][2:]}
    challenge["identity"] = {"block": 9, "nonce": 3, "keys": keys}
    status, (session,) = run("wallet", "session", "--wallet", wallet, stdin=json.dumps(challenge))
    assert (status, session["key"]) == (0, f"{did}#delegate-2")
    resolution = run.path / "did.json"
    sponsored = {"block": 10, "nonce": 3, "in_flight": 0, "next_nonce": 3}
    resolution.write_text(json.dumps({"didDocument": {"id": did}, "keys": keys, "sponsored": sponsored}), "utf-8")
    status, (learned,) = run("wallet", "resync", "--wallet", wallet, "--file", resolution)
    assert (status, learned["key"], learned["pending"], learned["block"]) == (0, f"{did}#delegate-2", None, 10)
    terms = {"receivers": [BROKER], "contact": "desk", "method": "totals", "data_kinds": ["HOLDINGS"]}
    terms |= {"purpose": "MARKET_RISK", "expires_at": "2099-01-01T00:00:00.000+08:00", "separate": True}
    value = json.dumps(draft("CONSENT_GIVE", **terms))
    status, (given,) = run("wallet", "consent", "grant", "--wallet", wallet, "--yes", stdin=value)
    assert status == 0
    identifier = json.dumps({"consent_id": given["consent"]["consent_id"]})
    status, (again,) = run("wallet", "consent", "sign-again", "--wallet", wallet, stdin=identifier)
    assert (status, set(again["consent"])) == (0, set(given["consent"]))
    assert again["consent"]["credential"] == given["consent"]["credential"]
    value = draft("CONSENT_WITHDRAW", consent_id=given["consent"]["consent_id"], scope="ALL", effective_at="now")
    status, _ = run("wallet", "consent", "withdraw", "--wallet", wallet, "--yes", stdin=json.dumps(value))
    assert status == 0
    status, (again,) = run("wallet", "consent", "sign-again", "--wallet", wallet, stdin=identifier)
    assert (status, set(again["consent"])) == (0, {"consent_id", "deadline", "signature"})
    assert run("wallet", "consent", "sign-again", "--wallet", wallet, stdin='{"consent_id": "00"}')[0] == 2
    status, (listed,) = run("wallet", "consent", "list", "--wallet", wallet)
    assert listed["withdrawn_at"] is not None
    assert run("wallet", "receipts", "list", "--wallet", wallet) == (0, [])
    status, (refused,) = run("wallet", "receipts", "add", "--wallet", wallet, stdin="{}")
    assert (status, refused["status"]) == (2, "refused")


def test_a_proof_is_made_of_a_challenge(run, wallet):
    did = run("wallet", "list", "--wallet", wallet)[1][0]["did"]
    challenge = {
        "audience": BROKER,
        "holder": did,
        "nonce": "A" * 43,
        "purpose": "onboarding",
        "expires_at": "2099-01-01T00:00:00.000+08:00",
    }
    with_credential = {**challenge, "credential": {"id": "x"}}
    text = json.dumps(challenge) + "\n" + json.dumps(with_credential)
    status, (bare, paired) = run("prove", "--wallet", wallet, stdin=text)
    assert (status, bare["proto"], paired["credential"]) == (0, "pok-open/1", {"id": "x"})


def test_errors_are_one_line_or_one_object_without_a_secret(run, wallet, monkeypatch):
    monkeypatch.setenv(PASSWORD_VARIABLE, "the wrong password")
    status, _ = run("wallet", "list", "--wallet", wallet)
    assert status == 2
    assert run.errors.startswith("error: wallet-password ")
    assert run.errors.count("\n") == 1
    assert "the wrong password" not in run.errors
    status, _ = run("--json", "wallet", "list", "--wallet", wallet)
    assert json.loads(run.errors)["code"] == "wallet-password"
    monkeypatch.delenv(PASSWORD_VARIABLE)
    status, _ = run("wallet", "list", "--wallet", wallet)
    assert run.errors.startswith("error: invalid-input password required ")


def test_a_second_wallet_command_signs_again_and_overwrites_nothing(run, wallet):
    before = run("wallet", "list", "--wallet", wallet)[1][0]
    status, answers = run(
        *("wallet", "new", "--wallet", wallet, "--network", run.path / "network.json", "--broker", BROKER),
        stdin='{"client_ref": "c-1"}\n{"client_ref": "c-2", "broker_key": "' + "00" * 32 + '"}',
    )
    assert (status, answers[0]["did"]) == (0, before["did"])
    assert answers[0]["registration"]["signature"]
    assert answers[1]["client_ref"] == "c-2"
    assert run("wallet", "list", "--wallet", wallet)[1][0] == before
