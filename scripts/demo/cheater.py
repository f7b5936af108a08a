"""A broker that takes a record back, and the client's wallet that finds it: the broker's own signatures convict it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.demo.consortium import Consortium
from scripts.demo.journey import BrokerSystem, Relation
from scripts.demo.receipts import deliver, keep_promises, wait_until_anchored
from scripts.demo.surface import DemoError, Progress

CHEATER = "gamma"
CHEAT = Path(__file__).with_name("cheat_rollback.py")


class Rollback:
    """One client of the broker that cheats."""

    def __init__(self, consortium: Consortium, relation: Relation, system: BrokerSystem, progress: Progress) -> None:
        """The broker's node runs."""
        self._consortium = consortium
        self._relation = relation
        self._system = system
        self._progress = progress

    def run(self) -> dict[str, Any]:
        """Record, keep the receipt; take the record back, record another in its place; let the wallet look."""
        name = self._relation.broker.name
        self._record(income_fen=90_000_00)
        deliver(self._consortium, [self._relation], self._progress)
        done = subprocess.run(
            [
                sys.executable,
                str(CHEAT),
                "--node",
                str(self._relation.broker.home),
                "--subject",
                self._relation.subject,
            ],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != 0:
            raise DemoError(f"the cheat did not work: {done.stderr}")
        self._system.note_income(
            self._relation, income_fen=900_000_00
        )  # and of this promise the client is told nothing
        wait_until_anchored(self._consortium, name)
        return self._found()

    def _record(self, income_fen: int) -> None:
        self._system.note_income(self._relation, income_fen)
        wait_until_anchored(self._consortium, self._relation.broker.name)
        keep_promises(self._consortium, [self._relation])

    def _found(self) -> dict[str, Any]:
        wallet, broker = ("--wallet", str(self._consortium.wallet)), self._relation.broker
        looked = ("wallet", "sync", *wallet, "--url", broker.url, "--client-ref", self._relation.client_ref)
        self._consortium.command.run(*looked, expect=1)
        told = self._consortium.command.lines("wallet", "contradictions", *wallet, rows=[], expect=1)
        if not told or any(entry["broker"] != broker.did for entry in told):
            raise DemoError(f"the wallet did not convict {broker.name}: {told}")
        return {"formats": sorted({entry["format"] for entry in told}), "tells": told[0]["tells"]}
