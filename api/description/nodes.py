"""The node itself, its log, its chain, and what members send each other."""

from __future__ import annotations

from api.description.common import (
    BLOCK_TIME,
    CLAIM,
    COUNT,
    FORMER_CLAIM,
    FORMER_TRUST_FILE,
    HASH,
    MANY,
    TEXT,
    TRUST_FILE,
)
from api.description.operation import Operation
from evidence.version2.log.anchors import ANCHOR_LEAF, FIRST_ANCHOR
from evidence.version2.log.checkpoint import MAX_WRONG
from evidence.version2.log.growth_document import GROWTH
from evidence.version2.log.witness_protocol import MAX_REQUEST_BYTES, SIZE_TYPE
from evidence.version2.state.member_keys import KEYS
from node_adapter.store.convictions import STATES as CONVICTION_STATES
from node_adapter.workflows.anchoring.audited_logs import MAX_LEAVES
from node_adapter.workflows.anchoring.promises import PROMISE_CHECK
from node_adapter.workflows.anchoring.timestamping import MAX_PAGE
from primitives.shapes import (
    MAX_SAFE_INTEGER,
    AnyOf,
    Boolean,
    Bytes,
    Constant,
    Fields,
    Integer,
    ListOf,
    MapOf,
    Named,
    Nullable,
    OneOf,
    Text,
)
from primitives.suites import SUITE_NAME
from replay.wire.shapes import ADDRESS, DID, TIME

INDEXED_LOG = Named(
    "IndexedLog",
    Fields(
        {
            "broker": DID,
            "node": Nullable(TEXT),
            "seq": COUNT,
            "leaf": ANCHOR_LEAF,
            "keys": KEYS,
            "witnesses": ListOf(
                Fields(
                    {
                        "did": DID,
                        "name": TEXT,
                        "active": Boolean(),
                        "keys": ListOf(Fields({"version": Integer(1), "checkpoint": HASH}), 1, MANY),
                    }
                ),
                0,
                MANY,
            ).note("The other members, with every checkpoint key that they ever had."),
        }
    ).note("`leaf` is the anchor that was asked for, else the newest; `keys` those that it names."),
)
INDEXED_LEAVES = Named("IndexedLeaves", Fields({"start": COUNT, "leaves": ListOf(Bytes(), 0, MAX_LEAVES)}))
GROWTH_SHOWN = Named("Growth", GROWTH.note("docs/spec/evidence-2.md, section 8.2."))
ADD_CHECKPOINT = Named(
    "AddCheckpoint",
    Text(MAX_REQUEST_BYTES, 0, controls=True).note("C2SP tlog-witness; docs/spec/evidence-2.md, section 17."),
)
_COUNTS = MapOf(TEXT, COUNT, 0, MANY)
_SEEN = Nullable(COUNT)

