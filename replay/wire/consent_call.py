"""The call that a client signs for ConsentRegistry, as it comes to this node: beside the act, or alone.

    give      {"consent_id", "salt", "credential", "deadline", "signature"}
    withdraw  {"consent_id", "deadline", "signature"}

The act says what the client wants and becomes the record; the call lets a member tell the chain. Two signatures of one
client about one thing: the wallet makes both, and a fact carries the call as its `consent`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from did.credentials.proofs import as_signed
from did.credentials.types.consent import SALT_BYTES
from primitives.canonical import canonical_json
from primitives.errors import InvalidInput
from primitives.shapes import AnyOf, Anything, Bytes, Fields, Named
from replay.wire.shapes import DEADLINE, EIP712_SIGNATURE

GIVE, WITHDRAW = "CONSENT_GIVE", "CONSENT_WITHDRAW"
CALLS = {GIVE: "grant", WITHDRAW: "withdraw"}
"""Which function of ConsentRegistry an act is told by."""
CALL = "consent"
"""The member of a fact that holds the call."""

_WITHDRAW = {"consent_id": Bytes(32), "deadline": DEADLINE, "signature": EIP712_SIGNATURE}
_GRANT = {**_WITHDRAW, "salt": Bytes(SALT_BYTES), "credential": Anything().then(lambda value, _: as_signed(value))}
_BESIDE = "Or the signed act of the wallet, with these members as its `consent`."
_GRANTED, _WITHDRAWN = Fields(_GRANT), Fields(_WITHDRAW)
_SHAPES = {"grant": _GRANTED, "withdraw": _WITHDRAWN}
CONSENT_GRANT = Named("ConsentGrant", AnyOf(Fields({"consent": _GRANTED}, open=True), _GRANTED).note(_BESIDE))
CONSENT_WITHDRAWAL = Named(
    "ConsentWithdrawal", AnyOf(Fields({"consent": _WITHDRAWN}, open=True), _WITHDRAWN).note(_BESIDE)
)
CONSENT_CALL = Named(
    "ConsentCall",
    AnyOf(_GRANTED, _WITHDRAWN).note(
        "With CONSENT_GIVE and CONSENT_WITHDRAW alone: the client's call of ConsentRegistry, which this node relays."
    ),
)


@dataclass(frozen=True)
class ConsentCall:
    """A call of ConsentRegistry that its client signed.

    Attributes:
        function: grant or withdraw.
        consent_id: 32 bytes.
        deadline: until when the contract takes it, seconds.
        signature: EIP-712, by the owner of the client's identity.
        salt: 32 bytes, of a grant.
        credential: of a grant: the consent as the client signed it.
    """

    function: str
    consent_id: bytes
    deadline: int
    signature: bytes = field(repr=False)
    salt: bytes = field(default=b"", repr=False)
    credential: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def stored(self) -> str:
        """The credential as it is kept."""
        return canonical_json(dict(self.credential)).decode("utf-8")


def read_call(function: str, request: Mapping[str, Any]) -> ConsentCall:
    """Read a call that came alone: the object itself, or what `wallet consent` put beside the signed act."""
    if CALL in request:
        return _read(function, request[CALL], CALL)
    return _read(function, request, "")


def call_of_fact(type_: str, value: Mapping[str, Any]) -> ConsentCall | None:
    """Read the call that came beside an act; None where none came.

    Raises:
        InvalidInput: it is malformed, stands beside another type of record, or is about another consent than the act.
    """
    if CALL not in value:
        return None
    if type_ not in CALLS:
        raise InvalidInput(CALL, "record-type", f"belongs to {' and '.join(CALLS)} alone")
    call = _read(CALLS[type_], value[CALL], CALL)
    payload = value.get("payload")
    if not isinstance(payload, Mapping) or payload.get("consent_id") != call.consent_id.hex():
        raise InvalidInput("consent.consent_id", "same-consent", "is another consent than the act's")
    return call


def _read(function: str, value: object, where: str) -> ConsentCall:
    return ConsentCall(function, **_SHAPES[function].read(value, where))
