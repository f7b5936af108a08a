"""Limits over time, for a client who comes with a new wallet: they count what was done under the identity before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fact import Fact
from primitives.digest import tagged_sha256
from suitability.domain import SUITABILITY
from suitability.engine import level_result
from suitability.line import MOST_IDENTITIES, identities_before
from suitability.records import check_payload
from suitability.ruleset import packaged_rulesets
from suitability.states import gate
from suitability.subject import SubjectState
from suitability.subject_json import state_from_json, state_to_json, written
from tests.properties import examples
from tests.world.applied import apply
from tests.world.payloads import PAYLOADS

SPANNING = packaged_rulesets()["sac-bands@4"]
EARLIER = [packaged_rulesets()[name] for name in ("sac-bands@1", "sac-bands@2", "sac-bands@3")]
START, SECOND, HOUR = 1_790_000_000_000, 1000, 3_600_000
DID = "did:ethr:0x1:0x" + "44" * 20
HIGH = {f"Q{i}": ["C"] for i in range(1, 21)}
LOW = {f"Q{i}": ["A" if 6 <= i <= 15 else "B"] for i in range(1, 21)} | {"Q5": ["D"]}
OLDEST, OLD, NEW = (f"{number:02x}" * 32 for number in range(3))


@dataclass
class World:
    """One client's identities in one log; every step asks the gate first, and compares."""

    ruleset: object = SPANNING
    states: dict = field(default_factory=dict)
    now: int = START
    count: int = 0
    not_asked: list = field(default_factory=list)

    def do(self, pid, type_, payload):
        self.now += SECOND
        self.count += 1
        state = self.states.get(pid, SubjectState())
        checked = check_payload(type_, payload)
        ref = tagged_sha256("test", b"%d" % self.count).hex()
        fact = Fact(type_, checked, self.now, self.now, "app", ref, self.ruleset.label)
        asked = gate(state, type_, at_ms=self.now, ruleset=self.ruleset, details=checked, find=self.states.get)
        before = identities_before(state, type_, checked, self.ruleset, self.states.get)
        self.states[pid], found = apply(state, fact, self.ruleset, {}, before)
        assert (asked.allowed, asked.code) == ((True, "ALLOWED") if not found else (False, found[0].code))
        assert asked.not_asked == before.reason
        self.not_asked.append(before.reason)
        return [finding.code for finding in found]

    def begin(self, pid):
        for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE"):
            assert self.do(pid, type_, PAYLOADS[type_]) == []
        return self

    def submit(self, pid, answers=HIGH):
        return self.do(pid, "Q_SUBMIT", {**PAYLOADS["Q_SUBMIT"], "answers": answers})

    def level(self, pid):
        """The level of the last answers, which takes the place of the one before."""
        state = self.states[pid]
        last = state.submissions.known(state.last)
        supersedes = state.levels[-1].ref if state.levels else None
        made = level_result(self.ruleset, last.payload, answers_ref=last.ref, at_ms=last.at, supersedes=supersedes)
        return self.do(pid, "LEVEL_RESULT", made)

    def succeed(self, pid=NEW, old=OLD):
        tie = {"predecessor": old, "predecessor_did": DID, "identity_ref": "ab" * 32, "reason": "WALLET_LOST"}
        return self.do(pid, "ID_SUCCEED", {**tie, "lang": "zh", "text_sha256": "cd" * 32})


def lost_after_two():
    world = World().begin(OLD)
    assert world.submit(OLD) + world.submit(OLD) == []
    return world


def test_a_lost_wallet_does_not_give_two_more_assessments():
    world = lost_after_two().begin(NEW)
    assert world.succeed() == []
    assert world.submit(NEW) == ["TOO_MANY_ASSESSMENTS"]
    world.now += 24 * HOUR
    assert world.submit(NEW) == []
    assert set(world.not_asked) == {""}


@pytest.mark.parametrize("ruleset", EARLIER, ids=lambda ruleset: ruleset.version)
def test_under_the_rule_sets_of_before_each_identity_counts_for_itself(ruleset):
    world = World(ruleset).begin(OLD)
    assert world.submit(OLD, LOW) + world.level(OLD) + world.submit(OLD) == []
    world.begin(NEW)
    assert world.succeed() + world.submit(NEW) + world.level(NEW) + world.submit(NEW) == []
    assert world.submit(NEW) == ["TOO_MANY_ASSESSMENTS"]


def test_a_level_that_rose_under_the_new_wallet_is_answer_shopping():
    world = World().begin(OLD)
    assert world.submit(OLD, LOW) + world.level(OLD) == []
    world.begin(NEW)
    assert world.succeed() + world.submit(NEW) == []
    assert world.level(NEW) == ["ANSWER_SHOPPING"]


def test_a_later_tie_counts_what_was_done_before_it():
    """The order of the records is the broker's: two identities may be assessed first and be tied then."""
    world = World().begin(OLD).begin(NEW)
    assert world.submit(OLD, LOW) + world.level(OLD) + world.submit(OLD, LOW) == []
    assert world.submit(NEW) + world.level(NEW) == []
    assert world.succeed() == ["TOO_MANY_ASSESSMENTS", "ANSWER_SHOPPING"]
    other = World().begin(OLD).begin(NEW)  # the other way round: the old wallet was used once more
    assert other.submit(NEW, LOW) + other.level(NEW) + other.submit(OLD) + other.level(OLD) == []
    assert other.succeed() == ["ANSWER_SHOPPING"]