_INDEXED = Fields({"number": COUNT, "hash": TEXT, "timestamp": COUNT})
_ALARM = Fields(
    {
        "kind": TEXT,
        "about": TEXT,
        "detail": TEXT,
        "count": COUNT,
        "first_at": COUNT.note("Milliseconds."),
        "last_at": COUNT,
        "closed_at": _SEEN,
    }
)
_REACHED = {
    "member": ADDRESS,
    "name": TEXT,
    "seq": COUNT.note("The newest anchor that was gone over and cosigned; 0 of none."),
    "lag": Integer(-MAX_SAFE_INTEGER).note("How many final anchors were made since."),
}
_ANEW = Fields({"at": COUNT, "reason": TEXT, "seq": COUNT}).note(
    "Its operator let it begin anew with this log: when (ms), why, and how far it had gone over it before."
)
_WITNESS = Fields({**_REACHED, "cosigned_at": _SEEN, "failed_since": _SEEN, "failure": Nullable(TEXT)})
STATUS = Named(
    "Status",
    Fields(
        {
            "member": Fields(
                {"address": ADDRESS, "did": DID, "name": TEXT, "role": TEXT, "suite": SUITE_NAME, "state": TEXT}
            ),
            "chain": Fields({"chain_id": COUNT, "directory": ADDRESS, "indexed": Nullable(_INDEXED)}),
            "worker": Fields(
                {
                    "seen_at": _SEEN,
                    "stalled_since": _SEEN,
                    "chain_head": _SEEN,
                    "stopped": Nullable(TEXT),
                    "tasks_seen_at": _SEEN,
                }
            ),
            "log": Fields(
                {
                    "size": COUNT,
                    "anchored": COUNT,
                    "oldest_unanchored_ms": Nullable(
                        Integer(-MAX_SAFE_INTEGER).note("Below 0 after the clock went back.")
                    ),
                    "promises_broken": COUNT,
                    "promises_owed": COUNT,
                    "anchor": Nullable(Fields({"seq": COUNT, "block": COUNT})),
                    "wrong": ListOf(
                        Fields({"seq": COUNT, "reason": TEXT, "decided_at": COUNT, "promises": COUNT}), 0, MAX_WRONG
                    ).note("Anchors that the operator named as wrong, and how many promises each broke."),
                }
            ),
            "witnesses": ListOf(_WITNESS, 0, MANY).note("How far each other member is with this member's log."),
            "witnessed": ListOf(Fields({**_REACHED, "anew": Nullable(_ANEW)}), 0, MANY).note(
                "How far this member is with other brokers' logs."
            ),
            "convictions": ListOf(
                Fields({"member": ADDRESS, "name": TEXT, **dict.fromkeys(CONVICTION_STATES, COUNT)}), 0, MANY
            ).note("Members that are convicted by documents, and how many of these are what."),
            "credentials": Fields({"issued": COUNT, "revoked": COUNT}),
            "findings": _COUNTS.note("How often each code of a finding occurs."),
            "outbox": _COUNTS.note("Rows in each state."),
            "gas": _COUNTS.note("What final chain writes have used, by kind."),
            "retention": Fields({"block": Nullable(COUNT), "at": _SEEN, "rows": _COUNTS}).note(
                "What is kept no more, by kind; transactions of that block and before; when something went last (ms)."
            ),
            "subjects": COUNT,
            "alarms": ListOf(_ALARM, 0, MANY),
            "tokens": ListOf(
                Fields(
                    {
                        "id": TEXT,
                        "name": TEXT,
                        "role": TEXT,
                        "created_at": Nullable(TEXT),
                        "expires_at": Nullable(TEXT),
                        "revoked_at": Nullable(TEXT),
                        "state": Constant("valid"),
                        "ending": Boolean(),
                    }
                ),
                0,
                MANY,
            ),
        }
    ),
)
HEALTH = Named("Health", Fields({"status": Constant("ok")}))
READINESS = Named("Readiness", Fields({"status": OneOf("ready", "not-ready"), "checks": MapOf(TEXT, TEXT, 0, MANY)}))
OPEN_API = Named("OpenApi", Fields({"openapi": TEXT}, open=True))
VERIFIER = Named("VerifierPage", Fields({"sha256": HASH, "bytes": COUNT, "page": TEXT}))
_SHOWN = OneOf("as-promised", "not-checked")
PROMISE_VERDICT = Named(
    "PromiseVerdict",
    AnyOf(
        Fields(
            {
                "status": Constant("kept"),
                "broker": DID,
                "record_id": TEXT,
                "log_index": COUNT,
                "anchor_by": TIME,
                "as_of": BLOCK_TIME,
                "anchor": Fields({"seq": Integer(1), "size": Integer(1), "block": COUNT, "time": TIME}),
                "entry": _SHOWN.note("Whether the anchor's batch, as the broker shows it, holds the promised entry."),
                "counted": _SHOWN.note("Whether the anchor's map, as the broker shows it, counts that entry."),
                "reason": Nullable(TEXT).note("Why it was not checked."),
            }
        ).note("An anchor in time covers the promised place."),
        Fields(
            {
                "status": Constant("open"),
                "broker": DID,
                "record_id": TEXT,
                "log_index": COUNT,
                "anchor_by": TIME,
                "as_of": BLOCK_TIME,
            }
        ).note("The time is not over."),
        Fields(
            {
                "status": Constant("broken"),
                "broker": DID,
                "record_id": TEXT,
                "log_index": COUNT,
                "anchor_by": TIME,
                "as_of": BLOCK_TIME,
                "verdict": TEXT,
                "claim": AnyOf(CLAIM, FORMER_CLAIM),
            }
        ).note("The claim, of the promise's format, proves it to anybody who holds a trust file of that format."),
    ),
)

