"""A replay with two domains: a record is judged by rule sets of its own domain, whatever it names."""

from __future__ import annotations

import pytest

from domain.domains import Domains
from primitives.timestamp import format_time
from replay.claims import judge
from replay.rulebook import rulebook_of
from replay.rules import re_run
from suitability.domain import SUITABILITY
from tests.unit.replay.test_rules import DAY, NOW, PAYLOADS, RULES, SUBJECT, History, codes, reasons
from tests.world.lost_property import FORMAT, LOST_PROPERTY

DOMAINS = Domains(SUITABILITY, LOST_PROPERTY)
DESK = LOST_PROPERTY.read_ruleset(
    {
        "format": FORMAT, "id": "desk", "version": "1", "demo": True, "keep_ms": 1000,
        "effective_from": format_time(NOW - DAY),
    }
)  # fmt: skip
RETURN = {"item": "umbrella-7"}


def run(history, *used):
    own = [record for record in history.records if record.subject == SUBJECT]
    made = re_run(history.records, SUBJECT, rulebook_of(own, used, domains=DOMAINS))
    judge(made, DOMAINS, evidence_holds=True)
    return made


@pytest.mark.parametrize("number", range(1, 7))
def test_a_rule_set_of_another_domain_is_none(number):
    """A broker that names one does not escape its own rules, and stops no verifier."""
    history = History().assessed()
    history.records[number].envelope["ruleset"] = DESK.label
    found = run(history, RULES, DESK)
    expected = set() if history.records[number].type == "LEVEL_CONFIRM" else {"RULESET_NOT_IN_FORCE"}
    assert set(codes(found)) == expected  # the client's own act is judged by what was in force, whatever it names
    assert not found.not_asked


def test_what_another_domains_rule_set_computed_is_not_checked():
    history = History().assessed()
    history.records[5].envelope["ruleset"] = DESK.label
    assert [item.status for item in run(history, RULES, DESK).comparisons] == ["not-checked"]


def test_the_other_way_round_too():
    history = History()
    history.add("ITEM_RETURN", RETURN, label=RULES.label)
    assert codes(run(history, RULES, DESK)) == ["RULESET_NOT_IN_FORCE", "NOT_CLAIMED"]
    found = run(history, RULES)
    assert (codes(found), reasons(found)) == ([], {1: "no rule set is at hand"})


def test_a_rule_set_of_one_domain_that_is_not_shown_hides_nothing_of_the_other():
    history = History()
    history.add("ID_VERIFY", PAYLOADS["ID_VERIFY"], label="gone@1:0000000000000000")
    history.add("ITEM_CLAIM", {**RETURN, "lang": "zh", "text_sha256": "cd" * 32}, label=None)
    assert reasons(run(history, RULES, DESK)) == {1: "rule set gone@1:0000000000000000 is not at hand"}
