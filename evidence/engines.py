"""The header rules and proof kinds that this version knows, by name."""

from __future__ import annotations

from collections.abc import Mapping

from evidence.chain import HeaderRule, ProofKind
from evidence.header import EthereumHeader
from evidence.receipt_trie import EthereumReceiptTrie
from primitives.errors import InvalidInput

HEADER_RULES: Mapping[str, HeaderRule] = {rule.name: rule for rule in (EthereumHeader(),)}
PROOF_KINDS: Mapping[str, ProofKind] = {kind.name: kind for kind in (EthereumReceiptTrie(),)}


def header_rule(name: object, field: str) -> HeaderRule:
    """Return the header rule of a name.

    Raises:
        InvalidInput: rule `header-rule`; this version does not know it.
    """
    if not isinstance(name, str) or name not in HEADER_RULES:
        raise InvalidInput(field, "header-rule", f"must be one of {', '.join(HEADER_RULES)}")
    return HEADER_RULES[name]


def proof_kind(name: object, field: str) -> ProofKind:
    """Return the proof kind of a name.

    Raises:
        InvalidInput: rule `proof-kind`; this version does not know it.
    """
    if not isinstance(name, str) or name not in PROOF_KINDS:
        raise InvalidInput(field, "proof-kind", f"must be one of {', '.join(PROOF_KINDS)}")
    return PROOF_KINDS[name]
