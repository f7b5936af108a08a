"""What each client of the demo will do, decided beforehand from a digest.

Shares are as in the field; a few breaches are planted, and known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from primitives.digest import tagged_sha256

INTENT_PERCENT = 60  # of clients ask for a product in their first year (an assumption of the demo)
MISMATCH_PERCENT = 6  # of intents are for a product above the client's level
INSIST_PERCENT = 55  # of those whose product does not match insist after the warning
BREACHES_OF_EACH_KIND = 2

NEVER_WARNED = "never warned"
SIGNED_LATE = "signed late"
EXPIRED_TEST = "expired test"
BREACHES = {
    NEVER_WARNED: "SOLD_WITHOUT_WARNING",
    SIGNED_LATE: "SIGNED_LATE",
    EXPIRED_TEST: "ASSESSMENT_EXPIRED",
}
"""Each planted breach, and the finding that must name it."""


@dataclass(frozen=True)
class Plan:
    """One client's intentions at one broker."""

    lang: str
    first_wave: bool
    wants_product: bool
    wants_mismatch: bool
    insists: bool
    breach: str | None = None


def plans(references: Sequence[str], brokers: Sequence[str], short_validity_broker: str) -> dict[str, Plan]:
    """Return a plan for every client reference; `brokers` names each one's broker, in the same order.

    The clients whose test will expire are chosen here, since they are assessed under a rule set of their own; those of
    the other breaches are chosen by `plant` once the levels are known.
    """
    result = {reference: _plan(reference) for reference in references}
    own = [ref for ref, broker in zip(references, brokers, strict=True) if broker == short_validity_broker]
    for reference in own[:BREACHES_OF_EACH_KIND]:
        result[reference] = plant(result[reference], EXPIRED_TEST)
    return result


def plant(plan: Plan, breach: str) -> Plan:
    """Return the plan of a client to whom a known breach will happen."""
    return replace(plan, breach=breach, wants_product=True, wants_mismatch=breach == NEVER_WARNED, insists=False)


def _plan(reference: str) -> Plan:
    wants_product = _lot(reference, "intent", 100) < INTENT_PERCENT
    return Plan(
        lang="zh" if _lot(reference, "lang", 2) else "en",
        first_wave=_lot(reference, "wave", 3) < 2,
        wants_product=wants_product,
        wants_mismatch=wants_product and _lot(reference, "mismatch", 100) < MISMATCH_PERCENT,
        insists=_lot(reference, "insist", 100) < INSIST_PERCENT,
    )


def _lot(reference: str, purpose: str, size: int) -> int:
    digest = tagged_sha256("bonafides/demo/plan/1", purpose.encode(), reference.encode())
    return int.from_bytes(digest[:8]) % size
