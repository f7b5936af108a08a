"""The header rules and proof kinds that this version knows, by name."""

from __future__ import annotations

from collections.abc import Mapping

from evidence.chain.engine import HeaderRule, ProofKind
from evidence.chain.ethereum_header import EthereumHeader
from evidence.chain.ethereum_receipt_trie import EthereumReceiptTrie
from primitives.errors import InvalidInput
from primitives.shapes import Text

HEADER_RULES: Mapping[str, HeaderRule] = {rule.name: rule for rule in (EthereumHeader(),)}
PROOF_KINDS: Mapping[str, ProofKind] = {kind.name: kind for kind in (EthereumReceiptTrie(),)}


def _header_rule(name: str, where: str) -> HeaderRule:
    if name not in HEADER_RULES:
        raise InvalidInput(where, "header-rule", f"must be one of {', '.join(HEADER_RULES)}")
    return HEADER_RULES[name]


def _proof_kind(name: str, where: str) -> ProofKind:
    if name not in PROOF_KINDS:
        raise InvalidInput(where, "proof-kind", f"must be one of {', '.join(PROOF_KINDS)}")
    return PROOF_KINDS[name]


HEADER_RULE = Text(controls=True).then(_header_rule)
"""The name of a header rule, read as the rule; `header-rule`: this version does not know it."""

PROOF_KIND = Text(controls=True).then(_proof_kind)
"""The name of a proof kind, read as the kind; `proof-kind`: this version does not know it."""
