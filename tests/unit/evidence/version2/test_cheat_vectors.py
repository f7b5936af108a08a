"""The ways to cheat that every verifier is tried with (tests/vectors/evidence-2/cheats.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.erasure import CLOCKS
from evidence.version2.erasure import check_clocks
from evidence.version2.history import check_history
from evidence.version2.promise import require_record, verify_promise
from evidence.version2.record import open_redacted, open_shown
from primitives.errors import InvalidInput, VerificationFailed

ROOT = Path(__file__).parents[4]
CHEATS = json.loads((ROOT / "tests/vectors/evidence-2/cheats.json").read_text(encoding="utf-8"))
HONEST = ("none", "a-promise-that-holds")


def of_history(shown):
    records = [open_shown(record) for record in shown["records"]]
    history = check_history(shown["broker"], bytes.fromhex(shown["subject"]), records)
    if "anchored_ms" in shown:
        anchored = {int(seq): time_ms for seq, time_ms in shown["anchored_ms"].items()}
        check_clocks(history.erased, history.erasures, anchored, CLOCKS)
    return history


def of_promise(shown):
    promise = verify_promise(shown["promise"], bytes.fromhex(shown["key"]))
    require_record(promise, open_redacted(shown["record"]), bytes.fromhex(shown["label"]))


CASES = [(name, of_history, shown) for name, shown in CHEATS["histories"].items()]
CASES += [(name, of_promise, shown) for name, shown in CHEATS["promises"].items()]


@pytest.mark.parametrize(("name", "check", "shown"), CASES, ids=[name for name, _, _ in CASES])
def test_each_fails_by_its_name(name, check, shown):
    assert CHEATS["fails"][name] == shown["fails"]
    if name in HONEST:
        assert shown["fails"] == ""
        check(shown)
        return
    with pytest.raises((VerificationFailed, InvalidInput)) as caught:
        check(shown)
    error = caught.value
    assert (error.rule if isinstance(error, InvalidInput) else error.check) == shown["fails"]
