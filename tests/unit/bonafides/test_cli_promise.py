"""`bonafides promise`: what is asked, what is written, and the exit status."""

import io
import json
import sys

import httpx
import pytest

from bonafides.cli.main import main
from bonafides.cli.support import node_options
from bonafides.client import Client
from primitives.canonical import canonical_json
from scripts.vectors.breach import broken_world, claim_of

KEPT = {"status": "kept", "entry": "as-promised"}
PROBLEM = {
    "status": 422,
    "type": "urn:bonafides:problem:failed:promise-signature",
    "code": "promise-signature",
    "detail": "no",
}


@pytest.fixture(scope="module")
def world():
    made, late = broken_world()
    return made, late.promise, claim_of(made, late.promise)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("a token\n", encoding="utf-8")

    def call(*words, rows=(), answers=()):
        def node(request):
            call.sent = [json.loads(line) for line in request.content.splitlines()]
            return httpx.Response(200, text="\n".join(json.dumps(answer) for answer in answers))

        transport = httpx.MockTransport(node)
        monkeypatch.setattr(node_options, "Client", lambda url, token: Client(url, token, transport=transport))
        text = "".join(json.dumps(row) + "\n" for row in rows)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
        more = ("--url", "http://node", "--token-file", tmp_path / "token") if words[1] == "check" else ()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in (*words, *more)])
        call.out, call.err = capsys.readouterr()
        return ended.value.code

    return call


def test_promises_come_bare_in_answers_and_in_receipts(run, world):
    promise = world[1]
    rows = [promise, {"status": "accepted", "promise": promise, "findings": []}, {"promise": promise, "log": {}}]
    assert run("promise", "check", rows=rows, answers=[KEPT] * 3) == 0
    assert run.sent == [{"promise": promise}] * 3
    assert [json.loads(line) for line in run.out.splitlines()] == [KEPT] * 3


def test_a_broken_promise_is_told_by_the_exit_status(run, world):
    broken = {"status": "broken", "verdict": "broken: ...", "claim": world[2].to_json()}
    refused = {"status": "refused", "problem": PROBLEM}
    assert run("promise", "check", rows=[world[1]] * 3, answers=[KEPT, broken, refused]) == 1
    assert json.loads(run.out.splitlines()[1])["claim"] == world[2].to_json()
    assert run("promise", "check", rows=[world[1]] * 2, answers=[KEPT, refused]) == 1
    assert "promise-signature" in run.err
    assert run("promise", "check", rows=[{"no": "promise"}, world[1]], answers=[KEPT]) == 2
    assert [json.loads(line)["status"] for line in run.out.splitlines()] == ["refused", "kept"]
    owed = {"status": "accepted", "record_id": "r", "promise": None, "findings": []}
    assert run("promise", "check", rows=[owed, world[1]], answers=[KEPT]) == 2
    assert "fact promises" in run.err


def test_a_claim_written_to_a_file_verifies(run, world, tmp_path):
    broken = {"status": "broken", "verdict": "broken: ...", "claim": world[2].to_json()}
    assert run("promise", "check", "--claims", tmp_path / "claims", rows=[world[1]], answers=[broken]) == 1
    [file] = (tmp_path / "claims").iterdir()
    assert json.loads(run.out)["claim"] == str(file)
    assert file.read_bytes() == world[2].to_bytes()
    trust = tmp_path / "trust.json"
    trust.write_bytes(world[0].trust())
    assert run("promise", "verify", file, "--trust", trust) == 0
    assert run.out.splitlines()[-1].startswith("broken: by 2026-")
    assert run("promise", "verify", file, "--trust", trust, "--json") == 0
    assert json.loads(run.out)["ok"] is True


def test_a_claim_that_proves_nothing(run, world, tmp_path):
    made, _, claim = world
    trust, file = tmp_path / "trust.json", tmp_path / "claim.json"
    trust.write_bytes(made.trust())
    file.write_bytes(canonical_json(claim.to_json() | {"blocks": []}))
    assert run("promise", "verify", file, "--trust", trust) == 1
    assert run.out.splitlines()[-1].startswith("failed: ")
    file.write_bytes(b"{}")
    assert run("promise", "verify", file, "--trust", trust) == 2
    file.write_bytes(claim.to_bytes())
    trust.write_bytes(made.trust(last=5))
    assert run("promise", "verify", file, "--trust", trust) == 2
    assert "trust-range" in run.err
    assert run("promise", "verify", tmp_path / "none", "--trust", trust) == 2


def test_a_directory_that_cannot_be_written_is_told(run, world, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    broken = {"status": "broken", "verdict": "broken: ...", "claim": world[2].to_json()}
    assert run("promise", "check", "--claims", tmp_path / "file" / "x", rows=[world[1]], answers=[broken]) == 2
    assert "file-unwritable" in run.err
