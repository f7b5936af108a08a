"""The answer to an accepted fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from node_adapter.store.records import FindingRow, RecordRow
from node_adapter.workflows.anchoring.owed_promises import promise_of
from node_adapter.workflows.identity.verdicts import reasons_json


@dataclass(frozen=True)
class Accepted:
    """The answer to an accepted fact.

    Attributes:
        record_id: the record's id, by which promise and receipt are fetched.
        fingerprint: what the log holds of it, 64 hex: other facts refer to it.
        log_index: its place in the log.
        promise: the signed promise; None while it is owed.
        findings: the rules that it breaks.
        payload: set when the node's engine stated it.
        trouble: why there is no promise: a code of `outlook`, or `promise-owed` when the same fact comes again.
        not_checked: by name, what the rules did not see, with the reason; empty where they saw all.
        relay: of an act about a consent: how far the chain is told of it, and why not.
    """

    record_id: str
    fingerprint: str
    log_index: int
    promise: Mapping[str, Any] | None
    findings: tuple[Mapping[str, str], ...]
    payload: Mapping[str, Any] | None = field(default=None, repr=False)
    trouble: str | None = None
    repeated: bool = False  # whether the same fact was stored before
    not_checked: Mapping[str, str] = field(default_factory=dict)
    relay: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the answer's wire form."""
        answer: dict[str, Any] = {
            "status": "accepted",
            "record_id": self.record_id,
            "fingerprint": self.fingerprint,
            "log_index": self.log_index,
            "promise": None if self.promise is None else dict(self.promise),
            "findings": [dict(finding) for finding in self.findings],
        }
        if self.promise is None:
            answer["promise_owed"] = self.trouble
        if self.not_checked:
            answer["not_checked"] = reasons_json(self.not_checked)
        if self.relay is not None:
            answer["relay"] = dict(self.relay)
        return answer if self.payload is None else {**answer, "payload": dict(self.payload)}


def accepted_as(
    row: RecordRow, findings: Sequence[FindingRow], payload: Mapping[str, Any] | None, trouble: str | None
) -> Accepted:
    """Return the answer about a stored record; arguments as in `Accepted`."""
    return Accepted(
        record_id=row.record_id,
        fingerprint=row.fingerprint.hex(),
        log_index=row.log_index,
        promise=None if row.promise is None else promise_of(row),
        findings=tuple(_finding_json(finding) for finding in findings),
        payload=payload,
        trouble=trouble if row.promise is None else None,
    )


def _finding_json(row: FindingRow) -> Mapping[str, str]:
    return {"code": row.code, "rule": row.rule, "detail": row.detail}
