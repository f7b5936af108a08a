"""What a verification is asked beside the bundle's own checks, and what it was not asked, with the reason.

Whoever verifies brings his own: whose history it must be, how far it must reach, promises, the client's other
identities, a regulator's key. Without it the answer says less, and has to say so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from domain.second_person import ORDER
from evidence.verify.verdict import HELD_PROMISES, VerificationReport
from replay.growth import GROWTH, unwatched
from replay.orders import CHECK as ORDERS
from replay.records import Record
from replay.succession import continued_by, ties_of

EXPECTED_SUBJECT, REACH, IDENTITIES = "subject", "at-least-block", "succession"
_UNASKED = {
    EXPECTED_SUBJECT: "nobody said whose history it has to be: that it is the one in question is read from the bundle",
    REACH: "nobody said which block it has to reach: the broker may have left out what came later",
    HELD_PROMISES: "no promises were given: a record that was promised and never counted leaves no trace in a bundle",
}


def further_checks(
    report: VerificationReport,
    records: Sequence[Record],
    *,
    given: Collection[str],
    identities: Collection[str],
) -> Mapping[str, str]:
    """Return every further check that this history gives rise to: "" where it was made and holds, else why not.

    Args:
        report: what the evidence shows.
        records: the records of the bundle.
        given: the checks that the caller brought something for.
        identities: the pseudonyms of the client's other identities whose bundles were given.
    """
    found = {name: "" if name in given else reason for name, reason in _UNASKED.items()}
    if HELD_PROMISES in given:
        del found[HELD_PROMISES]  # the report has it among its own
    own = [record for record in records if record.subject == report.subject]
    orders = [record.label for record in records if ORDER in record.values]
    if orders:
        reason = f"no regulator's key was given: whether the orders of {', '.join(orders)} hold is not known"
        found[ORDERS] = "" if ORDERS in given else reason
    named = {tie.subject for tie in ties_of(own, report.subject)}
    named |= {earlier.subject for earlier in continued_by(own, report.subject)}
    if named:
        unseen = sorted(named - set(identities))
        reason = f"the bundles of other identities of this client were not given: {', '.join(unseen)}"
        found[IDENTITIES] = reason if unseen else ""
    if report.reach is not None:
        found[REACH] = ""  # the trust file names the block, and the bundle reaches it
        found[GROWTH] = unwatched(report.reach)
    return found
