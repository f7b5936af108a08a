"""Payloads and rule sets come from strangers: whatever stands in them, a record is judged or named."""

from __future__ import annotations

import copy
import json
import random

import pytest

from replay.claims import judge
from replay.rulebook import read_rulesets, rulebook_of
from replay.rules import re_run
from tests.unit.evidence.test_wrong_types import STRANGE, bent, places
from tests.unit.replay.test_rules import RULES, SUBJECT, History


def history():
    made = History().assessed()
    made.opinion()
    buy = {"application_id": "a", "kind": "BUY", "product_id": "P"}
    made.add("BIZ_APPLY", {**buy, "amount_fen": 5})
    made.add("BIZ_DECIDE", {**buy, "decision": "APPROVED", "checks": [], "reviewer": "r", "reason": None})
    return made


@pytest.mark.parametrize("number", range(len(history().records)))
def test_any_value_of_a_payload_is_judged_or_named(number):
    chance = random.Random(number)
    values = json.loads(json.dumps(dict(history().records[number].values)))
    for path in places(values):
        for value in chance.sample(STRANGE, 5):
            made = history()
            changed = bent(copy.deepcopy(values), path, value)
            if not isinstance(changed, dict):
                continue
            made.records[number].values.clear()
            made.records[number].values.update(changed)
            run = made.run()
            judge(run, evidence_holds=True)
            assert len(run.asked) == sum(record.subject == SUBJECT for record in made.records)


def test_any_value_of_a_rule_set_is_read_or_noted():
    chance = random.Random(7)
    document = json.loads(json.dumps(RULES.document))
    made = history()
    for path in places(document):
        if path:
            found, notes = read_rulesets([bent(document, path, chance.choice(STRANGE))])
            assert len(found) + len(notes) == 1
            re_run(made.records, SUBJECT, rulebook_of(made.records, [*found, RULES]))
