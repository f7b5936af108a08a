"""Live a broker's day in a quarter of an hour: bursts, restarts, kills, a chain that stalls, backups while it runs.

    .venv/bin/python scripts/trials/a_day.py [--minutes 15] [--busy 40]

By hand. A real node (all its processes, embedded chain) is asked by clients who repeat what was not answered, under the
same key, as a broker's system does. Each hour's row says what was taken, what was refused for a while, how long a fact
waited, what is not anchored yet, and what memory and files the node holds. The day must end with

1. every fact that was sent in the log once: all are sent again, and no record is added,
2. every record anchored, no alarm open, and `evidence fsck` without a difference, in a restored backup of the evening
   too,
3. memory and files flat: between the end of the first burst and the evening, over ten hours without a start, no process
   grew by more than a fifth, and no file but the database and its journal; a record takes as many bytes of the database
   as before.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from scripts.bench.growth import memory
from scripts.bench.harness import NAME, Broker, broker, payloads, percentile
from scripts.demo.surface import DemoError, wait_until

HOURS = 24
CLIENTS = 200
ASKING = 8  # connections with single facts
BURST_LINES = 1_000  # of a bulk request
BURST_REQUESTS = 3
NIGHT_SHARE = 0.05  # of the busy hours' facts
BUSY_HOURS = range(9, 17)
FIRST_MEASURED, LAST_MEASURED = 9, 20  # the hours at whose ends memory and files are compared; no start lies between
MOST_GROWTH = 1.2
_MIB = 2**20
_SLACK_MIB = 16.0  # what a process may hold more without a meaning: an arena of the allocator
_RETRY_SECONDS = 0.3


@dataclass
class Hour:
    """What was seen in an hour of the day."""

    accepted: int = 0
    waited: list[float] = field(default_factory=list)
    put_off: Counter[str] = field(default_factory=Counter)
    unanchored: int = 0
    memory: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, float] = field(default_factory=dict)
    records: int = 0


class Day:
    """The node's day: who asks, what happens in which hour, and what is seen."""

    def __init__(self, made: Broker, seconds_an_hour: float, busy: float) -> None:
        """Enrol the day's clients; `busy` single facts a second come in busy hours."""
        self._made = made
        self._seconds = seconds_an_hour
        self._busy = busy
        self._subjects = made.enrol(CLIENTS)
        self._mutex = threading.Lock()
        self._rate = 0.0
        self._over = threading.Event()
        self._sent: list[dict[str, Any]] = []
        self._now = Hour()
        self.hours: list[Hour] = []
        self.backup: Path | None = None
        self._happens: Mapping[int, tuple[str, Callable[[], None]]] = {
            1: ("restart", self._restart),
            3: ("kill", self._kill),
            4: ("backup", self._back_up),
            8: ("chain stalls", self._stall),
            9: ("burst", self._burst),
            11: ("chain stalls", self._stall),
            12: ("backup", self._back_up),
            13: ("burst", self._burst),
            15: ("burst, backup", self._burst_and_back_up),
            18: ("chain restarts", self._restart_chain),
            21: ("restart", self._restart),
            22: ("kill", self._kill),
            23: ("backup", self._back_up),
        }

    def live(self) -> None:
        """Live all hours, and print each."""
        asking = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(ASKING)]
        for thread in asking:
            thread.start()
        print(
            f"{'hour':>4} {'':15s}{'taken':>8}{'p50 ms':>8}{'p99 ms':>8}{'open':>7}  memory, MiB; files, MiB; put off"
        )
        for number in range(HOURS):
            self._live_hour(number)
        self._over.set()
        for thread in asking:
            thread.join()

    @property
    def sent(self) -> list[dict[str, Any]]:
        """Every fact that was accepted."""
        return self._sent

    def _live_hour(self, number: int) -> None:
        ends = time.monotonic() + self._seconds
        self._now, self._rate = Hour(), self._busy * (1 if number in BUSY_HOURS else NIGHT_SHARE)
        title, happens = self._happens.get(number, ("", lambda: None))
        happens()
        time.sleep(max(0.0, ends - time.monotonic()))
        hour = self._now
        size, anchored = self._made.log_state()
        hour.records, hour.unanchored = size, size - anchored
        hour.memory, hour.files = memory(self._made.member.home), files_of(self._made.member.home)
        self.hours.append(hour)
        _show(number, title, hour)

    def _ask(self, number: int) -> None:
        """Send single facts at the hour's rate until the day is over."""
        kinds = list(payloads(0))
        count = 0
        with self._client() as client:
            while not self._over.is_set():
                begun = time.monotonic()
                kind = kinds[count % len(kinds)]
                with self._mutex:
                    fact = self._made.fact(
                        self._subjects[(count * ASKING + number) % CLIENTS], kind, payloads(count)[kind]
                    )
                self._until_answered(client, fact)
                count += 1
                self._over.wait(max(0.0, ASKING / self._rate - (time.monotonic() - begun)))

    def _until_answered(self, client: httpx.Client, fact: dict[str, Any]) -> None:
        begun = time.monotonic()
        while (why := self._refusal(client, fact)) is not None:
            with self._mutex:
                self._now.put_off[why] += 1
            time.sleep(_RETRY_SECONDS)
        with self._mutex:
            self._now.accepted += 1
            self._now.waited.append(time.monotonic() - begun)
            self._sent.append(fact)

    def _refusal(self, client: httpx.Client, fact: dict[str, Any]) -> str | None:
        """Send a fact; return why it has to be sent again, or None once it was accepted."""
        try:
            answer = client.post("/v1/facts", json=fact, headers={"Idempotency-Key": fact["source_ref"]})
        except httpx.TransportError as error:
            return type(error).__name__
        if answer.status_code in (httpx.codes.CREATED, httpx.codes.ACCEPTED):
            return None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return str(answer.json()["code"])
        raise DemoError(f"a fact was refused: {answer.status_code} {answer.text[:500]}")

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._made.member.token('broker-system')}"}
        return httpx.Client(base_url=self._made.member.url, headers=headers, timeout=60, trust_env=False)

    def _burst(self) -> None:
        for _ in range(BURST_REQUESTS):
            with self._mutex:
                facts = self._made.facts_of(self._subjects)[:BURST_LINES]
            self._made.submit(facts)
            with self._mutex:
                self._now.accepted += len(facts)
                self._sent += facts

    def _burst_and_back_up(self) -> None:
        backing_up = threading.Thread(target=self._back_up)
        backing_up.start()
        self._burst()
        backing_up.join()

    def _back_up(self) -> None:
        folder = self._made.directory / "backups"
        folder.mkdir(exist_ok=True)
        made = self._made.command.json("node", "backup", "--node", str(self._made.member.home), "--to", str(folder))
        if self.backup is not None:
            self.backup.unlink()
        self.backup = Path(made["file"])

    def _restart(self) -> None:
        self._made.stop_node(NAME)
        self._made.start_nodes(NAME)

    def _kill(self) -> None:
        """Kill all processes of the node at once."""
        process = self._made.member.process
        for pid in _processes_of(self._made.member.home):
            os.kill(pid, signal.SIGKILL)
        if process is not None:
            process.wait()
        self._made.start_nodes(NAME)

    def _stall(self) -> None:
        """Let the chain's process stand still for half of the hour."""
        pid = int(json.loads((self._made.directory / "chain" / "network.json").read_bytes())["pid"])
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(self._seconds / 2)
        finally:
            os.kill(pid, signal.SIGCONT)

    def _restart_chain(self) -> None:
        self._made.stop_chain()
        self._made.start_chain()


