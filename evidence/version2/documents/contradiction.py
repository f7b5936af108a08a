"""Two promises of one broker that cannot both be true: `bonafides.promise-contradiction/2`.

Specification: docs/spec/evidence-2.md, section 15.1. It stands on the broker's own signatures, as the documents of
`evidence.version2.log.convict` do: no chain is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.version2.links import STUB, Link
from evidence.version2.promise import PROMISE, Promise, SignedBatch
from primitives.errors import VerificationFailed
from primitives.shapes import Anything, Constant, Fields, Nullable

CONTRADICTION_FORMAT = "bonafides.promise-contradiction/2"
CHECK = "promise-contradiction"
_OF_THE_RECORD = ("suite", "subject", "seq", "label", "record_id", "fingerprint", "entry", "recorded_at", "block")


@dataclass(frozen=True)
class PromiseContradiction:
    """Two promises, as they were given, and the link of the first one's record where it is this that convicts."""

    broker: str
    first: Mapping[str, Any]
    second: Mapping[str, Any]
    link: Link | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "format": CONTRADICTION_FORMAT,
            "broker": self.broker,
            "first": dict(self.first),
            "second": dict(self.second),
            "link": None if self.link is None else self.link.to_json(),
        }


CONTRADICTION = Fields(
    {
        "format": Constant(CONTRADICTION_FORMAT),
        "broker": shapes.ETHR_DID,
        "first": Anything(),
        "second": Anything(),
        "link": Nullable(STUB),
    }
).then(lambda members, _: PromiseContradiction(members["broker"], members["first"], members["second"], members["link"]))
"""`bonafides.promise-contradiction/2`, read as `PromiseContradiction`; the promises are read by who verifies it."""


def contradict(first: Promise, second: Promise) -> str | None:
    """Tell in which place two promises of one broker contradict each other; None when both may be true.

    A record that was anchored under an anchor named wrong is promised anew, for another place in the log and another
    term (section 8.4): these two may differ. Each promise is then judged alone.
    """
    if first.broker != second.broker:
        return None
    same = [name for name in _OF_THE_RECORD if getattr(first, name) == getattr(second, name)]
    if len(same) == len(_OF_THE_RECORD):
        return None
    if first.log_index == second.log_index:
        return f"log index {first.log_index}"
    if "label" in same or "record_id" in same or "fingerprint" in same:
        return f"record {first.record_id}"
    return f"place {first.seq} of the history" if {"subject", "seq"} <= set(same) else None


def breaks_link(first: Promise, link: Link, second: Promise) -> bool:
    """Tell whether the second promise, of the record after, is for another label than the first one's record names."""
    follows = (second.broker, second.subject, second.seq) == (first.broker, first.subject, first.seq + 1)
    return follows and link.entry == first.entry and second.label != link.next


def verify_contradiction(claim: PromiseContradiction, *public_keys: bytes) -> None:
    """Check that a broker gave two promises that cannot both be true.

    Args:
        claim: the document.
        public_keys: the signing keys that the reader takes for this broker's, at least one.

    Raises:
        InvalidInput: one is no promise.
        VerificationFailed: `promise` (another broker's, or not signed), or `promise-contradiction` (both may be true).
        CouldNotCheck: the library of a suite is not installed.
    """
    first, second = (_signed(value, claim.broker, public_keys) for value in (claim.first, claim.second))
    if claim.link is not None:
        if not breaks_link(first, claim.link, second):
            raise VerificationFailed(CHECK, "the second promise is for the label that the first one's record names")
        return
    if contradict(first, second) is None:
        raise VerificationFailed(CHECK, "both promises may be true")


def _signed(value: object, broker: str, public_keys: Sequence[bytes]) -> Promise:
    promise: Promise
    signed: SignedBatch
    promise, signed = PROMISE.read(value, "promise")
    if promise.broker != broker:
        raise VerificationFailed("promise", f"the promise is of {promise.broker}, not of {broker}")
    if not any(signed.is_signed_by(key) for key in public_keys):
        raise VerificationFailed("promise", f"no key that is given of {broker} signed the promise")
    return promise
