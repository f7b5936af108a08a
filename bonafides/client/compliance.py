"""Rules, the second persons, replays, orders and exports."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from bonafides.client.operation import operation
from bonafides.client.transport import Transport, route
from primitives.errors import CouldNotCheck

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


REPLAY_SECONDS = 600
WAITING = "replay-waiting"
_FIRST_LOOK_SECONDS, _LAST_LOOK_SECONDS = 0.1, 2.0


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
    def replay_orders(self, state: str | None = None) -> types.ReplayOrders:
        """List the orders that this node gave or got; with the state `late` those that nobody answered in time."""
        return cast("types.ReplayOrders", self.get("/v1/replay-orders", state=state))

    @operation("post_replay_orders_order_id_answer")
    def answer_order(self, order_id: str, bundle: bytes) -> types.ReplayOrder:
        """Hand in the bundle that answers an order, byte for byte."""
        return cast("types.ReplayOrder", self.post_document(route("replay-orders", order_id, "answer"), bundle))

    @operation("post_replays")
    def ask_replay(self, asked: types.ReplayRequest, *, idempotency_key: str | None = None) -> types.ReplayAsked:
        """Ask for the replay of a client's history; it is made after that."""
        return cast("types.ReplayAsked", self.post("/v1/replays", asked, idempotency_key=idempotency_key))

    @operation("get_replays_replay_id")
    def show_replay(self, replay_id: str) -> types.Replay:
        """Say how a replay stands, and what it found."""
        return cast("types.Replay", self.get(route("replays", replay_id)))

    def replay(
        self,
        asked: types.ReplayRequest,
        *,
        patience_seconds: float = REPLAY_SECONDS,
        idempotency_key: str | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> types.Replay:
        """Ask for a replay and wait until it is made.

        It is asked for under a key of its own where none is given: an answer that was lost on the way orders no second
        one, and records no second look. `tell` takes each news of how far it is.

        Raises:
            BonafidesError: why it was refused, or could not be made; CouldNotCheck `replay-waiting`, with its id and
                key, where it took longer than `patience_seconds`: it is made all the same.
        """
        key = secrets.token_hex(16) if idempotency_key is None else idempotency_key
        ordered = self.ask_replay(asked, idempotency_key=key)
        try:
            return self.made_replay(ordered["id"], patience_seconds=patience_seconds, tell=tell)
        except CouldNotCheck as error:
            if error.code != WAITING:
                raise
            raise CouldNotCheck(WAITING, f"{error.detail}; ask again within a day, under the key {key}") from error

    def made_replay(
        self,
        replay_id: str,
        *,
        patience_seconds: float = REPLAY_SECONDS,
        tell: Callable[[str], None] | None = None,
    ) -> types.Replay:
        """Wait until a replay is made, and tell each news of how far it is; raises as `replay`."""
        until = time.monotonic() + patience_seconds
        pause, told = _FIRST_LOOK_SECONDS, ""
        while True:
            found = self.show_replay(replay_id)
            if found["state"] == "failed":
                self.replay_bundle(replay_id)  # which tells why, as the error that it is
            if found["state"] != "waiting":
                return found
            if time.monotonic() >= until:
                raise CouldNotCheck(WAITING, f"the replay {replay_id} is not made yet{_how_far(found)}")
            far = _how_far(found)
            if tell is not None and far != told:
                tell(f"the replay {replay_id} is not made yet{far}")
                told = far
            time.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK_SECONDS)

    @operation("get_replays_replay_id_bundle")
    def replay_bundle(self, replay_id: str) -> bytes:
        """Fetch the bundle: the bytes, since what is verified is bytes."""
        return self.get_bytes(route("replays", replay_id, "bundle"))

    @operation("get_replays_replay_id_replay_json")
    def replay_summary(self, replay_id: str) -> bytes:
        """Fetch the report as JSON."""
        return self.get_bytes(route("replays", replay_id, "replay.json"))

    @operation("get_replays_replay_id_report")
    def replay_report(self, replay_id: str, language: str | None = None, form: str | None = None) -> bytes:
        """Fetch the report's page, in the language in which it was asked for or another."""
        return self.get_bytes(route("replays", replay_id, "report"), language=language, form=form)

    @operation("get_replays_replay_id_report_pdf")
    def replay_pdf(self, replay_id: str, language: str | None = None, form: str | None = None) -> bytes:
        """Fetch the report as a file of PDF."""
        return self.get_bytes(route("replays", replay_id, "report.pdf"), language=language, form=form)

    @operation("get_replays_replay_id_related_number_bundle")
    def related_bundle(self, replay_id: str, number: int) -> bytes:
        """Fetch the bundle of another identity of the client."""
        return self.get_bytes(route("replays", replay_id, "related", str(number), "bundle"))

    @operation("get_replays_replay_id_related_number_replay_json")
    def related_summary(self, replay_id: str, number: int) -> bytes:
        """Fetch the report of another identity as JSON."""
        return self.get_bytes(route("replays", replay_id, "related", str(number), "replay.json"))

    @operation("get_replays_replay_id_related_number_report")
    def related_report(
        self, replay_id: str, number: int, language: str | None = None, form: str | None = None
    ) -> bytes:
        """Fetch the page of the report of another identity."""
        return self.get_bytes(
            route("replays", replay_id, "related", str(number), "report"), language=language, form=form
        )

    @operation("get_replays_replay_id_related_number_report_pdf")
    def related_pdf(self, replay_id: str, number: int, language: str | None = None, form: str | None = None) -> bytes:
        """Fetch the report of another identity as a file of PDF."""
        return self.get_bytes(
            route("replays", replay_id, "related", str(number), "report.pdf"), language=language, form=form
        )

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
        return cast("types.Erasure", self.get(route("erasures", record_id)))

    @operation("post_exports")
    def export(self, asked: types.ExportRequest) -> Iterator[bytes]:
        """Export everything of one client: the lines as they come, since the last one holds their digest."""
        return self.post_for_lines("/v1/exports", asked)


def _how_far(replay: types.Replay) -> str:
    """Say how far a replay is, where the node says it: one of an earlier release does not."""
    told = replay.get("progress")
    if not told:
        return ""
    if told["before"]:
        return f" ({told['before']} are made first)"
    waits, since = told["waits_for"], told["since"]
    trouble = "" if waits is None else f", and waits: {waits['code']}: {waits['detail']}"
    again = f", begun {told['starts']} times" if told.get("starts", 0) > 1 else ""
    place = f", identity {told['identity'] + 1} of {told['identities']}" if told.get("identities", 1) > 1 else ""
    return f" (step: {told['step']}{place}, since {since}{again}{trouble})"
