"""A broker's staff in the small world of `synthetic_chain`: enrolments, their end, and records that they sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence.documents.staff_signature import possession_digest
from evidence.log.roster import staff_subject
from primitives import ed25519
from primitives.encoding import encode_base64url
from scripts.vectors.synthetic_chain import Accepted, World, seeded
from suitability.records.staff import END, ENROL

UNTIL = "2027-11-21T00:00:00.000+08:00"


def person(key: str) -> bytes:
    """Return the subject that stands for the key whose seed bears this name, such as a person's."""
    return bytes.fromhex(staff_subject(World().broker, public(key)))


def public(key: str) -> str:
    """Return the public key whose seed bears this name, hex."""
    return ed25519.public_key(seeded(key)).hex()


def enrol(
    world: World,
    name: str,
    role: str = "reviewer",
    *,
    key: str = "",
    until: str = UNTIL,
    broker: str = "",
    subject: bytes | None = None,
) -> Accepted:
    """Enrol a person.

    Args:
        world: where.
        name: of the person.
        role: what for.
        key: the name of the key's seed, if not the person's.
        until: when it expires.
        broker: whom the person meant, if another.
        subject: on which pseudonym, if not the one derived from the key.
    """
    seed = seeded(key or name)
    proof = ed25519.sign(seed, possession_digest(broker or world.broker, name, role, public(key or name)))
    values = {"name": name, "role": role, "key": public(key or name), "expires_at": until}
    return world.accept(ENROL, {**values, "proof": encode_base64url(proof)}, subject=subject or person(key or name))


def end(world: World, enrolled: Accepted) -> Accepted:
    """End an enrolled key."""
    sealed = enrolled.sealed
    values = {"key": sealed.values["key"], "enrolment_ref": sealed.fingerprint.hex(), "reason": "LEFT"}
    return world.accept(END, values, subject=bytes.fromhex(sealed.envelope["subject"]))


def countersign(
    world: World, type_: str, values: Mapping[str, Any], *signers: str, over: bytes | None = None, **envelope: Any
) -> Accepted:
    """Accept a record that persons signed, each with the key of that name; `over`: another digest than its own."""

    def signed(digest: bytes) -> list[dict[str, str]]:
        return [
            {"key": public(name), "value": encode_base64url(ed25519.sign(seeded(name), over or digest))}
            for name in signers
        ]

    return world.accept(type_, values, staff=signed, **envelope)
