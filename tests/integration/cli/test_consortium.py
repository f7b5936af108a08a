"""From nothing to a voted member and a client's verified receipt, by the command alone, on a real chain."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.waiting import wait_for_end, wait_until

pytestmark = [pytest.mark.chain, pytest.mark.slow]
COMMAND = [sys.executable, "-m", "bonafides.cli.main"]
ROOT = Path(__file__).parents[3]
SECONDS = 90


class Consortium:
    """Two brokers and a regulator, and the processes that were started for them."""

    def __init__(self, home):
        self.home = home
        self.running = {}
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BONAFIDES_KEYSTORE_PASSWORD": "a test password",
            "BONAFIDES_WALLET_PASSWORD": "another test password",
        }

    def run(self, *words, rows=(), status=0):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env=self.environment,
            check=False,
        )
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stderr}{done.stdout}"
        return done

    def json(self, *words):
        return json.loads(self.run(*words).stdout)

    def lines(self, *words, rows=()):
        return [json.loads(line) for line in self.run(*words, rows=rows).stdout.splitlines()]

    def make(self, name, role):
        settings = ("--port", 0, "--period-seconds", 0.3, "--promise-seconds", 60)
        made = self.json("node", "init", self.home / name, "--name", name, "--role", role, *settings)
        (self.home / f"{name}.json").write_text(json.dumps(made), encoding="utf-8")
        return made["member"]

    def start(self, name):
        words = [*COMMAND, "node", "run", str(self.home / name), "--workers", "1"]
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, env=self.environment)
        self.running[name] = process
        line = process.stdout.readline()
        assert line.strip() == b"{", (self.home / f"{name}.log").read_text(encoding="utf-8")
        return process

    def wait_for(self, call, what):
        logs = [self.home / f"{name}.log" for name in self.running]
        return wait_until(call, what, seconds=SECONDS, processes=self.running.values(), logs=logs, every=0.2)

    def await_level(self, name, with_name):
        """Wait until a node has read as much of the chain as another has now."""

        def read(node):
            return self.json("node", "status", "--node", self.home / node)["chain"]["indexed"]["number"]

        newest = read(with_name)
        self.wait_for(lambda: read(name) >= newest, f"block {newest} at {name}")

    def stop(self, name, number=signal.SIGTERM):
        process = self.running.pop(name)
        process.send_signal(number)
        ended = wait_for_end(process, seconds=SECONDS)
        process.stdout.close()
        return ended


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    made = Consortium(tmp_path_factory.mktemp("consortium"))
    chain = made.json("network", "up", made.home / "chain")
    try:
        made.members = {name: made.make(name, role) for name, role in (("a", "broker"), ("b", "broker"))}
        made.members["r"] = made.make("r", "regulator")
        made.members["c"] = made.make("c", "broker")
        founders = [word for name in ("a", "b", "r") for word in ("--founder", made.home / f"{name}.json")]
        made.network = made.home / "network.json"
        where = ("--rpc-url", chain["rpc_url"], "--node", made.home / "a")
        made.json("contracts", "deploy", *where, *founders, "--veto-blocks", 1, "--out", made.network)
        for name in made.members:
            made.json("node", "configure", made.home / name, "--network", made.network)
        for name in ("a", "b"):
            made.start(name)
        made.chain_id = chain["chain_id"]
        yield made
    finally:
        for name in list(made.running):
            made.stop(name)
        made.run("network", "down", made.home / "chain")


def test_a_third_broker_is_admitted_by_vote(consortium):
    a, b = consortium.home / "a", consortium.home / "b"
    applicant = consortium.home / "c.json"
    proposal = consortium.json("member", "propose-admission", "--node", a, "--applicant", applicant)["proposal"]
    for node in (a, b):
        voted = consortium.json("member", "vote", "--node", node, proposal)
        assert voted["proposal"] == proposal
    [shown] = consortium.json("member", "proposals", "--node", a)
    assert (shown["proposal"], shown["kind"], shown["member"]) == (
        proposal,
        "admission",
        consortium.members["c"]["address"],
    )
    assert (shown["proposer"], len(shown["votes"]), shown["votes_needed"]) == (consortium.members["a"]["address"], 2, 2)
    consortium.json("member", "execute", "--node", a, proposal)
    assert consortium.json("member", "proposals", "--node", a) == []
    again = consortium.run("member", "execute", "--node", a, proposal, status=2)
    assert again.stderr.startswith("error: contract-reverted MemberRegistryNotOpen")
    listed = {entry["name"]: entry for entry in consortium.json("member", "list", "--node", a)}
    assert listed["c"]["address"] == consortium.members["c"]["address"]
    assert all(entry["active"] for entry in listed.values())
    found = {entry["name"] for entry in consortium.json("contracts", "status", "--network", consortium.network)}
    assert {"Directory", "MemberRegistry", "EvidenceAnchor"} <= found


def test_a_clients_consent_is_signed_anchored_and_proved(consortium):
    node, wallet = consortium.home / "a", consortium.home / "wallet"
    member = consortium.members["a"]
    broker = f"did:ethr:0x{consortium.chain_id:x}:{member['address']}"
    consortium.json("ruleset", "add", "--node", node, "--packaged", "sac-bands@1")
    identity = ("--network", consortium.network, "--broker", broker, "--broker-key", member["keys"]["signing"])
    made = consortium.lines("wallet", "new", "--wallet", wallet, *identity, rows=[{"client_ref": "c-1"}])
    (enrolled,) = consortium.lines("subject", "add", "--node", node, rows=made)
    consortium.lines("wallet", "bind", "--wallet", wallet, rows=[enrolled])
    url = consortium.json("node", "status", "--node", node)["member"]["did"]
    assert url == broker
    wanted = {
        "subject": enrolled["subject"],
        "type": "CONSENT_GIVE",
        "lang": "zh",
        "fields": {
            "purpose": "MARKET_RISK",
            "receivers": [broker],
            "contact": "compliance desk",
            "method": "totals",
            "data_kinds": ["HOLDINGS"],
            "expires_at": "2099-01-01T00:00:00.000+08:00",
            "separate": True,
        },
    }
    resolve = ("did", "resolve", "--node", node, enrolled["did"])
    consortium.wait_for(lambda: consortium.json(*resolve)["keys"], "the client's key")
    opening = consortium.lines("wallet", "open", "--wallet", wallet, "--yes", rows=[{"did": enrolled["did"]}])
    (opened,) = consortium.lines("fact", "submit", "--node", node, rows=opening)
    consortium.lines("wallet", "promises", "add", "--wallet", wallet, rows=[opened])
    drafts = consortium.lines("draft", "--node", node, rows=[wanted])
    acts = consortium.lines("wallet", "consent", "grant", "--wallet", wallet, "--yes", rows=drafts)
    (granted,) = consortium.lines("consent", "grant", "--node", node, rows=acts)
    (promised,) = consortium.lines("fact", "submit", "--node", node, rows=acts)
    assert (granted["status"], promised["status"]) == ("accepted", "accepted")
    (owed,) = consortium.lines("wallet", "promises", "add", "--wallet", wallet, rows=[promised])
    assert (owed["status"], owed["receipt"]) == ("kept", False)
    consortium.wait_for(lambda: consortium.json("node", "status", "--node", node)["log"]["anchored"] == 2, "the anchor")
    where = json.loads((consortium.home / "a.json").read_text(encoding="utf-8"))
    assert where["member"] == member
    settings = (node / "node.toml").read_text(encoding="utf-8")
    port = next(line for line in settings.splitlines() if line.startswith("port")).split()[-1]
    kept = consortium.lines("wallet", "receipts", "fetch", "--wallet", wallet, "--url", f"http://127.0.0.1:{port}")
    assert [(one["status"], one["signed"]) for one in kept] == [("verified", True)] * 2
    assert consortium.lines("wallet", "promises", "list", "--wallet", wallet, "--without-receipt") == []
    shown = consortium.lines("wallet", "promises", "list", "--wallet", wallet, "--full")
    assert shown == [opened["promise"], promised["promise"]]
    case = consortium.home / "case"
    made = consortium.json(
        "replay", "--node", node, "--did", enrolled["did"], "--case", "1", "--reason", "test", "--out", case
    )
    block, trust = made["as_of"]["block"], consortium.home / "trust.json"
    consortium.await_level("b", "a")
    said = consortium.json("chain", "trust", "--node", consortium.home / "b", "--block", block, "--out", trust)
    assert said["key"] == consortium.members["b"]["keys"]["signing"]
    done = consortium.run("verify", case / "bundle.json.gz", "--trust", trust, "--trust-key", said["key"])
    assert done.stdout.splitlines()[-1].startswith("complete as of block ")
    said = consortium.lines("promise", "check", "--node", consortium.home / "b", rows=shown)  # whose index suffices
    assert [one["status"] for one in said] == ["kept", "kept"]


def test_a_killed_node_starts_again_at_once_and_a_stopped_one_ends_cleanly(consortium):
    consortium.stop("b", signal.SIGKILL)
    begun = time.monotonic()
    consortium.start("b")
    assert time.monotonic() - begun < SECONDS
    assert consortium.json("node", "status", "--node", consortium.home / "b")["member"]["state"] == "ok"
    second = consortium.run("node", "run", consortium.home / "b", status=2)
    assert "node-running" in second.stderr
    assert consortium.stop("b") == 0
    doctor = consortium.run("doctor", "--node", consortium.home / "b")
    assert "ok  registered-keys" in doctor.stdout
    consortium.start("b")
