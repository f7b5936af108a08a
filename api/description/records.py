"""Subjects, drafts, gates, facts, receipts and promises."""

from __future__ import annotations

from api.bodies import ARGUMENT
from api.description.common import CHECKS_NOT_MADE, COUNT, MANY, PROMISE, RECEIPT, TEXT
from api.description.operation import Operation
from evidence.version2.act import ACT_FORMAT
from node_adapter.workflows.anchoring.owed_promises import RECORD_REQUEST
from node_adapter.workflows.consent.truths import RELAY_STATES
from node_adapter.workflows.intake.act_drafts import DRAFT_REQUEST
from node_adapter.workflows.intake.enrol_subject import SUBJECT_REQUEST
from node_adapter.workflows.intake.gates import GATE_REQUEST
from primitives.shapes import Boolean, Constant, Fields, Integer, ListOf, Named, Nullable, Object, OneOf
from primitives.suites import SUITE_NAME
from replay.wire.fact import FACT
from replay.wire.shapes import DID, DIGEST, PID, TIME

SUBJECT_ANSWER = Named(
    "SubjectAnswer",
    Fields(
        {
            "status": Constant("accepted"),
            "client_ref": TEXT,
            "subject": PID,
            "did": Nullable(DID),
            "outbox": Nullable(TEXT),
            "outbox_state": Nullable(TEXT),
        }
    ),
)
CONTINUES = Fields({"format": Integer(1, 1), "subject": PID, "count": COUNT, "head": DIGEST})
SUBJECT = Named(
    "Subject",
    Fields(
        {
            "client_ref": TEXT,
            "subject": PID,
            "did": Nullable(DID),
            "count": COUNT,
            "head": DIGEST,
            "opened": Boolean().note("Whether the client has opened the history by a signature of its own."),
            "continues": Nullable(CONTINUES).note("The history of format 1 that its opening has to name."),
        }
    ),
)
DRAFT = Named(
    "Draft",
    Fields(
        {
            "version": Constant(ACT_FORMAT),
            "suite": SUITE_NAME,
            "type": TEXT,
            "broker": DID,
            "subject": PID,
            "document": TEXT,
            "ruleset": TEXT,
            "fields": Object(),
            "text": Fields({"lang": TEXT, "body": TEXT}),
        }
    ),
)
GATE_ANSWER = Named(
    "GateAnswer",
    Fields(
        {
            "status": Constant("answered"),
            "subject": PID,
            "act": TEXT,
            "allowed": Boolean(),
            "code": TEXT,
            "reason": TEXT,
            "relied_on": ListOf(
                Fields(
                    {
                        "type": OneOf("PRODUCT_RATE", "BIZ_DECIDE"),
                        "ref": DIGEST,
                        "signed_by": ListOf(Fields({"name": TEXT, "role": TEXT, "key": TEXT}), 0, MANY),
                    }
                ),
                0,
                MANY,
            ).note("The rating and the decision that the act rests on, with the persons who signed each."),
            "ruleset": TEXT,
            "at": TIME,
        },
        {"not_checked": CHECKS_NOT_MADE},
    ),
)
FINDING = Named("Finding", Fields({"code": TEXT, "rule": TEXT, "detail": TEXT}))
RELAY = Named(
    "Relay",
    Fields({"state": OneOf(*RELAY_STATES), "outbox": Nullable(TEXT)}, {"detail": TEXT}).note(
        "Of CONSENT_GIVE and CONSENT_WITHDRAW: how far the chain is told of it; not-relayed or failed says why."
    ),
)
FACT_ANSWER = Named(
    "FactAnswer",
    Fields(
        {
            "status": Constant("accepted"),
            "record_id": TEXT,
            "fingerprint": DIGEST,
            "log_index": COUNT,
            "promise": Nullable(PROMISE).note(
                "Null while it is owed: status 202. It follows once the record is anchored; see POST /v1/promises."
            ),
            "findings": ListOf(FINDING, 0, MANY),
        },
        {
            "promise_owed": TEXT.note(
                "Why there is no promise: process-silent, chain-silent, chain-stalled, "
                "anchoring-behind, clock-behind, promise-owed."
            ),
            "payload": Object().note("What the engine stated, for a computed fact."),
            "not_checked": CHECKS_NOT_MADE,
            "relay": RELAY,
        },
    ),
)
OWN_PROMISE = Named("OwnPromise", Fields({"record_id": TEXT, "promise": PROMISE}))

OPERATIONS = (
    Operation(
        "POST",
        "/v1/subjects",
        "subjects",
        "Enrol clients and products.",
        request=SUBJECT_REQUEST,
        answers={201: SUBJECT_ANSWER},
        bulk=True,
    ),
    Operation(
        "GET",
        "/v1/subjects",
        "subjects",
        "Find a subject by the caller's reference, whatever characters it holds.",
        answers={200: SUBJECT},
        query={"client_ref": ARGUMENT},
        needed=("client_ref",),
    ),
    Operation(
        "GET",
        "/v1/subjects/{client_ref}",
        "subjects",
        "Find a subject by the caller's reference, where that is plain in a path.",
        answers={200: SUBJECT},
    ),
    Operation(
        "POST",
        "/v1/acts/drafts",
        "facts",
        "Draft client acts: the fields to sign and the text to show.",
        request=DRAFT_REQUEST,
        answers={200: DRAFT},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "POST",
        "/v1/gates",
        "facts",
        "May this act be done now? Nothing is stored.",
        request=GATE_REQUEST,
        answers={200: GATE_ANSWER},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "POST",
        "/v1/facts",
        "facts",
        "Store what happened; answers a signed promise to anchor it and the rules that it breaks.",
        request=FACT,
        answers={201: FACT_ANSWER, 202: FACT_ANSWER},
        bulk=True,
        words={202: "Stored; the promise follows, since this node could not keep one that it gave now."},
    ),
    Operation(
        "POST",
        "/v1/receipts",
        "facts",
        "Receipts of anchored records; `not-anchored` before that.",
        request=RECORD_REQUEST,
        answers={200: RECEIPT},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
    Operation(
        "POST",
        "/v1/promises",
        "facts",
        "Promises of this broker's records, for facts that were taken without one; "
        "`promise-owed` until they are anchored.",
        request=RECORD_REQUEST,
        answers={200: OWN_PROMISE},
        bulk=True,
        words={200: "NDJSON: one line per line, in order. JSON: done."},
    ),
)
