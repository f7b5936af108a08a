"""Rule sets, staff, replays, orders and exports."""

from __future__ import annotations

from api.description.common import BLOCK_TIME, CHECKS, CHECKS_NOT_MADE, COUNT, HASH, MANY, TEXT
from api.description.operation import Operation
from domain.erasure import ERASES, ERASES_FORMER, MAX_ERASED
from domain.issue import DOCUMENTS, FORMS
from node_adapter.workflows.erasing.asking import ERASURE_REQUEST
from node_adapter.workflows.former.history import RELATION
from node_adapter.workflows.identity.staff import STAFF_END, STAFF_REQUEST
from node_adapter.workflows.intake.rulesets import RULESET_REQUEST
from node_adapter.workflows.replay.access import ACCESS_REQUEST
from node_adapter.workflows.replay.asked import LANGUAGE, QUEUED, REPLAY_REQUEST
from node_adapter.workflows.replay.export import EXPORT_REQUEST
from node_adapter.workflows.replay.order_clock import STATES
from node_adapter.workflows.replay.orders import ORDER_REQUEST
from node_adapter.workflows.replay.reading import FORM
from node_adapter.workflows.replay.replay import HISTORY, STATE, VERIFICATION
from primitives.shapes import Boolean, Constant, Fields, Integer, ListOf, Named, Nullable, Object, OneOf
from replay.wire.fact import FACT
from replay.wire.shapes import ADDRESS, DID, DIGEST, PID, TIME

_RECORD_LABEL = TEXT.note("The name that records give it: id, version and the whole digest.")
RULESET_SUMMARY = Named(
    "RulesetSummary",
    Fields(
        {
            "label": TEXT,
            "record_label": _RECORD_LABEL,
            "id": TEXT,
            "version": TEXT,
            "demo": Boolean(),
            "effective_from": TIME,
        }
    ),
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
                        "record_label": _RECORD_LABEL,
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
            "due_at": Nullable(TIME).note("Until when it is to be answered; null where the regulator did not say."),
            "state": OneOf(*STATES).note("Due is what has a fifth of its time left. Each node goes by its own clock."),
            "answered_at": Nullable(TIME).note(
                "At the broker when the replay was made; at the regulator when a bundle that holds was taken."
            ),
            "answer": Nullable(Fields({"sha256": HASH, "block": COUNT, "records": COUNT})).note(
                "At the regulator: the bundle's digest, of which block it is, and how many records it shows."
            ),
        }
    ),
)
REPLAY_ORDERS = Named("ReplayOrders", Fields({"orders": ListOf(REPLAY_ORDER, 0, MANY)}))
_LISTED = ListOf(COUNT, 0, MANY)
REACH = Named(
    "Reach",
    Fields(
        {
            "trusted_by": ListOf(DID, 0, MANY),
            "opened_by": TEXT,
            "witnesses": ListOf(DID, 0, MANY).note("The members that checked that the broker's map only grew."),
            "members": COUNT.note("How many other members there are."),
            "wanted": COUNT.note("How many witnesses are wanted."),
            "erased": _LISTED,
            "put_back": _LISTED,
            "wrong": _LISTED.note("The anchors that the broker names as wrong."),
            "earlier_not_shown": ListOf(TEXT, 0, MANY),
            "redacted": _LISTED,
            "text": ListOf(TEXT, 0, MANY).note("The same in sentences."),
        }
    ).note("How far the answer of a bundle reaches."),
)
_SAID_OF = {
    "subject": PID,
    "did": Nullable(DID),
    "as_of": Nullable(BLOCK_TIME),
    "checked": CHECKS,
    "not_checked": CHECKS_NOT_MADE,
    "reach": Nullable(REACH),
}
REPLAY_FAILURE = Named("ReplayFailure", Fields({"code": TEXT, "detail": TEXT}).note("Why a replay cannot be made."))
REPLAY_PROGRESS = Named(
    "ReplayProgress",
    Fields(
        {
            "before": COUNT.note("How many replays are made first."),
            "step": OneOf(QUEUED, STATE, HISTORY, VERIFICATION).note(
                "It waits for its turn; the chain's state is taken, histories are read, identities are verified."
            ),
            "since": TIME,
            "identity": COUNT.note("The place of the identity of the client that is at work, from 0."),
            "identities": COUNT,
            "waits_for": Nullable(Fields({"code": TEXT, "detail": TEXT})).note("What it waits for at this step."),
            "starts": COUNT.note("How often it was begun: it begins again where the process ended in the middle."),
        }
    ).note("How far a replay is that is not made yet."),
)
REPORT_ISSUE = Named(
    "ReportIssue",
    Fields(
        {
            "record_id": TEXT.note("Of the record: `receipts` proves it once it is anchored."),
            "issued_at": TIME,
            "anchored": Boolean(),
            "identity": COUNT,
            "document": OneOf(*DOCUMENTS),
            "report_form": OneOf(*FORMS),
            "language": Nullable(LANGUAGE),
            "sha256": HASH,
            "bytes": COUNT,
            "issued_to": TEXT,
        }
    ).note("A document of a replay that was given out (docs/spec/report.md, section 7)."),
)
REPLAY_ASKED = Named("ReplayAsked", Fields({"id": TEXT, "state": Constant("waiting")}))
REPLAY = Named(
    "Replay",
    Fields(
        {
            "id": TEXT,
            "state": OneOf("waiting", "done", "failed"),
            "case": TEXT,
            "asked_at": TIME,
            "done_at": Nullable(TIME),
            "error": Nullable(REPLAY_FAILURE),
            "progress": Nullable(REPLAY_PROGRESS),
            "issued": ListOf(REPORT_ISSUE, 0, MANY),
            **_SAID_OF,
            "related": ListOf(
                Fields(
                    {"number": COUNT, "relation": OneOf("predecessor", "successor", RELATION), **_SAID_OF},
                ),
                0,
                MANY,
            ).note("Each other identity of this client: its wallet was lost; and each history of format 1 before one."),
        }
    ),
)
BUNDLE = Named("Bundle", Object().note("docs/spec/evidence-2.md, section 12."))
REPORT = Named("ReplayReport", Object())
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
                "former_record",
                "former_consent",
                "former_bundle",
                "end",
            )
        },
        open=True,
    ).note("docs/spec/export.md; the last line is of the kind end."),
)
_ERASED = ListOf(Fields({"seq": Integer(1), "fingerprint": DIGEST, "rule": TEXT, "erased": Boolean()}), 0, MAX_ERASED)
ERASURE = Named(
    "Erasure",
    Fields(
        {
            "id": TEXT.note("Of the ERASE record."),
            "subject": PID,
            "state": OneOf("waiting", "done").note("It waits for its anchor; done: nothing is left of what it names."),
            "recorded_at": TIME,
            "done_at": Nullable(TIME),
            ERASES: _ERASED,
            ERASES_FORMER: _ERASED.note("Of the history of format 1 that this one continues."),
        }
    ),
)


