"""The story that the clients live through, as rounds over all brokers at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from scripts.demo.consortium import Consortium
from scripts.demo.journey import MISMATCHES, BrokerSystem, Relation
from scripts.demo.plan import BREACHES_OF_EACH_KIND, EXPIRED_TEST, NEVER_WARNED, SIGNED_LATE, plant
from scripts.demo.receipts import keep_promises
from scripts.demo.surface import DemoError, now_text, wait_until

SHORT_VALIDITY_BROKER = "gamma"
_PLANTABLE_LEVELS = ("C2", "C3", "C4")  # levels that have both a fitting and a riskier product
_RULES_LEAD_MS = 1500


def install_rules(consortium: Consortium, packaged: str, brokers: Iterable[str], *, at_once: bool = False) -> None:
    """Install a packaged rule set at brokers, to take effect in a moment; wait until it has."""
    lead = -1000 if at_once else _RULES_LEAD_MS
    for name in brokers:
        request = {"packaged": packaged, "effective_from": now_text(lead)}
        consortium.members[name].as_role("operator").post("/v1/rulesets", request, expect=201)
    if not at_once:
        time.sleep(_RULES_LEAD_MS / 1000 + 0.2)


class Story:
    """Moves relations through the journey. Client acts of all brokers are signed in one call of the wallet."""

    def __init__(self, consortium: Consortium, systems: dict[str, BrokerSystem]) -> None:
        """Keep the brokers' systems by name."""
        self._consortium = consortium
        self._systems = systems
        self.gates_refused = 0
        self.promises = 0  # that wallets hold

    def open_histories(self, relations: Sequence[Relation]) -> None:
        """Each client's own first record: whose history this is."""
        self._signed_round(relations, lambda _, own: [{"did": relation.did} for relation in own], "open")

    def assess(self, relations: Sequence[Relation]) -> None:
        """Identity, information, notice, questionnaire, level, and the client's confirmation of it."""
        self._round(relations, lambda system, own: system.collect(own))
        self._round(relations, lambda system, own: system.assess(own))
        self._signed_round(relations, lambda system, own: system.draft_level_confirmations(own))

    def plant_breaches(self, relations: Sequence[Relation]) -> None:
        """Choose whom the known breaches happen to, now that the levels are known."""
        free = [r for r in relations if r.plan.breach is None and r.level["level"] in _PLANTABLE_LEVELS]
        free.sort(key=lambda r: r.broker.name == SHORT_VALIDITY_BROKER)  # last: a dispute is at another broker
        for breach in (NEVER_WARNED, SIGNED_LATE):
            for relation in free[:BREACHES_OF_EACH_KIND]:
                relation.plan = plant(relation.plan, breach)
            free = free[BREACHES_OF_EACH_KIND:]

    def give_consents(self, relations: Sequence[Relation]) -> list[Relation]:
        """Consent credentials of those who consent; the grants go to the chain through each broker's outbox."""
        consenting = [r for r in relations if r.account.consents]
        receivers = {name: member.did for name, member in self._consortium.members.items() if name in self._systems}

        def draft(system: BrokerSystem, own: list[Relation]) -> list[dict[str, Any]]:
            others = [did for name, did in receivers.items() if name != system.member.name]
            return system.draft_consents(own, others)

        for relation, act in self._signed_round(consenting, draft, "consent", "grant"):
            relation.consent_id = act["consent"]["consent_id"]
        return consenting

    def withdraw_consents(self, relations: Sequence[Relation]) -> list[Relation]:
        """Withdrawals, as easy as the giving."""
        leaving = [r for r in relations if r.account.withdraws and r.consent_id]
        self._signed_round(leaving, lambda system, own: system.draft_withdrawals(own), "consent", "withdraw")
        return leaving

    def buy(self, relations: Sequence[Relation]) -> None:
        """From the intent to the signed agreement, through warning and insistence or stop where it does not match."""
        buyers = [r for r in relations if r.plan.wants_product and r.level["level"] != "C1-min"]
        self._round(buyers, lambda system, own: system.choose_products(own))
        self._round(buyers, lambda system, own: system.give_opinions(own))
        warned = [r for r in buyers if r.opinion["code"] in MISMATCHES and r.plan.breach != NEVER_WARNED]
        self._round(warned, lambda system, own: system.warn(own))
        insisting = [r for r in warned if r.plan.insists]
        self._signed_round(insisting, lambda system, own: system.draft_insistences(own))
        stopped = [r for r in warned if not r.plan.insists]
        self._round(stopped, lambda system, own: system.apply_for(own))
        self._round(stopped, lambda system, own: system.decide(own, "STOPPED"))
        for relation in stopped:
            relation.stopped = True
        going_on = [r for r in buyers if not r.stopped]
        self._round(going_on, lambda system, own: system.disclose(own))
        self._confirm_risks([r for r in going_on if r.plan.breach != SIGNED_LATE])
        self.handle(going_on)
        self._confirm_risks([r for r in going_on if r.plan.breach == SIGNED_LATE])
        self._signed_round(going_on, lambda system, own: system.draft_agreements(own))

    def handle(self, relations: Sequence[Relation]) -> None:
        """Apply, ask the gate, and decide; a planted breach goes through although the gate says no."""
        self._round(relations, lambda system, own: system.apply_for(own))

        def ask(system: BrokerSystem, own: list[Relation]) -> None:
            for relation, answer in zip(own, system.ask_gates(own), strict=True):
                if answer["allowed"] != (relation.plan.breach is None):
                    raise DemoError(f"the gate of {relation.client_ref} ({relation.plan.breach}) says {answer}")
                self.gates_refused += not answer["allowed"]

        self._round(relations, ask)
        self._round(relations, lambda system, own: system.decide(own))

    def buy_on_an_expired_test(self, relations: Sequence[Relation]) -> None:
        """Under the demonstration rule set of seconds: the test expires between the confirmation and the sale."""
        planted = [r for r in relations if r.plan.breach == EXPIRED_TEST]
        install_rules(self._consortium, "demo-short-validity@1", [SHORT_VALIDITY_BROKER])
        self.assess(planted)
        self._round(planted, lambda system, own: system.choose_products(own))
        self._round(planted, lambda system, own: system.give_opinions(own))
        self._round(planted, lambda system, own: system.disclose(own))
        self._confirm_risks(planted)
        expiry = max((r.level["valid_to"] for r in planted), default="")
        wait_until(lambda: now_text() >= expiry, what="the end of the tests' validity")
        self.handle(planted)

    def sign_again(self, relation: Relation) -> None:
        """A client whose key was rotated confirms the level once more, under the new key."""
        self._signed_round([relation], lambda system, own: system.draft_level_confirmations(own))

    def _confirm_risks(self, relations: Sequence[Relation]) -> None:
        self._signed_round(relations, lambda system, own: system.draft_risk_confirmations(own))

    def _round(self, relations: Iterable[Relation], step: Callable[[BrokerSystem, list[Relation]], Any]) -> None:
        for system, own in self._by_broker(relations):
            step(system, own)

    def _signed_round(
        self,
        relations: Iterable[Relation],
        draft: Callable[[BrokerSystem, list[Relation]], list[dict[str, Any]]],
        *wallet_words: str,
    ) -> list[tuple[Relation, dict[str, Any]]]:
        groups = self._by_broker(relations)
        drafts = [row for system, own in groups for row in draft(system, own)]
        if not drafts:
            return []
        words = wallet_words or ("sign",)
        self.promises += keep_promises(self._consortium, [r for _, own in groups for r in own], owed=False)
        signed = self._consortium.command.lines(
            *("wallet", *words, "--wallet", str(self._consortium.wallet), "--yes"), rows=drafts
        )
        pairs: list[tuple[Relation, dict[str, Any]]] = []
        for system, own in groups:
            acts = signed[len(pairs) : len(pairs) + len(own)]
            system.submit_acts(own, acts)
            pairs += zip(own, acts, strict=True)
        return pairs

    def _by_broker(self, relations: Iterable[Relation]) -> list[tuple[BrokerSystem, list[Relation]]]:
        groups: dict[str, list[Relation]] = {}
        for relation in relations:
            groups.setdefault(relation.broker.name, []).append(relation)
        return [(self._systems[name], own) for name, own in groups.items()]


def wait_for_outbox(consortium: Consortium, names: Iterable[str], *, seconds: float = 120) -> None:
    """Wait until the nodes' chain processes have nothing left to send."""
    for name in names:
        operator = consortium.members[name].as_role("operator")

        def idle(operator: Any = operator, name: str = name) -> bool:
            counts = operator.get("/v1/status")["outbox"]
            if counts.get("failed"):
                raise DemoError(f"a chain write of {name} failed: {counts}")
            return not any(counts.get(state) for state in ("new", "signed", "sent"))

        wait_until(idle, what=f"the outbox of {name}", seconds=seconds)


def findings_as_planned(relations: Iterable[Relation], expected: dict[str, str]) -> dict[str, int]:
    """Count the planted breaches that a finding names; a missing one, or a finding without a breach, ends the demo."""
    counts = dict.fromkeys(expected, 0)
    for relation in relations:
        breach = relation.plan.breach
        if breach is None and relation.findings:
            raise DemoError(f"{relation.client_ref} broke no rule, yet carries {relation.findings}")
        if breach is not None:
            if expected[breach] not in relation.findings:
                raise DemoError(f"{relation.client_ref}: {breach}, yet the findings are {relation.findings}")
            counts[breach] += 1
    return counts
