"""Shapes that several requests share; the names are those of the interface's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from did.identifiers import DID_PATTERN, parse_did
from primitives.address import ADDRESS_PATTERN
from primitives.errors import InvalidInput
from primitives.secp256k1 import SIGNATURE_BYTES
from primitives.shapes import Bytes, Hex, Integer, Line, Moment, Named, Text, Time

MAX_CASE, MAX_REASON, MAX_REFERENCE = 120, 300, 200

PID = Named("Pid", Hex(32).note("A subject's random pseudonym at this broker."))
DIGEST = Named("Digest", Hex(32).note("32 bytes as lower-case hex."))
DID = Named("Did", Text(min=0, pattern=DID_PATTERN, rule="did-ethr"))
PARSED_DID = DID.then(parse_did)
ADDRESS = Named("Address", Text(min=0, pattern=ADDRESS_PATTERN, rule="address"))
TIME = Named("Time", Time())
MOMENT = Named("Time", Moment())
EIP712_SIGNATURE = Named("Eip712Signature", Bytes(SIGNATURE_BYTES, "0x").note("r || s || v by the identity's owner."))
DEADLINE = Integer().note("Unix time in seconds.")
CASE, REASON, REFERENCE = Line(MAX_CASE), Line(MAX_REASON), Line(MAX_REFERENCE)


def exactly_one(request: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return which of these members a request has that is not null.

    Raises:
        InvalidInput: `one-of`, it has none of them, or several.
    """
    given = [name for name in names if request.get(name) is not None]
    if len(given) != 1:
        raise InvalidInput(names[0], "one-of", f"give exactly one of {', '.join(names)}")
    return given[0]
