"""The commands that call a node: which route, which token, which body, and how answers are written."""

import gzip
import hashlib
import io
import json
import sys

import httpx
import pytest

from bonafides.cli.main import main
from bonafides.cli.support import node_options as module
from bonafides.client import Client
from evidence.version2.documents.trust import Signer, TrustedBlock, build_trust
from primitives import ed25519
from primitives.errors import VerificationFailed
from primitives.packed import pack
from primitives.problem_types import type_of
from scripts.vectors.breach import broken_world
from tests.unit.bonafides.conftest import BROKER, PID, draft


class Node:
    """Stands in for a node: keeps the requests, answers by route."""

    def __init__(self):
        self.requests = []
        self.answers = {}

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.get(request.url.path, {"status": "accepted"})
        if callable(answer):
            return answer(request)
        if request.headers.get("Content-Type") == "application/x-ndjson":
            lines = [json.dumps(answer)] * len(request.content.splitlines())
            return httpx.Response(200, text="\n".join(lines))
        return httpx.Response(200, json=answer)

    @property
    def bodies(self):
        return [json.loads(line) for request in self.requests for line in request.content.splitlines()]

    @property
    def routes(self):
        return [(request.method, request.url.path) for request in self.requests]


@pytest.fixture
def node(monkeypatch):
    stand_in = Node()
    transport = httpx.MockTransport(stand_in)
    monkeypatch.setattr(module, "Client", lambda url, token: Client(url, token, transport=transport))
    return stand_in


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("a token\n", encoding="utf-8")

    def call(*words, rows=()):
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), "--url", "http://node", "--token-file", str(tmp_path / "token")])
        call.out, call.err = capsys.readouterr()
        return ended.value.code

    return call


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("subject", "add"), "/v1/subjects"),
        (("draft",), "/v1/acts/drafts"),
        (("gate",), "/v1/gates"),
        (("fact", "submit"), "/v1/facts"),
        (("receipt", "get"), "/v1/receipts"),
        (("credential", "issue"), "/v1/credentials/issue"),
        (("credential", "verify"), "/v1/credentials/verify"),
        (("consent", "grant"), "/v1/consents/grant"),
        (("consent", "withdraw"), "/v1/consents/withdraw"),
        (("check",), "/v1/proofs/verify"),
        (("check", "--challenge"), "/v1/proofs/challenges"),
        (("did", "relay"), "/v1/dids/sponsored"),
    ],
)
def test_lines_go_to_their_route_with_the_token(node, run, words, path):
    assert run(*words, rows=[{"n": 1}, "{", {"n": 2}]) == 2
    assert {route for route in node.routes} == {("POST", path)}
    assert node.bodies == [{"n": 1}, {"n": 2}]
    assert {request.headers["Authorization"] for request in node.requests} == {"Bearer a token"}
    answers = [json.loads(line) for line in run.out.splitlines()]
    assert [answer["status"] for answer in answers] == ["accepted", "refused", "accepted"]


def test_a_nodes_refusal_is_written_and_told(node, run):
    problem = {
        "status": 409,
        "type": "urn:bonafides:problem:refused:duplicate",
        "code": "duplicate",
        "detail": "stored before",
    }
    node.answers["/v1/facts"] = {"status": "refused", "problem": problem}
    assert run("fact", "submit", rows=[{"n": 1}]) == 2
    assert run.err == "error: duplicate stored before\n"
    problem["type"], problem["status"] = "urn:bonafides:problem:failed:duplicate", 422
    assert run("fact", "submit", rows=[{"n": 1}]) == 1


def test_signed_acts_are_submitted_as_facts(node, run):
    act = {"draft": draft(), "occurred_at": "t", "root_salt": "00", "key": f"{BROKER}#delegate-1", "signature": "s"}
    assert run("fact", "submit", rows=[act, {"draft": 5}]) == 2
    (fact,) = node.bodies
    assert (fact["subject"], fact["source_ref"], fact["act"]["signature"]) == (PID, "act:s", "s")
    assert "consent" not in fact


def test_the_call_of_a_consent_goes_with_its_act(node, run):
    act = {"draft": draft(), "occurred_at": "t", "root_salt": "00", "key": f"{BROKER}#delegate-1", "signature": "s"}
    run("fact", "submit", rows=[act | {"consent": {"consent_id": "x"}}])
    (fact,) = node.bodies
    assert fact["consent"] == {"consent_id": "x"}


