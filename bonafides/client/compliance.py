"""Rules, the second persons, replays, orders and exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from bonafides.client.operation import operation
from bonafides.client.transport import Transport

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


class Compliance(Transport):
    """What compliance, the operator and the regulator do."""

    @operation("get_rulesets")
    def rulesets(self, at: str | None = None) -> types.Rulesets:
        """List the rule sets, and which is in force now, or at a time."""
        return cast("types.Rulesets", self.get("/v1/rulesets", at=at))

    @operation("post_rulesets")
    def add_ruleset(self, ruleset: types.RulesetRequest, *, idempotency_key: str | None = None) -> types.RulesetSummary:
        """Install a rule set ahead of its time."""
        return cast("types.RulesetSummary", self.post("/v1/rulesets", ruleset, idempotency_key=idempotency_key))

    @operation("get_staff")
    def staff(self) -> types.Staff:
        """List who signs as the second person."""
        return cast("types.Staff", self.get("/v1/staff"))

    @operation("post_staff")
    def enrol(self, person: types.StaffRequest, *, idempotency_key: str | None = None) -> types.StaffKey:
        """Enrol a second person."""
        return cast("types.StaffKey", self.post("/v1/staff", person, idempotency_key=idempotency_key))

    @operation("post_staff_end")
    def end_staff(self, end: types.StaffEnd, *, idempotency_key: str | None = None) -> types.StaffKey:
        """End a second person's key."""
        return cast("types.StaffKey", self.post("/v1/staff/end", end, idempotency_key=idempotency_key))

    @operation("post_replay_orders")
    def order_replay(self, order: types.ReplayOrderRequest, *, idempotency_key: str | None = None) -> types.ReplayOrder:
        """Order a broker to replay a client."""
        return cast("types.ReplayOrder", self.post("/v1/replay-orders", order, idempotency_key=idempotency_key))

    @operation("get_replay_orders")
    def replay_orders(self) -> types.ReplayOrders:
        """List the orders that this broker received."""
        return cast("types.ReplayOrders", self.get("/v1/replay-orders"))

    @operation("post_replays")
    def replay(self, asked: types.ReplayRequest) -> types.Replay:
        """Replay a client's history into a report and a bundle."""
        return cast("types.Replay", self.post("/v1/replays", asked))

    @operation("post_replays_access")
    def look(self, asked: types.AccessRequest) -> types.Fact:
        """Get a look at originals as the fact that a second officer signs."""
        return cast("types.Fact", self.post("/v1/replays/access", asked))

    @operation("post_erasures_draft")
    def draft_erasure(self, asked: types.ErasureRequest) -> types.Fact:
        """Get an erasure as the fact that two officers sign."""
        return cast("types.Fact", self.post("/v1/erasures/draft", asked))

    @operation("post_erasures")
    def order_erasure(self, fact: types.Fact, *, idempotency_key: str | None = None) -> types.Erasure:
        """Record an erasure that two have signed."""
        return cast("types.Erasure", self.post("/v1/erasures", fact, idempotency_key=idempotency_key))

    @operation("get_erasures_record_id")
    def erasure(self, record_id: str) -> types.Erasure:
        """Show how far an erasure is."""
        return cast("types.Erasure", self.get(f"/v1/erasures/{quote(record_id, safe='')}"))

    @operation("post_exports")
    def export(self, asked: types.ExportRequest) -> Iterator[bytes]:
        """Export everything of one client: the lines as they come, since the last one holds their digest."""
        return self.post_for_lines("/v1/exports", asked)
