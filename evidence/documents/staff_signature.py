"""A staff person's signature under a record that takes two persons (specification: docs/spec/staff.md).

A person's key is enrolled by a record of the broker's log and ended by another, both on the subject that is derived
from broker and key: whoever reads a bundle knows where everything about a key stands. Who was enrolled when a record
was logged is read from the order of the log alone (`evidence.log.roster`): no colleague can be invented afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.second_person import FIELD, MAX_SIGNERS
from evidence import shapes
from evidence.documents.envelope import CommonEnvelope
from evidence.log.roster import Roster, StaffKey, Unshown, key_of_did, names_did_key, person_name
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.errors import VerificationFailed
from primitives.shapes import Base64Url, Fields, Hex, ListOf, Time
from primitives.timestamp import parse_time

_KEY_TAG, _ACT_TAG = "bonafides/staff-key/1", "bonafides/staff-act/1"
_SIGNED = ("broker", "subject", "type", "occurred_at", "channel", "actor", "attachments")
ALWAYS = 0  # the block since which a member's own key is no colleague's, whenever the member took it
_SIGNED_BY = Fields({"key": Hex(ed25519.PUBLIC_KEY_BYTES), "value": Base64Url(ed25519.SIGNATURE_BYTES)}).then(
    lambda signature, _: (signature["key"], signature["value"])
)
_SIGNATURES = ListOf(_SIGNED_BY, 1, MAX_SIGNERS)
_ENROLMENT = Fields(
    {
        "name": shapes.WORDS,
        "role": shapes.WORDS,
        "key": shapes.HASH,
        "expires_at": Time(),
        "proof": Base64Url(ed25519.SIGNATURE_BYTES),
    },
    open=True,
)

SIGNATURE, UNKNOWN, ENDED, EXPIRED = "staff-signature", "staff-key-unknown", "staff-key-ended", "staff-key-expired"
ROLE, SAME_PERSON, ACTOR, NAME = "staff-role", "staff-same-person", "staff-actor", "staff-name"


class Demand(Protocol):
    """What a record type asks of its staff signatures: the domain says it."""

    @property
    def role(self) -> str:
        """The role of whoever signs."""

    @property
    def named(self) -> str | None:
        """The payload's field that names a signer, where there is one."""

    @property
    def not_by(self) -> str | None:
        """The payload's field that holds the DID of somebody who may not sign, beside the actor."""

    @property
    def instead(self) -> str | None:
        """The payload's field that may stand in place of a second person."""


def possession_digest(broker: str, name: str, role: str, key: str) -> bytes:
    """Return what a person signs to be enrolled."""
    return tagged_sha256(_KEY_TAG, canonical_json({"broker": broker, "name": name, "role": role, "key": key}))


def check_enrolment(broker: str, values: Mapping[str, Any]) -> None:
    """Check the fields of an enrolment, and that whoever is enrolled has shown to hold the key.

    Raises:
        InvalidInput: not the fields of an enrolment.
        VerificationFailed: check `staff-signature`.
    """
    stated = _ENROLMENT.read(values, "")
    name, role, key = stated["name"], stated["role"], stated["key"]
    try:
        ed25519.verify(key, possession_digest(broker, name, role, key.hex()), stated["proof"])
    except VerificationFailed as error:
        raise VerificationFailed(SIGNATURE, f"proof: {name} has not shown to hold this key as {role}") from error


def act_digest(stated: Mapping[str, Any], digests: Mapping[str, str]) -> bytes:
    """Return what each person signs: the whole content of a record but for the signatures themselves.

    Args:
        stated: an envelope, or a fact with the broker's DID.
        digests: the digests of the record's fields, hex; that of the signatures counts for nothing.
    """
    content = {name: stated[name] for name in _SIGNED}
    content["fields"] = {name: digest for name, digest in digests.items() if name != FIELD}
    return tagged_sha256(_ACT_TAG, canonical_json(content))


@dataclass(frozen=True)
class Signers:
    """Who is proven to have signed a record.

    Attributes:
        persons: they, each another one.
        whole: whether that is everybody; else an enrolment is not shown, of who signed or of who did it.
    """

    persons: tuple[StaffKey, ...]
    whole: bool = True


