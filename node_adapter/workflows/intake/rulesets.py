"""Rule sets of this node: install one ahead of its time, and find the one in force at an instant.

What was in force in the past never changes: a rule set that takes effect before now is refused, unless none is
installed yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from domain.domain import AnyDomain
from domain.domains import Domains
from domain.ruleset import MAX_BYTES, AnyRuleSet, in_force, whole_label
from node_adapter.node import Node
from node_adapter.store import rulesets as store
from primitives.canonical import parse_json
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.shapes import Fields, Named, Object, OneOf
from primitives.timestamp import format_time, parse_time
from replay.installed import INSTALLED
from replay.wire.shapes import MOMENT


@dataclass(frozen=True)
class InstalledRulesets:
    """Every installed rule set; `of` gives those of one domain."""

    rulesets: tuple[AnyRuleSet, ...]
    domains: Domains

    def of(self, domain: AnyDomain) -> InstalledRulesets:
        """Return the rule sets of one domain."""
        return self._by_domain[domain.name]

    def whole_label(self, ruleset: AnyRuleSet) -> str:
        """Return the name that records give one of these rule sets; its digest is taken once."""
        return self._whole_labels[ruleset.label]

    @cached_property
    def _whole_labels(self) -> Mapping[str, str]:
        return {ruleset.label: whole_label(ruleset) for ruleset in self.rulesets}

    @cached_property
    def _by_domain(self) -> Mapping[str, InstalledRulesets]:
        """Every fact asks: they are told apart once."""
        return {
            domain.name: InstalledRulesets(tuple(self.domains.of_domain(domain, self.rulesets)), self.domains)
            for domain in self.domains
        }

    def at(self, time_ms: int) -> AnyRuleSet:
        """Return the rule set in force; before the first one took effect, that first one.

        Raises:
            CouldNotCheck: `no-ruleset`, none is installed.
        """
        found = in_force(self.rulesets, time_ms) or min(self.rulesets, key=lambda r: r.effective_from, default=None)
        if found is None:
            raise CouldNotCheck("no-ruleset", "no rule set is installed: the operator does that first")
        return found

    def own_label(self, label: str | None) -> str | None:
        """Return how its domain calls the rule set that a record names; one that is not installed keeps its name."""
        return next((own for own, whole in self._whole_labels.items() if whole == label), label)

    def named(self, label: object, field: str) -> AnyRuleSet:
        """Return the rule set of a label with its whole digest.

        Raises:
            InvalidInput: rule `unknown`, this node has no such rule set.
        """
        for ruleset in self.rulesets:
            if self.whole_label(ruleset) == label:
                return ruleset
        raise InvalidInput(field, "unknown", "is not the label of an installed rule set")


def rulebook(node: Node, connection: Connection) -> InstalledRulesets:
    """Return the installed rule sets, parsed once per process."""
    version = store.count(connection)

    def read() -> InstalledRulesets:
        rows = store.all_rulesets(connection)
        documents = (parse_json(row.body, field="ruleset", max_bytes=MAX_BYTES) for row in rows)
        return InstalledRulesets(tuple(map(node.domains.read_kept_ruleset, documents)), node.domains)

    return node.views.get(connection, "rulebook", "", version, read)


RULESET_REQUEST = Named(
    "RulesetRequest",
    Fields(
        {},
        {
            "document": Object().note("A rule set (docs/spec/suitability.md)."),
            "packaged": OneOf(*INSTALLED.packaged_rulesets()).note(
                "One that travels with the product, <id>@<version>."
            ),
            "effective_from": MOMENT.note("Replaces the document's own."),
        },
    ).note("Give either document or packaged."),
)


def install_ruleset(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Install a rule set.

    Args:
        node: the node.
        request: {"document": {...}} or {"packaged": "<id>@<version>"}, and optionally "effective_from" (record time),
            which replaces the document's own.

    Raises:
        InvalidInput: not a rule set, or it takes effect in the past.
        Refused: `ruleset-exists`, the same rule set is installed.
    """
    ruleset = _requested(request, node.domains)
    now = node.clock.now_ms()
    with node.store.write() as connection:
        installed = store.all_rulesets(connection)
        if any(row.label == ruleset.label for row in installed):
            raise Refused("ruleset-exists", f"{ruleset.label} is installed")
        if ruleset.effective_from < now and any(row.effective_from <= now for row in installed):
            raise InvalidInput("effective_from", "past", "lies in the past: rules are never changed backwards")
        store.insert_ruleset(connection, store.RuleSetRow(ruleset.label, ruleset.effective_from, ruleset.to_json()))
    return _summary(ruleset)


def list_rulesets(node: Node, at: str | None = None) -> dict[str, Any]:
    """Return the installed rule sets, the earliest first, and the label of the one in force at a time (or now).

    It is the one of the first domain, which is suitability.
    """
    at_ms = node.clock.now_ms() if at is None else parse_time(at, "at")
    with node.store.read() as connection:
        found = rulebook(node, connection)
    current = in_force(found.of(node.domains.first).rulesets, at_ms)
    return {
        "at": format_time(at_ms),
        "in_force": None if current is None else current.label,
        "rulesets": [{**_summary(ruleset), "document": dict(ruleset.document)} for ruleset in found.rulesets],
    }


def _requested(request: Mapping[str, Any], domains: Domains) -> AnyRuleSet:
    asked = RULESET_REQUEST.read(request, "")
    if ("document" in asked) == ("packaged" in asked):
        raise InvalidInput("document", "one-of", "give either document or packaged")
    if "document" in asked:
        try:
            ruleset = domains.read_ruleset(asked["document"])
        except InvalidInput as error:
            raise InvalidInput(f"document.{error.field}", error.rule, error.detail) from error
    else:
        ruleset = domains.packaged_rulesets()[asked["packaged"]]
    return ruleset.effective(asked["effective_from"]) if "effective_from" in asked else ruleset


def _summary(ruleset: AnyRuleSet) -> dict[str, Any]:
    return {
        "label": ruleset.label,
        "record_label": whole_label(ruleset),
        "id": ruleset.id,
        "version": ruleset.version,
        "demo": ruleset.demo,
        "effective_from": format_time(ruleset.effective_from),
    }
