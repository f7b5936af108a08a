"""Disputes about a sale, each a bundle of format 2 with the finding that is right: a thousand by hand, some in a test.

    .venv/bin/python scripts/trials/disputes.py [--count 1000] [--seed 1] [--pdf-every 20]

Every dispute is one client's life from the identity to a decision, of which one thing went wrong, or none. What is
right is written down here, in `WRONGS`, by whoever read the rules; nothing of `suitability` is imported, so that no
code is asked whether it agrees with itself. The numbers of the honest results were computed by hand from the
questionnaire of the rule set and are part of what is compared. What is right must be what the verifier answers, and
what stands in the report in either language, read out of the page (and now and then out of the PDF) by `rendered`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from domain.words import LANGUAGES
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.timestamp import format_time
from replay.claims import PROVEN, judge
from replay.report import report_content
from replay.report_material import Occasion, material_of
from replay.report_page import render_report
from replay.report_pdf import render_pdf
from replay.verification import Verification, verify_history
from scripts.trials.rendered import read_page, read_pdf
from scripts.vectors.synthetic_consortium import CLIENT, ENGINE, PERIOD, Broker, Client, consortium

ROOT = Path(__file__).resolve().parents[2]
RULESET: Mapping[str, Any] = json.loads((ROOT / "suitability/rulesets/sac-bands-v1.json").read_text("utf-8"))
DAY = 86_400
ANSWERS = dict(zip((f"Q{n}" for n in range(1, 21)), "ACABACBC.CBBCCCBBBDB", strict=True))  # 70 points: C4
SCREEN = {"age": 40, "incapacity": False, "no_loss": None}
TEXT = {"lang": "zh", "text_sha256": "cd" * 32}
C4 = {
    "dims": {"finance": 11, "knowledge": 5, "experience": 14, "goal": 10, "preference": 12, "other": 18},
    "total": 70,
    "level": "C4",
}
LEVEL_DIGEST = "7fa8f7534c9ba36dfe9b64f6c2a914432395ae708cde5c4cec3a90ed6d997120"
OPINION_DIGEST = "5cb43544e7f5208ef2f507eb1dffaf6aa2f98b5dc4d256a24d1a35546e8927d8"
MATCHING, ABOVE = ("R1", "R2", "R3", "R4"), "R5"  # of C4


@dataclass(frozen=True)
class Wrong:
    """What goes wrong, and what a verifier has to find: the codes of all findings, and the claims that they prove."""

    codes: frozenset[str] = frozenset()
    proves: frozenset[str] = frozenset()
    above: bool | None = None  # whether the product lies above the client's level; either where it does not matter


def _wrong(codes: str = "", proves: str = "", above: bool | None = None) -> Wrong:
    return Wrong(frozenset(codes.split()), frozenset(proves.split()), above)


WRONGS: Mapping[str, Wrong] = {
    "nothing": _wrong(),
    "no-identity": _wrong("NOT_IDENTIFIED"),
    "no-warning": _wrong(
        "MISMATCH_UNRESOLVED SOLD_WITHOUT_WARNING SOLD_WITHOUT_INSISTENCE", "NOT_WARNED NOT_CONFIRMED", above=True
    ),
    "no-insistence": _wrong("MISMATCH_UNRESOLVED SOLD_WITHOUT_INSISTENCE", "NOT_CONFIRMED", above=True),
    "warned-after": _wrong(
        "MISMATCH_UNRESOLVED WARNED_LATE SOLD_WITHOUT_WARNING SOLD_WITHOUT_INSISTENCE",
        "NOT_WARNED NOT_CONFIRMED",
        above=True,
    ),
    "forged-match": _wrong(
        "OPINION_DIFFERS SOLD_WITHOUT_WARNING SOLD_WITHOUT_INSISTENCE",
        "NOT_WARNED NOT_CONFIRMED WRONG_RESULT",
        above=True,
    ),
    "no-risk-confirmation": _wrong("RISK_NOT_CONFIRMED", "NOT_CONFIRMED"),
    "level-not-confirmed": _wrong("LEVEL_NOT_CONFIRMED", "NOT_CONFIRMED"),
    "expired": _wrong("ASSESSMENT_EXPIRED", "TEST_EXPIRED"),
    "not-applied": _wrong("NOT_APPLIED"),
    "other-business": _wrong("OTHER_BUSINESS"),
    "recorded-late": _wrong("RECORDED_LATE", "SIGNED_LATE"),
    "another-score": _wrong("LEVEL_DIFFERS", "WRONG_RESULT"),
}


@dataclass
class Dispute:
    """One bundle, the trust file and key under which it holds, and what is right about it."""

    name: str
    bundle: bytes
    trust: bytes
    key: str
    wrong: Wrong


@dataclass
class _Life:
    """A client's life, step by step; each step is skipped, or told otherwise, where it is what went wrong."""

    name: str
    chance: random.Random
    wrong: str
    risk: str
    broker: Broker
    client: Client
    product: Client
    label: str
    refs: dict[str, str] = field(default_factory=dict)

    def tell(self, type_: str, values: Mapping[str, Any], *, of: Client | None = None, by: str = ENGINE) -> str:
        """Record something a few blocks later; now and then an anchor comes between."""
        self.broker.world.block += self.chance.randint(1, 9)
        if self.chance.random() < 0.2:
            self.broker.anchor()
        label = self.label if by != CLIENT or self.chance.random() < 0.5 else None
        changes: dict[str, Any] = {"ruleset": label}
        if by == CLIENT:
            changes["document"] = "a-text@1"
        if self.wrong == "recorded-late" and type_ == "BIZ_DECIDE":
            self.broker.world.block += 400  # 2,000 s after everything before it
            changes["occurred_at"] = format_time(self.broker.world.now - self.chance.randint(61_000, 1_900_000))
        ref = self.broker.record(of or self.client, type_, values, by=by, **changes).fingerprint.hex()
        self.refs[type_] = ref
        return ref

    def rated(self) -> None:
        """The product gets its rating."""
        product = {"id": self.name, "risk": self.risk, "term": "1Y", "type": "T1"}
        since = format_time(self.broker.world.now - DAY * 1000)
        rating = {"name": "A synthetic fund", "factors": {"liquidity": "daily"}, "method": "m-1", "committee": "c"}
        self.tell("PRODUCT_RATE", {"product": product, **rating, "effective_from": since}, of=self.product)

    def assessed(self) -> None:
        """Identity, information, notice, questionnaire, level, confirmation."""
        if self.wrong != "no-identity":
            identity = {"id_kind": "ID_CARD", "id_commitment": "aa" * 48, "face_score": 97, "liveness": True}
            self.tell("ID_VERIFY", {**identity, "police_check_ref": "police-1", "valid_to": None})
        money = {"source": "synthetic", "assets_fen": 1, "debts_fen": 2, "income_fen": 3}
        held = {"holdings_fen": dict.fromkeys(("R1", "R2", "R3", "R4", "R5"), 5)}
        basics = {"source": "synthetic", "name": "Synthetic Person", "age": 40, "synthetic": True}
        self.tell("INFO_COLLECT", {"basics": basics, "finance": {**money, **held}})
        self.tell("DUTY_NOTICE", {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 9000})
        answers = {name: ["B", "C"] if option == "." else [option] for name, option in ANSWERS.items()}
        told = {"form": "individual-20@1", "answers": answers, "screen": SCREEN, "duration_ms": 240_000}
        answers_ref = self.tell("Q_SUBMIT", {**told, "declaration": True})
        self._level(answers_ref)
        if self.wrong != "level-not-confirmed":
            self.tell("LEVEL_CONFIRM", {"level_ref": self.refs["LEVEL_RESULT"], "level": "C4", **TEXT}, by=CLIENT)

    def _level(self, answers_ref: str) -> None:
        at = self.broker.world.now  # of the answers: no block was made since
        score = {**C4, "total": 71} if self.wrong == "another-score" else C4
        made = {"form": "individual-20@1", "answers_ref": answers_ref, **score, "overrides": [], "checks": []}
        self.until = format_time(at + 730 * DAY * 1000)
        terms = {"horizon": "5Y", "types": ["T1", "T2"], "valid_from": format_time(at), "valid_to": self.until}
        result = {**made, **terms, "supersedes": None, "engine_digest": LEVEL_DIGEST}
        changes = {"ruleset": self.label}
        self.refs["LEVEL_RESULT"] = self.broker.record(self.client, "LEVEL_RESULT", result, **changes).fingerprint.hex()

    def advised(self) -> None:
        """Application, opinion, and what a mismatch asks for."""
        if self.wrong != "not-applied":
            kind = "SELL" if self.wrong == "other-business" else "BUY"
            applied = {"application_id": "a-1", "kind": kind, "product_id": self.name, "amount_fen": 1_000_000}
            self.tell("BIZ_APPLY", applied)
        above = self.risk == ABOVE
        code = "RISK_MISMATCH" if above and self.wrong != "forged-match" else "MATCH"
        parts = {"admission": "MATCH", "risk": code, "term": "MATCH", "type": "MATCH"}
        refs = {"level_ref": self.refs["LEVEL_RESULT"], "rating_ref": self.refs["PRODUCT_RATE"]}
        level = {"level": "C4", "level_valid_to": self.until, "horizon": "5Y", "types": ["T1", "T2"]}
        product = {"id": self.name, "risk": self.risk, "term": "1Y", "type": "T1"}
        result = {"admitted": True, "parts": parts, "gap": int(code != "MATCH"), "special_care": False, "code": code}
        opinion = {**refs, **level, "product": product, **result, "engine_digest": OPINION_DIGEST}
        self.tell("MATCH_OPINION", opinion)
        if above and self.wrong not in ("no-warning", "warned-after", "forged-match"):
            self.warned()

    def warned(self) -> None:
        """The warning, and the client's insistence."""
        about = {"product_id": self.name, "opinion_ref": self.refs["MATCH_OPINION"]}
        warning = {"code": "RISK_MISMATCH", "gap": 1, "client_initiated": True, "read_ms": 30_000, **TEXT}
        self.tell("MISMATCH_WARN", {**about, **warning})
        if self.wrong not in ("no-insistence", "warned-after"):
            insisted = {**about, "warning_ref": self.refs["MISMATCH_WARN"], "second_confirm": True, **TEXT}
            self.tell("MISMATCH_INSIST", insisted, by=CLIENT)

    def disclosed(self) -> None:
        """The risks, and the client's confirmation."""
        book = {"book": "risks@1", "book_sha256": "ab" * 32, "pages": 3, "dwell_ms": 9000}
        self.tell("RISK_DISCLOSE", {"product_id": self.name, **book})
        if self.wrong != "no-risk-confirmation":
            confirmed = {"product_id": self.name, "disclosure_ref": self.refs["RISK_DISCLOSE"], "items": ["loss"]}
            self.tell("RISK_CONFIRM", {**confirmed, **TEXT}, by=CLIENT)

    def decided(self) -> None:
        """The sale."""
        if self.wrong == "expired":
            self.broker.anchor()
            self.broker.world.block += 731 * DAY // PERIOD
        decision = {"application_id": "a-1", "kind": "BUY", "product_id": self.name, "decision": "APPROVED"}
        self.tell("BIZ_DECIDE", {**decision, "checks": [], "reviewer": "Li Wei", "reason": None})
        if self.wrong == "warned-after":
            self.warned()


