"""The joint statistic: approved by all, computed by the brokers' nodes, compared with the plain sum of the input."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.demo.consortium import BROKERS, Consortium
from scripts.demo.journey import Relation
from scripts.demo.story import wait_for_outbox
from scripts.demo.surface import DemoError, now_text, wait_until

CHEAT = Path(__file__).with_name("cheat_masked_sum.py")
CHEATER = "gamma"
_RUN_SECONDS = 90
_DATASET = "client-finance"


class JointStatistic:
    """Proposes, approves and runs tasks through the command, as the staff of three brokers would."""

    def __init__(self, consortium: Consortium) -> None:
        """Keep where each broker's node lies."""
        self._consortium = consortium
        self._command = consortium.command
        self._datasets: dict[str, str] = {}

    def register_datasets(self) -> None:
        """Each broker registers its data set; the chain gets a digest of the schema."""
        for name in BROKERS:
            made = self._command.json("task", "dataset", "--node", self._home(name), _DATASET)
            self._datasets[name] = made["dataset"]
        wait_for_outbox(self._consortium, BROKERS)
        self._consortium.await_level(BROKERS[0])  # the proposer asks its own node for the others' data sets

    def approved_task(self) -> str:
        """Propose a task and have every owner's compliance officer approve it."""
        task_id = secrets.token_hex(32)
        members = sorted(self._consortium.members[name].address for name in BROKERS)
        datasets = {self._consortium.members[name].address: self._datasets[name] for name in BROKERS}
        spec = {
            "format": "bonafides.task/1",
            "task_id": task_id,
            "purpose": "MARKET_RISK",
            "statistics": ["clients", "holding_risk", "leverage"],
            "owners": [{"member": member, "dataset": datasets[member]} for member in members],
            "receivers": members,
            "policy": {"min_contributors": 3, "min_clients": 10},
            "deadline": now_text(10 * 60_000),
            "engine": "masked-sum/1",
        }
        file = self._consortium.directory / f"task-{task_id[:8]}.json"
        file.write_text(json.dumps(spec, indent=1), encoding="utf-8")
        self._command.run("task", "propose", "--node", self._home(BROKERS[0]), str(file))
        for name in BROKERS:
            self._until(name, task_id, lambda task: task["chain"]["proposer"] is not None, "the proposal")
            self._command.run("task", "approve", "--node", self._home(name), task_id)
        for name in BROKERS:
            self._until(name, task_id, lambda task: len(task["chain"]["approved"]) == len(BROKERS), "all approvals")
        return task_id

    def run(self, task_id: str) -> dict[str, Any]:
        """Run an approved task at every broker; return the shown task of each."""
        for name in BROKERS:
            self._command.run("task", "run", "--node", self._home(name), task_id)
        return {
            name: self._until(name, task_id, lambda task: task["state"] in ("completed", "refused"), "the task's end")
            for name in BROKERS
        }

    def run_with_a_cheat(self) -> dict[str, Any]:
        """Run a second task, in which one broker sends another vector than it committed to."""
        task_id = self.approved_task()
        self._consortium.stop_node(CHEATER)
        cheating = self._start_cheat()
        try:
            return self.run(task_id)
        finally:
            cheating.terminate()
            wait_until(lambda: cheating.poll() is not None, what="the end of the cheat", seconds=60)
            self._consortium.start_nodes(CHEATER)

    def _start_cheat(self) -> subprocess.Popen[bytes]:
        member = self._consortium.members[CHEATER]
        log = member.home / "logs" / "cheat.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, str(CHEAT), "--node", str(member.home)],
                stdout=output,
                stderr=output,
                env=self._command.environment,
            )
        self._consortium.await_ready(member)
        return process

    def _until(self, name: str, task_id: str, condition: Any, what: str) -> dict[str, Any]:
        operator = self._consortium.members[name].as_role("operator")

        def look() -> dict[str, Any] | None:
            known = {task["task_id"] for task in operator.get("/v1/tasks")["tasks"]}
            task: dict[str, Any] | None = operator.get(f"/v1/tasks/{task_id}") if task_id in known else None
            return task if task is not None and condition(task) else None

        found: dict[str, Any] = wait_until(look, what=f"{what} at {name}", seconds=_RUN_SECONDS, every=0.1)
        return found

    def _home(self, name: str) -> str:
        return str(self._consortium.members[name].home)


def plain_sums(relations: Iterable[Relation]) -> dict[str, int]:
    """Add up what the brokers' consenting clients hold, straight from the input."""
    sums = {"clients": 0, "risk_value": 0, "value": 0, "debts": 0, "assets": 0}
    for relation in relations:
        account = relation.account
        sums["clients"] += 1
        for risk, value in account.holdings_fen.items():
            sums["risk_value"] += int(risk[1:]) * value
            sums["value"] += value
        sums["debts"] += account.debts_fen
        sums["assets"] += account.assets_fen
    return sums


def compare(shown: dict[str, Any], expected: dict[str, int]) -> dict[str, Any]:
    """Check that every broker completed the task with the plain sums; return the released statistics."""
    for name, task in shown.items():
        if task["state"] != "completed":
            raise DemoError(f"{name} did not complete the joint statistic: {task['error']}")
        totals = {column: int(value) for column, value in task["result"]["totals"].items()}
        if totals != expected:
            raise DemoError(f"the joint totals of {name} are {totals}, the plain sums {expected}")
    statistics: dict[str, Any] = next(iter(shown.values()))["result"]["statistics"]
    return statistics


def require_refused(shown: dict[str, Any]) -> str:
    """Check that every broker refused the run of the cheat; return the reason."""
    for name, task in shown.items():
        if task["state"] != "refused" or task["result"] is not None:
            raise DemoError(f"{name} did not refuse a vector other than the committed one: {task['state']}")
    return str(next(iter(shown.values()))["error"])
