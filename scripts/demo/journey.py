"""One broker's system at work: it turns what its clients do into facts, round by round, for many clients at once.

A round is one bulk request. What a round learns (fingerprints, levels, opinions) stands in each `Relation`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.demo.consortium import Member
from scripts.demo.plan import Plan
from scripts.demo.spread import Account
from scripts.demo.staff import COMMITTEE, REVIEWER, Staff
from scripts.demo.surface import DemoError, now_text

RISKS = ("R1", "R2", "R3", "R4", "R5")
LEVELS = ("C1-min", "C1", "C2", "C3", "C4", "C5")
MISMATCHES = ("TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH")
_TYPE_OF_RISK = {"R1": "T1", "R2": "T1", "R3": "T2", "R4": "T2", "R5": "T4"}
_BOOK = "risk-book@1"
_DAY_MS = 86_400_000
_SYNTHETIC = "SYNTHETIC demonstration document"


@dataclass
class Relation:
    """One person as the client of one broker."""

    account: Account
    broker: Member
    plan: Plan
    client_ref: str
    did: str = ""
    subject: str = ""
    key: str = ""
    commitment: str = ""
    level: dict[str, Any] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)  # record type -> fingerprint of the latest record
    answers: list[dict[str, Any]] = field(default_factory=list)  # the broker's, for every accepted record
    kept: int = 0  # of these, how many promises the wallet holds
    findings: list[str] = field(default_factory=list)
    product: str = ""
    opinion: dict[str, Any] = field(default_factory=dict)
    consent_id: str = ""
    stopped: bool = False


class BrokerSystem:
    """One broker's own system: it knows its node's HTTP interface, and hands drafts to the clients' wallets."""

    def __init__(self, member: Member, staff: Staff, name: str = "") -> None:
        """Speak to the member's node as its broker system; `staff` signs what takes a second person.

        Each system of one member has a name, by which its references are told from those of another one.
        """
        self._name = name or member.name
        self.member, self.staff = member, staff
        self._http = member.as_role("broker-system")
        self._count = 0
        self.accepted = 0

    # -- the broker's own acts -------------------------------------------------------------------------------------

    def rate_products(self) -> None:
        """Rate one product of each risk level, signed by the committee; a product is a subject of its own."""
        rows = [{"client_ref": f"product:{risk}", "product_id": f"FUND-{risk}"} for risk in RISKS]
        subjects = _accepted(self._http.post_lines("/v1/subjects", rows))
        facts = []
        for risk, row in zip(RISKS, subjects, strict=True):
            payload = {
                "product": {"id": f"FUND-{risk}", "risk": risk, "term": "1Y", "type": _TYPE_OF_RISK[risk]},
                "name": f"Synthetic fund {risk}",
                "factors": {"liquidity": "daily", "leverage": "none"},
                "method": "rating-method@1",
                "committee": "Product committee (synthetic)",
                "effective_from": now_text(-1000),
            }
            facts.append(self._fact(row["subject"], "PRODUCT_RATE", payload))
        self._submit(self.staff.sign(COMMITTEE, facts))

    def collect(self, relations: Sequence[Relation]) -> None:
        """Verify identities, collect information, give the notice of duties, take the answers."""
        rows = []
        for relation in relations:
            person = relation.account.profile
            steps: dict[str, dict[str, Any]] = {
                "ID_VERIFY": {
                    "id_kind": "ID_CARD",
                    "id_commitment": relation.commitment,
                    "face_score": 97,
                    "liveness": True,
                    "police_check_ref": "SYNTHETIC-CHECK",
                    "valid_to": None,
                },
                "INFO_COLLECT": _information(relation, person.income_fen),
                "DUTY_NOTICE": {"documents": ["investor-rights@1"], "scroll_end": True, "dwell_ms": 41_000},
                "Q_SUBMIT": {
                    "form": "individual-20@1",
                    "answers": {item: list(options) for item, options in person.answers.items()},
                    "screen": dict(person.screen),
                    "duration_ms": person.duration_ms,
                    "declaration": True,
                },
            }
            for index, (type_, payload) in enumerate(steps.items()):
                rows.append((relation, self._fact(relation.subject, type_, payload, offset_ms=index - 10)))
        self._submit_for(rows)

    def note_income(self, relation: Relation, income_fen: int) -> None:
        """Record what a client says of a changed income."""
        self._submit_for([(relation, self._fact(relation.subject, "INFO_COLLECT", _information(relation, income_fen)))])

    def assess(self, relations: Sequence[Relation]) -> None:
        """Have the node's engine state each level, with its validity."""
        answers = self._submit_for([(relation, self._computed(relation, "LEVEL_RESULT", {})) for relation in relations])
        for relation, answer in zip(relations, answers, strict=True):
            relation.level = answer["payload"]

    def choose_products(self, relations: Sequence[Relation]) -> None:
        """Each client with an intent picks a product: the riskiest that fits, or one level above it."""
        for relation in relations:
            fitting = max(0, LEVELS.index(relation.level["level"]) - 1)
            widest = max(int(kind[1]) for kind in relation.level["types"])
            while fitting > 0 and int(_TYPE_OF_RISK[RISKS[fitting]][1]) > widest:
                fitting -= 1
            chosen = min(fitting + 1, len(RISKS) - 1) if relation.plan.wants_mismatch else fitting
            relation.product = f"FUND-{RISKS[chosen]}"

    def give_opinions(self, relations: Sequence[Relation]) -> None:
        """Have the node's engine state the matching opinion of each client's product."""
        answers = self._submit_for(
            [
                (relation, self._computed(relation, "MATCH_OPINION", {"product_id": relation.product}))
                for relation in relations
            ]
        )
        for relation, answer in zip(relations, answers, strict=True):
            relation.opinion = answer["payload"]

    def warn(self, relations: Sequence[Relation]) -> None:
        """Give the special risk warning to those whose product does not match."""
        drafts = self._drafts(
            [(r, "MISMATCH_WARN", {"product_id": r.product, "opinion_ref": r.refs["MATCH_OPINION"]}) for r in relations]
        )
        rows = []
        for relation, draft in zip(relations, drafts, strict=True):
            payload = {
                "product_id": relation.product,
                "opinion_ref": relation.refs["MATCH_OPINION"],
                "code": relation.opinion["code"],
                "gap": relation.opinion["gap"],
                "client_initiated": True,
                "read_ms": 65_000,
                "lang": draft["fields"]["lang"],
                "text_sha256": draft["fields"]["text_sha256"],
            }
            rows.append((relation, self._fact(relation.subject, "MISMATCH_WARN", payload)))
        self._submit_for(rows)

    def disclose(self, relations: Sequence[Relation]) -> None:
        """Show the risk book of the product."""
        book = _digest(f"{_SYNTHETIC}: {_BOOK}")
        rows = []
        for relation in relations:
            shown = {"book": _BOOK, "book_sha256": book, "pages": 12, "dwell_ms": 95_000}
            payload = {"product_id": relation.product, **shown}
            rows.append((relation, self._fact(relation.subject, "RISK_DISCLOSE", payload)))
        self._submit_for(rows)

    def apply_for(self, relations: Sequence[Relation], amount_fen: int = 1_000_000) -> None:
        """Record that the client asks to buy."""
        rows = []
        for relation in relations:
            payload = {
                "application_id": f"APP-{relation.client_ref}",
                "kind": "BUY",
                "product_id": relation.product,
                "amount_fen": amount_fen,
            }
            rows.append((relation, self._fact(relation.subject, "BIZ_APPLY", payload)))
        self._submit_for(rows)

    def ask_gates(self, relations: Sequence[Relation]) -> list[dict[str, Any]]:
        """Ask, before deciding, whether each purchase may be handled now."""
        rows = []
        for relation in relations:
            details = {
                "application_id": f"APP-{relation.client_ref}",
                "kind": "BUY",
                "product_id": relation.product,
                "decision": "APPROVED",
            }
            rows.append({"subject": relation.subject, "act": "BIZ_DECIDE", "details": details})
        return self._http.post_lines("/v1/gates", rows) if rows else []

    def decide(self, relations: Sequence[Relation], decision: str = "APPROVED") -> None:
        """Record what the broker decided on the application, signed by the reviewer."""
        rows = []
        for relation in relations:
            payload = {
                "application_id": f"APP-{relation.client_ref}",
                "kind": "BUY",
                "product_id": relation.product,
                "decision": decision,
                "checks": ["SUITABILITY"],
                "reviewer": self.staff.reviewer,
                "reason": None if decision == "APPROVED" else "the client does not insist",
            }
            rows.append(self._fact(relation.subject, "BIZ_DECIDE", payload))
        self._submit_for(list(zip(relations, self.staff.sign(REVIEWER, rows), strict=True)))

    # -- the clients' own acts, signed in the wallet ---------------------------------------------------------------

    def draft_level_confirmations(self, relations: Iterable[Relation]) -> list[dict[str, Any]]:
        """Draft the confirmation of the level in force."""
        return self._to_sign([(relation, "LEVEL_CONFIRM", {}) for relation in relations])

    def draft_consents(self, relations: Iterable[Relation], receivers: Sequence[str]) -> list[dict[str, Any]]:
        """Draft separate consents to the joint statistic."""
        fields = {
            "purpose": "MARKET_RISK",
            "receivers": sorted(receivers),
            "contact": "privacy office of each receiver (synthetic)",
            "method": "masked sum: receivers see totals of at least ten clients, never one client's data",
            "data_kinds": ["holdings", "assets", "debts"],
            "expires_at": now_text(365 * _DAY_MS),
            "separate": True,
        }
        return self._to_sign([(relation, "CONSENT_GIVE", fields) for relation in relations])

    def draft_withdrawals(self, relations: Iterable[Relation]) -> list[dict[str, Any]]:
        """Draft the withdrawal of the consents that were given."""
        effective = now_text()
        return self._to_sign(
            [
                (r, "CONSENT_WITHDRAW", {"consent_id": r.consent_id, "scope": "ALL", "effective_at": effective})
                for r in relations
            ]
        )

    def draft_insistences(self, relations: Iterable[Relation]) -> list[dict[str, Any]]:
        """Draft the client's insistence on a product that does not match."""
        return self._to_sign(
            [
                (
                    r,
                    "MISMATCH_INSIST",
                    {
                        "product_id": r.product,
                        "opinion_ref": r.refs["MATCH_OPINION"],
                        "warning_ref": r.refs["MISMATCH_WARN"],
                        "second_confirm": True,
                    },
                )
                for r in relations
            ]
        )

    def draft_risk_confirmations(self, relations: Iterable[Relation]) -> list[dict[str, Any]]:
        """Draft the confirmation of the disclosed risks."""
        return self._to_sign(
            [
                (
                    r,
                    "RISK_CONFIRM",
                    {
                        "product_id": r.product,
                        "disclosure_ref": r.refs["RISK_DISCLOSE"],
                        "items": ["loss", "liquidity"],
                    },
                )
                for r in relations
            ]
        )

    def draft_agreements(self, relations: Iterable[Relation]) -> list[dict[str, Any]]:
        """Draft the signature of the agreement."""
        digest = _digest(f"{_SYNTHETIC}: agreement@1")
        return self._to_sign(
            [
                (
                    r,
                    "AGREEMENT_SIGN",
                    {
                        "application_id": f"APP-{r.client_ref}",
                        "product_id": r.product,
                        "contract_id": f"CONTRACT-{r.client_ref}",
                        "contract_version": "agreement@1",
                        "file_sha256": digest,
                        "signers": [r.did, self.member.did],
                        "sign_mode": "wallet",
                    },
                )
                for r in relations
            ],
            values={"amount_fen": 1_000_000},
        )

    def submit_acts(self, relations: Sequence[Relation], signed: Sequence[dict[str, Any]]) -> None:
        """Submit what the wallet signed."""
        rows = []
        for relation, act in zip(relations, signed, strict=True):
            draft = act["draft"]
            fact = self._fact(relation.subject, draft["type"], draft["fields"], actor=relation.did)
            fact["occurred_at"] = act["occurred_at"]
            fact["act"] = {
                "root_salt": act["root_salt"],
                "key": act["key"],
                "known": act["known"],
                "signature": act["signature"],
                "document": draft["document"],
                "ruleset": draft["ruleset"],
            }
            if "consent" in act:
                fact["consent"] = act["consent"]  # the node records the act and relays the call, or does neither
            rows.append((relation, fact))
        self._submit_for(rows)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _fact(
        self, subject: str, type_: str, payload: dict[str, Any], *, offset_ms: int = 0, actor: str | None = None
    ) -> dict[str, Any]:
        self._count += 1
        role = "client" if actor else "broker-system"
        return {
            "source_ref": f"{self._name}-{self._count:06d}",
            "subject": subject,
            "type": type_,
            "occurred_at": now_text(offset_ms),
            "channel": "app",
            "actor": {"did": actor or self.member.did, "role": role},
            "payload": payload,
        }

    def _computed(self, relation: Relation, type_: str, compute: dict[str, Any]) -> dict[str, Any]:
        fact = self._fact(relation.subject, type_, {})
        del fact["payload"]
        return {**fact, "compute": compute}

    def _drafts(
        self, rows: Sequence[tuple[Relation, str, dict[str, Any]]], values: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        requests = [
            {
                "subject": relation.subject,
                "type": type_,
                "lang": relation.plan.lang,
                "fields": fields,
                "values": values or {},
            }
            for relation, type_, fields in rows
        ]
        return _accepted(self._http.post_lines("/v1/acts/drafts", requests)) if requests else []

    def _to_sign(
        self, rows: Sequence[tuple[Relation, str, dict[str, Any]]], values: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        return [{"draft": draft} for draft in self._drafts(rows, values)]

    def _submit(self, facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = _accepted(self._http.post_lines("/v1/facts", facts)) if facts else []
        self.accepted += len(answers)
        return answers

    def _submit_for(self, rows: Sequence[tuple[Relation, dict[str, Any]]]) -> list[dict[str, Any]]:
        answers = self._submit([fact for _, fact in rows])
        for (relation, fact), answer in zip(rows, answers, strict=True):
            relation.refs[fact["type"]] = answer["fingerprint"]
            relation.answers.append(answer)
            relation.findings += [finding["code"] for finding in answer["findings"]]
        return answers


def _information(relation: Relation, income_fen: int) -> dict[str, Any]:
    account, person = relation.account, relation.account.profile
    return {
        "basics": {"source": "synthetic", "name": person.name_zh, "age": person.age, "synthetic": True},
        "finance": {
            "source": "synthetic",
            "assets_fen": account.assets_fen,
            "debts_fen": account.debts_fen,
            "income_fen": income_fen,
            "holdings_fen": dict(account.holdings_fen),
        },
    }


def _accepted(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for answer in answers:
        if answer.get("status") in ("refused", "failed"):
            raise DemoError(f"a line was refused: {answer}")
    return answers


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
