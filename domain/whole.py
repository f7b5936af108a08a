"""Whether the parts of a domain name each other rightly: a name that is nobody's is found at import, not by silence."""

from __future__ import annotations

from collections.abc import Iterable

from domain.domain import AnyDomain

CONSENTS, DATA_USES, ACCESS_LOG = LISTED = ("consents", "data_uses", "access_log")
"""The parts of a report that are the platform's own: whatever stands in them is listed, of whichever domain."""


def require_whole(domain: AnyDomain) -> None:
    """Refuse a domain whose parts name what it does not have.

    A house record that its type does not mark is found by a verifier and not by a node; a record of an unknown stage
    stands in no report; a code that proves an unknown claim proves nothing.

    Raises:
        ValueError: the first such name.
    """
    house = domain.house_rules
    marked = {code for code, entry in domain.types.items() if entry.of_house}
    claims = {claim.name for claim in domain.claims}
    _require(domain, "house record", () if house is None else house.types, marked)
    _require(domain, "counted type", domain.counted, domain.types)
    _require(domain, "computed type", domain.computes, domain.types)
    _require(domain, "claim", (code.proves for code in domain.codes.values() if code.proves is not None), claims)
    _require(domain, "code", () if house is None else (house.not_shown.code, house.not_derived.code), domain.codes)
    stages = {entry.stage for entry in domain.types.values() if entry.stage}
    _require(domain, "stage", stages, (*domain.stages, *LISTED))


def _require(domain: AnyDomain, what: str, named: Iterable[str], there: Iterable[str]) -> None:
    missing = sorted(set(named) - set(there))
    if missing:
        raise ValueError(f"{domain.name}: {missing[0]} is no {what} of it")
