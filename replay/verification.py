"""A bundle and trust files in, the whole verdict out: evidence, re-execution, rules, ties to other identities.

A node that replays its own client, the command, and whoever holds a bundle call this one function; it reads nothing
but what it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.domains import Domains
from domain.ruleset import AnyRuleSet
from evidence.documents.bundle import MAX_BUNDLE_BYTES
from evidence.verify.verdict import HELD_PROMISES, EvidenceFinding, VerificationReport
from evidence.version2.verify.bundle import VerificationRequest
from primitives.errors import InvalidInput, VerificationFailed
from primitives.packed import unpack
from replay.consents import unasked_ends
from replay.formats import Trust, is_format_2, subject_of, verify_evidence
from replay.former_erasures import told_of_erased_before
from replay.further_checks import EXPECTED_SUBJECT, REACH, further_checks
from replay.growth import watched
from replay.installed import INSTALLED
from replay.orders import CHECK as ORDERS
from replay.orders import check_orders
from replay.records import Record, of_verified
from replay.rulebook import made_by_broker, read_rulesets, rulebook_of
from replay.rules import NO_PAST, Past, Reexecuted, re_run
from replay.signers import asking_nobody, proven_signers
from replay.signing import signing_rules
from replay.succession import Shown, continued_by, earlier_of, joined

_WHOLE: Mapping[str, int] = {}


@dataclass(frozen=True)
class Verification:
    """What a bundle proves, and what the rules say to it.

    Attributes:
        report: the checks by name, the records, the evidence's own findings, and every note.
        rerun: the scores, opinions and rules, executed again.
        further: checks beside the bundle's own, by name: "" where one was made and holds, else why it was not made.
    """

    report: VerificationReport
    rerun: Reexecuted
    further: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether every check holds; findings are content, not failures."""
        return self.report.ok

    @property
    def findings(self) -> tuple[EvidenceFinding, ...]:
        """What the evidence shows, and what the rules find."""
        found = (EvidenceFinding(item.code, item.record_id, item.detail) for item in self.rerun.findings)
        return (*self.report.findings, *found)


def verify_history(
    bundle: bytes,
    trust: bytes | Sequence[bytes],
    *,
    trust_keys: Sequence[str] = (),
    witnesses: int | None = None,
    rulesets: Iterable[AnyRuleSet] = (),
    subject: str | None = None,
    at_least_block: int | None = None,
    promises: Sequence[object] | None = None,
    related: Sequence[bytes] = (),
    regulator_key: str | None = None,
    consents_asked: bool = False,
    domains: Domains = INSTALLED,
) -> Verification:
    """Verify a client's history and execute it again.

    Args:
        bundle: the bundle's bytes, of format 1 or 2; packed or not, as the trust files and the related bundles.
        trust: the bytes of the trust file, or of several, from someone other than the bundle's maker. A bundle of
            format 1 is verified under the one of format 1, of format 2 under all of format 2, which must agree.
        trust_keys: the public keys (hex) of those who signed trust files of format 2 and whose word is taken.
        witnesses: how many members must have checked the growth of the broker's map; None wants a majority of the
            other members, and says where fewer did. Of format 2.
        rulesets: rule sets that are known from elsewhere; they come before those of the bundle.
        subject: whose history it must be: the client's DID, or the pseudonym at the broker.
        at_least_block: the block that the answer must reach, such as the one of a replay order.
        promises: promises that somebody holds; the bundle must show what they promise, or that of the other identity
            whose promise it is.
        related: the bundles of other identities of this client; both sides must name each tie.
        regulator_key: a regulator's signing key (hex); every order that a look refers to must hold.
        consents_asked: the caller asks the chain itself for withdrawals that no record tells; else a note says that
            nobody did.
        domains: what knows the record types.

    Raises:
        InvalidInput: not a bundle, not a trust file, none of the bundle's format, no pinned key, or another argument
            is malformed.
        CouldNotCheck: the trust file does not reach a block that is needed, or a held promise is nobody's.
        VerificationFailed: the history is another's (`subject`), a related bundle does not hold, is of no other
            identity of this client or is not what this one continues (`succession`), an order does not hold (`order`),
            what was erased of a history of format 1 was erased too early (`erasure`),
            the trust files do not (`trust`), or fewer than `witnesses` members checked growth (`witnesses`).
    """
    bundle = unpack(bundle, "bundle", MAX_BUNDLE_BYTES)
    related = [unpack(one, "related", MAX_BUNDLE_BYTES) for one in related]
    word = Trust.read(trust, trust_keys)
    subjects = {subject_of(one) for one in related} if promises is not None else set()
    asked = VerificationRequest(signing_rules(domains), at_least_block, promises, subjects)
    report = watched(verify_evidence(bundle, word, asked), witnesses)
    if subject is not None and subject not in (report.client, report.subject):
        raise VerificationFailed("subject", f"the history is of {report.client} ({report.subject}), not of {subject}")
    own = _shown(report)
    # Beside what fails itself nothing is looked at.
    others = _verified(related, word, report, promises, domains) if report.ok else []
    ties = joined(own, others)
    earlier, missing = earlier_of(own, others)
    if report.reach is not None:
        report = replace(report, reach=replace(report.reach, not_shown=tuple(missing)))
    referred = {record.subject for record in own.records}  # the whole chains, as of the bundle itself
    ends = {one.report.subject: one.ends_for(own) for one in others if one.report.subject not in referred}
    taken = {(record.subject, record.fingerprint) for record in earlier}
    elsewhere = [record for other in others for record in other.own_records]
    further = [record for record in elsewhere if (record.subject, record.fingerprint) not in taken]
    past = past_of(report, earlier, missing)
    rerun, notes = execute_again(report, [*own.records, *further], rulesets, ends=ends, past=past, domains=domains)
    if not consents_asked:
        notes += unasked_ends(own.records, report.subject)
    notes += ties
    notes += told_of_erased_before(own, others)
    ended = {named.place for named in continued_by(own.records, report.subject)}
    notes += [
        told
        for other in others
        for told in other.said_of_itself(None if other.place in ended else report.complete_as_of_block)
    ]
    if regulator_key is not None and report.ok:
        notes += check_orders(own.records, report, regulator_key)
    brought = {EXPECTED_SUBJECT: subject, REACH: at_least_block, HELD_PROMISES: promises, ORDERS: regulator_key}
    told = further_checks(
        report,
        own.records,
        given={name for name, value in brought.items() if value is not None},
        identities={other.report.subject for other in others},
    )
    return Verification(replace(report, notes=(*report.notes, *notes)), rerun, told)


