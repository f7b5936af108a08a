"""A client of twenty years ago, whose records are erased today: the law's clock is over, and the history stays whole.

The first day of the network lies that long ago: the chain begins then, and alpha's node and the client's wallet run
with their clocks set back. Then everything is stopped, and goes on in the present.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.demo.consortium import Consortium
from scripts.demo.dispute import verified_by_regulator
from scripts.demo.enrolment import enrol
from scripts.demo.journey import BrokerSystem, Relation
from scripts.demo.receipts import keep_promises, wait_until_anchored
from scripts.demo.staff import COMPLIANCE, Staff
from scripts.demo.story import Story, install_rules, wait_for_outbox
from scripts.demo.surface import DemoError

SECONDS = -7_306 * 86_400  # the clock is 7,305 days
BROKER = "alpha"
CASE = "2026-DEMO-002"


class Past:
    """One client of alpha, then and now."""

    def __init__(self, consortium: Consortium, relation: Relation, out: Path) -> None:
        """Results go to `out`."""
        self._consortium = consortium
        self._relation = relation
        self._out = out

    def live(self) -> None:
        """The first day: the client is enrolled, opens the history, and is asked twice for what has since changed."""
        consortium, relation = self._consortium, self._relation
        install_rules(consortium, "sac-bands@1", [BROKER], at_once=True)
        enrol(consortium, [relation])
        wait_for_outbox(consortium, [BROKER])
        nobody = Staff(consortium.command, relation.broker, consortium.directory / "staff")
        system = BrokerSystem(relation.broker, nobody, "alpha-then")
        story = Story(consortium, {BROKER: system})
        story.open_histories([relation])
        system.collect([relation])
        system.collect([relation])
        wait_until_anchored(consortium, BROKER)
        keep_promises(consortium, [relation])

    def erase(self, staff: Staff) -> dict[str, Any]:
        """Today: two of the compliance staff sign; what the law lets go is deleted, and a verifier sees that it was."""
        consortium, node = self._consortium, ("--node", str(self._relation.broker.home))
        drafted = consortium.command.lines(
            "erasure", "draft", *node, "--client-ref", self._relation.client_ref, rows=[]
        )
        signed = self._out / "erase.ndjson"
        signed.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in staff.sign(COMPLIANCE, drafted)))
        [done] = consortium.command.lines("erasure", "order", *node, str(signed), "--wait", "120", rows=[])
        if done["state"] != "done":
            raise DemoError(f"the erasure is not done: {done}")
        verdict = self._replayed()
        if not verdict["ok"]:
            raise DemoError(f"the history with erased records does not hold: {verdict['verdict']}")
        return {"erased": len(done["erases"]), "reach": verdict["reach"]["erased"], "verdict": verdict["verdict"]}

    def _replayed(self) -> dict[str, Any]:
        place = self._out / "erased"
        answer = self._consortium.command.json(
            *("replay", "--node", str(self._relation.broker.home), "--did", self._relation.did, "--case", CASE),
            *("--reason", "what was erased, and what is left (synthetic case)", "--out", str(place)),
        )
        verdict: dict[str, Any] = verified_by_regulator(self._consortium, place, answer["as_of"]["block"])
        return verdict
