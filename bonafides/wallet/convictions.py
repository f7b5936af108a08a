"""Documents that convict a broker, made of what it gave to this wallet. Anybody verifies them; nobody's word is asked.

Of one matter - an anchor, a label, a place in log or history - the first document is kept: a broker that repeats itself
does not fill the wallet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bonafides.wallet.keys import Identities
from bonafides.wallet.pinned import pinned_keys
from evidence.version2.verify.contradictions import Conviction
from evidence.version2.verify.conviction import TELLS, matter_of, verify_conviction
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256

_KIND = "conviction"


def keep_convictions(identities: Identities, claims: Iterable[Conviction]) -> list[dict[str, Any]]:
    """Verify documents as a stranger would, keep them, and return what each tells; call it inside `changing`."""
    told = []
    for claim in claims:
        verify_conviction(claim, pinned_keys(identities, claim.broker))
        matter = (claim.broker, *matter_of(claim))
        kept = identities.store.get(_KIND, *matter)
        if kept is None:
            kept = claim.to_json()
            identities.store.put(kept, _KIND, *matter)
        told.append(_summary(kept))
    return told


def convictions(identities: Identities) -> list[dict[str, Any]]:
    """Return every kept document whole, under what it tells."""
    kept = sorted(identities.store.all(_KIND), key=canonical_json)
    return [{**_summary(document), "document": document} for document in kept]


def _summary(document: dict[str, Any]) -> dict[str, Any]:
    digest = tagged_sha256("bonafides/wallet/1/conviction", canonical_json(document)).hex()
    format_ = document["format"]
    return {"id": digest, "format": format_, "broker": document["broker"], "tells": TELLS[format_]}
