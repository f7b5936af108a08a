"""`bonafides promise`: what is asked, what is written, and the exit status."""

import io
import json
import sys

import httpx
import pytest

from bonafides.cli.main import main
from bonafides.cli.support import node_options
from bonafides.client import Client
from primitives.canonical import canonical_json, parse_json
from scripts.vectors.breach import broken_world
from scripts.vectors.breach import claim_of as claim_of_format_1
from scripts.vectors.synthetic_consortium import Member
from scripts.vectors.version2.claims import claim_of, late

KEPT = {"status": "kept", "entry": "as-promised"}
PROBLEM = {
    "status": 422,
    "type": "urn:bonafides:problem:failed:promise-signature",
    "code": "promise-signature",
    "detail": "no",
}


REGULATOR = Member("regulator", role=2).keys.signing.hex()


@pytest.fixture(scope="module")
def world():
    """A broken promise, the claim as a node gives it, and the bytes of claim and trust file."""
    broker, promise = late()
    claimed = claim_of(broker, promise)
    return promise, parse_json(claimed.claim, field="claim"), claimed


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
    promise = world[0]
    rows = [promise, {"status": "accepted", "promise": promise, "findings": []}, {"promise": promise, "log": {}}]
    assert run("promise", "check", rows=rows, answers=[KEPT] * 3) == 0
    assert run.sent == [{"promise": promise}] * 3
    assert [json.loads(line) for line in run.out.splitlines()] == [KEPT] * 3


def test_a_broken_promise_is_told_by_the_exit_status(run, world):
    broken = {"status": "broken", "verdict": "broken: ...", "claim": world[1]}
    refused = {"status": "refused", "problem": PROBLEM}
    assert run("promise", "check", rows=[world[0]] * 3, answers=[KEPT, broken, refused]) == 1
    assert json.loads(run.out.splitlines()[1])["claim"] == world[1]
    assert run("promise", "check", rows=[world[0]] * 2, answers=[KEPT, refused]) == 1
    assert "promise-signature" in run.err
    assert run("promise", "check", rows=[{"no": "promise"}, world[0]], answers=[KEPT]) == 2
    assert [json.loads(line)["status"] for line in run.out.splitlines()] == ["refused", "kept"]
    owed = {"status": "accepted", "record_id": "r", "promise": None, "findings": []}
    assert run("promise", "check", rows=[owed, world[0]], answers=[KEPT]) == 2
    assert "fact promises" in run.err


def test_a_claim_written_to_a_file_verifies(run, world, tmp_path):
    broken = {"status": "broken", "verdict": "broken: ...", "claim": world[1]}
    assert run("promise", "check", "--claims", tmp_path / "claims", rows=[world[0]], answers=[broken]) == 1
    [file] = (tmp_path / "claims").iterdir()
    assert json.loads(run.out)["claim"] == str(file)
    assert file.read_bytes() == world[2].claim
    trust = tmp_path / "trust.json"
    trust.write_bytes(world[2].trust)
    words = ("promise", "verify", file, "--trust", trust, "--trust-key", REGULATOR)
    assert run(*words) == 0
    assert run.out.splitlines()[-1].startswith("broken: record ")
    assert run(*words, "--json") == 0
    assert json.loads(run.out)["ok"] is True


def test_a_claim_that_proves_nothing(run, world, tmp_path):
    _, claim, claimed = world
    trust, file = tmp_path / "trust.json", tmp_path / "claim.json"
    trust.write_bytes(claimed.trust)
    pinned = ("--trust", trust, "--trust-key", REGULATOR)
    file.write_bytes(canonical_json(claim | {"nodes": []}))
    assert run("promise", "verify", file, *pinned) == 1
    assert run.out.splitlines()[-1].startswith("failed: ")
    file.write_bytes(b"{}")
    assert run("promise", "verify", file, *pinned) == 2
    assert "breach" in run.err  # what is no claim is told so, before anything is said of the trust file
    assert "of format 2" not in run.err
    file.write_bytes(claimed.claim)
    assert run("promise", "verify", file, "--trust", trust) == 2
    assert "trust_keys" in run.err
    assert run("promise", "verify", file, "--trust", trust, "--trust-key", "00" * 32) == 1
    assert "is not pinned" in run.err
    assert run("promise", "verify", tmp_path / "none", *pinned) == 2


def test_a_claim_of_format_1_is_verified_under_a_trust_file_of_its_own(run, world, tmp_path):
    made, broken = broken_world()
    of_1, of_2, file = tmp_path / "one.json", tmp_path / "two.json", tmp_path / "claim.json"
    file.write_bytes(claim_of_format_1(made, broken.promise).to_bytes())
    of_1.write_bytes(made.trust())
    of_2.write_bytes(world[2].trust)
    assert run("promise", "verify", file, "--trust", of_1) == 0
    assert run.out.splitlines()[-1].startswith("broken: by 2026-")
    assert run("promise", "verify", file, "--trust", of_2, "--trust-key", REGULATOR) == 2
    assert "of format 1" in run.err
    of_1.write_bytes(made.trust(last=5))
    assert run("promise", "verify", file, "--trust", of_1) == 2
    assert "trust-range" in run.err
    file.write_bytes(world[2].claim)
    assert run("promise", "verify", file, "--trust", of_1) == 2
    assert "of format 2" in run.err


def test_a_directory_that_cannot_be_written_is_told(run, world, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    broken = {"status": "broken", "verdict": "broken: ...", "claim": world[1]}
    assert run("promise", "check", "--claims", tmp_path / "file" / "x", rows=[world[0]], answers=[broken]) == 2
    assert "file-unwritable" in run.err
