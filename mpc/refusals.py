"""Every code that a joint task can end with when it has no result: a closed list (joint-statistics.md, section 10).

A code stands in the digest of the refusal on the chain and in each client's DATA_USE record, so it outlives the line
that raised it. What an engine alone can end with is in its own list.
"""

from __future__ import annotations

from collections.abc import Mapping

from mpc.registry import AnyEngine
from primitives.errors import BonafidesError, InvalidInput

UNFORESEEN = "unforeseen"
REFUSALS: Mapping[str, str] = {
    "agreement-key": "an owner's X25519 key is not the one that all owners must take, or gives no secret",
    "chain-refused": "TaskRegistry refuses a step of this owner",
    "consent-expired": "a named client's consent is not in force",
    "consent-not-on-chain": "a named client's grant does not stand on the chain",
    "consent-purpose": "a named client's consent is for another purpose",
    "consent-receivers": "a named client's consent does not name every other owner",
    "consent-withdrawn": "a named client has withdrawn the consent",
    "dataset-unknown": "an owner registered no such data set",
    "equivocation": "an owner sent two different messages of one kind",
    "member-suspended": "an owner is no active member when all have committed",
    "no-client-data": "a named client has no data",
    "no-consent": "a named client has given no consent",
    "not-an-owner": "a message of a member that owns no data set of the task",
    "refused-by-owner": "another owner has refused the task on the chain",
    "result-differs": "the owners posted different results",
    "task-deadline": "the deadline of the task has passed",
    "task-input-lost": "the values that this owner committed to were lost with its database",
    "task-mismatch": "the chain holds another specification under the task's id",
    "too-few-clients": "fewer clients than the policy's minimum",
    "too-few-contributors": "fewer contributors than the policy's minimum",
    UNFORESEEN: "another fault than those listed; the owner's own log tells it",
}
OF_RULE: Mapping[str, str] = {
    "did-ethr": "did-ethr",
    "fen": "fen",
    "hex": "hex",
    "length": "length",
    "object": "object",
    "point": "point",
    "point-identity": "point-identity",
    "required": "required",
    "risk-grade": "risk-grade",
    "scalar-range": "scalar-range",
    "unknown-member": "unknown-member",
    "value-range": "value-range",
}
"""The code for each rule that data or a message can break. Where a rule is renamed, its code stays."""


def refusal_code(engine: AnyEngine, error: BonafidesError) -> str:
    """Return the code of the list that an error ends a task with."""
    if isinstance(error, InvalidInput):
        return OF_RULE.get(error.rule, UNFORESEEN)
    return error.code if error.code in REFUSALS or error.code in engine.refusals else UNFORESEEN
