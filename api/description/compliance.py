"""Rule sets, staff, replays, orders and exports."""

from __future__ import annotations

from api.description.common import BLOCK_TIME, CHECKS, CHECKS_NOT_MADE, HASH, MANY, TEXT
from api.description.operation import Operation
from domain.erasure import MAX_ERASED
from node_adapter.workflows.erasing.asking import ERASURE_REQUEST
from node_adapter.workflows.identity.staff import STAFF_END, STAFF_REQUEST
from node_adapter.workflows.intake.rulesets import RULESET_REQUEST
from node_adapter.workflows.replay.access import ACCESS_REQUEST
from node_adapter.workflows.replay.export import EXPORT_REQUEST
from node_adapter.workflows.replay.orders import ORDER_REQUEST
from node_adapter.workflows.replay.replay import REPLAY_REQUEST
from primitives.shapes import Boolean, Fields, Integer, ListOf, Named, Nullable, Object, OneOf
from replay.wire.fact import FACT
from replay.wire.shapes import ADDRESS, DID, DIGEST, PID, TIME

RULESET_SUMMARY = Named(
    "RulesetSummary", Fields({"label": TEXT, "id": TEXT, "version": TEXT, "demo": Boolean(), "effective_from": TIME})
)
RULESETS = Named(
    "Rulesets",
    Fields(
        {
            "at": TIME,
            "in_force": Nullable(TEXT),
            "rulesets": ListOf(
                Fields(
                    {
                        "label": TEXT,
                        "id": TEXT,
                        "version": TEXT,
                        "demo": Boolean(),
                        "effective_from": TIME,
                        "document": Object(),
                    },
                    open=True,
                ),
                0,
                MANY,
            ),
        }
    ),
)
STAFF_KEY = Named(
    "StaffKey",
    Fields(
        {
            "name": TEXT,
            "role": TEXT,
            "key": HASH,
            "did": TEXT.note("The did:key: what `actor.did` names when this person acted."),
            "subject": PID,
            "expires_at": TIME,
            "state": OneOf("valid", "expired", "ended"),
            "enrolment": DIGEST,
        }
    ),
)
STAFF = Named("Staff", Fields({"broker": DID, "staff": ListOf(STAFF_KEY, 0, MANY)}))
REPLAY_ORDER = Named(
    "ReplayOrder",
    Fields(
        {
            "id": TEXT,
            "case": TEXT,
            "regulator": ADDRESS,
            "broker": ADDRESS,
            "did": DID,
            "ordered_at": TIME,
            "answered_at": Nullable(TIME),
        }
    ),
)
REPLAY_ORDERS = Named("ReplayOrders", Fields({"orders": ListOf(REPLAY_ORDER, 0, MANY)}))
_SAID_OF = {"as_of": BLOCK_TIME, "checked": CHECKS, "not_checked": CHECKS_NOT_MADE}
REPLAY = Named(
    "Replay",
    Fields(
        {
            "bundle": TEXT.note("The bundle's text, as `bonafides verify` takes it."),
            "report_html": TEXT,
            "report": Object(),
            **_SAID_OF,
            "related": ListOf(
                Fields(
                    {
                        "relation": OneOf("predecessor", "successor"),
                        "subject": PID,
                        "did": DID,
                        "bundle": TEXT,
                        "report_html": TEXT,
                        "report": Object(),
                        **_SAID_OF,
                    }
                ),
                0,
                MANY,
            ).note("Each other identity of this client: its wallet was lost."),
        }
    ),
)
EXPORT_LINE = Named(
    "ExportLine",
    Fields(
        {
            "kind": OneOf(
                "export",
                "subject",
                "record",
                "receipt",
                "credential",
                "consent",
                "related",
                "task",
                "replay_order",
                "key_event",
                "bundle",
                "end",
            )
        },
        open=True,
    ).note("docs/spec/export.md; the last line is of the kind end."),
)
ERASURE = Named(
    "Erasure",
    Fields(
        {
            "id": TEXT.note("Of the ERASE record."),
            "subject": PID,
            "state": OneOf("waiting", "done").note("It waits for its anchor; done: nothing is left of what it names."),
            "recorded_at": TIME,
            "done_at": Nullable(TIME),
            "erases": ListOf(
                Fields({"seq": Integer(1), "fingerprint": DIGEST, "rule": TEXT, "erased": Boolean()}), 1, MAX_ERASED
            ),
        }
    ),
)

OPERATIONS = (
    Operation(
        "GET",
        "/v1/rulesets",
        "rulesets",
        "Installed rule sets, and the label of the one in force.",
        answers={200: RULESETS},
        query={"at": TIME},
    ),
    Operation(
        "POST",
        "/v1/rulesets",
        "rulesets",
        "Install a rule set ahead of its time.",
        request=RULESET_REQUEST,
        answers={201: RULESET_SUMMARY},
    ),
    Operation(
        "GET",
        "/v1/staff",
        "staff",
        "Everybody of the staff who was ever enrolled to sign as the second person.",
        answers={200: STAFF},
    ),
    Operation(
        "POST",
        "/v1/staff",
        "staff",
        "Enrol a key of a person; it is a record of the log.",
        request=STAFF_REQUEST,
        answers={201: STAFF_KEY},
    ),
    Operation(
        "POST",
        "/v1/staff/end",
        "staff",
        "End a key: what it signs from now on counts for nothing.",
        request=STAFF_END,
        answers={200: STAFF_KEY},
    ),
    Operation(
        "POST",
        "/v1/replay-orders",
        "replay",
        "Order the replay of a client at a broker.",
        request=ORDER_REQUEST,
        answers={201: REPLAY_ORDER},
    ),
    Operation("GET", "/v1/replay-orders", "replay", "Orders given or received.", answers={200: REPLAY_ORDERS}),
    Operation(
        "POST",
        "/v1/replays",
        "replay",
        "Replay a client's history; reading the originals is recorded first.",
        request=REPLAY_REQUEST,
        answers={201: REPLAY},
    ),
    Operation(
        "POST",
        "/v1/replays/access",
        "replay",
        "State a look at a client's originals, for a second compliance officer to sign.",
        request=ACCESS_REQUEST,
        answers={200: FACT},
    ),
    Operation(
        "POST",
        "/v1/erasures/draft",
        "erasure",
        "State an erasure of records whose clock is over, for two compliance officers to sign.",
        request=ERASURE_REQUEST,
        answers={200: FACT},
    ),
    Operation(
        "POST",
        "/v1/erasures",
        "erasure",
        "Record an erasure that two have signed; what it names is deleted once the record is anchored.",
        request=FACT,
        answers={202: ERASURE},
        words={202: "It waits for its anchor."},
    ),
    Operation(
        "GET",
        "/v1/erasures/{record_id}",
        "erasure",
        "How far an erasure is, by the id of its record.",
        answers={200: ERASURE},
    ),
    Operation(
        "POST",
        "/v1/exports",
        "replay",
        "Export everything that this node holds of one client; reading the originals is recorded first.",
        request=EXPORT_REQUEST,
        answers={200: EXPORT_LINE},
        media="application/x-ndjson",
        words={200: "NDJSON."},
    ),
)
