"""Replay of a client's history under a case number: bundle, re-execution, findings, report.

It is made after it was asked for and the looks are recorded (`workflows.replay.asked`), by a thread of the chain
process:

1. What the chain says is taken, as of one block for all identities of the client.
2. One snapshot of the store is read. Each bundle states the last anchor up to that block and covers every record up to
   it; what came later, the ACCESS_LOG record among it, is counted as not yet anchored.
3. The bundle is verified as a stranger would, under this node's own trust file.
4. Results and rules are executed again under the rule sets of their day, limits over time across all the identities.
   What this node knows of a consent's end beside the records is asked as at intake.
5. The report is rendered: one self-contained page, and the same as JSON.

A history that continues one of format 1 is verified and executed with that one, which is a part of its own; where
nothing of format 2 is anchored of a client yet, it is the only one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from domain.domains import Domains
from domain.ruleset import AnyRuleSet
from node_adapter.node import Node
from node_adapter.store import records, replay_orders, subjects
from node_adapter.store.records import FindingRow
from node_adapter.store.replay_orders import OrderRow
from node_adapter.store.replays import ReplayPart, ReplayTexts
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.consent.standing import ends_before_use
from node_adapter.workflows.former.history import RELATION, FormerHistory, read_former_history
from node_adapter.workflows.intake.rulesets import rulebook
from node_adapter.workflows.replay.as_of import AsOf, as_of
from node_adapter.workflows.replay.bundle import NOT_ANCHORED, Collected, SubjectChain, collect, take_chain
from node_adapter.workflows.replay.material import material_of
from node_adapter.workflows.replay.trust_file import OwnWord, own_word
from primitives.errors import CouldNotCheck, Refused
from primitives.timestamp import format_time
from replay.records import Record, of_verified
from replay.report import report_content
from replay.report_material import DATA_USE, Occasion
from replay.report_material import material_of as material_of_bundle
from replay.report_page import render_report
from replay.rules import FoundFinding
from replay.software import software
from replay.verification import Verification, execute_again, past_of, verify_history
from replay.verification_json import reach_json

BEHIND = "state-behind"
STATE, HISTORY, VERIFICATION = "state", "history", "verification"
"""The steps of a replay, for who waits for it: the state is taken, histories are read, identities are verified."""


@dataclass(frozen=True)
class ReplayedIdentity:
    """One identity of a client: its relation to the one that was asked for, empty for that one itself."""

    relation: str
    subject: str


@dataclass(frozen=True)
class AskedReplay:
    """What a replay is of, as it is kept until it is made.

    Attributes:
        case, reason, lang: what the compliance officer said.
        reach: the block of the last anchor when it was asked for.
        identities: of the client, the one that was asked for first.
    """

    case: str
    reason: str
    lang: str
    reach: int
    identities: tuple[ReplayedIdentity, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the form in which it is kept."""
        return {**vars(self), "identities": [vars(identity) for identity in self.identities]}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> AskedReplay:
        """Read what was kept."""
        return cls(**{**kept, "identities": tuple(ReplayedIdentity(**identity) for identity in kept["identities"])})


Part = tuple[ReplayPart, ReplayTexts]
Tell = Callable[[str, int], None]


def _tell_nobody(_step: str, _identity: int) -> None:
    return


def make_replay(node: Node, asked: AskedReplay, least: int, tell: Tell = _tell_nobody) -> list[Part]:
    """Make a replay: a part for each identity of the client.

    Args:
        node: of the member, whose `state` takes the proofs.
        asked: what was asked for.
        least: the block that the proofs have to be of, or of a later one.
        tell: takes the step that begins, and the place of the identity that it is about; never inside a transaction.

    Raises:
        CouldNotCheck: `state-behind`, the chain stands at an earlier block; `not-anchored`, `promise-owed`; or what
            `take_chain` and `own_word` say.
        Refused: `subject-not-found`, `record-erased`.
        VerificationFailed: the store or the index is damaged.
    """
    tell(STATE, 0)
    with node.store.read() as connection:
        rows = [_subject(connection, identity) for identity in asked.identities]
    chains = take_chain(node, rows)  # (1)
    number = chains[0].header.number
    if number < least:
        raise CouldNotCheck(BEHIND, f"the chain's state is proved at block {number}, and anchor {least} stands later")
    tell(HISTORY, 0)
    formers = [read_former_history(node, row, asked.case) for row in rows]
    with node.store.read() as connection:  # (2)
        word = own_word(node, connection, number)
        found = [
            _read_all(node, connection, identity, asked.case, chain, former)
            for identity, chain, former in zip(asked.identities, chains, formers, strict=True)
        ]
    whole = [one for one in found if isinstance(one, _Read)]
    parts: list[Part] = []
    for place, one in enumerate(found):
        tell(VERIFICATION, place)
        if isinstance(one, _Read):
            parts.append(_replay(node, asked, place, one, whole, word))
        else:
            parts.append(_former(node, asked, place, one))
    before = [one.before for one in whole if one.before is not None]
    return parts + [_former(node, asked, len(parts) + place, one) for place, one in enumerate(before)]


@dataclass(frozen=True)
class _Before:
    """The history of format 1 of an identity."""

    relation: str
    subject: SubjectRow
    order: OrderRow | None
    former: FormerHistory


