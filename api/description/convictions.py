"""Documents by which a member convicts itself."""

from __future__ import annotations

from api.description.common import COUNT, HASH, MANY, TEXT
from api.description.operation import Operation
from evidence.version2.documents.contradiction import CONTRADICTION
from evidence.version2.log.convict import EQUIVOCATION, ROLLBACK
from evidence.version2.verify.conviction import KINDS
from node_adapter.store.convictions import NEWEST, STATES
from primitives.shapes import AnyOf, Fields, ListOf, Named, Nullable, OneOf
from replay.wire.shapes import ADDRESS, DID, TIME

DOCUMENT = Named(
    "ConvictionDocument",
    AnyOf(
        Named("PromiseContradiction", CONTRADICTION.note("`first` and `second` are promises.")),
        Named("Equivocation", EQUIVOCATION),
        Named("Rollback", ROLLBACK),
    ).note("docs/spec/evidence-2.md, sections 14 and 15."),
)
CONVICTION = Named(
    "Conviction",
    Fields(
        {
            "digest": HASH,
            "broker": DID.note("Whom it is against."),
            "format": Nullable(OneOf(*KINDS)),
            "tells": Nullable(TEXT),
            "state": OneOf(*STATES).note(
                "verified: the document is here and convicts. unseen: the chain names its digest, and nobody has shown "
                "it yet. refuted: what was shown convicts nobody of this."
            ),
            "problem": Nullable(TEXT).note("Why it was not seen at the last try, or is refuted."),
            "noted_at": TIME,
            "recorded": ListOf(Fields({"member": DID, "block": COUNT, "time": TIME}), 0, MANY).note(
                "Who said on the chain that it holds the document, and when; final entries alone."
            ),
            "relay": Nullable(TEXT).note("How far this node's own call is, where it makes one."),
        }
    ),
)

OPERATIONS = (
    Operation(
        "POST",
        "/v1/convictions",
        "convictions",
        "Verify a document by which another member convicts itself, keep it, and record it on the chain.",
        request=DOCUMENT,
        answers={202: CONVICTION},
        words={202: "It convicts; of a matter that was known, the document that was kept first."},
    ),
    Operation(
        "GET",
        "/v1/convictions",
        "convictions",
        f"The newest {NEWEST} documents that convict members, without what they say.",
        answers={200: Named("Convictions", Fields({"convictions": ListOf(CONVICTION, 0, NEWEST)}))},
        query={"member": ADDRESS.note("Only those against this account.")},
    ),
    Operation(
        "GET",
        "/v1/convictions/{digest}",
        "convictions",
        "How far a document is, by its digest.",
        answers={200: CONVICTION},
    ),
    Operation(
        "GET",
        "/v1/convictions/{digest}/document",
        "convictions",
        "A document that this node has verified.",
        answers={200: DOCUMENT},
    ),
)