def test_only_the_consent_is_sent_and_every_call_of_a_rotation(node, run):
    assert run("consent", "grant", rows=[{"draft": {}, "consent": {"consent_id": "x"}}, {"consent": 5}]) == 2
    assert node.bodies == [{"consent_id": "x"}]
    node.requests.clear()
    assert run("did", "relay", rows=[{"did": "d", "calls": [{"n": 1}, {"n": 2}]}, {"calls": 5}]) == 2
    assert node.bodies == [{"n": 1}, {"n": 2}]


def test_a_credential_is_revoked_by_its_id(node, run):
    assert run("credential", "revoke", rows=[{"id": "urn:uuid:1", "reason": "wrong"}, {}, "{"]) == 2
    assert node.routes == [("POST", "/v1/credentials/urn:uuid:1/revoke")]
    assert node.bodies == [{"reason": "wrong"}]


@pytest.mark.parametrize(
    ("words", "route", "body"),
    [
        (("node", "status"), ("GET", "/v1/status"), None),
        (("subject", "show", "c-1"), ("GET", "/v1/subjects"), None),
        (("did", "resolve", BROKER), ("GET", f"/v1/dids/{BROKER}"), None),
        (("ruleset", "list"), ("GET", "/v1/rulesets"), None),
        (("staff", "list"), ("GET", "/v1/staff"), None),
        (
            ("staff", "end", "ab", "--reason", "LEFT"),
            ("POST", "/v1/staff/end"),
            {"key": "ab", "reason": "LEFT"},
        ),
        (
            ("staff", "access", "--did", "d", "--case", "1", "--reason", "r", "--reader", "k", "--approver", "n"),
            ("POST", "/v1/replays/access"),
            {"did": "d", "case": "1", "reason": "r", "reader": "k", "approver": "n"},
        ),
        (("ruleset", "add", "--packaged", "x@1"), ("POST", "/v1/rulesets"), {"packaged": "x@1"}),
        (("task", "show"), ("GET", "/v1/tasks"), None),
        (("task", "show", "ab"), ("GET", "/v1/tasks/ab"), None),
        (("task", "approve", "ab"), ("POST", "/v1/tasks/ab/approvals"), {}),
        (("task", "run", "ab"), ("POST", "/v1/tasks/ab/runs"), {}),
        (("task", "run", "ab", "--client", "c"), ("POST", "/v1/tasks/ab/runs"), {"clients": ["c"]}),
        (("task", "dataset", "d"), ("POST", "/v1/datasets"), {"name": "d", "schema": {}}),
        (("order", "list"), ("GET", "/v1/replay-orders"), None),
        (
            ("order", "place", "--broker", "0xb", "--did", "d", "--case", "1"),
            ("POST", "/v1/replay-orders"),
            {"broker": "0xb", "did": "d", "case": "1"},
        ),
        (
            ("order", "place", "--broker", "0xb", "--did", "d", "--case", "1", "--due", "T"),
            ("POST", "/v1/replay-orders"),
            {"broker": "0xb", "did": "d", "case": "1", "due_at": "T"},
        ),
        (("order", "list", "--late"), ("GET", "/v1/replay-orders"), None),
    ],
)
def test_single_calls(node, run, words, route, body):
    assert run(*words) == 0
    assert node.routes == [route]
    if body is not None:
        assert node.bodies == [body]
    assert json.loads(run.out) == {"status": "accepted"}


def test_documents_are_read_from_files(node, run, tmp_path):
    file = tmp_path / "document.json"
    file.write_text('{"a": 1}', encoding="utf-8")
    when = "2027-01-01T00:00:00.000+08:00"
    assert run("ruleset", "add", file, "--effective-from", when) == 0
    assert run("task", "propose", file) == 0
    assert node.bodies == [{"document": {"a": 1}, "effective_from": when}, {"a": 1}]
    assert run("ruleset", "add") == 2
    assert run("task", "propose", tmp_path / "none") == 2
    assert "file-unreadable" in run.err