@dataclass(frozen=True)
class _Read:
    """What one snapshot of the store holds of an identity; `before` where its history continues one of format 1."""

    identity: ReplayedIdentity
    order: OrderRow | None
    collected: Collected
    before: _Before | None
    rulesets: Sequence[AnyRuleSet]
    stored: Mapping[str, Sequence[FindingRow]]
    consents: Sequence[FoundFinding]
    moment: AsOf


def _subject(connection: Connection, identity: ReplayedIdentity) -> SubjectRow:
    found = subjects.find_by_pid(connection, identity.subject)
    if found is None:
        raise Refused("subject-not-found", "subject: this broker has no such subject")
    return found


def _read_all(
    node: Node,
    connection: Connection,
    identity: ReplayedIdentity,
    case: str,
    chain: SubjectChain,
    former: FormerHistory | None,
) -> _Read | _Before:
    subject = _subject(connection, identity)
    order = None if subject.did is None else replay_orders.find_order(connection, case, subject.did)
    before = None if former is None else _Before(RELATION, subject, order, former)
    try:
        collected = collect(node, connection, subject, case, chain)
    except CouldNotCheck as error:
        if before is None or error.code != NOT_ANCHORED:
            raise
        return replace(before, relation=identity.relation)
    stored = records.findings_of(connection, [record.row.record_id for record in collected.anchored])
    uses = _consents(connection, collected)
    rulesets = rulebook(node, connection).rulesets
    return _Read(identity, order, collected, before, rulesets, stored, uses, as_of(node, connection))


def _consents(connection: Connection, collected: Collected) -> list[FoundFinding]:
    """Return the uses of data whose consent had ended, by what the records need not tell."""
    found = []
    for record in collected.anchored:
        if record.row.type == DATA_USE and not record.row.erased and not record.altered:
            ends = ends_before_use(connection, record.row.pid, record.values)
            place = (record.row.seq, record.row.record_id)
            found += [FoundFinding(*place, end.code, end.rule, end.detail) for end in ends]
    return found


def _former(node: Node, asked: AskedReplay, place: int, one: _Before) -> Part:
    """Report on a history of format 1, as its bundle shows it."""
    occasion = _occasion(node, asked, one.order, {})
    content = report_content(material_of_bundle(one.former.verification, occasion, node.domains))
    standing = {**{name: content[name] for name in ("as_of", "checked", "not_checked")}, "reach": None}
    part = ReplayPart(place, one.relation, one.subject.pid, one.subject.did, standing)
    page = render_report(content, asked.lang, node.domains)
    return part, ReplayTexts(one.former.bundle.decode(), page, json.dumps(content, ensure_ascii=False))


def _replay(node: Node, asked: AskedReplay, place: int, one: _Read, every: Sequence[_Read], word: OwnWord) -> Part:
    """Replay one identity, with the others beside it."""
    collected = one.collected
    others = [record for other in every if other is not one for record in other.collected.own_to_replay]
    verification = _verified(one, others, word, node.domains)  # (3, 4)
    occasion = _occasion(node, asked, one.order, one.stored)
    content = report_content(material_of(collected, verification, occasion, node, one.moment))  # (5)
    reach = verification.report.reach
    standing = {
        **{name: content[name] for name in ("as_of", "checked", "not_checked")},
        "reach": None if reach is None else reach_json(verification, reach, content["not_checked"]),
    }
    part = ReplayPart(place, one.identity.relation, collected.subject.pid, collected.subject.did, standing)
    page = render_report(content, asked.lang, node.domains)
    return part, ReplayTexts(collected.bundle.decode(), page, json.dumps(content, ensure_ascii=False))


def _occasion(
    node: Node, asked: AskedReplay, order: OrderRow | None, stored: Mapping[str, Sequence[FindingRow]]
) -> Occasion:
    return Occasion(
        case=asked.case,
        lang=asked.lang,
        made_at=format_time(node.clock.now_ms()),
        reason=asked.reason,
        order=None if order is None else _order(order),
        broker_name=node.settings.member.name,
        stored_findings=frozenset(
            (record_id, finding.code) for record_id, found in stored.items() for finding in found
        ),
        software=software(),
    )


def _verified(one: _Read, others: Sequence[Record], word: OwnWord, domains: Domains) -> Verification:
    former = None if one.before is None else one.before.former
    verification = verify_history(
        one.collected.bundle,
        [word.file] if former is None else [word.file, former.trust],
        trust_keys=[word.key],
        subject=one.collected.subject.pid,
        rulesets=one.rulesets,
        related=[] if former is None else [former.bundle],
        consents_asked=True,
        domains=domains,
    )
    if others or not verification.ok:
        own = [of_verified(record) for record in verification.report.records] or one.collected.to_replay()
        past = past_of(verification.report, [] if former is None else former.own_records)
        rerun, _ = execute_again(verification.report, [*own, *others], one.rulesets, past=past, domains=domains)
        verification = replace(verification, rerun=rerun)
    return replace(verification, rerun=verification.rerun.with_findings(one.consents))


def _order(row: OrderRow) -> dict[str, str]:
    due = {} if row.due_at is None else {"due_at": format_time(row.due_at)}
    return {"regulator": row.regulator, "id": row.id, "ordered_at": format_time(row.ordered_at), **due}
