"""A client's own session: his receipts, promises, uses of his data, and consents."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bonafides.client.operation import operation
from bonafides.client.transport import Transport

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


class Clients(Transport):
    """What a client asks for himself."""

    @operation("post_client_sessions_challenge")
    def session_challenge(self, who: types.SessionChallengeRequest) -> types.SessionChallenge:
        """Ask for the challenge that opens a session."""
        return cast("types.SessionChallenge", self.post("/v1/client/sessions/challenge", who))

    @operation("post_client_sessions")
    def open_session(self, answer: types.SessionRequest) -> types.Session:
        """Open a session; a new client with its token may ask what follows."""
        return cast("types.Session", self.post("/v1/client/sessions", answer))

    @operation("get_client_receipts")
    def own_receipts(self, after: int | None = None, limit: int | None = None) -> types.ReceiptPage:
        """Fetch a page of the client's receipts."""
        return cast("types.ReceiptPage", self.get("/v1/client/receipts", after=after, limit=limit))

    @operation("get_client_promises")
    def own_promises(self, after: int | None = None, limit: int | None = None) -> types.PromisePage:
        """Fetch a page of the client's promises."""
        return cast("types.PromisePage", self.get("/v1/client/promises", after=after, limit=limit))

    @operation("get_client_data_uses")
    def data_uses(self) -> types.DataUses:
        """List every use of the client's data."""
        return cast("types.DataUses", self.get("/v1/client/data-uses"))

    @operation("get_client_consents")
    def own_consents(self) -> types.Consents:
        """List the client's consents."""
        return cast("types.Consents", self.get("/v1/client/consents"))