def replay_at(node, *related, state="done", waits=0):
    """Let the node make a replay, which waits for some looks at it."""
    standing = {"did": "d", "as_of": None, "checked": ["trust"], "not_checked": [], "reach": {"text": ["a"], "more": 1}}
    shown = {"id": "r1", "state": state, "subject": PID, "progress": None, **standing, "related": []}
    shown["related"] = [{"number": n, "relation": r, "subject": p, **standing} for n, (r, p) in enumerate(related, 1)]
    looks = []

    def show(_request):
        looks.append(1)
        far = {"step": "state", "since": "T", "waits_for": {"code": "state-behind", "detail": "soon"}}
        waiting = {**shown, "state": "waiting", "progress": {**far, "before": max(0, 2 - len(looks))}}
        return httpx.Response(200, json=waiting if len(looks) <= waits else shown)

    node.answers["/v1/replays"] = {"id": "r1", "state": "waiting"}
    node.answers["/v1/replays/r1"] = show
    for below in ("", *(f"/related/{one['number']}" for one in shown["related"])):
        texts = {"bundle": b'{"b":1}', "report": b"<p>", "replay.json": b'{"case":"1"}', "report.pdf": b"%PDF"}
        for name, text in texts.items():
            answer = httpx.Response(200, content=text)
            node.answers[f"/v1/replays/r1{below}/{name}"] = lambda _request, answer=answer: answer
    return looks


def test_a_replay_is_waited_for_and_written_to_files(node, run, tmp_path):
    looks = replay_at(node, ("predecessor", "ab" * 32), waits=2)
    words = ("replay", "--case", "1", "--reason", "dispute", "--lang", "en", "--out", tmp_path / "case")
    assert run(*words, "--did", "d") == 0
    assert (len(looks), node.bodies) == (3, [{"did": "d", "case": "1", "reason": "dispute", "lang": "en"}])
    for below in (tmp_path / "case", tmp_path / "case" / "predecessor-abababab"):
        files = [file for file in below.iterdir() if file.is_file()]
        assert sorted(file.name for file in files) == ["bundle.json.gz", "replay.json", "report.html"]
        assert gzip.decompress((below / "bundle.json.gz").read_bytes()) == b'{"b":1}'
        assert (below / "report.html").read_text(encoding="utf-8") == "<p>"
        assert json.loads((below / "replay.json").read_text(encoding="utf-8")) == {"case": "1"}
        assert all(file.stat().st_mode & 0o077 == 0 for file in files)  # originals of a client
    said = json.loads(run.out)
    assert (said["id"], said["checked"], said["reach"]) == ("r1", ["trust"], ["a"])
    assert [entry["relation"] for entry in said["related"]] == ["predecessor"]
    assert run(*words) == 2
    assert run(*words, "--did", "d", "--subject", "s") == 2


def test_the_pdf_is_written_where_it_is_asked_for(node, run, tmp_path):
    replay_at(node, ("predecessor", "ab" * 32))
    words = ("replay", "--case", "1", "--reason", "dispute", "--did", "d", "--out", tmp_path / "case", "--pdf")
    assert run(*words) == 0
    for below in (tmp_path / "case", tmp_path / "case" / "predecessor-abababab"):
        assert (below / "report.pdf").read_bytes() == b"%PDF"
        assert (below / "report.pdf").stat().st_mode & 0o077 == 0
    assert json.loads(run.out)["pdf"] == str(tmp_path / "case" / "report.pdf")
    assert run(*words, "--for-client") == 0
    names = {"bundle.json.gz", "report.html", "replay.json", "report.pdf", "report-client.html", "report-client.pdf"}
    assert {file.name for file in (tmp_path / "case").iterdir() if file.is_file()} == names


def test_what_a_node_says_of_a_replay_leads_nowhere_else(node, run, tmp_path):
    words = ("replay", "--case", "1", "--reason", "r", "--out", tmp_path / "case", "--subject", "s")
    for relation, subject in (("../predecessor", PID), ("predecessor", "../../ab")):
        replay_at(node, (relation, subject))
        assert run(*words) == 2
        assert "node-answer" in run.err
    node.answers["/v1/replays"] = {"other": 1}
    assert run(*words) == 2
    assert "node-answer" in run.err
    replay_at(node)
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert run("replay", "--case", "1", "--reason", "r", "--did", "d", "--out", place) == 2
    assert "file-unwritable" in run.err


