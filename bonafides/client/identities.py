"""DIDs, what goes to the chain for clients, and consents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from bonafides.client.operation import operation
from bonafides.client.transport import Transport, route

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


class Identities(Transport):
    """DIDs and consents."""

    @operation("post_dids_sponsored")
    def relay_calls(self, calls: Iterable[types.SponsoredCall]) -> types.Answers[types.SponsoredAnswer]:
        """Relay calls of the registry that clients signed."""
        return cast("types.Answers[types.SponsoredAnswer]", self.post_lines("/v1/dids/sponsored", calls))

    @operation("get_dids_did")
    def resolve(self, did: str) -> types.DidResolution:
        """Resolve a client's DID, as the node's index of the chain has it."""
        return cast("types.DidResolution", self.get(route("dids", did)))

    @operation("get_members_did")
    def resolve_member(self, did: str, block: int | None = None) -> types.MemberResolution:
        """Resolve a member's DID, now or at a block."""
        return cast("types.MemberResolution", self.get(route("members", did), block=block))

    @operation("get_outbox")
    def chain_write(self, key: str) -> types.OutboxState:
        """Say how far a write to the chain is, by the `outbox` of an answer."""
        return cast("types.OutboxState", self.get("/v1/outbox", key=key))

    @operation("post_consents_grant")
    def grant_consents(self, consents: Iterable[types.ConsentGrant]) -> types.Answers[types.ConsentAnswer]:
        """Relay grants alone; `submit_facts` records the act too."""
        return cast("types.Answers[types.ConsentAnswer]", self.post_lines("/v1/consents/grant", consents))

    @operation("post_consents_withdraw")
    def withdraw_consents(self, consents: Iterable[types.ConsentWithdrawal]) -> types.Answers[types.ConsentAnswer]:
        """Relay withdrawals alone; they count at this broker at once."""
        return cast("types.Answers[types.ConsentAnswer]", self.post_lines("/v1/consents/withdraw", consents))

    @operation("post_peer_messages")
    def send_message(self, message: types.PeerMessage, *, idempotency_key: str | None = None) -> types.PeerAnswer:
        """Hand over a message that another member signed."""
        return cast("types.PeerAnswer", self.post("/v1/peer/messages", message, idempotency_key=idempotency_key))
