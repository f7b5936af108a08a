"""DIDs, the outbox and consents."""

from __future__ import annotations

from api.bodies import ARGUMENT
from api.description.common import COUNT, MANY, PUBLIC_KEY, TEXT
from api.description.operation import Operation
from node_adapter.peers.messages import PEER_MESSAGE
from node_adapter.workflows.identity.dids import SPONSORED_CALL
from primitives.shapes import MAX_SAFE_INTEGER, Constant, Fields, Integer, MapOf, Named, Nullable, Object, OneOf
from replay.wire.consent_call import CONSENT_GRANT, CONSENT_WITHDRAWAL
from replay.wire.shapes import DID, DIGEST, PID, TIME

SPONSORED_ANSWER = Named("SponsoredAnswer", Fields({"status": Constant("accepted"), "did": DID, "outbox": TEXT}))
DID_RESOLUTION = Named(
    "DidResolution",
    Fields(
        {
            "didDocument": Object(),
            "didDocumentMetadata": Object(),
            "didResolutionMetadata": Object(),
            "keys": MapOf(TEXT, PUBLIC_KEY, 0, MANY).note("Valid keys of every suite by verification method."),
            "sponsored": Fields(
                {
                    "block": Integer(-MAX_SAFE_INTEGER),
                    "nonce": Integer(-MAX_SAFE_INTEGER),
                    "in_flight": Integer(-MAX_SAFE_INTEGER),
                    "next_nonce": Integer(-MAX_SAFE_INTEGER),
                }
            ).note(
                "Calls that the registry has taken, and those on their way: "
                "the client signs the next one with next_nonce."
            ),
        }
    ),
)
MEMBER_RESOLUTION = Named(
    "MemberResolution",
    Fields({"didDocument": Object(), "didDocumentMetadata": Object(), "didResolutionMetadata": Object()}),
)
OUTBOX_STATE = Named(
    "OutboxState",
    Fields(
        {
            "key": TEXT,
            "kind": TEXT,
            "state": OneOf("new", "signed", "sent", "final", "failed"),
            "tx": Nullable(TEXT),
            "block": Nullable(COUNT),
            "gas_used": Nullable(COUNT),
            "error": Nullable(TEXT),
            "updated_at": TIME,
        }
    ),
)
CONSENT_ANSWER = Named(
    "ConsentAnswer", Fields({"status": Constant("accepted"), "consent_id": DIGEST, "subject": PID, "outbox": TEXT})
)
PEER_ANSWER = Named("PeerAnswer", Object())

OPERATIONS = (
    Operation(
        "POST",
        "/v1/dids/sponsored",
        "dids",
        "Relay clients' signed DidRegistry calls.",
        request=SPONSORED_CALL,
        answers={200: SPONSORED_ANSWER},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "GET", "/v1/dids/{did}", "dids", "Resolve a DID at the last indexed block.", answers={200: DID_RESOLUTION}
    ),
    Operation(
        "GET",
        "/v1/members/{did}",
        "dids",
        "A member's DID document, with the keys that the registry held at a block.",
        answers={200: MEMBER_RESOLUTION},
        query={"block": COUNT},
    ),
    Operation(
        "GET",
        "/v1/outbox",
        "dids",
        "How far a chain write is.",
        answers={200: OUTBOX_STATE},
        query={"key": ARGUMENT},
        needed=("key",),
    ),
    Operation(
        "POST",
        "/v1/consents/grant",
        "consents",
        "Keep and relay consents.",
        request=CONSENT_GRANT,
        answers={200: CONSENT_ANSWER},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "POST",
        "/v1/consents/withdraw",
        "consents",
        "Withdraw consents; it counts here at once.",
        request=CONSENT_WITHDRAWAL,
        answers={200: CONSENT_ANSWER},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "POST",
        "/v1/peer/messages",
        "members",
        "A signed message of another member.",
        request=PEER_MESSAGE,
        answers={200: PEER_ANSWER},
    ),
)
