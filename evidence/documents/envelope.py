"""The envelope of a record: its members and their shapes (docs/spec/evidence.md, section 2).

The JSON form is what is hashed, so it stays what it is; the types here say what stands in it once it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from domain.fact import CHANNELS
from evidence import shapes
from primitives import ed25519
from primitives.encoding import decode_base64url
from primitives.errors import InvalidInput
from primitives.shapes import Constant, Fields, Hex, Integer, ListOf, MapOf, Nullable, OneOf, Shape, Text, Time

RECORD_FORMAT = "bonafides.record/1"
MAX_FIELDS = 128
MAX_ATTACHMENTS = 64
MAX_SIGNATURES = 4

_TYPE = Text(min=0, pattern="[A-Z][A-Z0-9_]{1,31}", rule="record-type")
_SCHEMA = Text(min=0, pattern="[1-9][0-9]{0,3}", rule="schema")
_FIELD_NAME = Text(min=0, pattern="[a-z][a-z0-9_]{0,63}", rule="field-name")
_MIME = Text(min=0, pattern="[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}", rule="mime")
_HASH = Hex(shapes.HASH_BYTES)


class Actor(TypedDict):
    """Who did what a record tells of."""

    did: str
    role: str


class Attachment(TypedDict):
    """A file that belongs to a record, by its digest (hex) and its length in bytes."""

    sha256: str
    mime: str
    bytes: int


class ActSignature(TypedDict):
    """A client's signature; `block` is the chain's head when it was accepted, `value` base64url."""

    did: str
    key: str
    alg: str
    value: str
    block: int


class CommonEnvelope(TypedDict):
    """What envelopes of every format have. Times are as they are spelled, digests and pseudonyms are hex."""

    format: str
    record_id: str
    type: str
    schema: str
    broker: str
    subject: str
    seq: int
    prev: str
    occurred_at: str
    recorded_at: str
    channel: str
    actor: Actor
    ruleset: str | None
    document: str | None
    fields: dict[str, str]
    attachments: list[Attachment]


class Envelope(CommonEnvelope):
    """An envelope of format 1 that was read."""

    signatures: list[ActSignature]


ATTACHMENT = Fields({"sha256": _HASH, "mime": _MIME, "bytes": Integer()})
_SIGNATURE = Fields(
    {
        "did": shapes.ETHR_DID,
        "key": shapes.WORDS,
        "alg": Constant("Ed25519"),
        "value": Text(min=0, pattern="[A-Za-z0-9_-]{86}", rule="base64"),
        "block": shapes.NUMBER,
    }
)


def _of_its_did(signature: dict[str, Any], where: str) -> dict[str, Any]:
    decode_base64url(signature["value"], f"{where}.value", ed25519.SIGNATURE_BYTES)
    if not signature["key"].startswith(f"{signature['did']}#"):
        raise InvalidInput(f"{where}.key", "verification-method", "must be a verification method of `did`")
    return signature


SHARED: Mapping[str, Shape[Any]] = {
    "record_id": shapes.RECORD_ID,
    "type": _TYPE,
    "schema": _SCHEMA,
    "broker": shapes.ETHR_DID,
    "subject": _HASH,
    "seq": shapes.POSITIVE,
    "prev": _HASH,
    "occurred_at": Time(),
    "recorded_at": Time(),
    "channel": OneOf(*CHANNELS),
    "actor": Fields({"did": shapes.WORDS, "role": shapes.WORDS}),
    "document": Nullable(shapes.WORDS),
    "fields": MapOf(_FIELD_NAME, _HASH, 0, MAX_FIELDS),
    "attachments": ListOf(ATTACHMENT, 0, MAX_ATTACHMENTS),
}
"""The members that version 2 has, too."""

_MEMBERS = Fields(
    {
        "format": Constant(RECORD_FORMAT),
        **SHARED,
        "ruleset": Nullable(shapes.WORDS),
        "signatures": ListOf(_SIGNATURE.then(_of_its_did), 0, MAX_SIGNATURES),
    }
)
ENVELOPE = _MEMBERS.then(lambda envelope, _: cast(Envelope, envelope))


def check_envelope(value: object, place: str) -> Envelope:
    """Check the shape of an envelope, member by member, and return it."""
    return ENVELOPE.read(value, place)
