"""The persons of the broker's staff who sign as the second person (docs/spec/staff.md)."""

from __future__ import annotations

from domain.record_type import RecordType
from domain.second_person import STAFF_SIGNATURE
from domain.words import Words
from primitives.shapes import OneOf, Time
from suitability.act import Act
from suitability.rules.identity import not_ended
from suitability.shapes import DIGEST, NAME
from suitability.subject import SubjectState

ENROL, END = "STAFF_ENROL", "STAFF_END"
STAFF_ROLES = ("reviewer", "committee", "compliance")
END_REASONS = ("LEFT", "OTHER_ROLE", "KEY_LOST", "KEY_STOLEN", "RENEWED")

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        ENROL,
        Words("登记可签名的员工", "Person of the staff enrolled to sign"),
        f"name, role ({', '.join(STAFF_ROLES)}), key hex32, expires_at time, proof; on the subject of one person "
        f"of the "
        "staff, written by the node alone ([staff.md](staff.md))",
        {
            "name": NAME,
            "role": OneOf(*STAFF_ROLES),
            "key": DIGEST,
            "expires_at": Time(),
            "proof": STAFF_SIGNATURE,
        },
        of_house=True,
        signer="node",
        rules=(not_ended,),
    ),
    RecordType(
        END,
        Words("员工签名权终止", "Person of the staff no longer signs"),
        f"key hex32, enrolment_ref ref, reason ({', '.join(END_REASONS)}); in the same history, written by the "
        f"node alone",
        {"key": DIGEST, "enrolment_ref": DIGEST, "reason": OneOf(*END_REASONS)},
        of_house=True,
        signer="node",
        rules=(not_ended,),
    ),
)
