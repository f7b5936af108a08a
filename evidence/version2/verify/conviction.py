"""Documents that convict a broker by its own signatures: read, and verified by its keys alone (sections 14 and 15).

Specification: docs/spec/evidence-2.md. Which keys were the broker's, the reader says; no chain is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from evidence.version2.documents.contradiction import (
    CONTRADICTION,
    CONTRADICTION_FORMAT,
    PromiseContradiction,
    verify_contradiction,
)
from evidence.version2.documents.receipt import PinnedKeys
from evidence.version2.log.convict import (
    EQUIVOCATION,
    EQUIVOCATION_FORMAT,
    ROLLBACK,
    ROLLBACK_FORMAT,
    Equivocation,
    Rollback,
    verify_equivocation,
    verify_rollback,
)
from evidence.version2.verify.contradictions import Conviction
from primitives.canonical import canonical_json, parse_json
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput
from primitives.shapes import Fields, OneOf, Shape

MAX_CONVICTION_BYTES = 262_144
TELLS: Mapping[str, str] = MappingProxyType(
    {
        CONTRADICTION_FORMAT: "the broker gave two promises that cannot both be true",
        EQUIVOCATION_FORMAT: "the broker signed for two logs, or took back that it had named an anchor wrong",
        ROLLBACK_FORMAT: "the broker signed for a map that held a record, and for a later one that holds it no longer",
    }
)
"""What a document tells where it holds, by its format."""
KINDS: Mapping[str, int] = MappingProxyType({CONTRADICTION_FORMAT: 1, EQUIVOCATION_FORMAT: 2, ROLLBACK_FORMAT: 3})
"""The number under which a document stands on the chain (section 15.2), by its format."""
_DIGEST_TAG = "bonafides/conviction/1"
_SHAPES: Mapping[str, Shape[Conviction]] = MappingProxyType(
    {CONTRADICTION_FORMAT: CONTRADICTION, EQUIVOCATION_FORMAT: EQUIVOCATION, ROLLBACK_FORMAT: ROLLBACK}
)
_ANY = Fields({"format": OneOf(*_SHAPES)}, open=True)


def parse_conviction(data: bytes) -> Conviction:
    """Read a document; nothing is verified.

    Raises:
        InvalidInput: it is none.
    """
    return read_conviction(parse_json(data, field="conviction", max_bytes=MAX_CONVICTION_BYTES))


def read_conviction(value: object) -> Conviction:
    """Read a document that was parsed.

    Raises:
        InvalidInput: it is none.
    """
    stated: dict[str, Any] = _ANY.read(value, "conviction")
    return _SHAPES[stated["format"]].read(value, "conviction")


def conviction_digest(claim: Conviction) -> bytes:
    """Return the digest by which the chain names a document (section 15.2)."""
    return tagged_sha256(_DIGEST_TAG, canonical_json(claim.to_json()))


def matter_of(claim: Conviction) -> tuple[str, ...]:
    """Return what a document is about; another one about the same tells nothing new."""
    match claim:
        case PromiseContradiction():
            place = "log" if claim.link is None else "link"
            first, second = (str(one["log_index"]) for one in (claim.first, claim.second))
            return "promises", place, str(claim.first["record_id"]), str(claim.second["record_id"]), first, second
        case Rollback():
            return "rollback", claim.label.hex()
        case Equivocation():
            first, second = (note.split("\n")[1] for note in (claim.first, claim.second))
            return ("fork", str(claim.fork[0].leaf.seq)) if claim.fork is not None else ("checkpoints", first, second)


def verify_conviction(claim: Conviction, keys: Sequence[PinnedKeys]) -> None:
    """Check that a document convicts the broker that it names.

    Args:
        claim: the document.
        keys: those that the reader takes for this broker's, at least one pair.

    Raises:
        InvalidInput: no key is given, or what it holds is no promise or no note.
        VerificationFailed: it does not convict, by the name of the check that fails.
        CouldNotCheck: the library of a suite is not installed.
    """
    if not keys:
        raise InvalidInput("keys", "required", "whose keys are the broker's is not said")
    match claim:
        case PromiseContradiction():
            verify_contradiction(claim, *(pair.signing for pair in keys))
        case Equivocation():
            verify_equivocation(claim, *(pair.checkpoint for pair in keys))
        case Rollback():
            verify_rollback(claim, *(pair.checkpoint for pair in keys))
