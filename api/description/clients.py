"""What a client's own token opens."""

from __future__ import annotations

from api.description.common import COUNT, MANY, PROMISE, PUBLIC_KEY, RECEIPT, TEXT
from api.description.operation import Operation
from node_adapter.workflows.consent.truths import RELAY_STATES
from node_adapter.workflows.identity.client_sessions import SESSION_CHALLENGE_REQUEST, SESSION_REQUEST
from primitives.shapes import MAX_SAFE_INTEGER, Constant, Fields, Integer, ListOf, MapOf, Named, Nullable, Object, OneOf
from replay.wire.shapes import DID, DIGEST, TIME

CONSENTS = Named(
    "Consents",
    Fields(
        {
            "consents": ListOf(
                Fields(
                    {
                        "consent_id": DIGEST,
                        "purpose": TEXT,
                        "receivers": ListOf(TEXT, 0, MANY),
                        "given_at": TIME,
                        "expires_at": TIME,
                        "withdrawn_at": Nullable(TIME),
                        "on_chain": OneOf("none", "granted", "withdrawn"),
                        "relay": OneOf(*RELAY_STATES).note(
                            "How far the chain was told: of the withdrawal, once there is one, else of the grant."
                        ),
                    }
                ),
                0,
                MANY,
            )
        }
    ),
)
SESSION_CHALLENGE = Named(
    "SessionChallenge",
    Fields(
        {
            "version": Constant("bonafides.session/1"),
            "broker": DID,
            "did": TEXT,
            "nonce": TEXT,
            "expires_at": TIME,
            "identity": Nullable(
                Fields(
                    {
                        "block": Integer(-MAX_SAFE_INTEGER),
                        "keys": MapOf(TEXT, PUBLIC_KEY, 0, MANY),
                        "nonce": Integer(-MAX_SAFE_INTEGER),
                    }
                )
            ).note(
                "How the identity stands at the last indexed block: its keys by verification method, "
                "and the nonce of its next sponsored call."
            ),
        }
    ),
)
SESSION = Named("Session", Fields({"token": TEXT, "expires_at": TIME}))
RECEIPT_PAGE = Named(
    "ReceiptPage",
    Fields(
        {
            "receipts": ListOf(RECEIPT, 0, MANY),
            "next_after": Nullable(COUNT),
            "pending": COUNT,
            "not_shown": ListOf(Fields({"record_id": TEXT, "seq": COUNT, "code": TEXT, "detail": TEXT}), 0, MANY).note(
                "Records of this page that the node cannot show, and why."
            ),
        }
    ),
)
DATA_USES = Named(
    "DataUses",
    Fields(
        {
            "data_uses": ListOf(
                Fields(
                    {
                        "record_id": TEXT,
                        "type": OneOf("DATA_USE", "ACCESS_LOG"),
                        "seq": COUNT,
                        "occurred_at": TIME,
                        "use": Object(),
                    }
                ),
                0,
                MANY,
            ),
            "erased": ListOf(
                Fields({"record_id": TEXT, "seq": COUNT, "rule": TEXT, "erased_by": TEXT, "erased_at": TIME}), 0, MANY
            ).note("Records that were erased, and by which record: of these nobody knows any more what they were."),
        }
    ),
)
PROMISE_PAGE = Named(
    "PromisePage", Fields({"promises": ListOf(PROMISE, 0, MANY), "next_after": Nullable(COUNT), "owed": COUNT})
)

OPERATIONS = (
    Operation(
        "POST",
        "/v1/client/sessions/challenge",
        "client",
        "A nonce to sign with the DID's key.",
        request=SESSION_CHALLENGE_REQUEST,
        answers={201: SESSION_CHALLENGE},
    ),
    Operation(
        "POST",
        "/v1/client/sessions",
        "client",
        "Trade a signed nonce for a token.",
        request=SESSION_REQUEST,
        answers={201: SESSION},
    ),
    Operation(
        "GET",
        "/v1/client/receipts",
        "client",
        "The client's own receipts, page by page.",
        answers={200: RECEIPT_PAGE},
        query={"after": COUNT, "limit": Integer(1, 500)},
    ),
    Operation(
        "GET",
        "/v1/client/promises",
        "client",
        "The client's own promises, page by page.",
        answers={200: PROMISE_PAGE},
        query={"after": COUNT, "limit": Integer(1, 500)},
    ),
    Operation(
        "GET",
        "/v1/client/data-uses",
        "client",
        "Every use and every reading of the client's data.",
        answers={200: DATA_USES},
    ),
    Operation(
        "GET",
        "/v1/client/consents",
        "client",
        "The client's consents, with what the chain says.",
        answers={200: CONSENTS},
    ),
)
