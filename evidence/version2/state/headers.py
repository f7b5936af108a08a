"""The rules of headers under which state is proved, and the validators who seal them (docs/spec/evidence-2.md, 9.4)."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.chain.engine import HeaderRule, SealRule
from evidence.chain.engines import HEADER_RULES
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.shapes import Text

CHECK = "header-seals"
RULES = {name: rule for name, rule in HEADER_RULES.items() if rule.opens_state}
"""The header rules that format 2 may name."""


HEADER_RULE_NAME = Text(40, pattern="[a-z0-9-]{1,32}/[1-9][0-9]{0,3}", rule="header-rule")
"""The name of a header rule in a document: this version need not know it."""


def state_rule(name: str) -> HeaderRule:
    """Return a header rule of format 2 by its name.

    Raises:
        CouldNotCheck: `header-rule`; this version does not know it.
    """
    if name not in RULES:
        raise CouldNotCheck("header-rule", f"this version reads headers by {' and '.join(RULES)}, not by {name}")
    return RULES[name]


def follow_validators(seals: SealRule, validators: Sequence[str], headers: Sequence[bytes]) -> tuple[str, ...]:
    """Return the validators in force at the last of some headers, in ascending order of their blocks.

    Only blocks in which the list is another one than before need be shown. A list changes by one validator at a time,
    and each header is sealed by its own list: so of the list before, all whom the seals need but one have sealed it.

    Args:
        seals: the rule.
        validators: those in force before the first header.
        headers: the bytes of the headers.

    Raises:
        VerificationFailed: `header-seals`; a list changes by more than one, or too few of it sealed.
    """
    known = tuple(validators)
    for place, data in enumerate(headers):
        where = f"headers[{place}]"
        named = seals.validators(data, where)
        if len(set(named) ^ set(known)) > 1 or len(set(named)) != len(named):
            raise VerificationFailed(CHECK, f"{where}: the validators change by more than one")
        seals.check(data, named, where)
        known = named
    return known
