"""The header rules and proof kinds that this version knows, by name, and those by which its nodes keep a chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence.chain import header_rules, proof_kinds
from evidence.chain.engine import HeaderRule, ProofKind
from primitives.errors import InvalidInput
from primitives.registry import by_key, offered
from primitives.shapes import Text

HEADER_RULES: Mapping[str, HeaderRule] = by_key(offered(header_rules, "RULE", HeaderRule), lambda rule: rule.name)
PROOF_KINDS: Mapping[str, ProofKind] = by_key(offered(proof_kinds, "KIND", ProofKind), lambda kind: kind.name)

KEPT_HEADERS = HEADER_RULES["ethereum-header/1"]
"""The rule of the headers that a node gives out in format 1; a verifier reads those of all."""

STATE_HEADERS = HEADER_RULES["ethereum/1"]
"""The rule of blocks that bear the mark of no other engine."""

KEPT_PROOFS = PROOF_KINDS["ethereum-receipt-trie/1"]
"""The kind of the proofs that a node of this version makes; a verifier opens those of all."""


def header_rule_of(block: Mapping[str, Any]) -> HeaderRule:
    """Return the rule by which a block is hashed, as its engine's JSON-RPC gives it: by the engine's mark in it."""
    return next((rule for rule in HEADER_RULES.values() if rule.is_of(block)), STATE_HEADERS)


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