def test_a_replay_that_cannot_be_made_or_takes_too_long_is_told_as_such(node, run, tmp_path):
    words = ("replay", "--case", "1", "--reason", "r", "--did", "d", "--out", tmp_path / "case")
    replay_at(node, state="failed")
    problem = {
        "type": type_of(VerificationFailed("local-log", "x")),
        "title": "t",
        "status": 422,
        "detail": "the store is damaged",
        "code": "local-log",
    }
    refusal = httpx.Response(422, json=problem, headers={"Content-Type": "application/problem+json"})
    node.answers["/v1/replays/r1/bundle"] = lambda _request: refusal
    assert run(*words) == 1, run.err
    assert "local-log" in run.err
    looks = replay_at(node, waits=1000)
    assert run(*words, "--wait", "0") == 2
    assert "replay-waiting" in run.err
    assert "r1" in run.err
    assert "1 are made first" in run.err
    looks.append(1)
    assert run(*words, "--wait", "0") == 2
    assert "step: state, since T, and waits: state-behind: soon" in run.err
    assert f"under the key {keys_of(node)[-1]}" in run.err
    assert not (tmp_path / "case").exists()


def test_a_replay_that_was_asked_for_is_waited_for_by_its_number_and_how_far_it_is_is_told(node, run, tmp_path):
    looks = replay_at(node, waits=2)
    assert run("replay", "--id", "r1", "--out", tmp_path / "case") == 0, run.err
    assert len(looks) == 3
    assert ("POST", "/v1/replays") not in node.routes  # and so no look is recorded
    assert (tmp_path / "case" / "bundle.json.gz").exists()
    assert "the replay r1 is not made yet (1 are made first)" in run.err
    assert "(step: state, since T, and waits: state-behind: soon)" in run.err
    for more in (("--did", "d"), ("--case", "1"), ("--key", "k")):
        assert run("replay", "--id", "r1", *more, "--out", tmp_path / "other") == 2
        assert "id" in run.err
    for lacking in (("--case", "1"), ("--reason", "r")):
        assert run("replay", "--did", "d", *lacking, "--out", tmp_path / "other") == 2
    assert not (tmp_path / "other").exists()


def keys_of(node):
    return [one.headers["Idempotency-Key"] for one in node.requests if one.url.path == "/v1/replays"]


def test_a_replay_is_ordered_under_a_key_of_its_own_or_the_given_one(node, run, tmp_path):
    words = ("replay", "--case", "1", "--reason", "r", "--did", "d", "--out", tmp_path / "case")
    replay_at(node)
    lost = []

    def loses_the_first_answer(request):
        if not lost:
            lost.append(request)
            raise httpx.ReadError("the answer was lost", request=request)
        return httpx.Response(202, json={"id": "r1", "state": "waiting"})

    node.answers["/v1/replays"] = loses_the_first_answer
    assert run(*words) == 0, run.err
    assert run(*words, "--key", "mine") == 0, run.err
    first, repeated, named = keys_of(node)
    assert (first, named) == (repeated, "mine")
    assert len(first) >= 32


def test_a_replay_hands_in_the_looks_that_a_second_officer_signed(node, run, tmp_path):
    replay_at(node)
    looks = tmp_path / "looks.ndjson"
    looks.write_text('{"subject": "s"}\n{"subject": "t"}\n', encoding="utf-8")
    words = ("replay", "--did", "d", "--case", "1", "--reason", "r", "--out", tmp_path / "case", "--access", looks)
    assert run(*words) == 0
    assert node.bodies[0]["access"] == [{"subject": "s"}, {"subject": "t"}]
    looks.write_text("[", encoding="utf-8")
    assert run(*words) == 2


def test_a_trust_file_of_format_1_is_that_of_all_blocks(node, run, tmp_path):
    made, out = broken_world()[0].trust(), tmp_path / "trust-1.json"
    node.answers["/v1/chain/trust/format-1"] = lambda _request: httpx.Response(200, content=made)
    assert run("chain", "trust", "--format-1", "--out", out) == 0
    assert out.read_bytes() == made
    assert json.loads(run.out)["bytes"] == len(made)
    out.unlink()
    assert run("chain", "trust", "--format-1", "--block", "3", "--out", out) == 2
    assert not out.exists()


def test_a_trust_file_is_kept_byte_by_byte(node, run, tmp_path):
    block = TrustedBlock(7, "ethereum/1", "0x" + "11" * 20, 12, bytes(32), 1)
    signer = Signer(BROKER, "Ed25519", ed25519.public_key(bytes(32)))
    text = build_trust(block, signer, lambda signed: ed25519.sign(bytes(32), signed))
    spelled = json.dumps(json.loads(text), indent=1).encode()  # any spelling of JSON
    asked = []

    def answer(request):
        asked.append(dict(request.url.params))
        return httpx.Response(200, content=spelled)

    node.answers["/v1/chain/trust"] = answer
    assert run("chain", "trust", "--out", tmp_path / "trust.json") == 0
    assert (tmp_path / "trust.json").read_bytes() == spelled
    said = json.loads(run.out)
    assert (said["block"], said["signer"], said["key"]) == (12, BROKER, signer.key.hex())
    assert run("chain", "trust", "--block", "12", "--out", tmp_path / "trust.json") == 0
    assert asked == [{}, {"block": "12"}]
    node.answers["/v1/chain/trust"] = lambda _request: httpx.Response(200, content=b"[]")
    assert run("chain", "trust", "--out", tmp_path / "other.json") == 2
    assert not (tmp_path / "other.json").exists()


