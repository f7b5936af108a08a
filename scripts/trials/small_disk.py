"""Fill the disk of a running node, and see that it says so, loses nothing and goes on when there is room again.

    sudo .venv/bin/python scripts/trials/small_disk.py [--mebibytes 160]

By hand, as root: it mounts a memory disk for the node's directory. The chain lies elsewhere.

1. With room: facts are taken, `/readyz` says ready.
2. The disk is filled up to a few pages while facts come in: each is accepted or refused with a code of its own; a fact
   that was refused is not there, one that was accepted is; `/readyz` says which; the node does not end.
3. Room is made: what was refused is taken under its old name, all of it is anchored, the node is ready.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

from scripts.demo.consortium import Consortium, Member
from scripts.demo.surface import DemoError, wait_until

_FACTS = 400
_LEAST_FREE = 100 << 20  # below it `/readyz` tells
_CHINA = timezone(timedelta(hours=8))
_HOLDINGS = {"R1": 0, "R2": 5, "R3": 0, "R4": 0, "R5": 0}
_COLLECTED = {
    "basics": {"source": "synthetic", "name": "张伟", "age": 40, "synthetic": True},
    "finance": {"source": "synthetic", "assets_fen": 1, "debts_fen": 2, "income_fen": 3, "holdings_fen": _HOLDINGS},
}
_REFUSALS = {"store-full", "store-unavailable", "store-busy"}


def main() -> int:
    """Return 0 when nothing is lost, doubled or unsaid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=160, help="the size of the disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bonafides-disk-") as folder:
        disk = Path(folder) / "nodes"
        disk.mkdir()
        with _memory_disk(disk, options.mebibytes):
            consortium = Consortium(Path(folder))
            try:
                return _trial(consortium, disk)
            finally:
                consortium.close()


def _trial(consortium: Consortium, disk: Path) -> int:
    consortium.start_chain()
    consortium.make_nodes()
    consortium.deploy()
    consortium.start_nodes("alpha")
    alpha = consortium.members["alpha"]
    health = (alpha.home / "health.url").read_text("ascii").strip()
    subject = _client(consortium, alpha)
    begun = _send(alpha, subject, "before", _FACTS)
    print(f"with room:    {dict(begun)}, {_ready(health)}", flush=True)
    if begun != {"accepted": _FACTS}:
        raise DemoError("not every fact was taken where there was room")

    ballast = disk / "ballast"
    _fill(ballast, leave=2 << 20)
    told, accepted = Counter[str](), _FACTS
    for round_number in range(40):
        answers = _send(alpha, subject, f"full-{round_number}", _FACTS)
        accepted += answers.pop("accepted", 0)
        told.update(answers)
        if round_number == 10:
            _fill(ballast, leave=0)
    print(f"full:         {accepted - _FACTS} accepted, refused {dict(told)}, {_ready(health)}", flush=True)
    free = shutil.disk_usage(disk).free
    logs = sum(file.stat().st_size for file in (alpha.home / "logs").glob("*"))
    stored = _log_of(alpha)["size"]
    print(f"              {free} bytes free, {stored} records, logs of {logs} bytes", flush=True)
    wrong = [code for code in told if code not in _REFUSALS] + ([] if told else ["the disk did not fill up"])
    if stored != accepted:
        wrong.append(f"{accepted} accepted, {stored} stored")

    ballast.unlink()
    wait_until(lambda: _lives_and_is_ready(consortium, health), what="the node to be ready again")
    again = Counter[str]()
    for round_number in range(40):
        again.update(_send(alpha, subject, f"full-{round_number}", _FACTS))
    whole = 41 * _FACTS
    wait_until(lambda: _log_of(alpha)["anchored"] >= whole, what="the anchors of all of it")
    print(f"room again:   {dict(again)}, {_log_of(alpha)}, {_ready(health)}", flush=True)
    if _log_of(alpha)["size"] != whole or again != {"accepted": whole - accepted, "duplicate": accepted - _FACTS}:
        wrong.append(f"{_log_of(alpha)['size']} records of {whole} facts")
    print("\n".join(["FAILS", *wrong]) if wrong else "passes")
    return 1 if wrong else 0


def _client(consortium: Consortium, alpha: Member) -> str:
    """Enrol one client; return the pseudonym."""
    command, wallet = consortium.command, str(consortium.wallet)
    command.run("ruleset", "add", "--node", str(alpha.home), "--packaged", "sac-bands@1")
    who = ("--broker", alpha.did, "--broker-key", alpha.signing_key)
    made = command.lines(
        *("wallet", "new", "--wallet", wallet, "--network", str(consortium.network_file), *who),
        rows=[{"client_ref": "c-1"}],
    )
    (enrolled,) = command.lines("subject", "add", "--node", str(alpha.home), rows=made)
    return str(enrolled["subject"])


def _send(alpha: Member, subject: str, name: str, count: int) -> Counter[str]:
    """Send facts in bulk; return how many were accepted, and how many refused by which code."""
    facts = [
        {
            "source_ref": f"{name}-{number}",
            "subject": subject,
            "type": "INFO_COLLECT",
            "occurred_at": datetime.now(_CHINA).isoformat(timespec="milliseconds"),
            "channel": "app",
            "actor": {"did": alpha.did, "role": "staff"},
            "payload": _COLLECTED,
        }
        for number in range(count)
    ]
    body = "".join(_line(fact) for fact in facts).encode()
    token = (alpha.home / "tokens" / "broker-system.token").read_text("ascii").strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    answer = httpx.post(f"{alpha.url}/v1/facts", content=body, headers=headers, timeout=120)
    if answer.status_code != httpx.codes.OK:
        return Counter({str(answer.json()["code"]): count})
    rows = [httpx.Response(200, content=line).json() for line in answer.content.splitlines()]
    return Counter("accepted" if row["status"] == "accepted" else _why(row["problem"]) for row in rows)


def _why(problem: dict[str, Any]) -> str:
    return " ".join(str(problem[name]) for name in ("code", "field", "rule") if problem.get(name))


def _line(value: dict[str, Any]) -> str:
    return httpx.Request("POST", "http://x", json=value).content.decode() + "\n"


def _ready(health: str) -> str:
    """Return `ready`, or the checks of `/readyz` that are not well."""
    answer = httpx.get(f"{health}/readyz", timeout=60).json()
    wrong = {name: code for name, code in answer.get("checks", {}).items() if code != "ok"}
    return str(wrong) if wrong else str(answer.get("status", answer))


def _lives_and_is_ready(consortium: Consortium, health: str) -> bool:
    consortium.require_alive()
    return _ready(health) == "ready"


def _log_of(alpha: Member) -> dict[str, int]:
    return alpha.as_role("operator").get("/v1/status")["log"]  # type: ignore[no-any-return]


def _fill(ballast: Path, *, leave: int) -> None:
    """Make a file that takes the disk up to `leave` bytes."""
    with ballast.open("ab") as file:
        while (free := shutil.disk_usage(ballast.parent).free) > leave:
            try:
                file.write(bytes(min(1 << 20, free - leave)))
                file.flush()
            except OSError:
                return


@contextmanager
def _memory_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


if __name__ == "__main__":
    sys.exit(main())
