"""A replay of a client who had another wallet before: both histories in the order of the log, or a word why not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from primitives.digest import tagged_sha256
from primitives.timestamp import format_time
from replay.former import Former
from replay.installed import INSTALLED
from replay.records import Record
from replay.rulebook import rulebook_of
from replay.rules import re_run
from replay.verification import execute_again
from suitability.ruleset import packaged_rulesets
from tests.world.payloads import PAYLOADS

NOW = 1_790_000_000_000
BROKER = "did:ethr:0x7:0x" + "b1" * 20
OLD, NEW = "01" * 32, "02" * 32
RULES, EARLIER = (packaged_rulesets()[name].effective(NOW - 1) for name in ("sac-bands@4", "sac-bands@3"))
TIE = {
    "predecessor": OLD, "predecessor_did": BROKER, "identity_ref": "ab" * 32, "reason": "WALLET_LOST",
    "lang": "zh", "text_sha256": "cd" * 32,
}  # fmt: skip


class Log:
    """Two assessments under the old wallet, then the tie, then a third under the new one."""

    def __init__(self, label=RULES.label, hide=()):
        self.records, self.label = [], label
        for pid in (OLD, NEW):
            for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE"):
                self.add(pid, type_, PAYLOADS[type_])
        for _ in range(2):
            self.add(OLD, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"], hide)
        self.add(NEW, "ID_SUCCEED", TIE)
        self.last = self.add(NEW, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])

    def add(self, pid, type_, payload, hide=()):
        index = len(self.records)
        at = format_time(NOW + index)
        envelope = {
            "type": type_, "schema": "1", "broker": BROKER, "ruleset": self.label, "channel": "app",
            "occurred_at": at, "recorded_at": at, "fields": dict.fromkeys(payload, "00"),
        }  # fmt: skip
        shown = {name: value for name, value in payload.items() if name not in hide}
        seq = 1 + sum(record.subject == pid for record in self.records)
        fingerprint = tagged_sha256("test", b"%d" % index).hex()
        self.records.append(Record(pid, seq, f"r{index}", type_, fingerprint, index, envelope, shown))
        return index

    def run(self, records=None, rules=RULES, **more):
        records = self.records if records is None else records
        own = [record for record in records if record.subject == NEW]
        run = re_run(reversed(records), NEW, rulebook_of(own, [rules]), **more)
        return [found.code for found in run.findings], [(entry.seq, entry.reason) for entry in run.not_asked]


def test_both_histories_together_show_that_it_was_once_too_often():
    assert Log().run() == (["TOO_MANY_ASSESSMENTS"], [])
    assert Log(EARLIER.label).run(rules=EARLIER) == ([], [])


def test_without_the_other_history_the_records_that_the_limits_judge_are_named():
    log = Log()
    alone = [record for record in log.records if record.subject == NEW]
    reason = f"the limits over time do not see the client's identity before ({OLD})"
    assert log.run(alone) == ([], [(4, reason), (5, reason)])
    of_before = [record for record in Log(EARLIER.label).records if record.subject == NEW]
    assert log.run(of_before, EARLIER) == ([], [])  # its rule set does not ask


def test_a_hidden_tie_is_named_and_nothing_else_goes_blind():
    log = Log()
    log.records[-2] = replace(log.records[-2], values={})
    codes, [tie, (seq, reason)] = log.run()
    assert (codes, tie, seq) == ([], (4, "it is not shown whole"), 5)
    assert "one whose pseudonym is not shown" in reason


def test_an_erased_assessment_of_before_is_named_and_the_others_count():
    codes, found = Log(hide=("answers",)).run()
    assert (codes, [seq for seq, _ in found]) == ([], [4, 5])
    assert "record 4 (Q_SUBMIT) of the identity before" in found[-1][1]
    log = Log()
    log.add(OLD, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"], hide=("answers",))
    log.add(NEW, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])
    codes, found = log.run()
    assert (codes, [seq for seq, _ in found]) == (["TOO_MANY_ASSESSMENTS"] * 2, [6])


@pytest.mark.parametrize(("end", "named"), [(9, []), (8, [5])])
def test_a_history_that_ends_too_early_is_named(end, named):
    log = Log()
    assert log.last == 9
    codes, found = log.run(ends={OLD: end})
    assert (codes, [seq for seq, _ in found]) == (["TOO_MANY_ASSESSMENTS"], named)


def test_histories_that_name_each_other_end():
    log = Log()
    log.add(OLD, "ID_SUCCEED", {**TIE, "predecessor": NEW})
    assert log.run()[0] == ["TOO_MANY_ASSESSMENTS"]


def test_what_is_said_of_many_identities_does_not_grow_with_their_square():
    log = Log()
    for number in range(60):
        log.add(NEW, "ID_SUCCEED", {**TIE, "predecessor": f"{number:064x}"})
    _, found = log.run()
    assert len(found) == 60
    assert all(len(reason) < 400 for _, reason in found)


def test_the_identities_before_are_read_from_all_records_once():
    log, reads = Log(), []
    for number in range(20):
        log.add(NEW, "ID_SUCCEED", {**TIE, "predecessor": f"{number:064x}"})

    class Counting(list):
        def __iter__(self):
            reads.append(1)
            return super().__iter__()

    Former(Counting(log.records), NEW, {}, INSTALLED)
    assert len(reads) <= 2  # which subjects are shown, and who names whom


def test_a_history_that_comes_twice_is_counted_once():
    """A bundle may show the identity before as a reference, and its own bundle lies beside it."""
    log = Log()
    records = [record for record in log.records if record.seq != 5 or record.subject != OLD]  # one submission is left
    report = SimpleNamespace(subject=NEW, rulesets=(), records=(), second_persons=())
    before = [replace(record) for record in records if record.subject == OLD]
    rerun, _ = execute_again(report, [*records, *before], [RULES])
    assert (rerun.findings, rerun.not_asked) == ((), ())
    rerun, _ = execute_again(report, log.records, [RULES])
    assert [finding.code for finding in rerun.findings] == ["TOO_MANY_ASSESSMENTS"]