def test_without_a_node_or_a_readable_token_nothing_is_called(node, capsys, tmp_path):
    for words in ((), ("--url", "http://node", "--token-file", str(tmp_path / "none"))):
        with pytest.raises(SystemExit) as ended:
            main(["node", "status", *words])
        assert ended.value.code == 2
    assert "token-unreadable" in capsys.readouterr().err
    assert node.requests == []


def test_the_status_of_a_node_warns_of_tokens_that_end(run, node):
    entry = {"id": "0" * 12, "name": "Li Wei", "role": "operator", "expires_at": "soon"}
    node.answers["/v1/status"] = {"tokens": [{**entry, "ending": True}, {**entry, "name": "other", "ending": False}]}
    assert run("node", "status") == 0
    assert run.err.count("warning: ") == 1
    assert "the token 000000000000 of Li Wei (operator) ends at soon" in run.err


def test_a_subject_is_asked_for_by_any_reference(node, run):
    assert run("subject", "show", "沪A/123?&#") == 0
    assert node.requests[-1].url.params["client_ref"] == "沪A/123?&#"


def export_of(*values, end=None):
    lines = b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)
    told = {"kind": "end", "lines": len(values), "sha256": hashlib.sha256(lines).hexdigest(), **(end or {})}
    return lines + json.dumps(told).encode() + b"\n"


EXPORT = [
    {"kind": "export", "format": "bonafides.export/2", "subject": PID},
    {"kind": "record", "seq": 1, "erased": "erased: content not available"},
    {"kind": "record", "seq": 2, "note": "𠮷\u2028"},
    {"kind": "bundle", "part": 1, "of": 2, "text": '{"a":'},
    {"kind": "bundle", "part": 2, "of": 2, "text": "1}"},
]


