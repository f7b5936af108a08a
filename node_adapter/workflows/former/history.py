"""A client's history of format 1 as a replay shows it: its bundle, verified as a stranger would, and the rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from node_adapter.node import Node
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.former.bundle import former_bundle
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.former.trust_file import trust_bytes
from node_adapter.workflows.intake.rulesets import rulebook
from replay.records import Record, of_verified
from replay.verification import Verification, verify_history

RELATION = "format-1"  # of the part of a replay that shows the history which another part continues


@dataclass(frozen=True)
class FormerHistory:
    """A history of format 1, under the node's own trust file of that format."""

    bundle: bytes = field(repr=False)
    trust: bytes = field(repr=False)
    verification: Verification

    @property
    def own_records(self) -> list[Record]:
        """The records of the client itself."""
        report = self.verification.report
        return [of_verified(record) for record in report.records if record.subject == report.subject]


def read_former_history(node: Node, subject: SubjectRow, case: str) -> FormerHistory | None:
    """Return the history of format 1 that a subject's continues; None where it continues none.

    Raises:
        CouldNotCheck: `signing-key-not-held`; `node-restored`.
        Refused: `record-erased`; `former-not-found`.
        VerificationFailed: the database of format 1 is damaged.
    """
    if subject.continues is None:
        return None
    with former_node(node) as former, former.store.read() as connection:
        bundle, trust = former_bundle(former, connection, subject.pid, case), trust_bytes(former, connection)
        rulesets = rulebook(former, connection).rulesets
    verification = verify_history(bundle, trust, subject=subject.pid, rulesets=rulesets, domains=node.domains)
    return FormerHistory(bundle, trust, verification)
