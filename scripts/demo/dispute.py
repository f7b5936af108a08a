"""The dispute: the regulator orders a replay, compliance replays, another member's trust file lets anybody verify."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from primitives.canonical import canonical_json
from scripts.demo.consortium import REGULATOR, Consortium
from scripts.demo.journey import Relation
from scripts.demo.surface import DemoError, wait_until

CASE = "2026-DEMO-001"
_REASON = "the client disputes that a warning was given (synthetic case)"


class Dispute:
    """One case about one client at one broker."""

    def __init__(self, consortium: Consortium, relation: Relation, out: Path) -> None:
        """Results go to `out`: report.html, bundle.json.gz, trust.json."""
        self._consortium = consortium
        self._command = consortium.command
        self._relation = relation
        self._out = out

    def order(self) -> None:
        """The regulator orders the replay; the order reaches the broker's compliance officer."""
        regulator = self._consortium.members[REGULATOR]
        broker = self._relation.broker
        self._command.run(
            *("order", "place", "--node", str(regulator.home), "--broker", broker.address),
            *("--did", self._relation.did, "--case", CASE),
        )
        compliance = broker.as_role("compliance")

        def arrived() -> bool:
            return any(order["case"] == CASE for order in compliance.get("/v1/replay-orders")["orders"])

        wait_until(arrived, what="the replay order", seconds=30)

    def replay(self) -> dict[str, Any]:
        """The compliance officer replays the client; reading the originals is itself recorded."""
        answer: dict[str, Any] = self._command.json(
            *("replay", "--node", str(self._relation.broker.home), "--did", self._relation.did, "--case", CASE),
            *("--reason", _REASON, "--lang", self._relation.plan.lang, "--pdf", "--out", str(self._out)),
        )
        return answer

    def verify(self, block: int) -> dict[str, Any]:
        """Verify the bundle offline, then three edited copies of it, each of which must be caught."""
        bundle, trust = self._out / "bundle.json.gz", trust_file(self._consortium, self._out, block)
        verdict = _verify(self._consortium, bundle, trust, expect=0)
        caught = {}
        for name, edit in EDITS.items():
            edited = self._out / f"edited-{name}.json"
            document = json.loads(gzip.decompress(bundle.read_bytes()))
            edit(document)
            edited.write_bytes(canonical_json(document))
            answer = _verify(self._consortium, edited, trust, expect=1)
            edited.unlink()
            caught[name] = [check["name"] for check in answer["checks"] if not check["ok"]]
            if not caught[name]:
                raise DemoError(f"the edited bundle '{name}' fails no check by name")
        return {"verdict": verdict, "caught": caught, "trust_bytes": trust.stat().st_size}


def verified_by_regulator(consortium: Consortium, folder: Path, block: int) -> dict[str, Any]:
    """Verify the bundle of a folder by the regulator's word on its block; return the verdict."""
    return _verify(consortium, folder / "bundle.json.gz", trust_file(consortium, folder, block), expect=0)


def trust_file(consortium: Consortium, folder: Path, block: int) -> Path:
    """Let the regulator say which block of which chain a bundle speaks of: one signed page."""
    consortium.await_level(REGULATOR)  # its index has to reach the block
    trust = folder / "trust.json"
    regulator = str(consortium.members[REGULATOR].home)
    consortium.command.run("chain", "trust", "--node", regulator, "--block", str(block), "--out", str(trust))
    return trust


def _verify(consortium: Consortium, bundle: Path, trust: Path, *, expect: int) -> dict[str, Any]:
    """Verify under the regulator's key, which whoever verifies knows from elsewhere than the broker."""
    key = consortium.members[REGULATOR].signing_key
    words = ("verify", str(bundle), "--trust", str(trust), "--trust-key", key, "--json")
    verdict: dict[str, Any] = json.loads(consortium.command.run(*words, expect=expect))
    return verdict


def _change_a_byte(bundle: dict[str, Any]) -> None:
    envelope = bundle["history"]["records"][2]["record"]["envelope"]
    digest = envelope["fields"][next(iter(envelope["fields"]))]
    flipped = format(int(digest[0], 16) ^ 1, "x") + digest[1:]
    envelope["fields"][next(iter(envelope["fields"]))] = flipped


def _remove_a_record(bundle: dict[str, Any]) -> None:
    del bundle["history"]["records"][3]


def _cut_the_tail(bundle: dict[str, Any]) -> None:
    del bundle["history"]["records"][-1]


EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "one changed byte": _change_a_byte,
    "one removed record": _remove_a_record,
    "a truncated tail": _cut_the_tail,
}
