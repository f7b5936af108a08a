"""What the benchmarks share: timing, tables, synthetic facts, and a consortium of one broker. Running it does nothing.

The consortium is real: the embedded chain, the contracts, a node with its processes, driven by the command and HTTP.
Everything lies in a temporary directory that goes away with its processes.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from scripts.demo.consortium import Consortium, Member
from scripts.demo.surface import DemoError, now_text, wait_until
from suitability.questionnaire import packaged_questionnaires

FORM = "individual-20@1"
RULES = "sac-bands@1"
NAME = "alpha"
_REPEATS = 5
Result = TypeVar("Result")
Row = tuple[str, float, str]


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows --quick."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a run of seconds, for CI")
    return parser


def best_of(work: Callable[[], Result], repeats: int = _REPEATS) -> tuple[float, Result]:
    """Return the shortest of several runs in seconds, and the last outcome."""
    times = []
    outcome: Result | None = None
    for _ in range(repeats):
        begun = time.perf_counter()
        outcome = work()
        times.append(time.perf_counter() - begun)
    return min(times), outcome  # type: ignore[return-value] # it ran at least once


def table(title: str, rows: Sequence[Row]) -> None:
    """Print (what, number, unit) rows under a title."""
    print(title)
    for what, number, unit in rows:
        shown = f"{number:14,.0f}" if abs(number) >= 1000 else f"{number:14.4g}"
        print(f"  {what:54s} {shown} {unit}")


def progress(what: str, done: int, total: int) -> None:
    """Show how far a long part is."""
    if sys.stderr.isatty():
        print(f"  {what}: {done} of {total}", end="\n" if done >= total else "\r", file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def first_answers() -> dict[str, list[str]]:
    """Return the first option of every item of the questionnaire."""
    return {item.id: [next(iter(item.options))] for item in packaged_questionnaires()[FORM].items}


def payloads(number: int) -> dict[str, dict[str, Any]]:
    """Return what a broker collects of one client, by record type; synthetic, and different for every number."""
    return {
        "ID_VERIFY": {
            "id_kind": "ID_CARD",
            "id_commitment": f"{number:096x}",
            "face_score": 97,
            "liveness": True,
            "police_check_ref": f"SYNTHETIC-{number}",
            "valid_to": None,
        },
        "INFO_COLLECT": {
            "basics": {"source": "synthetic", "name": f"Person {number} (synthetic)", "age": 40, "synthetic": True},
            "finance": {
                "source": "synthetic",
                "assets_fen": 10_000_000 + number,
                "debts_fen": 1_000_000,
                "income_fen": 20_000_000,
                "holdings_fen": {f"R{risk}": 1_000_000 * risk + number for risk in range(1, 6)},
            },
        },
        "DUTY_NOTICE": {"documents": ["investor-rights@1"], "scroll_end": True, "dwell_ms": 41_000},
        "Q_SUBMIT": {
            "form": FORM,
            "answers": first_answers(),
            "screen": {"age": 40, "incapacity": False, "no_loss": None},
            "duration_ms": 240_000,
            "declaration": True,
        },
    }


class Broker(Consortium):
    """A consortium of one broker on a chain of its own."""

    def __init__(self, directory: Path) -> None:
        """Start nothing yet."""
        super().__init__(directory)
        self.seconds: dict[str, float] = {}
        self._count = itertools.count(1)

    @property
    def member(self) -> Member:
        """The broker's node."""
        return self.members[NAME]

    def open(self) -> None:
        """Start everything, install a rule set, and wait until facts are taken."""
        self._timed("network up", self.start_chain)
        self.members = {NAME: self._timed("node init", lambda: self._make_node(NAME))}
        self._timed("contracts deploy", self._deploy_for_one)
        self._timed("node configure", lambda: self._configure(self.member))
        self._timed("node run, until ready", lambda: self.start_nodes(NAME))
        request = {"packaged": RULES, "effective_from": now_text(-1000)}
        self.member.as_role("operator").post("/v1/rulesets", request, expect=201)

    def enrol(self, count: int) -> list[str]:
        """Make subjects without a DID, and return their pseudonyms."""
        rows = [{"client_ref": f"bench-{number}"} for number in range(count)]
        return [row["subject"] for row in self.member.as_role("broker-system").post_lines("/v1/subjects", rows)]

    def fact(
        self, subject: str, type_: str, payload: dict[str, Any] | None, actor: str | None = None
    ) -> dict[str, Any]:
        """Return a fact; without a payload the node's engine computes it."""
        return {
            "source_ref": f"bench-{next(self._count):08d}",
            "subject": subject,
            "type": type_,
            "occurred_at": now_text(),
            "channel": "app",
            "actor": {"did": actor or self.member.did, "role": "client" if actor else "broker-system"},
            **({"compute": {}} if payload is None else {"payload": payload}),
        }

    def facts_of(self, subjects: Sequence[str]) -> list[dict[str, Any]]:
        """Return four facts for every subject."""
        return [
            self.fact(subject, type_, payload)
            for number, subject in enumerate(subjects)
            for type_, payload in payloads(number).items()
        ]

    def submit(self, facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Submit facts in bulk; every one must be accepted."""
        answers = self.member.as_role("broker-system").post_lines("/v1/facts", facts)
        for answer in answers:
            if answer.get("status") != "accepted":
                raise DemoError(f"a fact was not accepted: {answer}")
        return answers

    def log_state(self) -> tuple[int, int]:
        """Return (size of the log, records anchored)."""
        log = self.member.as_role("operator").get("/v1/status")["log"]
        return int(log["size"]), int(log["anchored"])

    def await_anchored(self) -> None:
        """Wait until nothing accepted is unanchored."""

        def anchored() -> bool:
            size, done = self.log_state()
            return size == done

        wait_until(anchored, what="the anchors", seconds=120)

    def _deploy_for_one(self) -> None:
        self.command.run(
            *("contracts", "deploy", "--node", str(self.member.home), "--rpc-url", self.rpc_url),
            *("--founder", str(self._member_file(NAME)), "--veto-blocks", "1", "--out", str(self.network_file)),
        )

    def _timed(self, title: str, work: Callable[[], Result]) -> Result:
        begun = time.perf_counter()
        result = work()
        self.seconds[title] = time.perf_counter() - begun
        return result


@contextmanager
def broker() -> Iterator[Broker]:
    """Open a consortium of one broker, and take it down whatever happens."""
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the clean-up below runs
    try:
        with tempfile.TemporaryDirectory(prefix="bonafides-bench-") as folder:
            made = Broker(Path(folder))
            try:
                made.open()
                yield made
            finally:
                made.close()
    finally:
        signal.signal(signal.SIGTERM, previous)