def check_countersigned(
    envelope: CommonEnvelope,
    values: Mapping[str, Any],
    roster: Roster,
    time_ms: int,
    demand: Demand,
    no_colleagues: Mapping[str, int],
) -> Signers:
    """Check the staff signatures of a record. A node asks it at its door, a verifier of a bundle.

    Args:
        envelope: of the record.
        values: its fields, as far as they are shown.
        roster: who was enrolled by the records before this one in the log.
        time_ms: the time of the chain's block at which the record was accepted.
        demand: what the record's type asks.
        no_colleagues: keys (hex) of the client and of the member itself, each with the block since which it is one.
            What became the client's after a colleague was enrolled with it is the colleague's all the same: a client
            can write any public key into its DID, and would else refute what colleagues signed.

    Raises:
        InvalidInput: the signatures are malformed.
        VerificationFailed: `staff-signature`, not over this record; `staff-key-unknown`, `staff-key-ended`,
            `staff-key-expired` at this place of the log; `staff-role`; `staff-same-person`; `staff-actor`, by the one
            who did it, or by the client or the member; `staff-name`, the record names somebody else.
    """
    signatures = _SIGNATURES.read(values[FIELD], f"payload.{FIELD}")
    digest = act_digest(envelope, envelope["fields"])
    for number, (key, value) in enumerate(signatures):  # before anything is asked of the log: garbage is nobody's
        try:
            ed25519.verify(bytes.fromhex(key), digest, value)
        except VerificationFailed as error:
            raise VerificationFailed(
                SIGNATURE, f"payload.{FIELD}[{number}]: is not by the key {key[:16]} over this record"
            ) from error
    found = [
        _in_force(roster, key, time_ms, no_colleagues, f"payload.{FIELD}[{number}]")
        for number, (key, _) in enumerate(signatures)
    ]
    persons = [entry for entry in found if isinstance(entry, StaffKey)]
    for person in persons:
        if person.role != demand.role:
            raise VerificationFailed(
                ROLE, f"{person.name} is enrolled as {person.role}; {envelope['type']} takes a {demand.role}"
            )
    _require_different(found)
    did_it = _who_acted(envelope, values, roster, demand)
    for entry in found:
        if any(_is_same(entry, other) for other in did_it):
            raise VerificationFailed(ACTOR, f"{entry.label} did it, and cannot be the second person, too")
    whole = len(persons) == len(found) and all(isinstance(entry, StaffKey) for entry in did_it)
    _require_named(values, persons, demand, whole=len(persons) == len(found))
    return Signers(tuple(persons), whole)


def _in_force(
    roster: Roster, key: str, time_ms: int, no_colleagues: Mapping[str, int], where: str
) -> StaffKey | Unshown:
    entry = roster.find(key)
    if entry is None:
        raise VerificationFailed(UNKNOWN, f"{where}: nobody was enrolled with the key {key[:16]} before this record")
    if key in no_colleagues and no_colleagues[key] <= entry.block:
        raise VerificationFailed(
            ACTOR, f"{where}: the key {key[:16]} was the client's or the member's own before, no colleague's"
        )
    if entry.ended_at is not None:
        raise VerificationFailed(ENDED, f"{where}: the key {key[:16]} of {entry.label} was ended before this record")
    if isinstance(entry, StaffKey) and parse_time(entry.expires_at, "expires_at") <= time_ms:
        raise VerificationFailed(EXPIRED, f"{where}: the key {key[:16]} of {entry.name} expired {entry.expires_at}")
    return entry


def _is_same(one: StaffKey | Unshown, other: StaffKey | Unshown) -> bool:
    """Tell whether two keys are known to be one person's."""
    if isinstance(one, StaffKey) and isinstance(other, StaffKey):
        return one.person == other.person
    return one.subject == other.subject


def _require_different(found: Sequence[StaffKey | Unshown]) -> None:
    for number, entry in enumerate(found):
        if any(_is_same(entry, other) for other in found[:number]):
            raise VerificationFailed(SAME_PERSON, f"{entry.label} signed twice: that is one person")


def _who_acted(
    envelope: CommonEnvelope, values: Mapping[str, Any], roster: Roster, demand: Demand
) -> list[StaffKey | Unshown]:
    """Return the persons of the staff who did it; a did:key in another spelling would hide one of them."""
    dids = [envelope["actor"]["did"], None if demand.not_by is None else values.get(demand.not_by)]
    found = []
    for did in dids:
        if not names_did_key(did):
            continue
        key = key_of_did(did)
        entry = None if key is None else roster.find(key)
        if entry is None:
            raise VerificationFailed(ACTOR, f"{did} is not the did:key of a key that was enrolled before this record")
        found.append(entry)
    return found


def _require_named(values: Mapping[str, Any], persons: Sequence[StaffKey], demand: Demand, *, whole: bool) -> None:
    stated = None if demand.named is None else values.get(demand.named)
    if stated is None or not whole:
        return
    if not isinstance(stated, str) or all(person.person != person_name(stated) for person in persons):
        raise VerificationFailed(NAME, f"payload.{demand.named}: names {stated}, who did not sign")