def test_what_one_identity_broke_alone_is_not_found_again_at_the_tie():
    world = lost_after_two()
    assert world.submit(OLD) == ["TOO_MANY_ASSESSMENTS"]
    assert world.begin(NEW).succeed() == []


def test_a_line_of_wallets_is_counted_to_its_begin():
    world = World().begin(OLDEST)
    assert world.submit(OLDEST) == []
    world.begin(OLD)
    assert world.succeed(OLD, OLDEST) + world.submit(OLD) == []
    world.begin(NEW)
    assert world.succeed(NEW, OLD) == []
    assert world.submit(NEW) == ["TOO_MANY_ASSESSMENTS"]


def test_a_history_that_is_not_at_hand_is_named():
    world = World().begin(NEW)
    assert world.succeed(NEW, OLD) + world.submit(NEW) == []
    assert world.not_asked[-2:] == [f"the limits over time do not see the client's identity before ({OLD})"] * 2
    hidden = replace(world.states[NEW], succeeds=(None,))
    before = identities_before(hidden, "Q_SUBMIT", {}, SPANNING, world.states.get)
    assert before.reason.endswith("(one whose pseudonym is not shown)")
    assert identities_before(hidden, "BIZ_APPLY", {}, SPANNING, world.states.get).reason == ""  # it does not look back


def test_a_state_keeps_who_came_before():
    world = lost_after_two().begin(NEW)
    world.succeed()
    state = world.states[NEW]
    assert state.succeeds == (OLD,)
    assert state_from_json(state_to_json(state)) == written(state)
    hidden = Fact("ID_SUCCEED", {}, START, START, "app", "ab" * 32)
    assert state_from_json(state_to_json(SUITABILITY.fold(SubjectState(), hidden))).succeeds == (None,)


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=9), st.integers(0, 8))
def test_however_the_assessments_are_spread_over_two_wallets_as_many_are_found(steps, change):
    """As under one wallet that was never lost: each assessment that is one too many, at itself."""
    one, two = World().begin(OLD), World().begin(OLD).begin(NEW)
    alone, spread, holder = [], [], OLD
    for number, (wait, hours) in enumerate(steps):
        if number == change:
            assert two.succeed() == []
            holder = NEW
        two.now += hours * HOUR + wait
        one.now = two.now
        alone.append(one.submit(OLD))
        spread.append(two.submit(holder))
    assert alone == spread


def test_more_identities_than_anybody_has_are_not_followed_and_one_line_says_so():
    """A bundle may tie one identity to thousands: neither time nor text may grow with their square."""
    world = World().begin(NEW)
    for number in range(MOST_IDENTITIES):
        assert world.succeed(NEW, f"{number:064x}") == []
    first = f"({0:064x}, {1:064x}, {2:064x} and {MOST_IDENTITIES - 3} more)"
    assert world.not_asked[-1] == f"the limits over time do not see the client's identity before {first}"
    assert world.succeed(NEW, "ff" * 32) + world.submit(NEW) == []
    told = f"the limits over time follow no more than {MOST_IDENTITIES} identities of one client"
    assert world.not_asked[-2:] == [told] * 2


def test_a_tie_that_is_recorded_again_is_one_tie():
    world = World().begin(OLD).begin(NEW)
    assert world.submit(OLD, LOW) + world.level(OLD) + world.submit(NEW) + world.level(NEW) == []
    assert world.succeed() == ["ANSWER_SHOPPING"]
    assert world.succeed() == []
    assert world.states[NEW].succeeds == (OLD,)


class Counted(dict):
    """A payload that counts how often it is read."""

    def __init__(self, payload, reads):
        super().__init__(payload)
        self.reads = reads

    def __getitem__(self, name):
        if name == "supersedes":
            self.reads.append(name)
        return super().__getitem__(name)


def test_a_level_is_held_against_each_one_before_it_once_and_says_each_finding_once():
    world = World().begin(OLD)
    assert world.submit(OLD, LOW) + world.level(OLD) + world.submit(OLD) == []
    low, reads = world.states[OLD].levels[0], []
    levels = tuple(
        replace(low, ref=f"{number:064x}", payload=Counted({**low.payload, "supersedes": None}, reads))
        for number in range(20)
    )
    world.states[OLD] = replace(world.states[OLD], levels=levels)
    last = world.states[OLD].submissions.known(world.states[OLD].last)
    made = level_result(SPANNING, last.payload, answers_ref=last.ref, at_ms=last.at, supersedes=None)
    fact = Fact("LEVEL_RESULT", made, world.now, world.now, "app", "ee" * 32, SPANNING.label)
    _, found = apply(world.states[OLD], fact, SPANNING)
    assert [finding.code for finding in found] == ["TWO_LEVELS_VALID", "ANSWER_SHOPPING"]
    assert len(reads) == len(levels)