TIMESTAMPS = Named(
    "Timestamps",
    Fields(
        {
            "timestamps": ListOf(
                Fields(
                    {
                        "seq": Integer(FIRST_ANCHOR),
                        "time": TIME.note("Not later than which the checkpoint was there, as the authority states."),
                        "checkpoint": TEXT.note("The note over whose text it is."),
                        "token": TEXT.note("RFC 3161, DER, as base64url."),
                    }
                ),
                0,
                MAX_PAGE,
            ),
            "next_after": Nullable(COUNT).note("Where the next page begins; null on the last one."),
        }
    ),
)

OPERATIONS = (
    Operation("GET", "/healthz", "health", "The process lives.", answers={200: HEALTH}),
    Operation(
        "GET",
        "/readyz",
        "health",
        "The node can accept facts.",
        answers={200: READINESS, 503: READINESS},
        words={503: "Not ready; each check says ok or a code."},
    ),
    Operation("GET", "/v1/openapi.json", "health", "This document.", answers={200: OPEN_API}),
    Operation(
        "GET",
        "/v1/verifier",
        "health",
        "The digest of the verifier's page, which every member's node of this release serves.",
        answers={200: VERIFIER},
    ),
    Operation(
        "GET",
        "/v1/verifier/page.html",
        "health",
        "The page of the verifier in JavaScript: one file that needs no network.",
        answers={200: TEXT},
        media="text/html",
    ),
    Operation(
        "GET",
        "/v1/log/checkpoint",
        "log",
        "The C2SP signed note of the newest final anchor.",
        answers={200: TEXT},
        media="text/plain",
    ),
    Operation(
        "GET",
        "/v1/log/tile/{place}",
        "log",
        "A C2SP tile of the tree of anchors, or a bundle of its leaves: bytes.",
        answers={200: TEXT},
        media="application/octet-stream",
    ),
    Operation(
        "GET",
        "/v1/log/timestamps",
        "log",
        "Tokens of a time-stamp authority over checkpoints of this member, by the number of their anchor.",
        answers={200: TIMESTAMPS},
        query={"after": COUNT, "limit": Integer(1, MAX_PAGE)},
    ),
    Operation(
        "GET",
        "/v1/logs/{did}",
        "log",
        "A member's log as of an anchor, as this node's index of the chain has it.",
        answers={200: INDEXED_LOG},
        query={"seq": Integer(FIRST_ANCHOR)},
    ),
    Operation(
        "GET",
        "/v1/logs/{did}/leaves",
        "log",
        "The leaves of a member's log after a number, as this node's index of the chain has them.",
        answers={200: INDEXED_LEAVES},
        query={"start": COUNT, "count": Integer(1, MAX_LEAVES)},
    ),
    Operation(
        "GET",
        "/v1/logs/{did}/growth",
        "log",
        "What a member's node shows this one of how its map grew after an anchor.",
        answers={200: GROWTH_SHOWN},
        query={"start": Integer(1)},
    ),
    Operation(
        "POST",
        "/v1/witness/add-checkpoint",
        "log",
        "C2SP tlog-witness: check the growth of another member's log, and cosign its checkpoint.",
        request=ADD_CHECKPOINT,
        takes="text/plain",
        answers=dict.fromkeys((200, 400, 403, 404, 409, 422), TEXT),
        media="text/plain",
        medias={409: SIZE_TYPE},
        words={
            200: "Signature lines.",
            400: "No such request.",
            403: "The broker did not sign the checkpoint.",
            404: "The log is not known here.",
            409: "The size that this witness keeps, from which to ask again.",
            422: "The check that does not hold, and why.",
        },
    ),
    Operation(
        "POST",
        "/v1/promises/check",
        "chain",
        "Whether promises of any broker were kept; a broken one is answered with the claim that proves it.",
        request=PROMISE_CHECK,
        answers={200: PROMISE_VERDICT},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "GET",
        "/v1/chain/trust",
        "chain",
        "This member's signed word for a block that its node has indexed.",
        answers={200: TRUST_FILE},
        query={"block": COUNT.note("Its number; by default the newest.")},
    ),
    Operation(
        "GET",
        "/v1/chain/trust/format-1",
        "chain",
        "The headers that this node had read before it was migrated: bundles of format 1 are verified under it.",
        answers={200: FORMER_TRUST_FILE},
    ),
    Operation("GET", "/v1/status", "operations", "The node's state.", answers={200: STATUS}),
    Operation("GET", "/metrics", "operations", "Prometheus text.", answers={200: TEXT}, media="text/plain"),
)
