"""What the platform says of a history itself: what it is, and what of it was erased (docs/spec/evidence-2.md, 2.2, 4).

The node writes both, but for an opening that the client signed, which comes in as every act does. Another one that a
caller could submit would be the broker's word on whose history it is, and a second one would open what is open; an
erasure that a caller could submit would tell of what never happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.erasure import CLOCKS, ERASE, ERASES, ERASES_FORMER, MAX_ERASED, ROLE, SIGNERS
from domain.finding import Finding
from domain.opening import KIND, OPENING, OPENS
from domain.record_type import RecordType
from domain.second_person import SecondPerson, keys_of
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import Fields, Integer, ListOf, Nullable, OneOf, Text
from suitability.act import Act
from suitability.rules.identity import not_ended
from suitability.shapes import DIGEST
from suitability.subject import SubjectState

_CONTINUED = Fields({"format": Integer(1, 2), "subject": DIGEST, "count": Integer(1), "head": DIGEST})
_ERASED = ListOf(Fields({"seq": Integer(1), "fingerprint": DIGEST, "rule": OneOf(*CLOCKS)}), 1, MAX_ERASED, unique=True)


def _opens_its_kind(payload: Mapping[str, Any]) -> None:
    OPENS[payload["kind"]].read(payload["opens"], "payload.opens")


def _erases_something(payload: Mapping[str, Any]) -> None:
    if ERASES not in payload and ERASES_FORMER not in payload:
        raise InvalidInput(f"payload.{ERASES}", "required", f"is missing, and so is {ERASES_FORMER}")


def _two_persons(_: SubjectState, act: Act) -> Iterator[Finding]:
    """Two persons erase, whatever a rule set says: fewer are a finding, as of every other record (section 2.2)."""
    signed = len(keys_of(act.details))
    if act.full and signed < SIGNERS:
        yield Finding("SECOND_PERSON_MISSING", "erasure.signed", f"the erasure bears {signed} of {SIGNERS} signatures")


TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        OPENING,
        Words("开立记录", "History opened"),
        f"kind ({', '.join(OPENS)}), opens (by kind DID, null, product id, `matter:name`), continues? format 1 or 2, "
        "subject hex32, count, head ref; record 1 of a history of format 2 ([evidence-2.md](evidence-2.md)), signed by "
        "the client, or written by the node",
        {"kind": KIND, "opens": Nullable(Text(200)), "continues": Nullable(_CONTINUED)},
        signer="node",
        spans=_opens_its_kind,
        rules=(not_ended,),
    ),
    RecordType(
        ERASE,
        Words("记录已删除", "Records erased"),
        f"erases? and {ERASES_FORMER}?, at least one: [seq, fingerprint ref, rule ({', '.join(CLOCKS)})] of this "
        f"history, and of the one of format 1 that it continues; countersigned by at least {SIGNERS} of the staff "
        "([staff.md](staff.md)); in a history of format 2, written by the node alone",
        {},
        {ERASES: _ERASED, ERASES_FORMER: _ERASED},
        signer="node",
        spans=_erases_something,
        second_person=SecondPerson(ROLE),
        rules=(_two_persons,),  # and not `not_ended`: what is kept of an identity that has ended is erased, too
    ),
)
