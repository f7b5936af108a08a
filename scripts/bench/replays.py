"""What a replay and its offline verification cost for clients of 200 and of 1,000 records.

python scripts/bench/replays.py [--quick]

A real node takes the records of a client: rounds of what the broker collects, a level computed by the node's engine,
and the client's signed confirmation of it. Then compliance replays the client (state proofs of a block, bundle,
re-execution, report): the time is from asking to the answer that it is done. The bundle is verified offline by the
command, with the node's own trust file. The native limit is one SHA-256 over as many bytes as the bundle has.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from bonafides.client.acts import fact_of_act
from primitives.canonical import canonical_json
from replay.verification import verify_history
from scripts.bench.harness import Broker, Row, arguments, best_of, broker, payloads, progress, table
from scripts.demo.surface import DemoError, Http, wait_until

_POLL_SECONDS = 0.01
FACTS_IN_ROUND = 6  # identity, information, notice, questionnaire, level; the sixth is the client's own act


class Client:
    """A client with a wallet and a DID on the chain."""

    def __init__(self, made: Broker, name: str) -> None:
        """Make the wallet's keys, and have the broker register them."""
        self._broker, self._name = made, name
        row = {
            "client_ref": name,
            "broker": made.member.did,
            "broker_key": made.member.signing_key,
            "certificate": {"kind": "resident-id", "number": "110101199001010015"},
        }
        wallet, network = ("--wallet", str(made.wallet)), ("--network", str(made.network_file))
        registrations = made.command.lines("wallet", "new", *wallet, *network, rows=[row])
        system = made.member.as_role("broker-system")
        [answer] = system.post_lines("/v1/subjects", registrations)
        self.did, self.subject = str(answer["did"]), str(answer["subject"])
        made.command.lines("wallet", "bind", *wallet, rows=[{"did": self.did, "subject": self.subject}])
        self._await_key(str(answer["outbox"]))
        opened = made.command.lines("wallet", "open", "--yes", *wallet, rows=[{"did": self.did}])
        made.submit([fact_of_act(act) for act in opened])

    def live(self, records: int) -> None:
        """Take as many records."""
        acts = records // FACTS_IN_ROUND
        facts: list[dict[str, Any]] = []
        while len(facts) < records - acts:
            for type_, payload in {**payloads(len(facts)), "LEVEL_RESULT": None}.items():
                facts.append(self._broker.fact(self.subject, type_, payload))
        self._broker.submit(facts[: records - acts])
        self._broker.submit(self.signed(acts))

    def signed(self, acts: int) -> list[dict[str, Any]]:
        """Return acts that the wallet signed, of the history as it is now; none of them is handed in."""
        system = self._broker.member.as_role("broker-system")
        request = {"subject": self.subject, "type": "LEVEL_CONFIRM", "lang": "en", "fields": {}, "values": {}}
        [draft] = system.post_lines("/v1/acts/drafts", [request])
        wallet = ("--wallet", str(self._broker.wallet))
        signed = self._broker.command.lines("wallet", "sign", "--yes", *wallet, rows=[{"draft": draft}] * acts)
        return [fact_of_act(act) for act in signed]

    def _await_key(self, key: str) -> None:
        system = self._broker.member.as_role("broker-system")
        wait_until(lambda: system.get("/v1/outbox", key=key)["state"] == "final", what="the client's key on the chain")


def measure(made: Broker, records: int) -> None:
    """Replay and verify a client of so many records, and print."""
    client = Client(made, f"client-{records}")
    client.live(records)
    made.await_anchored()
    out = made.directory / f"case-{records}"
    out.mkdir()
    compliance = made.member.as_role("compliance")
    replaying, replay_id = best_of(lambda: replayed(compliance, client.subject), 2)
    bundle, trust = out / "bundle.json", out / "trust.json"
    bundle.write_bytes(canonical_json(compliance.get(f"/v1/replays/{replay_id}/bundle")))
    block = compliance.get(f"/v1/replays/{replay_id}")["as_of"]["block"]
    made.command.run("chain", "trust", "--node", str(made.member.home), "--block", str(block), "--out", str(trust))
    commanding, verdict = best_of(lambda: command_verify(made, bundle, trust), 2)
    data, word = bundle.read_bytes(), trust.read_bytes()
    verifying, _ = best_of(lambda: verify_history(data, word, trust_keys=[made.member.signing_key]), 2)
    plain, _ = best_of(lambda: hashlib.sha256(data).digest())
    failed = [check["name"] for check in verdict["checks"] if not check["ok"]]
    if failed:
        raise DemoError(f"the bundle does not verify: {failed}")
    rows: list[Row] = [
        ("replay over HTTP: proofs, bundle, re-execution, report", replaying, "s"),
        ("verify, the command", commanding, "s"),
        ("verify, without the start of Python", verifying, "s"),
        ("records replayed", records / replaying, "records/s"),
        ("records verified", records / verifying, "records/s"),
        ("SHA-256 of the bundle's bytes (native limit)", plain, "s"),
        ("ratio replay / SHA-256", replaying / plain, ""),
        ("ratio verify / SHA-256", verifying / plain, ""),
    ]
    table(f"a client of {records} records, {records // FACTS_IN_ROUND} of them signed; {len(data)} bytes", rows)


def replayed(compliance: Http, subject: str) -> str:
    """Replay a client; return the replay's id once it is done."""
    request = {"subject": subject, "case": "BENCH-1", "reason": "benchmark", "lang": "en"}
    replay_id = str(compliance.post("/v1/replays", request, expect=202)["id"])
    while (shown := compliance.get(f"/v1/replays/{replay_id}"))["state"] == "waiting":
        time.sleep(_POLL_SECONDS)
    if shown["state"] != "done":
        raise DemoError(f"the replay failed: {shown['error']}")
    return replay_id


def command_verify(made: Broker, bundle: Path, trust: Path) -> Any:
    """Verify as a stranger does."""
    key = made.member.signing_key
    return json.loads(made.command.run("verify", str(bundle), "--trust", str(trust), "--trust-key", key, "--json"))


def main() -> int:
    """Measure and print."""
    sizes = (60,) if arguments(__doc__).parse_args().quick else (200, 1_000)
    with broker() as made:
        for done, records in enumerate(sizes, 1):
            measure(made, records)
            progress("clients replayed", done, len(sizes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
