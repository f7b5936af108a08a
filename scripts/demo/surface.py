"""What the demo may touch: the command `bonafides`, and HTTP. Of the product it knows only how long to wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

from node_adapter.patience import Patience, slowness

COMMAND = [str(Path(sys.executable).with_name("bonafides"))]
NDJSON = "application/x-ndjson"
_CHINA = timezone(timedelta(hours=8))
_SHIFT = "BONAFIDES_DEMO_SHIFT_SECONDS"
_ANSWER_SECONDS = 120.0  # on a machine that is free


class DemoError(Exception):
    """A step of the demo did not do what it must; the message says which and what it printed."""


@contextmanager
def another_clock(seconds: int) -> Iterator[None]:
    """Let what is started meanwhile, and the demo's own words, live so many seconds from now (`another_clock`)."""
    before = {name: os.environ.get(name) for name in (_SHIFT, "PYTHONPATH")}
    os.environ |= {_SHIFT: str(seconds), "PYTHONPATH": str(Path(__file__).with_name("another_clock"))}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def now_text(offset_ms: int = 0) -> str:
    """Return the time in the records' form: milliseconds, +08:00."""
    seconds = time.time() + int(os.environ.get(_SHIFT, "0")) + offset_ms / 1000
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(_CHINA)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+08:00"


class Command:
    """The command `bonafides`, run as a person or a cron job would, with passwords in the environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Keep what every call gets in its environment."""
        self._given = environment

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a call that is made now."""
        return {**os.environ, **self._given}

    def run(self, *arguments: str, stdin: bytes = b"", expect: int = 0) -> bytes:
        """Run to the end and return standard output; any other exit status than `expect` ends the demo."""
        done = subprocess.run(
            [*COMMAND, *arguments], input=stdin, capture_output=True, env=self.environment, check=False
        )
        if done.returncode != expect:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
            raise DemoError(f"bonafides {' '.join(arguments)}: exit {done.returncode}, not {expect}\n{said}")
        return done.stdout

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        """Run and parse standard output as one JSON document."""
        return json.loads(self.run(*arguments, stdin=stdin))

    def lines(self, *arguments: str, rows: Iterable[dict[str, Any]], expect: int = 0) -> list[dict[str, Any]]:
        """Run with NDJSON in and NDJSON out."""
        return from_ndjson(self.run(*arguments, stdin=to_ndjson(rows), expect=expect))

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a long-running command; what it prints goes to a file."""
        with log.open("ab") as output:
            return subprocess.Popen([*COMMAND, *arguments], stdout=output, stderr=output, env=self.environment)


class Http:
    """One role at one node: a base URL and a bearer token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """Keep connections open between calls."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers)

    def get(self, path: str, *, expect: int = 200, **parameters: Any) -> Any:
        """GET and parse JSON."""
        return self._answer(self._client.get(path, params=parameters, timeout=_patience()), expect)

    def post(self, path: str, body: Any, *, expect: int = 200) -> Any:
        """POST JSON and parse JSON."""
        return self._answer(self._client.post(path, json=body, timeout=_patience()), expect)

    def post_lines(self, path: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """POST NDJSON and parse NDJSON: one answer per line."""
        response = self._client.post(
            path, content=to_ndjson(rows), headers={"Content-Type": NDJSON}, timeout=_patience()
        )
        if response.status_code != httpx.codes.OK:
            raise DemoError(f"POST {path}: {response.status_code} {response.text[:1000]}")
        return from_ndjson(response.content)

    def _answer(self, response: httpx.Response, expect: int) -> Any:
        request = response.request
        if expect == httpx.codes.OK and response.is_success:
            return response.json() if response.content else None
        if response.status_code != expect:
            raise DemoError(f"{request.method} {request.url.path}: {response.status_code} {response.text[:1000]}")
        return response.json() if response.content else None


def _patience() -> float:
    """Return how many seconds an answer may take now."""
    return _ANSWER_SECONDS * slowness()


def to_ndjson(rows: Iterable[dict[str, Any]]) -> bytes:
    """One JSON object a line."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def from_ndjson(data: bytes) -> list[dict[str, Any]]:
    """The reverse."""
    return [json.loads(line) for line in data.splitlines() if line.strip()]


class Progress:
    """Says what is done, and how long each stage took."""

    def __init__(self, *, tty: bool | None = None) -> None:
        """Start the clock."""
        self.seconds: dict[str, float] = {}
        self._started = time.monotonic()
        self._tty = sys.stderr.isatty() if tty is None else tty

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Print a stage when it begins and its duration when it ends."""
        begun = time.monotonic()
        print(f"[{begun - self._started:6.1f} s] {title} …", flush=True)
        yield
        self.seconds[title] = round(time.monotonic() - begun, 2)

    def tick(self, what: str, done: int, total: int) -> None:
        """Show how far a long step is, on one line of a terminal."""
        if self._tty:
            end = "\n" if done >= total else "\r"
            print(f"           {what}: {done} of {total}", end=end, file=sys.stderr, flush=True)

    @property
    def total(self) -> float:
        """Seconds since the demo began."""
        return round(time.monotonic() - self._started, 1)


def wait_until(condition: Any, *, what: str, seconds: float = 90, every: float = 0.2) -> Any:
    """Poll until `condition()` gives something true; else the demo ends and says what it waited for.

    The seconds are those of a machine that is free. What can end before it gives an answer is for the condition to see.
    """
    begun, patience = time.monotonic(), Patience(seconds)
    while not (value := condition()):
        if patience.is_over():
            raise DemoError(f"waited {time.monotonic() - begun:.0f} s in vain for {what}")
        time.sleep(every)
    return value
