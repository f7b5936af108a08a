"""Which records owe whose signature: the domain says it, by the names of its record types, and evidence checks it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from evidence.documents.staff_signature import Demand


@dataclass(frozen=True)
class SigningRules:
    """What a domain's record types ask of signatures.

    Attributes:
        client_acts: the types that owe the client's signature.
        second_persons: the types that take a second person of the broker's staff, and what each asks of that one.
        enrols: the type by which a key of the staff is enrolled.
        ends: the type by which such a key is ended.
        erasure_clocks: by rule of erasure, how long a record is kept from its anchor on, in milliseconds.
    """

    client_acts: Collection[str]
    second_persons: Mapping[str, Demand]
    enrols: str
    ends: str
    erasure_clocks: Mapping[str, int] = field(default_factory=dict)
