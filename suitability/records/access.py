"""A look at a client's originals."""

from __future__ import annotations

from domain.record_type import RecordType
from domain.second_person import ORDER, SecondPerson
from domain.shapes import DID, ORDER_BODY
from domain.words import Words
from primitives.shapes import Fields, ListOf, Nullable, OneOf, Text
from suitability.act import Act
from suitability.rules.second_person import second_person
from suitability.shapes import CODE, MILLISECONDS, NAME
from suitability.subject import SubjectState

_ORDER = Fields(
    {
        **dict.fromkeys(("format", "sender", "receiver", "kind", "nonce", "signature"), Text(200)),
        "sent_at": MILLISECONDS,
        "body": ORDER_BODY,
    }
)

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "ACCESS_LOG",
        Words("调阅原件", "Originals read"),
        "reader DID, role (compliance, regulator, operator), case, reason, fields [name], approved_by?; optional "
        "countersigned, order (a regulator's signed message, [staff.md](staff.md))",
        {
            "reader": DID,
            "role": OneOf("compliance", "regulator", "operator"),
            "case": Text(120),
            "reason": Text(300),
            "fields": ListOf(CODE, 1, 100, unique=True),
            "approved_by": Nullable(NAME),
        },
        {ORDER: _ORDER},  # in place of a second person: what a regulator signed
        second_person=SecondPerson("compliance", named="approved_by", not_by="reader", instead=ORDER),
        rules=(second_person,),  # who read it may still be recorded of an identity that has ended
        stage="access_log",
    ),
)
