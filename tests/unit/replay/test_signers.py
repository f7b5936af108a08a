"""Who is proven to have signed, as the rules that are executed again need it."""

from evidence.log.roster import StaffKey
from evidence.verify.verdict import NOBODY_SIGNED, STAFF_NOT_SHOWN, SecondPersons, VerificationReport, VerifiedRecord
from replay.rulebook import rulebook_of
from replay.signers import asking_nobody, proven_signers
from suitability.ruleset import RuleSet, packaged_rulesets

AT = 1_790_000_000_000
ONE, TWO = (packaged_rulesets()[name].effective(AT) for name in ("sac-bands@1", "sac-bands@3"))
PERSON = StaffKey("5b" * 32, "Li Wei", "reviewer", "2027-11-21T00:00:00.000+08:00", "cd" * 32, 1, "ef" * 32, 1)


def report(*records, second_persons=()):
    verified = [
        VerifiedRecord("5a" * 32, 1, "r", type_, "", "", "", 0, 1, 1, 0, 0, 0, {"ruleset": label}, {})
        for type_, label in records
    ]
    place = ("d", 7, "b", "5a" * 32, None, "case", 1, "t", 0)
    return VerificationReport((), *place[1:3], *place[3:], tuple(verified), (), (), second_persons=second_persons)


def test_those_are_handed_on_of_whom_it_can_be_told_where_it_cannot_of_all():
    entries = [
        SecondPersons("5a" * 32, seq, f"r-{seq}", "BIZ_DECIDE", persons, missing)
        for seq, (persons, missing) in enumerate(
            [((PERSON,), ""), ((PERSON,), STAFF_NOT_SHOWN), ((), STAFF_NOT_SHOWN), ((), NOBODY_SIGNED)]
        )
    ]
    assert proven_signers(report(second_persons=tuple(entries))) == {"r-1": {PERSON.key}, "r-2": frozenset()}


def test_a_rule_set_that_asks_nobody_is_named_once_where_a_record_takes_a_second_person():
    rules = rulebook_of([], [ONE, TWO])
    taking = [("BIZ_DECIDE", ONE.label), ("PRODUCT_RATE", ONE.label), ("ACCESS_LOG", TWO.label)]
    [note] = asking_nobody(report(*taking), rules)
    assert note.startswith(f"rule set {ONE.label} asks for no second person of BIZ_DECIDE, PRODUCT_RATE")
    document = {**TWO.document, "second_person": {"ACCESS_LOG": 1}}
    own = RuleSet.from_document(document)
    [note] = asking_nobody(report(("BIZ_DECIDE", own.label), ("ACCESS_LOG", own.label)), rulebook_of([], [own]))
    assert "of BIZ_DECIDE:" in note
    assert list(asking_nobody(report(("ID_VERIFY", ONE.label), ("BIZ_DECIDE", "unknown@1:00")), rules)) == []
