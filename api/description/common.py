"""Shapes of answers that several resources share."""

from __future__ import annotations

from evidence.documents import breach
from evidence.documents import trust as former_trust
from evidence.version2 import envelope, promise, record
from evidence.version2.documents import claim, receipt, trust
from primitives.rules import RULES
from primitives.shapes import Constant, Decimal, Fields, Hex, Integer, ListOf, Named, OneOf, Text
from primitives.suites import PUBLIC_KEY_LENGTHS
from primitives.uuid7 import UUID7_PATTERN
from replay.wire.shapes import DID, DIGEST, TIME

MANY = 1_000_000
TEXT = Text(min=0, controls=True)
COUNT = Integer()
HASH = Hex(32)
PUBLIC_KEY = Text(
    pattern="(?:{})".format("|".join(f"[0-9a-f]{{{2 * length}}}" for length in sorted(PUBLIC_KEY_LENGTHS)))
).note("A public key of any suite, as lower-case hex.")
# What stands in a path, by the name of the parameter: whatever else is asked for is not there.
PATH_PARAMETERS = {
    "client_ref": Text(1000, pattern="[^/]+", controls=True).note("One with a slash is asked for by the query."),
    "credential_id": Text(pattern=f"urn:uuid:{UUID7_PATTERN}"),
    "did": DID,
    "digest": DIGEST,
    "list_id": Decimal(),
    "number": Decimal().note("Of another identity of the client, from 1."),
    "place": Text(64, 1, "[0-9a-z./]+", "pattern").note("Level and index of a C2SP tile, or `entries` and index."),
    "record_id": Text(pattern=UUID7_PATTERN),
    "replay_id": Text(pattern=UUID7_PATTERN),
    "order_id": Text(200),
    "task_id": DIGEST,
}
PROBLEM = Named(
    "Problem",
    Fields(
        {"type": TEXT, "title": TEXT, "status": COUNT, "detail": TEXT, "code": TEXT.note("Stable, kebab-case.")},
        {
            "field": TEXT.note("The dotted field that is malformed."),
            "rule": OneOf(*RULES).note("The rule that it breaks (docs/spec/rules.md)."),
        },
        open=True,
    ).note("RFC 9457."),
)
REFUSED_LINE = Named(
    "RefusedLine",
    Fields(
        {
            "status": OneOf("refused", "failed").note(
                "refused: this line is at fault. failed: the node could not do it now; send it again."
            ),
            "problem": PROBLEM,
        }
    ),
)
PROMISE = Named("Promise", promise.PROMISE.note("docs/spec/evidence-2.md, section 7."))
ENVELOPE = Named("Envelope", envelope.ENVELOPE.note("docs/spec/evidence-2.md, section 2."))
RECORD_COPY = Named("RedactedCopy", Fields({**record.COPY.required, "envelope": ENVELOPE}))
RECEIPT = Named(
    "Receipt",
    # Its reader takes two parts as they are, and reads each with the keys that it tries.
    Fields({**receipt.RECEIPT.required, "promise": PROMISE, "record": RECORD_COPY}).note(
        "docs/spec/evidence-2.md, section 11."
    ),
)
TRUST_FILE = Named("TrustFile", trust.TRUST.note("docs/spec/evidence-2.md, section 10."))
FORMER_TRUST_FILE = Named("FormerTrustFile", former_trust.TRUST.note("docs/spec/evidence.md, section 10."))
FORMER_CLAIM = Named(
    "FormerClaim",
    Fields({"format": Constant(breach.BREACH_FORMAT)}, open=True).note("docs/spec/breach.md."),
)
CLAIM = Named(
    "Claim", Fields({**claim.CLAIM.required, "promise": PROMISE}).note("docs/spec/evidence-2.md, section 7.1.")
)
CHECKS_NOT_MADE = Named(
    "ChecksNotMade",
    ListOf(Fields({"check": TEXT, "reason": TEXT}), 0, MANY).note("What this answer does not say, and why."),
)
CHECKS = Named("Checks", ListOf(TEXT, 0, MANY).note("The checks that were made and held."))
BLOCK_TIME = Named(
    "BlockTime", Fields({"block": COUNT, "time": TIME}).note("A block of this node's index and its time.")
)
