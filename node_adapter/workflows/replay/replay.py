"""Replay of a client's history under a case number: bundle, re-execution, findings, report.

1. The request names one subject, a case and a reason. An order of a regulator under this case is noted as answered.
2. Where the client has had another wallet (`succession`), each other identity is replayed beside it in the same way.
   Reading originals is itself recorded: the ACCESS_LOG record of each comes first, through the same door as every fact.
3. One snapshot of the store is read. Each bundle states the last final anchor and covers every record up to it; what
   came later, the ACCESS_LOG record among it, is counted as not yet anchored.
4. The bundle is verified as a stranger would, against this node's own headers.
5. Results and rules are executed again under the rule sets of their day, limits over time across all the identities.
   What this node knows of a consent's end beside the records is asked as at intake.
6. The report is rendered: one self-contained page, and the same as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from domain.domains import Domains
from domain.ruleset import AnyRuleSet
from domain.words import LANGUAGES
from node_adapter.node import Node
from node_adapter.store import records, replay_orders, subjects
from node_adapter.store.records import FindingRow, RecordRow
from node_adapter.store.replay_orders import OrderRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.consent.standing import ends_before_use
from node_adapter.workflows.identity.succession import related
from node_adapter.workflows.intake.rulesets import rulebook
from node_adapter.workflows.replay.access import APPROVALS, Approvals, log_access
from node_adapter.workflows.replay.as_of import AsOf, as_of
from node_adapter.workflows.replay.bundle import Collected, collect
from node_adapter.workflows.replay.material import material_of
from node_adapter.workflows.replay.trust_file import trust_file
from primitives.errors import Refused
from primitives.shapes import Fields, Named, Nullable, OneOf
from primitives.timestamp import format_time
from replay.records import Record, of_verified
from replay.report import report_content
from replay.report_material import DATA_USE, Occasion
from replay.report_page import render_report
from replay.rules import FoundFinding
from replay.verification import Verification, execute_again, verify_history
from replay.wire.shapes import CASE, REASON, REFERENCE, exactly_one

REPLAY_REQUEST = Named(
    "ReplayRequest",
    Fields(
        {"case": CASE, "reason": REASON},
        {
            **dict.fromkeys(("subject", "did"), Nullable(REFERENCE)),
            "lang": OneOf(*LANGUAGES),
            "access": APPROVALS,
        },
    ).note("The subject is named by subject or by did."),
)


@dataclass(frozen=True)
class Request:
    """What a compliance officer asks for."""

    subject: str | None
    did: str | None
    case: str
    reason: str
    lang: str
    approvals: Approvals


def replay(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Replay a client ({"subject" or "did", "case", "reason", "lang"?, "access"?: signed looks}).

    Returns:
        {"bundle": the bundle's text, "report_html": the page, "report": the same as JSON, "as_of", "checked" and
        "not_checked" as `replay.standing` gives them, "related": [the same of each other identity of this client, with
        "relation", "subject" and "did"]}.

    Raises:
        InvalidInput: malformed request.
        Refused: `subject-not-found`, `no-records` or `record-erased`.
        CouldNotCheck: `not-anchored`, nothing of the subject is anchored yet.
    """
    asked = _read(request)  # (1)
    identities = _opened(node, asked)  # (2)
    with node.store.read() as connection:  # (3)
        found = [_read_all(node, connection, identity, asked.case) for identity in identities]
    trust = trust_file(node)
    answers = [_replay(node, asked, one, found, trust) for one in found]
    first, *others = answers
    return {
        **first,
        "related": [
            {"relation": one.identity.relation, "subject": one.identity.subject.pid, "did": one.identity.subject.did}
            | answer
            for one, answer in zip(found[1:], others, strict=True)
        ],
    }


@dataclass(frozen=True)
class _Identity:
    """One identity of the client: its relation to the one that was asked for, empty for that one itself."""

    relation: str
    subject: SubjectRow
    order: OrderRow | None


@dataclass(frozen=True)
class _Read:
    """What one snapshot of the store holds of an identity."""

    identity: _Identity
    collected: Collected
    rulesets: Sequence[AnyRuleSet]
    stored: Mapping[str, Sequence[FindingRow]]
    consents: Sequence[FoundFinding]
    moment: AsOf


