"""Clients by the thousand: a kill in the middle loses nothing, a bad line refuses itself, progress is told."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from bonafides.wallet.store import PASSWORD_VARIABLE
from tests.unit.bonafides.conftest import BROKER, NETWORK, PASSWORD

ROOT = Path(__file__).parents[3]
COUNT, BAD = 2100, 1050


def command(tmp_path):
    words = ("wallet", "new", "--wallet", tmp_path / "w", "--network", tmp_path / "network.json", "--broker", BROKER)
    return subprocess.Popen(
        [sys.executable, "-m", "bonafides.cli.main", *map(str, words), "--file", str(tmp_path / "in")],
        cwd=ROOT,
        env={**os.environ, PASSWORD_VARIABLE: PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_bulk_that_was_killed_goes_on_where_it_was(tmp_path):
    (tmp_path / "network.json").write_text(json.dumps(NETWORK.to_json()), encoding="utf-8")
    lines = [json.dumps({"client_ref": f"c-{number}"}) for number in range(COUNT)]
    lines[BAD] = "{"
    (tmp_path / "in").write_text("\n".join(lines), encoding="utf-8")
    with command(tmp_path) as first:
        told = [first.stdout.readline() for _ in range(350)]
        first.send_signal(signal.SIGKILL)
        told += [line for line in first.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    with command(tmp_path) as second:
        out, err = second.communicate()
    assert second.returncode == 2
    answers = [json.loads(line) for line in out.splitlines()]
    assert [number for number, answer in enumerate(answers) if "did" not in answer] == [BAD]
    assert answers[BAD]["problem"]["field"] == f"line {BAD + 1}"
    before = [json.loads(line).get("did") for line in told if line.strip()]
    assert 350 <= len(before) < COUNT
    assert [answer.get("did") for answer in answers[: len(before)]] == before
    assert len({answer["did"] for answer in answers if "did" in answer}) == COUNT - 1
    progress = [line for line in err.decode().splitlines() if line.startswith("progress: ")]
    assert progress == [
        "progress: 1000 lines answered, 0 of them refused",
        "progress: 2000 lines answered, 1 of them refused",
    ]