def dispute(number: int, seed: int, wrong: str) -> Dispute:
    """Return one dispute; the same for the same arguments."""
    chance = random.Random(f"{seed} {number} {wrong}")  # noqa: S311 - what a dispute looks like is no secret
    above = WRONGS[wrong].above
    risk = ABOVE if (chance.random() < 0.5 if above is None else above) else chance.choice(MATCHING)
    world = consortium()
    broker, name = Broker(world, "north"), f"FUND-{number}"
    digest = whole(RULESET)
    product, client = broker.product(name), broker.client(f"client {seed} {number}")
    life = _Life(name, chance, wrong, risk, broker, client, product, f"{RULESET['id']}@{RULESET['version']}:{digest}")
    steps: list[Callable[[], None]] = [life.rated, life.assessed, life.advised, life.disclosed, life.decided]
    for step in steps:
        step()
    broker.anchor()
    bundle, header = broker.bundle(
        client, references=[product], witnesses=["south", "west"], rulesets=[RULESET], case=f"2026-{number}"
    )
    key = ed25519.public_key(world.members["regulator"].secret).hex()
    return Dispute(f"{wrong} {number}", bundle, world.trust(header), key, WRONGS[wrong])


def whole(ruleset: Mapping[str, Any]) -> str:
    """Return the whole digest of a rule set."""
    return hashlib.sha256(canonical_json(ruleset)).hexdigest()