def execute_again(
    report: VerificationReport,
    records: Sequence[Record],
    rulesets: Iterable[AnyRuleSet],
    *,
    ends: Mapping[str, int] = _WHOLE,
    past: Past = NO_PAST,
    domains: Domains = INSTALLED,
) -> tuple[Reexecuted, list[str]]:
    """Execute every score, opinion and rule again; returns what came of it, and notes.

    Args:
        report: what the verification said.
        records: the client's records, the whole chains of those that they refer to, and those of other identities; of
            a record that comes twice (a reference, and another identity's own), the last copy counts.
        rulesets: what the caller has from elsewhere than the bundle.
        ends: by another identity's pseudonym, the last log index that its records are complete for, where not for all.
        past: what the records do not show of the history.
        domains: what knows the record types.
    """
    carried, notes = read_rulesets(report.rulesets, domains)
    history = [*past.earlier, *(record for record in records if record.subject == report.subject)]
    mine, packaged = list(rulesets), list(domains.packaged_rulesets().values())
    rules = rulebook_of(history, [*mine, *carried], packaged, domains=domains)
    notes += [
        f"rule set {label} is the broker's own: it came with the bundle, and is neither packaged nor given beside it"
        for label in made_by_broker(rules, [*mine, *packaged])
    ]
    notes += asking_nobody(report, rules)
    once = {(record.subject, record.seq): record for record in records}
    return re_run(once.values(), report.subject, rules, proven_signers(report), ends=ends, past=past), notes


def past_of(report: VerificationReport, earlier: Sequence[Record], missing: Sequence[str] = ()) -> Past:
    """Return what the verified records do not show of a history: those of the one before, and those not shown."""
    erased = () if report.reach is None else report.reach.erased
    hidden = f"the history that it continues (subject {', '.join(missing)}) is not shown" if missing else ""
    return Past(earlier, hidden, dict.fromkeys(erased, "it was erased"))


def _verified(
    bundles: Sequence[bytes],
    trust: Trust,
    report: VerificationReport,
    promises: Sequence[object] | None,
    domains: Domains,
) -> list[Shown]:
    """Verify the bundles of other identities and of earlier histories, each with the promises about itself."""
    pids = [subject_of(bundle) for bundle in bundles] if promises is not None else []
    found = {_shown(report).place: _shown(report)}
    for number, bundle in enumerate(bundles):
        elsewhere = {bytes.fromhex(report.subject), *pids} - {*pids[number : number + 1]}
        reach = 0 if is_format_2(bundle) else None  # any block of a trust file: it may be older than the bundle
        other = verify_evidence(bundle, trust, VerificationRequest(signing_rules(domains), reach, promises, elsewhere))
        if not other.ok:
            raise VerificationFailed("succession", f"the related bundle does not hold: {other.verdict}")
        shown = _shown(other)
        if shown.place in found:
            raise InvalidInput("related", "unique", f"two bundles are of the subject {other.subject}")
        found[shown.place] = shown
    return list(found.values())[1:]


def _shown(report: VerificationReport) -> Shown:
    return Shown(report, [of_verified(record) for record in report.records])
