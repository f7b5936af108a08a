"""From an accepted fact to a sealed record: its envelope, and what the broker adds to what was stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from domain.opening import OPENING
from domain.ruleset import AnyRuleSet
from evidence.version2.act import sign_act
from evidence.version2.envelope import ActSignature
from evidence.version2.record import SealedRecord, seal
from evidence.version2.salts import ROOT_SALT_BYTES, field_digests
from node_adapter.node import Node
from node_adapter.store.chain.blocks import Block
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.intake.rulesets import InstalledRulesets
from primitives.timestamp import format_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from replay.wire.fact import IntakeFact

SCHEMA = "1"


@dataclass(frozen=True)
class Sealing:
    """What all records of one transaction share: the time, and the newest indexed block."""

    node: Node
    now_ms: int
    block: Block

    @cached_property
    def _recorded_at(self) -> str:
        return format_time(self.now_ms)

    def seal(
        self,
        fact: IntakeFact,
        payload: Mapping[str, Any],
        subject: SubjectRow,
        rulesets: InstalledRulesets,
        signatures: Sequence[ActSignature] = (),
        *,
        by: bytes | None = None,
    ) -> SealedRecord:
        """Make the record that follows the last one of a subject.

        Args:
            fact: what happened.
            payload: its fields, also where the node's engine stated them.
            subject: with its head.
            rulesets: those of the domain that knows the fact's type.
            signatures: of the client.
            by: the broker's secret, where the broker signs itself.
        """
        node, act, named = self.node, fact.act, ruleset_named(fact, rulesets)
        given = fact.root_salt if act is None else act.root_salt
        root_salt = given or node.entropy(ROOT_SALT_BYTES)
        envelope: dict[str, Any] = {
            "suite": node.suite.name,
            "record_id": uuid7(self.now_ms, node.entropy(ENTROPY_BYTES)),
            "type": fact.type,
            "schema": SCHEMA,
            "broker": node.did,
            "subject": subject.pid,
            "seq": subject.count + 1,
            "prev": subject.head.hex(),
            "occurred_at": fact.occurred_at,
            "recorded_at": self._recorded_at,
            "accepted": {"block": self.block.number, "hash": self.block.hash.hex()},
            "channel": fact.channel,
            "actor": dict(fact.actor),
            "ruleset": None if named is None else rulesets.whole_label(named),
            "document": None if act is None else act.document,
            "attachments": fact.attachments,
            "known": None if act is None else act.known,
            "signatures": list(signatures),
        }
        if by is not None:
            stated = {**envelope, "fields": field_digests(node.suite, payload, root_salt)}
            envelope["signatures"] = [sign_act(stated, by, node.did, node.signing_key_id)]
        return seal(envelope, payload, root_salt)


def ruleset_named(fact: IntakeFact, rulesets: InstalledRulesets) -> AnyRuleSet | None:
    """Return the rule set that the record of a fact names: the client's act says it, of an opening there is none.

    Raises:
        InvalidInput: rule `unknown`, the act names none of these.
    """
    if fact.type == OPENING:
        return None
    if fact.act is None:
        return rulesets.at(fact.occurred_ms)
    return None if fact.act.ruleset is None else rulesets.named(fact.act.ruleset, "act.ruleset")