def answer(one: Dispute) -> Verification:
    """Return what the verifier says."""
    return verify_history(one.bundle, [one.trust], trust_keys=[one.key])


def mistakes(one: Dispute) -> list[str]:
    """Return what the verifier's answer and the truth disagree about."""
    found = answer(one)
    codes = {finding.code for finding in found.rerun.findings}
    proven = {claim.claim for claim in judge(found.rerun, evidence_holds=found.ok) if claim.result == PROVEN}
    told = []
    if not found.ok:
        told.append(found.report.verdict)
    if found.rerun.not_asked:
        told.append(f"not asked: {found.rerun.not_asked}")
    if codes != one.wrong.codes:
        told.append(f"found {sorted(codes)}, right is {sorted(one.wrong.codes)}")
    if proven != one.wrong.proves:
        told.append(f"proven {sorted(proven)}, right is {sorted(one.wrong.proves)}")
    return told


def misread(one: Dispute, *, as_pdf: bool = False) -> list[str]:
    """Return what the report of a dispute and the truth disagree about, in either language."""
    found, told = answer(one), []
    for lang in LANGUAGES:
        occasion = Occasion(case=one.name, lang=lang, made_at="2026-11-28T09:00:00.000+08:00")
        content = report_content(material_of(found, occasion))
        holds, answers, codes = read_page(render_report(content, lang), lang)
        proven = {claim for claim, result in answers.items() if result == PROVEN}
        times = codes & {"PROMISE_LATE", "ANCHORED_LATE"}  # of the evidence, of which the truth says nothing
        if not holds or proven != one.wrong.proves or codes - times != one.wrong.codes:
            told.append(f"the page in {lang} says {sorted(proven)}, {sorted(codes)}")
        if as_pdf and read_pdf(render_pdf(content, lang), lang) != (holds, answers):
            told.append(f"the PDF in {lang} says otherwise than the page")
    return told


def main() -> int:
    """Ask about many disputes; exit status 1 where one gets a wrong answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pdf-every", type=int, default=20, help="one in so many is made as PDF, too")
    asked = parser.parse_args()
    names = list(WRONGS)
    bad = 0
    for number in range(asked.count):
        one = dispute(number, asked.seed, names[number % len(names)])
        told = mistakes(one) + misread(one, as_pdf=number % asked.pdf_every == 0)
        bad += bool(told)
        for line in told:
            print(f"{one.name}: {line}")
    print(f"{asked.count} disputes, {asked.count - bad} with the right finding, answer and reports, {bad} with another")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
