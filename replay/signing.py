"""Whose signature the records of these domains owe, as evidence asks it."""

from __future__ import annotations

from domain.domains import Domains
from domain.erasure import CLOCKS
from evidence.verify.signing import SigningRules
from suitability.records.staff import END, ENROL


def signing_rules(domains: Domains) -> SigningRules:
    """Return which types owe a client's signature or a second person's, which enrol and end the latter, the clocks.

    An OPENING owes nobody's by its type: who signs it, what it opens says, and the evidence checks.
    """
    return SigningRules(
        client_acts=domains.client_acts,
        second_persons=domains.staff_acts,
        enrols=ENROL,
        ends=END,
        erasure_clocks=CLOCKS,
    )
