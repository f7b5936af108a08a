"""The pseudonym of a product, which anybody derives: so that all its ratings are looked for in one place.

Specification: docs/spec/evidence.md, section 5.1. A client's pseudonym is random and must tell nothing; a product is
no person, and a rating under a second pseudonym could be left out of a bundle unseen.
"""

from __future__ import annotations

from primitives.digest import tagged_sha256

TAG = "bonafides/product-subject/1"


def product_subject(broker: str, product_id: str) -> str:
    """Return the pseudonym, 64 hex, under which a broker records what concerns a product."""
    return tagged_sha256(TAG, broker.encode(), product_id.encode()).hex()
