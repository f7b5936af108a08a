"""A staff person's signature under a record that takes two persons (specification: docs/spec/staff.md).

A person's key is enrolled by a record of the broker's log and ended by another, both on the person's own subject. Who
was enrolled when a record was logged is read from the order of the log alone: no colleague can be invented afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from evidence import shapes
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.encoding import decode_base58btc, decode_base64url, encode_base58btc
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import parse_time

FIELD = "countersigned"
ENROL, END = "STAFF_ENROL", "STAFF_END"
MAX_SIGNATURES = 10
_KEY_TAG, _ACT_TAG = "bonafides/staff-key/1", "bonafides/staff-act/1"
_SIGNED = ("broker", "subject", "type", "occurred_at", "channel", "actor", "attachments")
_SIGNATURE = frozenset({"key", "value"})
_DID_KEY, _ED25519_MULTICODEC = "did:key:", b"\xed\x01"

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


@dataclass(frozen=True)
class StaffKey:
    """An enrolled key: whose, for what, and between which places of the log. `subject` stands for the person."""

    key: str
    name: str
    role: str
    expires_at: str
    subject: str
    enrolled_at: int
    enrolment: str  # fingerprint of the record, hex
    ended_at: int | None = None  # both are places of the log

    @property
    def did(self) -> str:
        """The person's key as a did:key: what `actor` names when this person acted."""
        return did_key(self.key)


def did_key(key: str) -> str:
    """Return the did:key of a staff key (hex)."""
    return _DID_KEY + encode_base58btc(_ED25519_MULTICODEC + bytes.fromhex(key))


def possession_digest(broker: str, name: str, role: str, key: str) -> bytes:
    """Return what a person signs to be enrolled."""
    return tagged_sha256(_KEY_TAG, canonical_json({"broker": broker, "name": name, "role": role, "key": key}))


