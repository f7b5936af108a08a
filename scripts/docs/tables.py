"""Builds the tables of the documentation that say what a registry holds.

python -m scripts.docs.tables            write them
python -m scripts.docs.tables --check    exit 1 when a page does not say what the registries say

A page marks the place of a table with `<!-- table NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from did.credentials.credential_type import Basis
from did.credentials.registry import ISSUING, SUITES, TYPES
from did.credentials.suite import cannot_derive
from scripts.vectors.output import ROOT, write_or_check
from suitability.records import CODES, RECORD_TYPES

_TABLE = re.compile(r"(<!-- table ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_ISSUERS = {
    Basis.BROKER_OF_CLIENT: "a member of role broker, with its Ed25519 key",
    Basis.BROKER_OF_LIST: "a member of role broker, with its Ed25519 key",
    Basis.CLIENT_ITSELF: "the client, with a key of its own DID",
}


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    lines = [list(heads), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def credential_types() -> str:
    """Return who may issue which credential."""
    rows = ((f"`{one.name}`", one.words, _ISSUERS[one.basis], one.about) for one in TYPES.values())
    return table(("type", "attests", "issued by", "about"), rows)


def credential_claims() -> str:
    """Return the claims of each type."""
    rows = (
        (f"`{one.name}`", f"`{name}`", shape.describe()) for one in TYPES.values() for name, shape in one.claims.items()
    )
    return table(("type", "claim", "must be"), rows)


def cryptosuites() -> str:
    """Return the suites."""
    rows = (
        (
            f"`{one.proof_type}`",
            "-" if one.cryptosuite is None else f"`{one.cryptosuite}`",
            "yes" if one is ISSUING else "no",
            "no" if one.derive is cannot_derive else "yes",
        )
        for one in SUITES.values()
    )
    return table(("proof type", "cryptosuite", "signs", "shows a part"), rows)


def record_types() -> str:
    """Return the record types, the client's own acts in bold."""
    rows = (
        (f"**{code}**" if entry.signer == "client" else code, entry.specified) for code, entry in RECORD_TYPES.items()
    )
    return table(("type", "fields"), rows)


def codes() -> str:
    """Return the codes of findings."""
    rows = ((code, meaning.specified, meaning.proves or "") for code, meaning in sorted(CODES.items()))
    return table(("code", "an act breaks it when", "proves the claim"), rows)


PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/spec/credentials.md": {"types": credential_types, "claims": credential_claims, "suites": cryptosuites},
    "docs/spec/suitability.md": {"record-types": record_types, "codes": codes},
}
"""The tables of each page, by name."""


def outputs() -> dict[Path, str]:
    """Return every page with its tables, by its path."""
    return {ROOT / page: _filled((ROOT / page).read_text(encoding="utf-8"), tables) for page, tables in PAGES.items()}


def _filled(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    return _TABLE.sub(lambda match: match.group(1) + tables[match.group(2)]() + match.group(3), text)


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
