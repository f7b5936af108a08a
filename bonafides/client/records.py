"""Subjects, drafts, gates, facts, and what a broker owes for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from bonafides.client.operation import operation
from bonafides.client.transport import Transport, route

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


class Records(Transport):
    """What a broker's systems do for its clients."""

    @operation("post_subjects")
    def add_subjects(self, subjects: Iterable[types.SubjectRequest]) -> types.Answers[types.SubjectAnswer]:
        """Make clients, or products, known; each gets its pseudonym."""
        return cast("types.Answers[types.SubjectAnswer]", self.post_lines("/v1/subjects", subjects))

    @operation("get_subjects")
    def find_subject(self, client_ref: str) -> types.Subject:
        """Say what the node knows of one client, by the broker's own reference."""
        return cast("types.Subject", self.get("/v1/subjects", client_ref=client_ref))

    @operation("get_subjects_client_ref")
    def subject(self, client_ref: str) -> types.Subject:
        """Say the same; a reference that holds `/` goes to `find_subject` alone."""
        return cast("types.Subject", self.get(route("subjects", client_ref)))

    @operation("post_acts_drafts")
    def drafts(self, wanted: Iterable[types.DraftRequest]) -> types.Answers[types.Draft]:
        """Get the drafts that clients are to sign."""
        return cast("types.Answers[types.Draft]", self.post_lines("/v1/acts/drafts", wanted))

    @operation("post_gates")
    def gates(self, asked: Iterable[types.GateRequest]) -> types.Answers[types.GateAnswer]:
        """Ask whether acts are allowed now. Nothing is stored."""
        return cast("types.Answers[types.GateAnswer]", self.post_lines("/v1/gates", asked))

    @operation("post_facts")
    def submit_facts(self, facts: Iterable[types.Fact]) -> types.Answers[types.FactAnswer]:
        """Report what happened; each fact gets its promise, and may be sent again."""
        return cast("types.Answers[types.FactAnswer]", self.post_lines("/v1/facts", facts, repeat=True))

    @operation("post_receipts")
    def receipts(self, records: Iterable[types.ReceiptRequest]) -> types.Answers[types.Receipt]:
        """Fetch receipts of anchored records."""
        return cast("types.Answers[types.Receipt]", self.post_lines("/v1/receipts", records, repeat=True))

    @operation("post_promises")
    def promises(self, records: Iterable[types.ReceiptRequest]) -> types.Answers[types.OwnPromise]:
        """Fetch promises by record; one that is owed is answered as failed."""
        return cast("types.Answers[types.OwnPromise]", self.post_lines("/v1/promises", records, repeat=True))