def check_enrolment(broker: str, values: Mapping[str, Any]) -> None:
    """Check the fields of an enrolment, and that whoever is enrolled has shown to hold the key.

    Raises:
        InvalidInput: not the fields of an enrolment.
        VerificationFailed: check `staff-signature`.
    """
    name, role = shapes.text(values.get("name"), "name"), shapes.text(values.get("role"), "role")
    key = shapes.hash32(values.get("key"), "key")
    parse_time(values.get("expires_at"), "expires_at")
    proof = decode_base64url(values.get("proof"), "proof", ed25519.SIGNATURE_BYTES)
    try:
        ed25519.verify(key, possession_digest(broker, name, role, key.hex()), proof)
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
class Roster:
    """Every enrolled key of a broker, from the records of its log in their order."""

    by_key: Mapping[str, StaffKey] = field(default_factory=dict)

    def with_record(
        self, type_: str, subject: str, log_index: int, fingerprint: str, values: Mapping[str, Any]
    ) -> Roster:
        """Return the roster after one more record of the log; a key is enrolled once, and what ended stays ended."""
        key = values.get("key")
        known = self.by_key.get(key) if isinstance(key, str) else None
        if type_ == END and known is not None and known.subject == subject and known.ended_at is None:
            return Roster({**self.by_key, known.key: replace(known, ended_at=log_index)})
        if type_ != ENROL or known is not None or not isinstance(key, str):
            return self
        made = StaffKey(
            key=key,
            name=values["name"],
            role=values["role"],
            expires_at=values["expires_at"],
            subject=subject,
            enrolled_at=log_index,
            enrolment=fingerprint,
        )
        return Roster({**self.by_key, key: made})

    def subjects_of(self, payloads: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the persons whose keys these payloads of a node's own records bear, each once."""
        keys = (signature["key"] for values in payloads for signature in values.get(FIELD, ()))
        return list(dict.fromkeys(self.by_key[key].subject for key in keys if key in self.by_key))

    def subject_of(self, did: object) -> str | None:
        """Return the person whose did:key this is; None of anybody else."""
        if not isinstance(did, str) or not did.startswith(_DID_KEY):
            return None
        try:
            data = decode_base58btc(
                did.removeprefix(_DID_KEY), "did", len(_ED25519_MULTICODEC) + ed25519.PUBLIC_KEY_BYTES
            )
        except InvalidInput:
            return None
        known = self.by_key.get(data.removeprefix(_ED25519_MULTICODEC).hex())
        return None if known is None else known.subject


def check_countersigned(
    envelope: Mapping[str, Any], values: Mapping[str, Any], roster: Roster, time_ms: int, demand: Demand
) -> tuple[StaffKey, ...]:
    """Check the staff signatures of a record; returns who signed. A node asks it at its door, a verifier of a bundle.

    Args:
        envelope: of the record.
        values: its fields, as far as they are shown.
        roster: who was enrolled by the records before this one in the log.
        time_ms: the time of the chain's block at which the record was accepted.
        demand: what the record's type asks.

    Raises:
        InvalidInput: the signatures are malformed.
        VerificationFailed: `staff-signature`, not over this record; `staff-key-unknown`, `staff-key-ended`,
            `staff-key-expired` at this place of the log; `staff-role`; `staff-same-person`; `staff-actor`, by the one
            who did it; `staff-name`, the record names somebody else.
    """
    digest = act_digest(envelope, envelope["fields"])
    persons: list[StaffKey] = []
    for number, (key, value) in enumerate(_read(values[FIELD])):
        person = _enrolled(roster, key, time_ms, f"payload.{FIELD}[{number}]")
        try:
            ed25519.verify(bytes.fromhex(key), digest, value)
        except VerificationFailed as error:
            raise VerificationFailed(
                SIGNATURE, f"payload.{FIELD}[{number}]: is not by {person.name} over this record"
            ) from error
        if person.role != demand.role:
            raise VerificationFailed(
                ROLE, f"{person.name} is enrolled as {person.role}; {envelope['type']} takes a {demand.role}"
            )
        if any(other.subject == person.subject for other in persons):
            raise VerificationFailed(SAME_PERSON, f"{person.name} signed twice: that is one person")
        persons.append(person)
    _check_others(envelope, values, roster, persons, demand)
    return tuple(persons)


def _read(value: object) -> Sequence[tuple[str, bytes]]:
    def one(item: object, place: str) -> tuple[str, bytes]:
        pair = shapes.members(item, place, _SIGNATURE)
        signature = decode_base64url(pair["value"], f"{place}.value", ed25519.SIGNATURE_BYTES)
        return shapes.hash32(pair["key"], f"{place}.key").hex(), signature

    found = shapes.items(value, f"payload.{FIELD}", one, MAX_SIGNATURES)
    if not found:
        raise InvalidInput(f"payload.{FIELD}", "length", "holds no signature: leave it away")
    return found


def _enrolled(roster: Roster, key: str, time_ms: int, where: str) -> StaffKey:
    person = roster.by_key.get(key)
    if person is None:
        raise VerificationFailed(UNKNOWN, f"{where}: nobody was enrolled with the key {key[:16]} before this record")
    if person.ended_at is not None:
        raise VerificationFailed(ENDED, f"{where}: the key {key[:16]} of {person.name} was ended before this record")
    if parse_time(person.expires_at, "expires_at") <= time_ms:
        raise VerificationFailed(EXPIRED, f"{where}: the key {key[:16]} of {person.name} expired {person.expires_at}")
    return person


def _check_others(
    envelope: Mapping[str, Any],
    values: Mapping[str, Any],
    roster: Roster,
    persons: Iterable[StaffKey],
    demand: Demand,
) -> None:
    done_by = [envelope["actor"]["did"]]
    if demand.not_by is not None:
        done_by.append(values.get(demand.not_by))
    acted = {subject for did in done_by if (subject := roster.subject_of(did)) is not None}
    for person in persons:
        if person.subject in acted:
            raise VerificationFailed(ACTOR, f"{person.name} did it, and cannot be the second person, too")
    stated = None if demand.named is None else values.get(demand.named)
    if stated is not None and all(person.name != stated for person in persons):
        raise VerificationFailed(NAME, f"payload.{demand.named}: names {stated}, who did not sign")