def files_of(home: Path) -> dict[str, float]:
    """Return what files of a node hold, in MiB: its database, the database's journal, and all others."""
    found = dict.fromkeys(("database", "journal", "others"), 0.0)
    for file in home.rglob("*"):
        kind = {"node.db": "database", "node.db-wal": "journal", "node.db-shm": "journal"}.get(file.name, "others")
        try:
            found[kind] += file.stat().st_size / _MIB if file.is_file() else 0.0
        except FileNotFoundError:  # it went meanwhile
            continue
    return found


def _processes_of(home: Path) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended since
            continue
        if str(home).encode() in words:
            yield int(folder.name)


def _show(number: int, title: str, hour: Hour) -> None:
    waited = hour.waited or [0.0]
    figures = f"{1000 * percentile(waited, 0.5):8.0f}{1000 * percentile(waited, 0.99):8.0f}"
    holds = " ".join(f"{name.split('.')[0].removesuffix('_process')} {mib:.0f}" for name, mib in hour.memory.items())
    files = " ".join(f"{name} {mib:.1f}" for name, mib in hour.files.items())
    print(
        f"{number:>4} {title:15s}{hour.accepted:>8}{figures}{hour.unanchored:>7}  "
        f"{holds}; {files}; {dict(hour.put_off) or 'nobody'}",
        flush=True,
    )


def grown(hours: list[Hour]) -> list[str]:
    """Return what is not flat between the two hours."""
    early, late = hours[FIRST_MEASURED], hours[LAST_MEASURED]
    found = [
        f"{name} holds {late.memory[name]:.0f} MiB after {mib:.0f}"
        for name, mib in early.memory.items()
        if late.memory[name] > MOST_GROWTH * mib + _SLACK_MIB
    ]
    if late.files["others"] > MOST_GROWTH * early.files["others"] + 1:
        found.append(f"files beside the database: {late.files['others']:.1f} MiB after {early.files['others']:.1f}")
    before = early.files["database"] / early.records
    since = (late.files["database"] - early.files["database"]) / (late.records - early.records)
    print(f"bytes of the database for a record: {before * _MIB:,.0f} at first, {since * _MIB:,.0f} from then on")
    if since > MOST_GROWTH * before:
        found.append("a record takes more of the database than before")
    return found


def at_the_end(made: Broker, day: Day) -> list[str]:
    """Return what is wrong with what the day left."""
    made.await_anchored()
    size, _ = made.log_state()
    for start in range(0, len(day.sent), BURST_LINES):
        made.submit(day.sent[start : start + BURST_LINES])
    again, _ = made.log_state()
    found = [] if again == size else [f"{again - size} facts that had been answered were not in the log"]
    alarms = made.member.as_role("operator").get("/v1/status")["alarms"]
    found += [f"alarm: {alarm['code']}" for alarm in alarms]
    restored = made.directory / "restored"
    made.command.run("node", "restore", "--from", str(day.backup), "--to", str(restored))
    for home in (made.member.home, restored):
        report = made.command.json("evidence", "fsck", "--node", str(home), "--json")
        print(f"{home.name}: {json.dumps(report)[:200]}")
    print(f"{len(day.sent)} facts, {size} records, all sent again: {again} records")
    return found


@contextmanager
def _one_day(minutes: float, busy: float) -> Iterator[tuple[Broker, Day]]:
    with broker() as made:
        day = Day(made, 60 * minutes / HOURS, busy)
        day.live()
        yield made, day


def main() -> int:
    """Return 0 when the day ends as it must."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0, help="that the day takes")
    parser.add_argument("--busy", type=float, default=40.0, help="single facts a second in busy hours")
    options = parser.parse_args()
    with _one_day(options.minutes, options.busy) as (made, day):
        wait_until(made.log_state, what="the node's answer")
        wrong = [*grown(day.hours), *at_the_end(made, day)]
    print("\n".join(["FAILS", *wrong]) if wrong else "passes")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
