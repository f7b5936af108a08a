"""What a task can end with is a closed list: its codes stand in digests on the chain."""

import ast
import re
from pathlib import Path

import pytest

from mpc.engine import refusal_digest
from mpc.errors import MessageRefused, PartyFault, PolicyRefused, SumCheckFailed
from mpc.refusals import OF_RULE, REFUSALS, UNFORESEEN, refusal_code
from mpc.registry import engines
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.rules import RULES

ROOT = Path(__file__).resolve().parents[3]
ENGINE = engines()["masked-sum/1"]
PLACE = {"PolicyRefused": 0, "SumCheckFailed": 0, "VerificationFailed": 0, "Refused": 0, "PartyFault": 1}
RULE_PLACE = {"InvalidInput": 1, "MessageRefused": 2}
NOT_IN_A_RUN = {  # raised before a task is approved, or to a caller
    "task-exists",
    "task-not-approved",
    "task-not-open",
    "task-not-proposer",
    "task-unknown",
    "subject-not-found",
    "statistics",
    "receivers",
    "range",
    "ascending",
    "unique",
    "max-bytes",
    "one-of",
    "length",
}


def raised():
    """Every code and rule that the sources of joint tasks name where they raise it."""
    found = set()
    for folder in ("mpc", "node_adapter/workflows/tasks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
                place = {**PLACE, **RULE_PLACE}.get(called)
                if place is not None and isinstance(node.args[place], ast.Constant):
                    found.add(node.args[place].value)
    return found


def test_every_code_that_a_run_can_end_with_is_listed():
    known = REFUSALS.keys() | ENGINE.refusals.keys() | OF_RULE.keys()
    assert raised() - known - NOT_IN_A_RUN == set()
    assert raised() >= {"sum-check", "task-deadline", "chain-refused", "no-client-data", "fen"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SumCheckFailed("sum-check", "d"), "sum-check"),
        (PolicyRefused("too-few-clients", "d"), "too-few-clients"),
        (PartyFault("0x", "message-transcript", "d"), "message-transcript"),
        (MessageRefused("0x", "values", "scalar-range", "d"), "scalar-range"),
        (InvalidInput("finance.debts_fen", "fen", "d"), "fen"),
        (InvalidInput("x", "nfc", "d"), UNFORESEEN),
        (Refused("disk-on-fire", "d"), UNFORESEEN),
        (VerificationFailed("signature", "d"), UNFORESEEN),
    ],
)
def test_an_error_ends_a_task_with_a_listed_code(error, code):
    assert refusal_code(ENGINE, error) == code


def test_the_rules_that_codes_were_made_from_exist():
    assert OF_RULE.keys() <= RULES.keys()


def test_the_codes_stay_apart():
    assert not REFUSALS.keys() & ENGINE.refusals.keys()
    assert not set(OF_RULE.values()) & (REFUSALS.keys() | ENGINE.refusals.keys())


def test_the_page_lists_them():
    page = (ROOT / "docs/spec/joint-statistics.md").read_text("utf-8").partition("## 10. Codes")[2]
    listed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", page.partition("\n## ")[0], re.MULTILINE))
    assert listed == {**REFUSALS, **ENGINE.refusals, **{code: RULES[rule] for rule, code in OF_RULE.items()}}


def test_a_refusal_s_digest_is_bound_to_engine_task_and_code():
    digest = refusal_digest("masked-sum/1", b"\1" * 32, "sum-check")
    assert digest == tagged_sha256("bonafides/masked-sum/1/refusal", b"\1" * 32, b"sum-check")
    assert digest not in {
        refusal_digest("masked-sum/1", b"\2" * 32, "sum-check"),
        refusal_digest("masked-sum/2", b"\1" * 32, "sum-check"),
        refusal_digest("masked-sum/1", b"\1" * 32, "total-range"),
    }