def _documents(below: str) -> tuple[Operation, ...]:
    """Return the routes of what a replay gave for one identity."""
    return (
        Operation(
            "GET", f"{below}/bundle", "replay", "The bundle, as `bonafides verify` takes it.", answers={200: BUNDLE}
        ),
        Operation("GET", f"{below}/replay.json", "replay", "The report as JSON.", answers={200: REPORT}),
        Operation(
            "GET",
            f"{below}/report",
            "replay",
            "The report's page; in another language than it was asked for in, too.",
            answers={200: TEXT},
            media="text/html",
            query={"language": LANGUAGE, "form": FORM},
        ),
        Operation(
            "GET",
            f"{below}/report.pdf",
            "replay",
            "The report as a file of PDF.",
            answers={200: TEXT},
            media="application/pdf",
            query={"language": LANGUAGE, "form": FORM},
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
    Operation(
        "GET",
        "/v1/replay-orders",
        "replay",
        "Orders given or received.",
        answers={200: REPLAY_ORDERS},
        query={"state": OneOf("late").note("Those that nobody answered in time, the longest overdue first.")},
    ),
    Operation(
        "POST",
        "/v1/replay-orders/{order_id}/answer",
        "replay",
        "Take a bundle as the answer to an order: it is verified under this node's own view of the chain.",
        request=BUNDLE,
        answers={200: REPLAY_ORDER},
    ),
    Operation(
        "POST",
        "/v1/replays",
        "replay",
        "Ask for the replay of a client's history; reading the originals is recorded first.",
        request=REPLAY_REQUEST,
        answers={202: REPLAY_ASKED},
        words={202: "It is made after that; `Location` says where it is found."},
    ),
    Operation(
        "GET",
        "/v1/replays/{replay_id}",
        "replay",
        "How a replay stands, as of when it is, what was checked and what was not.",
        answers={200: REPLAY},
    ),
    *(
        operation
        for below in ("/v1/replays/{replay_id}", "/v1/replays/{replay_id}/related/{number}")
        for operation in _documents(below)
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