def test_an_export_is_kept_whole_in_a_private_file(node, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = export_of(*EXPORT)
    node.answers["/v1/exports"] = lambda _request: httpx.Response(200, content=data)
    assert run("subject", "export", "--client-ref", "沪A/1", "--bundle", "b.json") == 0
    told = json.loads(run.out)
    file = tmp_path / f"export-{PID[:16]}.ndjson"
    assert (told["file"], told["lines"], told["records"], told["erased"]) == (file.name, 5, 2, 1)
    assert file.read_bytes() == data
    assert (tmp_path / "b.json").read_bytes() == b'{"a":1}'
    assert all((tmp_path / name).stat().st_mode & 0o077 == 0 for name in ("b.json", file.name))
    assert node.bodies == [{"client_ref": "沪A/1", "case": "export", "reason": "copy of the client's data"}]
    assert run("subject", "export") == run("subject", "export", PID, "--did", "d") == 2


def test_an_export_without_a_bundle_writes_none_and_says_so(node, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problem = {"code": "bundle-too-large", "detail": "it is"}
    data = export_of(*EXPORT[:3], {"kind": "bundle", "part": 0, "of": 0, "text": "", "problem": problem})
    node.answers["/v1/exports"] = lambda _request: httpx.Response(200, content=data)
    assert run("subject", "export", PID, "--bundle", "b.json") == 0
    assert json.loads(run.out)["bundle"] is None
    assert "no bundle was written to b.json" in run.err
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize(
    "data",
    [
        export_of(*EXPORT)[:-1],
        export_of(*EXPORT)[:-200],
        export_of(*EXPORT, end={"lines": 4}),
        export_of(*EXPORT, end={"sha256": "00" * 32}),
        export_of(*EXPORT) + b'{"kind":"record"}\n',
        b"",
        b"[]\n",
        b"not json\n",
    ],
    ids=["cut-by-one", "cut", "count", "digest", "more", "empty", "list", "text"],
)
def test_an_export_that_is_not_whole_is_not_kept(node, run, tmp_path, data):
    node.answers["/v1/exports"] = lambda _request: httpx.Response(200, content=data)
    (tmp_path / "out").write_text("the one before", encoding="utf-8")
    assert run("subject", "export", PID, "--out", tmp_path / "out") == 2
    assert run.err.startswith("error: ")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "token"]
    assert (tmp_path / "out").read_text(encoding="utf-8") == "the one before"


def test_the_answer_to_a_refused_line_is_named_as_that_and_goes_to_no_node(node, run):
    """What one command refused is piped into the next: the line says what it is, not which member it lacks."""
    refused = {"status": "refused", "problem": {"code": "duplicate", "detail": "x"}}
    fact = {"type": "ID_VERIFY"}
    assert run("fact", "submit", rows=[fact, refused, {"status": "failed", "problem": {"code": "a\x1bb"}}]) == 2
    assert node.bodies == [fact]
    answers = [json.loads(line) for line in run.out.splitlines()]
    assert [answer["status"] for answer in answers] == ["accepted", "refused", "refused"]
    assert answers[1]["problem"] == {
        "code": "invalid-input",
        "detail": "is the answer to a line that was refused before (duplicate)",
        "field": "line",
        "rule": "shape",
    }
    assert "\x1b" not in answers[2]["problem"]["detail"]


def test_a_refused_export_says_why(node, run):
    body = {
        "status": 404,
        "code": "subject-not-found",
        "type": "urn:bonafides:problem:refused:subject-not-found",
        "detail": "no such subject",
    }
    refusal = httpx.Response(404, json=body, headers={"Content-Type": "application/problem+json"})
    node.answers["/v1/exports"] = lambda _request: refusal
    assert run("subject", "export", PID) == 2
    assert "subject-not-found" in run.err


def test_an_erasure_is_drafted_ordered_and_waited_for(node, run, tmp_path):
    node.answers["/v1/erasures/draft"] = {"type": "ERASE"}
    assert run("erasure", "draft", "--client-ref", "c-1", "--record", 5, "--record", 3) == 0
    assert (node.routes.pop(), node.bodies.pop()) == (
        ("POST", "/v1/erasures/draft"),
        {"client_ref": "c-1", "records": [3, 5], "rule": "retention-20-years"},
    )
    assert json.loads(run.out) == {"type": "ERASE"}
    (tmp_path / "twice.ndjson").write_text(run.out, encoding="utf-8")
    waiting, done = ({"id": "r-1", "state": state} for state in ("waiting", "done"))
    node.answers["/v1/erasures"] = waiting
    assert run("erasure", "order", tmp_path / "twice.ndjson") == 0
    assert json.loads(run.out) == waiting
    shown = iter([waiting, waiting, done])
    node.answers["/v1/erasures/r-1"] = lambda _: httpx.Response(200, json=next(shown))
    assert run("erasure", "show", "r-1") == 0
    assert json.loads(run.out) == waiting
    assert run("erasure", "order", tmp_path / "twice.ndjson", "--wait", 60) == 0
    assert json.loads(run.out) == done


def test_an_erasure_that_is_not_anchored_in_time_is_told(node, run, tmp_path):
    (tmp_path / "twice.ndjson").write_text("{}\n", encoding="utf-8")
    node.answers["/v1/erasures"] = node.answers["/v1/erasures/r-1"] = {"id": "r-1", "state": "waiting"}
    assert run("erasure", "order", tmp_path / "twice.ndjson", "--wait", 0) == 2
    assert run.err.startswith("error: erasure-waits r-1 is recorded")
    (tmp_path / "twice.ndjson").write_text("{\n", encoding="utf-8")
    assert run("erasure", "order", tmp_path / "twice.ndjson") == 2


@pytest.mark.parametrize("who", [(), ("--did", "d", "--subject", "s")])
def test_an_erasure_is_of_one_client(node, run, who):
    assert run("erasure", "draft", *who) == 2
    assert (node.requests, "one-of" in run.err) == ([], True)


def test_the_answer_to_an_order_goes_out_as_the_bundle_is_spelled(node, run, tmp_path):
    (tmp_path / "bundle.json.gz").write_bytes(pack(b'{"b":1,"a":2}'))
    assert run("order", "answer", "o-1", tmp_path / "bundle.json.gz") == 0
    assert node.routes == [("POST", "/v1/replay-orders/o-1/answer")]
    assert list(node.bodies[0].items()) == [("b", 1), ("a", 2)]