def _opened(node: Node, asked: Request) -> list[_Identity]:
    """Record the look at every identity of the client; return them, the one that was asked for first."""
    waiting: list[tuple[str, Request]] = [("", asked)]
    found: dict[str, _Identity] = {}
    for relation, wanted in waiting:  # it grows
        subject, order, rows = _find(node, wanted)
        if subject.pid in found:
            continue
        found[subject.pid] = _Identity(relation, subject, order)
        why = {"case": asked.case, "reason": asked.reason}
        types = sorted({row.type for row in rows})
        log_access(node, subject, **why, types=types, order=order, approvals=asked.approvals)
        waiting += [
            (tie.relation, replace(asked, subject=tie.subject, did=None))
            for tie in related(rows)
            if relation in ("", tie.relation)
        ]
    return list(found.values())


def _read_all(node: Node, connection: Connection, identity: _Identity, case: str) -> _Read:
    subject = subjects.find_by_pid(connection, identity.subject.pid) or identity.subject
    collected = collect(node, connection, subject, case)
    stored = records.findings_of(connection, [record.row.record_id for record in collected.anchored])
    uses = _consents(connection, collected)
    return _Read(identity, collected, rulebook(node, connection).rulesets, stored, uses, as_of(node, connection))


def _consents(connection: Connection, collected: Collected) -> list[FoundFinding]:
    """Return the uses of data whose consent had ended, by what the records need not tell."""
    found = []
    for record in collected.anchored:
        if record.row.type == DATA_USE and not record.row.erased and not record.altered:
            ends = ends_before_use(connection, record.row.pid, record.values)
            place = (record.row.seq, record.row.record_id)
            found += [FoundFinding(*place, end.code, end.rule, end.detail) for end in ends]
    return found


def _replay(node: Node, asked: Request, one: _Read, every: Sequence[_Read], trust: bytes) -> dict[str, Any]:
    """Replay one identity, with the others beside it."""
    collected, order = one.collected, one.identity.order
    others = [record for other in every if other is not one for record in other.collected.own_to_replay]
    verification = _verified(one, others, trust, node.domains)  # (4, 5)
    occasion = Occasion(
        case=asked.case,
        lang=asked.lang,
        made_at=format_time(node.clock.now_ms()),
        reason=asked.reason,
        order=None if order is None else _order(order),
        broker_name=node.settings.member.name,
        stored_findings=frozenset(
            (record_id, finding.code) for record_id, found in one.stored.items() for finding in found
        ),
    )
    material = material_of(collected, verification, occasion, node, one.moment)
    content = report_content(material)  # (6)
    _answered(node, asked, collected)
    return {
        "bundle": collected.bundle.decode(),
        "report_html": render_report(content, asked.lang, node.domains),
        "report": content,
        **{name: content[name] for name in ("as_of", "checked", "not_checked")},
    }


def _verified(one: _Read, others: Sequence[Record], trust: bytes, domains: Domains) -> Verification:
    verification = verify_history(
        one.collected.bundle, trust, rulesets=one.rulesets, consents_asked=True, domains=domains
    )
    if others or not verification.ok:
        own = [of_verified(record) for record in verification.report.records] or one.collected.to_replay()
        rerun, _ = execute_again(verification.report, [*own, *others], one.rulesets, domains=domains)
        verification = replace(verification, rerun=rerun)
    return replace(verification, rerun=verification.rerun.with_findings(one.consents))


def _order(row: OrderRow) -> dict[str, str]:
    return {"regulator": row.regulator, "id": row.id, "ordered_at": format_time(row.ordered_at)}


def _read(request: Mapping[str, Any]) -> Request:
    asked = REPLAY_REQUEST.read(request, "")
    exactly_one(asked, ("subject", "did"))
    return Request(
        subject=asked.get("subject"),
        did=asked.get("did"),
        case=asked["case"],
        reason=asked["reason"],
        lang=asked.get("lang", LANGUAGES[0]),
        approvals=asked.get("access", {}),
    )


def _find(node: Node, asked: Request) -> tuple[SubjectRow, OrderRow | None, list[RecordRow]]:
    with node.store.read() as connection:
        if asked.did is not None:
            subject = subjects.find_by_did(connection, asked.did)
        else:
            subject = subjects.find_by_pid(connection, str(asked.subject))
        if subject is None:
            raise Refused("subject-not-found", "subject: this broker has no such subject")
        rows = records.of_subject(connection, subject.pid)
        if not rows:
            raise Refused("no-records", "subject: there is nothing to replay")
        order = None
        if subject.did is not None:
            order = replay_orders.find_order(connection, asked.case, subject.did)
        return subject, order, rows


def _answered(node: Node, asked: Request, collected: Collected) -> None:
    if collected.subject.did is not None:
        with node.store.write() as connection:
            replay_orders.mark_answered(connection, asked.case, collected.subject.did, node.clock.now_ms())
